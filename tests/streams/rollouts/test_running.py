"""What has to be asked for follows from the roll-out and from what is served."""

import pytest

from models.serving import Serving
from monitors.rollout import Rollout
from monitors.rollout_plan import plan_of
from schemas.records import ControlAction
from streams.control.asking import ChangeError, Wish
from streams.rollouts.running import Trial, wish_of

A, B = "a" * 64, "b" * 64
TRIAL = Trial(A, B, 0)
PLAN = plan_of(
    {
        "steps": [
            {"stage": "shadow", "minMatches": 1},
            {"stage": "canary", "percent": 5, "minMatches": 1},
            {"stage": "canary", "percent": 100, "minMatches": 1},
        ]
    },
    "plan",
)
SHADOW = Serving(1, A, None, B, 0.0, shadow=True, rollout=1)
FIVE = Serving(2, A, None, B, 0.05, shadow=True, rollout=1)


@pytest.mark.parametrize(
    ("rollout", "serving", "wish"),
    [
        (Rollout(0, 1), SHADOW, None),
        (Rollout(0, 1, step=1), SHADOW, Wish(ControlAction.CANARY, A, B, 0.05, shadow=True)),
        (Rollout(0, 1, step=1), FIVE, None),
        (Rollout(0, 1, "HELD", step=1), FIVE, None),
        (Rollout(0, 1, step=2), FIVE, Wish(ControlAction.CANARY, A, B, 1.0, shadow=True)),
        (Rollout(0, 1, "PROMOTED", step=2), FIVE, Wish(ControlAction.PROMOTE, B)),
        (Rollout(0, 1, "ROLLED_BACK", step=1), FIVE, Wish(ControlAction.ROLLBACK, A)),
        (Rollout(0, 1), FIVE, Wish(ControlAction.SHADOW, A, B, shadow=True)),
    ],
)
def test_what_is_served_follows_the_roll_out(rollout: Rollout, serving: Serving, wish: Wish | None) -> None:
    assert wish_of(PLAN, rollout, TRIAL, serving) == wish


@pytest.mark.parametrize("serving", [Serving(3, B, A), Serving(3, A, None, "c" * 64, 0.5)])
def test_a_change_by_hand_ends_it(serving: Serving) -> None:
    with pytest.raises(ChangeError, match="changed by hand"):
        wish_of(PLAN, Rollout(0, 1), TRIAL, serving)
