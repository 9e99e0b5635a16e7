"""`touchline backtest` from a folder of history to tables, and what it says when it cannot."""

import csv
import json
import math

import pytest
from click.testing import CliRunner

from streams.cli import main
from tests.streams.small_history import write_clubs, write_history

OPTIONS = ["--since", "2000-01-01", "--share", "0.004", "--threads", "1", "--test-from", "2001-05-01", "--test-until",
           "2001-08-01"]  # fmt: skip
MEASURES = {"log_loss", "rps", "brier", "accuracy", "ece"}


@pytest.fixture(name="data", scope="module")
def _data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("history")
    write_history(folder)
    write_clubs(folder)
    return folder


def run(*words):
    return CliRunner().invoke(main, ["backtest", *map(str, words)])


@pytest.mark.parametrize("name", ["internationals", "clubs"])
def test_a_set_is_told_as_json(name, data):
    result = run("--data", data, "--set", name, "--kinds", "heuristic,lightgbm,mean", "--json", *OPTIONS)

    assert 0 == result.exit_code, result.output
    found = json.loads(result.stdout)
    assert (name, 93) == (found["set"], found["n"])
    assert {"heuristic", "lightgbm", "mean", "elo", "prior"} == found["kinds"].keys()
    assert found["kinds"]["mean"].keys() == MEASURES | {"versus_elo"}
    assert found["kinds"]["heuristic"].keys() == MEASURES | {"versus_elo", "versus_mean"}
    assert 2 == len(found["kinds"]["heuristic"]["versus_elo"])


def test_the_big_5_are_judged_among_all_clubs(data):
    clubs, big = (
        json.loads(
            run("--data", data, "--set", name, "--kinds", "heuristic", "--json", "--by", "competition", *OPTIONS).stdout
        )
        for name in ("clubs", "big-5")
    )

    assert 0 < big["n"] < clubs["n"]


def test_matches_in_play_are_told_minute_by_minute(data):
    result = run("--data", data, "--set", "in-play", "--kinds", "heuristic", "--json", *OPTIONS)

    together = json.loads(result.stdout)
    found = together["minutes"]
    assert [(minute, 93) for minute in (0, 15, 30, 45, 60, 75, 85)] == [(one["minute"], one["n"]) for one in found]
    losses = [one["kinds"]["table"]["log_loss"] for one in found]
    assert losses[-1] < losses[0]
    assert 93 == together["n"]
    assert pytest.approx(sum(losses) / 7) == together["kinds"]["table"]["log_loss"]


def test_parts_are_told_too_and_add_up_to_all(data):
    parts = [word for by in ("season", "competition", "favourite") for word in ("--by", by)]
    result = run("--data", data, "--kinds", "heuristic", "--json", *parts, *OPTIONS)

    found = json.loads(result.stdout)
    assert {"2000/01", "2001/02"} == found["by_season"].keys()
    assert {"others"} == found["by_competition"].keys()
    for by in ("season", "competition", "favourite"):
        shares = [(one["n"], one["kinds"]["heuristic"]["log_loss"]) for one in found[f"by_{by}"].values()]
        assert 93 == sum(n for n, _ in shares)
        assert pytest.approx(found["kinds"]["heuristic"]["log_loss"]) == sum(n * loss for n, loss in shares) / 93


def test_later_matches_than_the_last_day_change_nothing(data, tmp_path):
    write_history(tmp_path, days=580)

    one, other = (run("--data", folder, "--kinds", "lightgbm", "--json", *OPTIONS) for folder in (data, tmp_path))

    assert json.loads(one.stdout) == json.loads(other.stdout)


def test_forecasts_are_the_same_when_the_last_days_are_taken_away_and_added_again(data, tmp_path):
    shorter = tmp_path / "history"
    shorter.mkdir()
    write_history(shorter, days=500)
    options = ["--set", "in-play", "--kinds", "mlp,mean,stack", *OPTIONS, "--retrain-days", "30"]
    found = []
    for number, folder in enumerate((shorter, data)):
        file = tmp_path / f"{number}.csv"
        assert 0 == run("--data", folder, "--forecasts", file, *options).exit_code
        with file.open(newline="") as text:
            found.append(list(csv.DictReader(text)))
    fewer, more = found
    matches = {one["match_id"] for one in fewer}

    assert 0 < len(fewer) < len(more)
    assert fewer == [one for one in more if one["match_id"] in matches]


def test_forecasts_are_exact_and_give_the_log_loss_which_is_told(data, tmp_path):
    file = tmp_path / "forecasts.csv"
    result = run("--data", data, "--kinds", "heuristic", "--forecasts", file, "--json", *OPTIONS)
    with file.open(newline="") as text:
        told = [one for one in csv.DictReader(text) if one["kind"] == "heuristic"]

    assert 93 == len(told)
    loss = -sum(math.log(float(one[one["result"]])) for one in told) / 93
    assert pytest.approx(json.loads(result.stdout)["kinds"]["heuristic"]["log_loss"], abs=1e-9) == loss


