"""Where a roll-out stands, as programs are told."""

import json
from dataclasses import replace

import numpy as np
import pytest

from monitors.differences import differences
from monitors.rollout import HOUR_MS, begun, judged
from monitors.rollout_evidence import Evidence
from monitors.rollout_plan import plan_of
from streams.rollouts.standing import standing_as_json, window_as_json
from streams.rollouts.trials import Trial

PLAN = plan_of(
    {
        "windowHours": 2,
        "steps": [
            {"stage": "shadow", "minMatches": 30, "margin": 0.3},
            {"stage": "canary", "percent": 5, "minMatches": 30, "minHours": 3},
            {"stage": "canary", "percent": 100, "minMatches": 30},
        ],
        "checks": {"logLoss": {"margin": 0.2}},
    },
    "plan",
)
TRIAL = Trial("m", "a" * 64, "b" * 64, 1_000)
GOOD = Evidence(differences(np.tile([0.01, -0.01], 20), 0.5))


def test_the_present_step_says_how_far_it_is_and_the_others_what_they_were_or_will_be() -> None:
    rollout = begun(1_000)
    for number in (1, 2):
        rollout, judgement = judged(PLAN, rollout, 1_000 + 2 * number * HOUR_MS, GOOD)
    told = standing_as_json(PLAN, TRIAL, rollout)

    assert judgement is not None
    assert ["PASSED", "RUNNING", "TO_COME"] == [one["state"] for one in told["steps"]]
    assert [(None, None), (40, 2.0), (None, None)] == [(one["matches"], one["hours"]) for one in told["steps"]]
    assert [0.3, 0.2, 0.2] == [one["margin"] for one in told["steps"]]
    assert (1_000 + 4 * HOUR_MS, "RUNNING") == (told["until_ms"], told["status"])
    window = json.loads(json.dumps(window_as_json(rollout, judgement)))
    assert (told["until_ms"], "canary 5 %", 80) == (
        window["until_ms"],
        window["step"],
        window["difference"]["matches"],
    )


@pytest.mark.parametrize(
    ("status", "states"),
    [
        ("HELD", ["PASSED", "HELD", "TO_COME"]),
        ("ROLLED_BACK", ["PASSED", "ROLLED_BACK", "TO_COME"]),
    ],
)
def test_a_step_that_is_held_or_rolled_back_says_so(status, states) -> None:
    told = standing_as_json(PLAN, TRIAL, replace(begun(0), step=1, status=status))

    assert states == [one["state"] for one in told["steps"]]


def test_after_a_promotion_all_steps_are_passed() -> None:
    told = standing_as_json(PLAN, TRIAL, replace(begun(0), step=2, status="PROMOTED"))

    assert ["PASSED"] * 3 == [one["state"] for one in told["steps"]]
