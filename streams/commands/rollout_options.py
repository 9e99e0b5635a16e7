"""What commands about roll-outs are told: a plan and bundles."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import click

from models.bundle import Bundle, BundleError, load_bundle
from monitors.rollout_plan import Plan, PlanError
from streams.commands.errors import UserError
from streams.commands.model_options import read_date
from streams.rollouts.plans import read_plan, usual_plan

plan_option: Final = click.option(
    "--plan",
    "plan_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Plan of the roll-out, YAML (default: the usual one, see touchline rollout plan).",
)


def chosen_plan(file: Path | None) -> Plan:
    """Return the plan in *file*, or the usual one.

    Raises:
        UserError: It is none.
    """
    try:
        return usual_plan() if file is None else read_plan(file)
    except PlanError as error:
        raise UserError(" ".join(str(error).split())) from error


def read_bundle(folder: Path) -> Bundle:
    """Return the bundle in *folder*.

    Raises:
        UserError: It cannot be loaded.
    """
    try:
        return load_bundle(folder)
    except BundleError as error:
        raise UserError(str(error)) from error


def check_unseen(first: date, bundles: Sequence[Bundle]) -> None:
    """Check that no bundle has learned from matches of day *first* or later.

    Raises:
        UserError: One has.
    """
    trained = learned_until(bundles)
    if trained is not None and first <= trained:
        raise UserError(f"the first day is {first}, but one of the bundles has learned from matches until {trained}")


def learned_until(bundles: Sequence[Bundle]) -> date | None:
    """Return the last day that one of them has learned from; None when all are made without training."""
    untils = [one.manifest.training.until for one in bundles]
    return max((read_date("the end of the training", until) for until in untils if until is not None), default=None)


def first_unseen(given: str | None, bundles: Sequence[Bundle]) -> date | None:
    """Return the first day that is judged: the one of ``--from``, or the one after all *bundles* were trained.

    None without either.

    Raises:
        UserError: It is no date, or a bundle has learned from it.
    """
    if given is None:
        trained = learned_until(bundles)
        return None if trained is None else trained + timedelta(days=1)
    day = read_date("--from", given)
    check_unseen(day, bundles)
    return day
