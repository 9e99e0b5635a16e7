"""`touchline topics repartition`: more partitions, with the states where their keys belong then."""

import json
from collections.abc import Sequence

import click
from rich.console import Console

from streams.commands.errors import UserError
from streams.commands.options import cluster_options
from streams.commands.reset import checked_run_id
from streams.commands.sentences import in_one_sentence
from streams.repartitioning.procedure import Plan, move
from streams.repartitioning.states import Carried
from streams.settings import Settings


@click.command()
@click.option("--partitions", type=click.IntRange(1, 1000), required=True, help="How many there are to be.")
@click.option("--run-id", required=True, callback=checked_run_id, help="Of the run that goes on with them; a new one.")
@click.option("--leave-rest", is_flag=True, help="Go on although events have not been worked on; see above.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@cluster_options
@in_one_sentence
def repartition(
    settings: Settings, *, partitions: int, run_id: str, leave_rest: bool, dry_run: bool, as_json: bool
) -> None:
    """Give the topics that are keyed by match more partitions, and move the states to where their keys belong then.

    Let the workers work off what there is (`touchline lag`), stop all of them, run this, and start them under the new
    run id. The feeds may go on: what they send meanwhile waits. What they send to a key's earlier partition, which they
    may do until their clients ask for the topic again (5 min as a rule), becomes a dead letter, WRONG_PARTITION;
    `touchline dead-letters replay` sends it where it belongs. With --leave-rest the same becomes of events which have
    not been worked on before.

    The states so far are left as they are. Interrupted, it is finished by the same command.

    \b
    Example:
      touchline topics repartition --partitions 24 --run-id 2 --dry-run
      touchline topics repartition --partitions 24 --run-id 2
      TOUCHLINE_RUN_ID=2 TOUCHLINE_PARTITIONS=24 touchline worker all
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    console = Console(stderr=True, quiet=as_json, highlight=False)
    moving = move(settings, partitions, run_id, console.print)
    plan = moving.plan()
    if plan.left and not (leave_rest or dry_run):
        raise UserError(
            f"{_left(plan)}: start the workers until `touchline lag` is 0 and stop them, or leave the rest to "
            f"`touchline dead-letters replay` with --leave-rest"
        )
    carried = [] if dry_run else moving.carry_out(plan)
    if as_json:
        click.echo(json.dumps(_summary(plan, carried) | {"done": not dry_run}))
    elif dry_run:
        _show(plan)
    else:
        states, moved = sum(one.states for one in carried), sum(one.moved for one in carried)
        click.echo(f"All topics keyed by match have {partitions} partitions; {moved} of {states} states have moved.")
        click.echo(f"Start with: TOUCHLINE_RUN_ID={run_id} TOUCHLINE_PARTITIONS={partitions} touchline worker ...")


def _summary(plan: Plan, carried: Sequence[Carried]) -> dict[str, object]:
    return {
        "run_id": plan.run_id,
        "partitions": plan.partitions,
        "grown": dict(plan.grows),
        "left": dict(plan.left),
        "applications": [carrier.new.name for carrier in plan.carriers],
        "states": sum(one.states for one in carried),
        "moved": sum(one.moved for one in carried),
    }


def _show(plan: Plan) -> None:
    for name, count in plan.grows.items():
        click.echo(f"{name}: {count} partitions, would get {plan.partitions}")
    for one in plan.carriers:
        click.echo(f"{one.old.changelog}: {one.before} partitions, would become {one.new.changelog}: {one.after}")
    click.echo(_left(plan) if plan.left else "Everything has been worked on.")


def _left(plan: Plan) -> str:
    return ", ".join(f"{count} events are left to {group}" for group, count in plan.left.items())
