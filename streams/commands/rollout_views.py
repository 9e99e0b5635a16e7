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

Course = Sequence[tuple[Rollout, Judgement]]
"""The roll-out after each window, and why; at least one."""


def tell(told: Course, bundles: Sequence[Bundle], plan: Plan, *, as_json: bool) -> None:
    """Print *told*, of champion and challenger in this order."""
    if as_json:
        click.echo(json.dumps(_document(told, bundles, plan)))
        return
    for rollout, judgement in _turns(told):
        click.echo(f"{_day(rollout)}  {judgement.why}")
    rollout, last = told[-1]
    click.echo(f"{rollout.status} after {rollout.outcomes.matches:,} matches in {len(told):,} windows: {last.verdict}")


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
