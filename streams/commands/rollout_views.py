"""How the course of a roll-out is told, to programs and to people."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta

import click

from features.history import EPOCH
from models.bundle import Bundle
from monitors.rollout import Judgement, Rollout
from monitors.rollout_plan import Plan
from streams.rollouts.comparing import Compared, judgements, served

Course = Sequence[tuple[Rollout, Judgement]]
"""The roll-out after each window, and why; at least one."""


def tell(plan: Plan, found: Compared, bundles: Sequence[Bundle], *, as_json: bool) -> None:
    """Print what the gate of *plan* says of what champion and challenger, the *bundles* in this order, said."""
    told = list(judgements(plan, found))
    shared = served(plan, found, told)
    if as_json:
        click.echo(json.dumps(_document(told, bundles, plan) | {"served": asdict(shared)}))
        return
    for rollout, judgement in _turns(told):
        click.echo(f"{_day(rollout)}  {judgement.why}")
    rollout, last = told[-1]
    click.echo(f"{rollout.status} after {rollout.outcomes.matches:,} matches in {len(told):,} windows: {last.verdict}")
    cost = f"{shared.nats / max(rollout.outcomes.matches, 1):+.4f} nats a match"
    click.echo(
        f"The challenger would have served {shared.by_challenger:,.0f} of them, at {cost} against the champion alone"
    )


def _turns(told: Course) -> Course:
    """Return those after which another step began, and the last."""
    steps = [rollout.step for rollout, _ in told]
    return [one for one, before, now in zip(told, [0, *steps], steps, strict=False) if before != now or one is told[-1]]


def _document(told: Course, bundles: Sequence[Bundle], plan: Plan) -> dict[str, object]:
    rollout, last = told[-1]
    champion, challenger = (one.digest for one in bundles)
    return {
        "champion": champion,
        "challenger": challenger,
        "alpha": plan.alpha,
        "status": rollout.status,
        "verdict": last.verdict,
        "step": last.step,
        "matches": rollout.outcomes.matches,
        "windows": len(told),
        "why": last.why,
        "turns": [{"until": _day(one), **asdict(judgement)} for one, judgement in _turns(told)],
    }


def _day(rollout: Rollout) -> str:
    return str(EPOCH + timedelta(milliseconds=rollout.until_ms))
