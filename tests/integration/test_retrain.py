"""A challenger from what a stream has told: trained, judged, registered and in the shadow of real workers."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from features.history import international_matches
from features.narrative import kick_off_of, narrate
from models.bundle import load_bundle
from schemas.records import FeatureEvent
from streams.cli import main
from streams.control.asking import read_changes
from streams.retraining.run import read_runs
from tests.integration.test_predict_role import KICK_OFF_MS, scheduled
from tests.integration.world import World, wait_for
from tests.streams.small_history import write_history
from tests.streams.told_history import DECLARED, told, write_told

pytestmark = [pytest.mark.integration, pytest.mark.slow]

KNOWN, PLAYED = 450, 600
SMALL = ["--since", "2000-01-01", "--holdout-days", "100", "--share", "0.01", "--threads", "1"]
PLAN = """
windowHours: 24
steps:
  - {stage: shadow, minMatches: 20}
  - {stage: canary, percent: 100, minMatches: 20}
checks:
  logLoss: {margin: 0.01, clip: 0.5}
"""


def run(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture(name="place")
def _place(world: World, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A history which lacks its last days, a champion trained on it which serves, and those days in the stream."""
    folder = world.folder
    (folder / "plan.yaml").write_text(PLAN)
    for name, days in (("short", KNOWN), ("whole", PLAYED)):
        (folder / name).mkdir()
        write_history(folder / name, days)
    for name, value in world.settings.environment().items():
        monkeypatch.setenv(name, value)
    store = str(folder / "models")
    monkeypatch.setenv("TOUCHLINE_MODEL_STORE", store)
    monkeypatch.setenv("TOUCHLINE_MODEL_BUDGET_US", "1000000")  # a loaded machine is no slow model
    named = ["--data", folder / "short", "--name", "small", "--out", folder / "first", "--kind", "tree"]
    assert run("train", *named, "--until", "2000-12-31", *SMALL).exit_code == 0
    assert run("model", "register", folder / "first", "--why", "first").exit_code == 0
    world.worker("predict", bundle="store:small@1", predictor="bundle", model_store=store, model_budget_us=1e6)
    later = [*international_matches(folder / "whole")][KNOWN:]
    world.send("match-events", *(event for match in later for event in narrate(match, kick_off_of(match))))
    return folder


def retrain(place: Path, *words: object) -> list[object]:
    small = ["--holdout-days", "200", "--threads", "1", "--runs", place / "runs", "--plan", place / "plan.yaml"]
    return ["retrain", "--data", place / "short", *small, *words]


def test_a_challenger_is_trained_of_the_stream_and_scores_in_the_shadow(place: Path, world: World) -> None:
    result = run(*retrain(place, "--why", "a test", "--json"))

    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    steps = {one["name"]: one for one in told["steps"]}
    assert [*steps] == ["record", "fit", "judge", "look for leaks", "train", "register", "shadow"]
    assert told["verdict"] == "challenger"
    assert (told["recipe"]["kind"], told["recipe"]["share"], told["recipe"]["since"]) == ("tree", 0.01, "2000-01-01")
    assert steps["record"]["facts"]["matches"] == PLAYED - KNOWN
    assert steps["record"]["facts"]["judged_from"] == "2001-02-04"  # 200 days; the champion has learned until 2000

    folder = place / "runs" / told["name"]
    unseen, bundle = load_bundle(folder / "unseen"), load_bundle(folder / "bundle")
    assert unseen.manifest.training.until == "2001-02-03"
    assert (bundle.manifest.training.until, bundle.manifest.training.matches) == ("2001-08-22", PLAYED)
    assert (bundle.model, bundle.version) == ("small", "2")

    serving = read_changes(world.settings, "small")[1]
    assert (serving.challenger, serving.shadow, serving.canary_share) == (bundle.digest, True, 0.0)
    assert "a test" in run("model", "history", "--model", "small").stdout
    assert f"small@{bundle.version}" in run("retrain", "history", "--runs", place / "runs").stdout

    again = run(
        *retrain(place, "--why", "again", "--json")
    )  # the first is tried: the second says so, and changes nothing
    assert again.exit_code == 1
    last = json.loads(again.stdout)["steps"][-1]
    assert (last["name"], last["passed"]) == ("shadow", False)
    assert "is tried at present; promote it or roll it back" in last["said"]
    assert read_changes(world.settings, "small")[1] == serving


