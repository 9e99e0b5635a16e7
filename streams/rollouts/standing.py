"""Where a roll-out of the running stream stands, for programs and for the dashboard."""

from dataclasses import asdict
from typing import Any

from monitors.rollout import HOUR_MS, Judgement, Rollout
from monitors.rollout_plan import Plan
from streams.rollouts.trials import Trial


def standing_as_json(plan: Plan, trial: Trial, rollout: Rollout) -> dict[str, Any]:
    """Return what is tried, the steps of *plan*, and where the *rollout* is after the last window that was judged."""
    return {
        "model": trial.model,
        "champion": trial.champion,
        "challenger": trial.challenger,
        "since_ms": trial.since_ms,
        "until_ms": rollout.until_ms,
        "status": rollout.status,
        "alpha": plan.alpha,
        "fail_above": plan.checks.log_loss.fail_above,
        "window_hours": plan.window_hours,
        "steps": [_step(plan, rollout, number) for number in range(len(plan.steps))],
    }


def _step(plan: Plan, rollout: Rollout, number: int) -> dict[str, Any]:
    step, state = plan.steps[number], _state(rollout, number)
    present = number == rollout.step
    return {
        "step": step.name,
        "state": state,
        "matches": rollout.outcomes.matches - rollout.before if present else None,
        "min_matches": step.min_matches,
        "hours": (rollout.until_ms - rollout.since_ms) / HOUR_MS if present else None,
        "min_hours": step.min_hours,
        "max_hours": step.max_hours,
        "margin": plan.margin_of(number),
    }


def _state(rollout: Rollout, number: int) -> str:
    if number > rollout.step:
        return "TO_COME"
    if number < rollout.step or rollout.status == "PROMOTED":
        return "PASSED"
    return rollout.status


def window_as_json(rollout: Rollout, judgement: Judgement) -> dict[str, Any]:
    """Return what followed from one window, and the difference in log loss up to its end."""
    return {"until_ms": rollout.until_ms, **asdict(judgement)}
