"""A change of model is one message, which real workers follow; matches keep their bundle; taking it back is one too."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from models.bundle import bundle_of_kind, load_bundle
from models.serving import Serving, after_control
from schemas.records import ControlAction, EventKind, MatchEvent, ModelControl, Variant
from streams.cli import main
from streams.control.asking import read_changes
from tests.integration.test_predict_role import KICK_OFF_MS, goal, scheduled
from tests.integration.world import World

pytestmark = pytest.mark.integration

MODEL = "internationals"
CHAMPION = load_bundle(bundle_of_kind("heuristic")).digest
CHALLENGER = load_bundle(bundle_of_kind("tree")).digest
NAMES = [f"m{number}" for number in range(24)]
EARLY, LATE = NAMES[:8], NAMES[8:]


def asked(world: World, monkeypatch: pytest.MonkeyPatch, *words: str) -> Result:
    for name, value in world.settings.environment().items():
        monkeypatch.setenv(name, value)
    return CliRunner().invoke(main, ["model", *words])


def kick_off(match: str) -> MatchEvent:
    return MatchEvent(f"{match}-kick-off", match, EventKind.KICK_OFF, KICK_OFF_MS)


def bundles(world: World, events: int) -> dict[str, list[str]]:
    """Return the bundles of each match's predictions after its kick-off, in order, once there are so many in all."""
    found: dict[str, list[str]] = {}
    predictions = world.wait_for_values("predictions", events)
    assert len(predictions) == events
    assert len({one.prediction_id for one in predictions}) == events
    for one in sorted(predictions, key=lambda one: one.source_offset):
        if one.minute >= 0:
            found.setdefault(one.match_id, []).append(one.bundle_digest)
    return found


