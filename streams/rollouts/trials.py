"""What a roll-out of the running stream tries, and what it asks for in each of its steps."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.serving import Serving
from monitors.rollout import Rollout
from monitors.rollout_plan import Plan
from schemas.records import ControlAction
from streams.control.asking import Wish
from streams.control.log import Change


@dataclass(frozen=True, slots=True)
class Trial:
    """Which bundles of a model are compared, and since when: milliseconds since the epoch."""

    model: str
    champion: str
    challenger: str
    since_ms: int


def trial_in(model: str, changes: Sequence[Change], serving: Serving) -> Trial | None:
    """Return what is tried of *model*, of which all *changes* are known and what is *serving*; None when nothing is."""
    if serving.champion is None or serving.challenger is None:
        return None
    began = next(
        change.record
        for change in changes
        if change.void is None and change.record is not None and change.record.revision == serving.rollout
    )
    return Trial(model, serving.champion, serving.challenger, began.at_ms)


def first_wish(plan: Plan, champion: str, challenger: str, number: int = 0) -> Wish:
    """Return what has to be asked for in a step; in each the two score every match, whichever of them serves it."""
    step = plan.steps[number]
    action = ControlAction.SHADOW if step.stage == "shadow" else ControlAction.CANARY
    return Wish(action, champion, challenger, step.share, shadow=True)


def last_wish(rollout: Rollout, trial: Trial) -> Wish:
    """Return what has to be asked for after the end."""
    if rollout.status == "PROMOTED":
        return Wish(ControlAction.PROMOTE, trial.challenger)
    return Wish(ControlAction.ROLLBACK, trial.champion)
