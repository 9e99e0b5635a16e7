"""Bundles that read feature events of users, judged on past matches: by `rollout compare`, `leaks` and `replay`."""

import json

import pytest
from click.testing import CliRunner

from features.feature_sets import NEWEST
from features.history import international_matches
from models.bundle import load_bundle
from streams.cli import main
from tests.streams.small_history import write_history
from tests.streams.told_history import DECLARED, told, write_told

SMALL = ["--since", "2000-01-01", "--holdout-days", "100", "--share", "0.004", "--threads", "1"]
UNTIL = "2001-01-01"
LACKS = "feature set v2+odds reads feature events of odds: --feature-events names no file with them"


def run(*words):
    return CliRunner().invoke(main, list(map(str, words)))


@pytest.fixture(name="place", scope="module")
def _place(tmp_path_factory):
    """A folder with a history, odds that know how its matches will end, and bundles with and without them."""
    folder = tmp_path_factory.mktemp("told")
    write_history(folder)
    (folder / "odds.toml").write_text(DECLARED)
    matches = [*international_matches(folder)]
    write_told(folder / "odds.jsonl", told(matches, lambda match: 1.0 + (match.home_score > match.away_score)))
    odds = ["--feature-set", folder / "odds.toml", "--feature-events", folder / "odds.jsonl"]
    for name, more in (("rule", ["--kind", "heuristic"]), ("odds", ["--kind", "tree", *odds])):
        done = run("train", "--data", folder, "--out", folder / name, "--until", UNTIL, *SMALL, *more)
        assert 0 == done.exit_code, done.output
    return folder


@pytest.mark.parametrize(
    "command",
    [
        ["rollout", "compare", "rule", "odds"],
        ["leaks", "odds"],
        ["replay", "--history", ".", "--from", "2001-02-01", "--bundle", "rule", "--bundle", "odds"],
    ],
)
def test_what_it_reads_must_be_given(place, monkeypatch, command):
    monkeypatch.chdir(place)
    data = [] if command[0] == "replay" else ["--data", "."]

    result = run(*command, *data)

    assert 2 == result.exit_code
    assert LACKS in result.output


def test_a_bundle_that_reads_nothing_is_given_nothing(place):
    words = ["rollout", "compare", place / "rule", place / "rule", "--data", place]

    result = run(*words, "--feature-events", place / "odds.jsonl")

    assert 2 == result.exit_code
    assert f"odds.jsonl, but feature set {NEWEST} reads no feature events" in result.output


def test_what_was_told_of_the_matches_is_what_both_are_judged_by(place):
    words = ["--data", place, "--feature-events", place / "odds.jsonl", "--json"]
    result = run("rollout", "compare", place / "rule", place / "odds", *words)

    assert 0 == result.exit_code, result.output
    replayed = run(
        "replay", "--history", place, "--from", "2001-01-02", "--bundle", place / "rule", "--bundle", place / "odds",
        "--feature-events", place / "odds.jsonl", "--json",
    )  # fmt: skip
    assert 0 == replayed.exit_code, replayed.output
    for said in (result, replayed):  # a source that knows how they end is worth more than any model
        assert json.loads(said.stdout)["turns"][-1]["difference"]["mean"] < -0.05


def test_a_source_which_knows_the_results_is_found(place):
    words = ["--data", place, "--feature-events", place / "odds.jsonl", "--json"]

    result = run("leaks", place / "odds", *words)

    assert 1 == result.exit_code, result.output
    assert {"too_good": True, "future": False} == {one["name"]: one["alarmed"] for one in json.loads(result.stdout)}


def test_the_manifest_of_a_bundle_declares_its_feature_set(place):
    words = ["train", "--data", place, "--until", UNTIL, *SMALL, "--kind", "tree", "--out", place / "again"]
    odds = ["--feature-set", place / "odds" / "manifest.json", "--feature-events", place / "odds.jsonl"]

    assert 0 == run(*words, *odds).exit_code
    assert load_bundle(place / "odds").digest == load_bundle(place / "again").digest