def test_matches_keep_their_bundle_through_a_canary_a_fall_and_a_promotion_until_a_rollback(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = [world.worker("predict"), world.worker("predict")]
    world.send("match-events", *map(scheduled, NAMES), *map(kick_off, EARLY))
    world.wait_for_values("predictions", 32)

    result = asked(world, monkeypatch, "canary", CHALLENGER[:12], "--percent", "50", "--why", "to see")
    assert result.exit_code == 0, result.output
    assert f"{CHALLENGER[:12]} gets 0.5 of the matches which kick off from now on" in result.output
    assert "4 of 4 partitions follow, 2 workers" in result.output
    _, serving = read_changes(world.settings, MODEL)
    expected = {match: serving.chosen(match) for match in LATE} | dict.fromkeys(EARLY, CHAMPION)
    assert set(expected.values()) == {CHAMPION, CHALLENGER}

    world.send("match-events", *map(kick_off, LATE))
    workers[0].kill_child("predict")
    world.send("match-events", *(goal(match, 1) for match in NAMES))
    assert {match: set(found) for match, found in bundles(world, 72).items()} == {
        match: {digest} for match, digest in expected.items()
    }

    shadows = world.values("shadow-predictions")
    assert {(one.variant, one.bundle_digest) for one in shadows} == {(Variant.SHADOW, CHAMPION)}
    assert {expected[one.match_id] for one in shadows} == {CHALLENGER}

    assert asked(world, monkeypatch, "promote", "--why", "better").exit_code == 0
    world.send("match-events", *(goal(match, 2) for match in NAMES))
    assert {match: set(found) for match, found in bundles(world, 96).items()} == {
        match: {digest} for match, digest in expected.items()
    }

    result = asked(world, monkeypatch, "rollback", "--why", "worse", "--wait", "30")
    assert result.exit_code == 0, result.output
    world.send("match-events", *(goal(match, 3) for match in NAMES))
    assert {match: found[-1] for match, found in bundles(world, 120).items()} == dict.fromkeys(NAMES, CHAMPION)
    moved = sum(worker.metric("touchline_moved_matches_total") for worker in workers)
    assert moved == sum(digest == CHALLENGER for digest in expected.values())

    found = json.loads(asked(world, monkeypatch, "status", "--json").output)
    assert (found["revision"], found["champion"], found["challenger"], found["done"]) == (3, CHAMPION, None, True)


def control(after: Serving, champion: str, **fields: object) -> ModelControl:
    record = ModelControl(
        model=MODEL, action=ControlAction.PROMOTE, champion=champion, challenger=None, canary_share=0.0, shadow=False,
        running=False, by="me", why="why", at_ms=1, replaces=after.champion, revision=after.revision + 1,
    )  # fmt: skip
    return replace(record, **fields)  # type: ignore[arg-type] # fields by name


def test_of_two_operators_one_wins_and_a_bundle_that_is_not_to_be_had_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.worker("predict")
    first = control(Serving(), CHALLENGER)
    encode = world.codec("model-control").encode
    second = control(Serving(), CHAMPION, by="another")
    unknown = control(after_control(Serving(), first), "0" * 64)
    for one in (first, second):
        world.send_bytes("model-control", (MODEL.encode(), encode(one)))

    status = json.loads(asked(world, monkeypatch, "status", "--json", "--wait", "30").output)
    assert (status["champion"], status["done"]) == (CHALLENGER, True)
    history = [json.loads(line) for line in asked(world, monkeypatch, "history", "--json").output.splitlines()]
    assert [(one["by"], one["void"]) for one in history] == [
        ("me", None),
        ("another", "it is change 1, and 2 would be the next one"),
    ]

    world.send_bytes("model-control", (b"another model", encode(unknown)), (MODEL.encode(), encode(unknown)))
    result = asked(world, monkeypatch, "status", "--wait", "30", "--json")
    found = json.loads(result.output)
    assert (result.exit_code, found["done"]) == (1, False)
    assert "000000000000" in found["workers"][0]["refused"]
    world.send("match-events", scheduled("a"), kick_off("a"))
    assert {one.bundle_digest for one in world.wait_for_values("predictions", 2)} == {CHALLENGER}

    assert asked(world, monkeypatch, "rollback", CHAMPION, "--why", "it cannot be had").exit_code == 0


PLAN = """
windowHours: 0.001
steps:
  - {stage: shadow, minMatches: 12, maxHours: 0.001}
  - {stage: canary, percent: 100, minMatches: 12}
checks:
  logLoss: {margin: 0.5, clip: 0.5}
"""


@pytest.mark.slow
def test_a_roll_out_by_a_plan_is_held_goes_on_when_told_and_ends_with_a_promotion(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.worker("predict")
    plan = world.folder / "plan.yaml"
    plan.write_text(PLAN)
    for name, value in world.settings.environment().items():
        monkeypatch.setenv(name, value)

    def go_on() -> Result:
        return CliRunner().invoke(main, ["rollout", "go-on", "--plan", str(plan), "--why", "it is summer"])

    with rollout_of(CHALLENGER, plan) as process:
        early = go_on()
        while "no step is held" in early.output or "no challenger" in early.output:
            early = go_on()
        assert early.exit_code == 0, early.output
        assert "shadow goes on with the window which ends next" in early.output
        told = json.loads(CliRunner().invoke(main, ["rollout", "status", "--plan", str(plan), "--json"]).output)
        assert [CHAMPION, CHALLENGER] == [told["champion"], told["challenger"]]
        assert ["shadow", "canary 100 %"] == [one["step"] for one in told["steps"]]
        assert told["until_ms"] == told["windows"][-1]["until_ms"]
        assert {None} == {one["difference"] for one in told["windows"]}  # no match has been played yet
        play_until_ended(world, process, meanwhile=go_on)  # a slow machine may hold it again
        said = process.communicate()[0]

    assert process.returncode == 0, said
    assert f"{CHALLENGER[:12]} scores the same events in the shadow" in said
    assert "is held after 0.001 h: a person has to say whether it goes on" in said
    assert f"{CHALLENGER[:12]} gets 1 of the matches which kick off from now on" in said
    assert f"{CHALLENGER[:12]} serves" in said
    assert "promoted after canary 100 %" in said
    history = [json.loads(line) for line in asked(world, monkeypatch, "history", "--json").output.splitlines()]
    assert {one["void"] for one in history} == {None}
    assert [one["action"] for one in history][:2] == ["SHADOW", "SHADOW"]
    assert [one["action"] for one in history][-2:] == ["CANARY", "PROMOTE"]
    assert history[1]["why"] == "it is summer"


@contextmanager
def rollout_of(challenger: str, plan: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a roll-out of *challenger*, a digest, by the plan in a file."""
    words = ("rollout", "start", challenger[:12], "--plan", str(plan), "--why", "a test")
    command = [sys.executable, "-P", "-m", "streams.cli", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def play_until_ended(world: World, process: subprocess.Popen[str], meanwhile: Callable[[], object]) -> None:
    """Let matches be played, one after the other, until *process* ends."""
    for number in count():
        if process.poll() is not None:
            return
        names = [f"r{number}-{one}" for one in range(12)]
        world.send("match-events", *map(scheduled, names), *map(kick_off, names))
        world.send("match-events", *(goal(name, minute) for name in names for minute in (10, 20)), *map(ended, names))
        meanwhile()
        time.sleep(0.5)  # matches go on being played; nothing is waited for


def ended(match: str) -> MatchEvent:
    return MatchEvent(
        f"{match}-end", match, EventKind.FULL_TIME, KICK_OFF_MS + 6_000_000, 90, home_score=2, away_score=0
    )
