"""What docs/features.md shows works as it stands there."""

import json
import random
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from features.declaring import read_declaration
from features.history import international_matches
from features.narrative import DAY_MS
from models.bundle import load_bundle
from monitors.reference import ReferenceHistograms
from streams.cli import main
from tests.streams.small_history import write_history

PAGE = (Path(__file__).parents[1] / "docs" / "features.md").read_text()
SMALL = ["--since", "2000-01-01", "--holdout-days", "100", "--share", "0.02", "--threads", "1", "--json"]


def block(language):
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return found


def midnight_of(match):
    return (match.day.toordinal() - 719_163) * DAY_MS


@pytest.fixture(scope="module", name="place")
def _place(tmp_path_factory):
    """A folder with the page's files: its declaration, its line, and more lines whose odds tell the result."""
    folder = tmp_path_factory.mktemp("page")
    write_history(folder)
    (folder / "odds.toml").write_text(block("toml"))
    chance = random.Random(3)
    lines = [json.loads(block("json"))]
    for match in international_matches(folder):
        if chance.random() < 0.9:
            lead = match.home_score - match.away_score
            values = {"home": 2.0 - lead + chance.gauss(0, 0.5), "away": 2.0 + lead + chance.gauss(0, 0.5)}
            told = {"event_id": match.match_id, "match_id": match.match_id, "source": "odds", "values": values}
            lines.append(told | {"as_of_ms": midnight_of(match) - chance.randrange(3_600_000)})
    chance.shuffle(lines)
    (folder / "odds.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return folder


def run(*words):
    return CliRunner().invoke(main, list(map(str, words)))


def trained(place, *words):
    (line,) = re.findall(r"^touchline (train .*)$", PAGE, re.MULTILINE)
    command = shlex.split(line.replace("../shared/data", "."))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        return run(*command, *SMALL, *words)


def test_the_example_trains_a_bundle_that_reads_the_odds_and_is_the_better_for_it(place):
    result = trained(place)
    assert 0 == result.exit_code, result.output
    with_odds = json.loads(result.stdout)["metrics"]
    without = run("train", "--data", place, "--kind", "lightgbm", "--out", place / "plain", *SMALL)

    bundle = load_bundle(place / "with-odds")
    declared = read_declaration(place / "odds.toml")
    assert ("v3+odds", declared.names) == (bundle.feature_set, bundle.feature_names)
    assert declared.as_json() == bundle.manifest.declared
    plain = json.loads(without.stdout)["metrics"]
    assert with_odds["pre_match"]["log_loss"] < plain["pre_match"]["log_loss"] - 0.1


def test_drift_knows_the_new_columns_and_how_often_they_were_missing(place):
    assert 0 == trained(place).exit_code
    reference = ReferenceHistograms.from_dict(load_bundle(place / "with-odds").reference)

    missing = {
        name: histogram.counts[-1] / histogram.n
        for name, histogram in zip(reference.names, reference.histograms, strict=True)
    }
    assert 0.0 < missing["odds_home"] < 0.2
    assert missing["odds_home"] == missing["odds_home_age"]
    assert missing["elo_difference"] == 0.0


@pytest.mark.parametrize("kind", ["heuristic", "tree", "forest", "xgboost", "mlp", "mean"])
def test_every_kind_of_model_takes_missing_odds(place, kind):
    result = trained(place, "--kind", kind, "--out", kind, "--share", "0.01")
    assert 0 == result.exit_code, result.output
    bundle = load_bundle(place / kind)

    row = np.full((1, len(bundle.feature_names)), np.nan, np.float32)
    assert np.isfinite(bundle.score(row, "v3+odds")).all()


def test_the_card_tells_of_the_sources_and_how_to_make_it_again(place):
    assert 0 == trained(place).exit_code
    card = run("model", "card", place / "with-odds").stdout

    assert "Beyond results it knows only what feature events told of these sources: odds." in card
    assert "--feature-set FEATURE_SET --feature-events FEATURE_EVENTS" in card
    assert "not line-ups" not in card


def test_a_backtest_takes_the_same_two_options(place):
    days = ["--test-from", "2001-01-01", "--test-until", "2001-06-01", "--since", "2000-01-01", "--retrain-days", "999"]
    own = ["--feature-set", place / "odds.toml", "--feature-events", place / "odds.jsonl"]
    small = ["--kinds", "lightgbm", "--share", "0.02", "--threads", "1", "--json", "--data", place, *days]
    with_odds, without = (json.loads(run("backtest", *small, *more).stdout) for more in (own, []))

    losses = [told["kinds"]["lightgbm"]["log_loss"] for told in (with_odds, without)]
    assert losses[0] < losses[1] - 0.1


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ["--feature-set", "odds.toml"],
            "v3+odds reads feature events of odds: --feature-events names no file with them",
        ),
        (
            ["--feature-events", "odds.jsonl"],
            "--feature-events is odds.jsonl, but feature set v3 reads no feature events",
        ),
        (
            ["--feature-set", "no.toml"],
            "--feature-set is 'no.toml', not one of v1, v2, v3 and no file that declares one",
        ),
        (["--feature-set", "bad.toml"], "bad.toml has no 'version'; it needs version, base, columns"),
        (["--feature-set", "odds.toml", "--feature-events", "no.jsonl"], "no.jsonl cannot be read: "),
        (["--feature-set", "odds.toml", "--feature-events", "bad.jsonl"], "bad.jsonl: line 1 is not JSON: "),
        (
            ["--feature-set", "odds.toml", "--feature-events", "late.jsonl"],
            "feature odds_home is missing in all ",
        ),
    ],
)
def test_what_does_not_fit_is_one_sentence(place, monkeypatch, options, sentence):
    monkeypatch.chdir(place)
    Path("bad.toml").write_text("")
    Path("bad.jsonl").write_text("odds")
    late = [json.loads(line) for line in Path("odds.jsonl").read_text().splitlines()]
    Path("late.jsonl").write_text("\n".join(json.dumps(one | {"as_of_ms": one["as_of_ms"] + DAY_MS}) for one in late))

    result = run("train", "--data", ".", "--kind", "heuristic", "--out", "nothing", *SMALL, *options)

    assert 2 == result.exit_code
    assert sentence in result.stderr
    assert 1 == len(result.stderr.strip().splitlines())
    assert not Path("nothing").exists()