def test_a_file_for_forecasts_which_cannot_be_written_is_told(data, tmp_path):
    result = run("--data", data, "--kinds", "heuristic", "--forecasts", tmp_path / "no" / "file.csv", *OPTIONS)

    assert 2 == result.exit_code
    assert "cannot be written: No such file or directory" in " ".join(result.stderr.split())


def test_the_report_is_one_page_about_every_match(data, tmp_path):
    file = tmp_path / "report.html"
    kinds = "heuristic,lightgbm,mean,stack"
    result = run("--data", data, "--set", "in-play", "--kinds", kinds, "--report", file, *OPTIONS)

    assert 0 == result.exit_code, result.output
    text = file.read_text(encoding="utf-8")
    assert 4 == text.count("<svg")
    assert 20 == text.count("<td>minute ")
    for told in ("Champion: ", "the plain mean", "93 matches, none left out", "Reliability", "2000/01", "By favourite"):
        assert told in text
    assert "http" not in text.replace("http://www.w3.org", "")


def test_a_report_which_cannot_be_drawn_or_written_is_told(data, tmp_path, monkeypatch):
    away = run("--data", data, "--kinds", "heuristic", "--report", tmp_path / "no" / "page.html", *OPTIONS)
    monkeypatch.setattr("streams.commands.backtest_files.find_spec", lambda _: None)
    missing = run("--data", data, "--kinds", "heuristic", "--report", tmp_path / "page.html", *OPTIONS)

    assert (2, 2) == (away.exit_code, missing.exit_code)
    assert "page.html cannot be written: No such file or directory" in " ".join(away.stderr.split())
    assert "matplotlib, which is not installed: pip install 'touchline[report]'" in " ".join(missing.stderr.split())


def test_people_read_a_table(data):
    result = run("--data", data, "--kinds", "heuristic", "--by", "season", *OPTIONS)

    text = " ".join(result.stdout.split())
    assert "internationals, 2001-05-01 .. 2001-08-01: 93 matches" in text
    assert "season 2000/01: 61 matches" in text


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--set", "friendlies"], "--set is 'friendlies', not one of internationals, clubs, big-5, in-play"),
        (["--by", "weather"], "--by is 'weather', not one of season, competition, favourite"),
        (["--kinds", "xgboost,bart"], "--kinds is 'bart', not one of"),
        (["--test-from", "May"], "--test-from is 'May', not a date such as"),
        (["--test-until", "2001-04-01"], "are not in this order"),
        (["--since", "2001-04-30"], "rows before the first day; at least 50 are needed to learn from"),
        (["--test-from", "2030-01-01", "--test-until", "2030-02-01"], "no match was played on the days"),
    ],
)
def test_what_cannot_be_is_told_in_one_sentence(words, sentence, data):
    result = run("--data", data, *OPTIONS, *words)

    assert 2 == result.exit_code
    assert sentence in " ".join(result.stderr.split())


def test_a_missing_history_is_told(tmp_path):
    result = run("--data", tmp_path, *OPTIONS)

    assert 2 == result.exit_code
    assert "is missing: --data names the folder" in " ".join(result.stderr.split())


def test_decisions_are_priced_by_a_cost_matrix_also_in_parts(data, monkeypatch):
    words = ["--data", data, "--kinds", "heuristic", "--by", "season", *OPTIONS, "--cost-matrix"]
    zero_one = json.loads(run(*words, "zero-one", "--json").stdout)
    dear = json.loads(run(*words, "0,9,9; 9,0,9; 9,9,0", "--json").stdout)
    parts = [zero_one, *zero_one["by_season"].values()]

    assert 2 <= len(parts)
    for kind in (kind for part in parts for kind in part["kinds"].values()):
        assert kind.keys() >= MEASURES | {"cost", "expected_cost"}
        assert pytest.approx(1 - kind["accuracy"]) == kind["cost"]
    for name, kind in zero_one["kinds"].items():
        assert pytest.approx(9 * kind["cost"]) == dear["kinds"][name]["cost"]
        assert pytest.approx(9 * kind["expected_cost"]) == dear["kinds"][name]["expected_cost"]
    monkeypatch.setenv("COLUMNS", "160")
    assert "ece    cost   expected " in run(*words, "zero-one").stdout


def test_what_is_no_cost_matrix_is_refused_in_one_sentence(data):
    result = run("--data", data, *OPTIONS, "--cost-matrix", "1,2,3")

    assert 2 == result.exit_code
    assert "--cost-matrix is '1,2,3': it is neither zero-one nor three rows of three" in result.stderr
    assert 1 == len(result.stderr.strip().splitlines())
