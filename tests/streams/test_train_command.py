"""`touchline train` from a folder of history to a bundle, and what it says when it cannot."""

import json
import os
import shlex
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from features.feature_sets import NEWEST
from features.history import international_matches
from models.bundle import load_bundle
from monitors.reference import ReferenceHistograms
from streams.cli import main
from streams.commands import train as command
from streams.commands.training import Order, make_bundle
from tests.streams.small_history import MATCHES, write, write_clubs, write_history

OPTIONS = ["--since", "2000-01-01", "--holdout-days", "100", "--share", "0.004", "--threads", "1", "--kind"]


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("history")
    write_history(folder)
    return folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def run(*words):
    return CliRunner().invoke(main, ["train", *map(str, words)])


def test_a_bundle_is_trained_and_told_as_json(data, tmp_path):
    result = run("--data", data, "--out", tmp_path / "b", "--json", *OPTIONS, "lightgbm")
    told = json.loads(result.stdout)
    bundle = load_bundle(tmp_path / "b")

    assert 0 == result.exit_code
    assert bundle.digest == told["digest"]
    assert told["mlflow"] is None
    assert ("lightgbm", NEWEST, 600) == (told["kind"], told["feature_set"], told["training"]["matches"])
    assert ("2000-01-01", "2001-08-22") == (told["training"]["first"], told["training"]["until"])
    assert 100 == told["metrics"]["pre_match"]["n"] == told["metrics"]["minute_75"]["n"]
    assert (*bundle.feature_names, "probability_home", "probability_draw", "probability_away") == (
        ReferenceHistograms.from_dict(bundle.reference).names
    )


def test_the_same_data_gives_the_same_files_and_until_ends_them(data, tmp_path):
    for name in ("one", "two"):
        result = run("--data", data, "--out", tmp_path / name, "--until", "2001-05-01", *OPTIONS, "tree")
        assert 0 == result.exit_code, result.output
    one, two = ({file.name: file.read_bytes() for file in (tmp_path / name).iterdir()} for name in ("one", "two"))

    assert one == two
    assert load_bundle(tmp_path / "one").digest == load_bundle(tmp_path / "two").digest
    assert 487 == load_bundle(tmp_path / "one").manifest.training.matches
    assert "hold-out" in result.stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["--data", "nowhere"],
            "international_goals.csv.gz is missing: --data names the folder with the match history",
        ),
        (["--until", "yesterday"], "--until is 'yesterday', not a date such as 2022-11-19"),
        (["--since", "2001-13-01"], "--since is '2001-13-01', not a date such as 2022-11-19"),
        (["--since", "2001-08-01"], "the hold-out begins on 2001-05-15, not after --since 2001-08-01"),
        (["--kind", "oracle"], "--kind is 'oracle', not one of heuristic, tree, forest, xgboost, "),
        (["--feature-set", "v9"], "--feature-set is 'v9', not one of v1"),
        (["--until", "2000-03-01", "--since", "2000-01-01", "--holdout-days", "2"], "the hold-out has "),
    ],
)
def test_what_cannot_be_trained_is_one_sentence_and_exit_code_two(data, tmp_path, words, sentence):
    result = run("--data", data, "--out", tmp_path / "b", *OPTIONS, "tree", *words)

    assert 2 == result.exit_code
    assert sentence in result.stderr
    assert 1 == len(result.stderr.strip().splitlines())
    assert not list(tmp_path.iterdir())


def test_a_damaged_or_empty_history_is_one_sentence(data, tmp_path):
    for content, sentence in ((b"x,y\n1\n", "cannot be read: international_goals.csv.gz"), (None, "holds no match")):
        broken = tmp_path / f"broken-{content is None}"
        broken.mkdir()
        write(broken / "international_matches.csv.gz", MATCHES, [])
        (broken / "international_goals.csv.gz").write_bytes(
            content or (data / "international_goals.csv.gz").read_bytes()
        )
        result = run("--data", broken, "--out", tmp_path / "b", *OPTIONS, "tree")

        assert 2 == result.exit_code
        assert sentence in result.stderr


def test_a_folder_with_something_else_is_left_alone(data, tmp_path):
    (tmp_path / "letter").write_text("dear")
    result = run("--data", data, "--out", tmp_path, *OPTIONS, "heuristic")

    assert 2 == result.exit_code
    assert "exists and is not a bundle" in result.stderr
    assert "dear" == (tmp_path / "letter").read_text()


def test_a_model_of_clubs_is_trained_on_their_matches(data, tmp_path):
    write_clubs(data)
    result = run("--data", data, "--set", "clubs", "--out", tmp_path / "b", "--json", *OPTIONS, "lightgbm")

    assert 0 == result.exit_code, result.output
    told = json.loads(result.stdout)
    assert ("clubs", 600, 600) == (told["model"], told["training"]["matches"], told["training"]["rows"])
    assert {"pre_match", "prior"} == told["metrics"].keys()


def test_the_card_tells_what_the_bundle_is_and_how_to_make_it_again(data, tmp_path):
    first, again = tmp_path / "first", tmp_path / "again"
    run("--data", data, "--out", first, *OPTIONS, "lightgbm")
    card = json.loads(CliRunner().invoke(main, ["model", "card", str(first), "--json"]).stdout)
    shown = CliRunner().invoke(main, ["model", "card", str(first)]).stdout

    assert card["digest"] == load_bundle(first).digest
    assert shown == (first / "card.md").read_text(encoding="utf-8")
    for told in (card["digest"], "600 matches", f"Feature set {NEWEST}", "by season", "extra time", "less Elo's"):
        assert told in shown
    assert 100 == sum(part["n"] for part in card["segments"]["season"].values())
    words = shlex.split(card["reproduce"].replace("DIR", str(data)).replace("BUNDLE", str(again)))
    assert 0 == CliRunner().invoke(main, words[1:]).exit_code
    assert card["digest"] == load_bundle(again).digest


