"""Matches that a stream has told and the history does not have, by `--match-events`; and `touchline leaks`."""

import json

import pytest
from click.testing import CliRunner

from features.history import international_matches
from features.narrative import kick_off_of, narrate
from models.bundle import load_bundle
from schemas.plain_values import to_json
from streams.cli import main
from tests.streams.small_history import write_history

SMALL = ["--since", "2000-01-01", "--holdout-days", "100", "--share", "0.004", "--threads", "1", "--kind", "tree"]
KNOWN = 450


def run(*words):
    return CliRunner().invoke(main, list(map(str, words)))


def trained(data, out, *words):
    result = run("train", "--data", data, "--out", out, *SMALL, *words)
    assert 0 == result.exit_code, result.output
    return load_bundle(out)


@pytest.fixture(name="place", scope="module")
def _place(tmp_path_factory):
    """A folder with the whole history, one which lacks its last days, and the events of those."""
    folder = tmp_path_factory.mktemp("recorded")
    for name, days in (("whole", 600), ("short", KNOWN)):
        (folder / name).mkdir()
        write_history(folder / name, days)
    later = [*international_matches(folder / "whole")][KNOWN:]
    events = [event for match in later for event in narrate(match, kick_off_of(match))]
    (folder / "events.jsonl").write_text("".join(json.dumps(to_json(event)) + "\n" for event in events))
    trained(folder / "whole", folder / "tree", "--until", "2001-01-01")
    trained(folder / "whole", folder / "rule", "--until", "2001-01-01", "--kind", "heuristic")
    return folder


def test_the_model_of_recorded_matches_is_that_of_a_history_which_has_them(place):
    recorded = trained(place / "short", place / "of-short", "--match-events", place / "events.jsonl")
    whole = trained(place / "whole", place / "of-whole")

    assert recorded.manifest.training == whole.manifest.training
    assert recorded.digest == whole.digest
    card = run("model", "card", place / "of-short").stdout
    assert "--match-events MATCH_EVENTS" in card


def test_the_gate_judges_recorded_matches_too(place):
    told = {}
    for name, more in (("whole", []), ("short", ["--match-events", place / "events.jsonl"])):
        result = run("rollout", "compare", place / "rule", place / "tree", "--data", place / name, "--json", *more)
        assert 0 == result.exit_code, result.output
        told[name] = json.loads(result.stdout)
    assert told["short"] == told["whole"]


def test_a_bundle_is_looked_at_on_matches_it_has_not_seen(place):
    result = run("leaks", place / "tree", "--data", place / "whole", "--since", "2000-01-01", "--json")
    told = json.loads(result.stdout)

    assert 0 == result.exit_code
    assert {"too_good": False, "future": False} == {one["name"]: one["alarmed"] for one in told}
    assert "on 233 matches it has not seen" in told[0]["said"]


def test_what_knows_the_results_is_a_leak(place, monkeypatch):
    monkeypatch.setattr("models.leaks.MOST_GAIN", -1.0)

    result = run("leaks", place / "tree", "--data", place / "whole", "--since", "2000-01-01")

    assert 1 == result.exit_code
    assert result.stdout.startswith("LEAK   log loss ")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--from", "2001-01-01"], "has learned from matches until 2001-01-01"),
        (["--from", "tomorrow"], "--from is 'tomorrow', not a date"),
        (["--from", "2001-08-20"], "cannot be judged from 2001-08-20 on: there are 3 rows from that day on"),
        (["--match-events", "nowhere.jsonl"], "nowhere.jsonl cannot be read"),
    ],
)
def test_what_cannot_be_looked_at_is_one_sentence(place, words, sentence):
    result = run("leaks", place / "tree", "--data", place / "whole", "--since", "2000-01-01", *words)

    assert 2 == result.exit_code
    assert sentence in result.stderr
    assert 1 == len(result.stderr.strip().splitlines())