def test_what_users_told_is_learned_from_too_by_a_feature_set_that_reads_it_beside_a_champion_that_does_not(
    place: Path, world: World
) -> None:
    (place / "odds.toml").write_text(DECLARED)
    matches = [*international_matches(place / "whole")]
    odds = told(matches, lambda match: 1.0 + match.day.day % 7)  # which says nothing of how it ends
    before = write_told(place / "odds.jsonl", odds[: 2 * KNOWN])
    world.send("feature-events", *odds[2 * KNOWN :])
    new = ["--feature-set", place / "odds.toml", "--feature-events", before]

    result = run(*retrain(place, "--why", "odds", "--json", *new))

    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    facts = {one["name"]: one["facts"] for one in found["steps"]}
    assert (facts["record"]["feature_events"], facts["record"]["matches"]) == (PLAYED, PLAYED - KNOWN)
    bundle = load_bundle(place / "runs" / found["name"] / "bundle")
    assert (bundle.feature_set, bundle.feature_names[-1]) == ("v2+odds", "odds_home")
    assert bundle.manifest.training.matches == PLAYED
    world.send("match-events", *map(scheduled, ("a", "b")))
    world.send("feature-events", FeatureEvent("a-odds", "a", "odds", KICK_OFF_MS - 36_000_000, {"home": 1.5}))
    wait_for(lambda: 1.5 in heard_of(world, bundle.digest), 60, world.said)


def heard_of(world: World, digest: str) -> set[float]:
    """Return what a bundle had in its last column when it spoke in the shadow."""
    return {one.features[-1] for one in world.values("shadow-predictions") if one.bundle_digest == digest}


def test_a_run_that_is_killed_goes_on_where_it_was(place: Path) -> None:
    command = [
        sys.executable,
        "-P",
        "-m",
        "streams.cli",
        *map(str, retrain(place, "--kind", "xgboost", "--share", 0.05)),
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    runs = place / "runs"
    wait_for(lambda: any(one.step("fit") for one in read_runs(runs)), 120, lambda: "the first fit is not done")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    (before,) = read_runs(runs)

    result = run(*retrain(place, "--kind", "xgboost", "--share", 0.05))

    (after,) = read_runs(runs)
    assert f"Retraining {before.name} goes on, after {len(before.steps)} steps" in result.output
    assert after.steps[: len(before.steps)] == before.steps
    assert after.verdict is not None


@pytest.fixture(name="waiting")
def _waiting(place: Path) -> Iterator[subprocess.Popen[str]]:
    words = retrain(place, "--every", 1, "--rest-hours", 0, "--json")
    command = [sys.executable, "-P", "-m", "streams.cli", *map(str, words)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_it_waits_for_its_time_and_ends_with_ctrl_c(place: Path, waiting: subprocess.Popen[str]) -> None:
    assert waiting.stdout is not None
    told = json.loads(waiting.stdout.readline())
    waiting.send_signal(signal.SIGINT)
    _, said = waiting.communicate()

    assert told["cause"]["said"] == "the first one"
    assert told["verdict"] == "challenger"
    assert waiting.returncode == 130
    assert said.splitlines()[0] == "Waiting for a cause; Ctrl-C ends it."
    assert said.splitlines()[-1] == "Interrupted; the same command goes on."
    assert len(read_runs(place / "runs")) == 1


def test_what_cannot_be_is_one_sentence(place: Path) -> None:
    for words, sentence in (
        (["--kind", "oracle"], "--kind is 'oracle', not one of heuristic"),
        (["--model", "another"], "no worker serves 'another'; they serve small"),
        (["--since", "soon"], "--since is 'soon', not a date"),
    ):
        result = run(*retrain(place, *words))
        assert result.exit_code == 2, result.output
        assert sentence in result.stderr
        assert len(result.stderr.strip().splitlines()) == 1
    assert not (place / "runs").exists()