def test_a_bundle_without_its_card_or_with_that_of_another_is_told(data, tmp_path):
    for name, kind in (("one", "tree"), ("two", "heuristic")):
        run("--data", data, "--out", tmp_path / name, *OPTIONS, kind)
    (tmp_path / "one" / "card.json").write_bytes((tmp_path / "two" / "card.json").read_bytes())
    (tmp_path / "two" / "card.json").unlink()
    other, missing, nothing = (
        CliRunner().invoke(main, ["model", "card", str(folder)])
        for folder in (tmp_path / "one", tmp_path / "two", tmp_path)
    )

    assert [2, 2, 2] == [one.exit_code for one in (other, missing, nothing)]
    assert "card.json is of bundle" in other.stderr
    assert "has no card.json: No such file or directory" in " ".join(missing.stderr.split())
    assert "is no bundle: manifest.json cannot be read" in " ".join(nothing.stderr.split())


@pytest.mark.parametrize("at", ["folding", "fitting", "exporting", "writing"])
def test_ctrl_c_leaves_nothing_half_written(data, tmp_path, at):
    def interrupted(text):
        if text.startswith(at):
            raise KeyboardInterrupt

    matches = list(international_matches(data))
    order = Order(
        "internationals",
        "tree",
        command.read_feature_set("v1"),
        {},
        date(2000, 1, 1),
        date(2001, 8, 22),
        date(2001, 5, 15),
        1.0,
        1,
    )
    with pytest.raises(KeyboardInterrupt):
        make_bundle(order, matches, tmp_path / "deep" / "b", ("m", "1"), interrupted)

    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)])
def test_a_training_that_was_killed_goes_on_from_its_finished_fits_to_the_same_files(
    data, tmp_path, monkeypatch, number, code
):
    """Killed as soon as it has kept the first of two fits; half a file of another is no obstacle."""
    words = ["train", "--data", str(data), *OPTIONS, "xgboost"]
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "killed")}
    fits = tmp_path / "killed" / "touchline" / "fits"
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", KILLED.format(int(number)), *words, "--out", str(tmp_path / "resumed")],
        env=environment,
    )
    assert code == process.wait(50)
    kept = {file.name for file in fits.iterdir()}
    assert 1 == len(kept)
    (fits / ".half.npz.1").write_bytes(b"half")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "killed"))
    resumed = run(*words[1:], "--out", tmp_path / "resumed")
    undisturbed = run(*words[1:], "--out", tmp_path / "undisturbed", "--anew")

    assert (0, 0) == (resumed.exit_code, undisturbed.exit_code), resumed.output
    assert 1 == resumed.stderr.count("Taken up: ")
    assert "Taken up: xgboost on " in resumed.stderr
    assert "Taken up" not in undisturbed.stderr
    one, two = (
        {file.name: file.read_bytes() for file in (tmp_path / name).iterdir()} for name in ("resumed", "undisturbed")
    )
    assert one == two
    assert [".half.npz.1"] == [file.name for file in fits.iterdir()]


KILLED = """
import os, sys
from models.finished_fits import FinishedFits
from streams.cli import main
keep = FinishedFits._keep
def kept(self, file, member):
    keep(self, file, member)
    os.kill(os.getpid(), {})
FinishedFits._keep = kept
main()
"""


def test_ctrl_c_says_how_many_fits_are_kept_and_where(data, tmp_path, monkeypatch):
    fitted = command.FinishedFits.fit_member

    def interrupted(self, kind, examples, sizes):
        if self.kept:
            raise KeyboardInterrupt
        return fitted(self, kind, examples, sizes)

    with monkeypatch.context() as patched:
        patched.setattr(command.FinishedFits, "fit_member", interrupted)
        result = run("--data", data, "--out", tmp_path / "b", *OPTIONS, "tree")
    again = run("--data", data, "--out", tmp_path / "b", "--json", *OPTIONS, "tree")

    assert 130 == result.exit_code
    fits = Path(os.environ["XDG_CACHE_HOME"]) / "touchline" / "fits"
    assert f"Interrupted; 1 finished fits are in {fits}, and the same command goes on from them." in result.stderr
    assert 1 == json.loads(again.stdout)["fits_taken_up"]
    assert not fits.exists()


def test_fits_of_other_arguments_or_other_data_are_not_taken_up_and_that_is_said(data, tmp_path, monkeypatch):
    write_history(tmp_path, days=599)
    with monkeypatch.context() as patched:
        patched.setattr(command.FinishedFits, "forget", lambda _self: None)  # as if they had been interrupted
        assert 0 == run("--data", data, "--out", tmp_path / "b", *OPTIONS, "tree").exit_code
    results = [
        run("--data", data, "--out", tmp_path / "b", *OPTIONS, "xgboost"),
        run("--data", tmp_path, "--out", tmp_path / "b", *OPTIONS, "tree"),
    ]

    for result in results:
        assert 0 == result.exit_code
        assert "Not taken up: 2 in " in result.stderr
        assert "Taken up" not in result.stderr.replace("Not taken up", "")
