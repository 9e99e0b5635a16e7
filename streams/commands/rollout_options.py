"""The option which names a plan, and how roll-outs are told."""

from pathlib import Path
from typing import Final

import click

from monitors.rollout_plan import Plan, PlanError
from streams.commands.errors import UserError
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
