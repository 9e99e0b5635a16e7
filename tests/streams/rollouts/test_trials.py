"""What is asked for in a step of a roll-out."""

import pytest

from monitors.rollout_plan import plan_of
from schemas.records import ControlAction
from streams.control.asking import Wish
from streams.rollouts.trials import first_wish

A, B = "a" * 64, "b" * 64
PLAN = plan_of(
    {
        "steps": [
            {"stage": "shadow", "minMatches": 1},
            {"stage": "canary", "percent": 5, "minMatches": 1},
            {"stage": "canary", "percent": 100, "minMatches": 1},
        ],
        "checks": {"errorRate": {"limit": 0.1}, "p99Seconds": {"limit": 0.1}, "pendingLogLoss": {"limit": 0.1}},
    },
    "plan",
)


@pytest.mark.parametrize(
    ("number", "wish"),
    [
        (0, Wish(ControlAction.SHADOW, A, B, 0.0, shadow=True)),
        (1, Wish(ControlAction.CANARY, A, B, 0.05, shadow=True)),
        (2, Wish(ControlAction.CANARY, A, B, 1.0, shadow=True)),
    ],
)
def test_in_each_step_both_score_every_match(number: int, wish: Wish) -> None:
    assert first_wish(PLAN, A, B, number) == wish
