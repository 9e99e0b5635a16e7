"""Shadows in a group of their own: the same events, their own states, and nothing of it in the way of predictions."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from schemas.records import Variant
from streams.cli import main
from tests.integration.test_model_control import CHALLENGER, CHAMPION, ended, kick_off
from tests.integration.test_predict_role import goal, scheduled
from tests.integration.world import Worker, World, wait_for

pytestmark = [pytest.mark.integration, pytest.mark.slow]

APART = {"shadows_by": "shadow", "shadow_patience_seconds": 600}


@pytest.fixture(name="workers")
def _workers(world: World, monkeypatch: pytest.MonkeyPatch) -> tuple[Worker, Worker]:
    world.settings = world.settings.model_copy(update=APART)
    for name, value in world.settings.environment().items():
        monkeypatch.setenv(name, value)
    predict, shadow = world.worker("predict", wait=False), world.worker("shadow", wait=False)
    return predict.wait_ready(180), shadow.wait_ready(180)


def model(*words: str) -> None:
    result = CliRunner().invoke(main, ["model", *words, "--why", "a test"])
    assert result.exit_code == 0, result.output


def wait_for_answers(world: World, count: int) -> dict[tuple[str, str], Variant]:
    """Return who says what of which event in the shadow, once there are so many answers, and no more."""
    world.wait_for_values("shadow-predictions", count)
    world.wait_caught_up("shadow")
    found = world.values("shadow-predictions")
    answers = {(one.event_id, one.bundle_digest): one.variant for one in found}
    assert len(found) == len(answers) == count
    return answers


def test_a_challenger_is_heard_of_every_event_once_also_after_falls_and_predict_has_no_part_in_it(
    world: World, workers: tuple[Worker, Worker]
) -> None:
    predict, shadow = workers
    names = [f"m{number}" for number in range(12)]
    world.send("match-events", *map(scheduled, names))
    world.wait_caught_up("shadow")  # before there is a challenger it has nothing to say
    assert world.values("shadow-predictions") == []

    model("shadow", CHALLENGER[:12], "--wait", "30")
    wait_until_followed(shadow, revision=1)
    told = json.loads(CliRunner().invoke(main, ["model", "status", "--json"]).stdout)
    assert [[1, CHAMPION]] == [[one["revision"], one["bundle"]] for one in told["shadow_workers"]]
    assert "in the role shadow" in CliRunner().invoke(main, ["model", "status"]).output
    world.send("match-events", *map(kick_off, names), *(goal(one, 1) for one in names))
    shadow.kill_child("shadow")
    world.send("match-events", *(goal(one, 2) for one in names))
    world.send_bytes("match-events", (names[0].encode(), b"no event"))

    events = {f"{one}-{what}" for one in names for what in ("kick-off", "goal-1", "goal-2")}
    assert wait_for_answers(world, 36) == {(event, CHALLENGER): Variant.SHADOW for event in events}
    predictions = world.wait_for_values("predictions", 48)
    assert {one.bundle_digest for one in predictions} == {CHAMPION}
    features = {one.event_id: one.features for one in predictions}
    for one in world.values("shadow-predictions"):
        np.testing.assert_array_equal(features[one.event_id], one.features)
    assert predict.metric('touchline_shadow_total{result="sent"}') == 0
    assert shadow.metric('touchline_events_total{kind="refused"') == 1
    assert len(world.read("dead-letters")) == 1
    assert len(world.read("team-events")) == len(names)


def test_while_the_challenger_serves_the_champion_is_heard_of_the_same_events(
    world: World, workers: tuple[Worker, Worker]
) -> None:
    predict, shadow = workers
    model("canary", CHALLENGER[:12], "--percent", "100", "--wait", "30")
    wait_until_followed(shadow, revision=1)

    world.send("match-events", scheduled("a"), kick_off("a"), goal("a", 1), ended("a"))

    events = ("a-scheduled", "a-kick-off", "a-goal-1", "a-end")
    assert wait_for_answers(world, 4) == {(event, CHAMPION): Variant.SHADOW for event in events}
    served = {one.event_id: one.bundle_digest for one in world.wait_for_values("predictions", 4)}
    assert [served[one] for one in events] == [CHAMPION, *[CHALLENGER] * 3]
    assert predict.metric('touchline_shadow_total{result="sent"}') == 0


def wait_until_followed(shadow: Worker, revision: int) -> None:
    def followed() -> bool:
        return any("model.serving" in line and f"revision={revision}" in line for line in shadow.said().splitlines())

    wait_for(followed, 40, shadow.said)
