"""`touchline reset`: a role begins anew, under a new run id."""

import json
import re
from datetime import UTC, datetime

import click

from streams.applications import ROLES
from streams.commands.options import cluster_options
from streams.commands.sentences import in_one_sentence
from streams.playing.fresh_run import Start, fresh_run
from streams.settings import Settings

_RUN_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")


class StartType(click.ParamType):
    """``earliest``, ``latest`` or a time."""

    name = "start"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Start:
        """Return the start; a time becomes milliseconds since the epoch, UTC unless it says otherwise."""
        if value == "earliest":
            return "earliest"
        if value == "latest":
            return "latest"
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is neither earliest, latest nor a time such as 2026-11-20T22:45:00", param, ctx)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def checked_run_id(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    """Return *value*, which can be a run id; the callback of an option."""
    if not _RUN_ID.fullmatch(value):
        raise click.BadParameter(f"{value!r} is not 1 to 40 letters, digits, '_' and '-'")
    return value


@click.command()
@click.argument("role", type=click.Choice(list(ROLES)))
@click.option(
    "--from", "start", type=StartType(), required=True, metavar="earliest|latest|TIME", help="Where to begin."
)
@click.option("--run-id", required=True, callback=checked_run_id, help="Of the new run; the present one stays.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@cluster_options
@in_one_sentence
def reset(settings: Settings, *, role: str, start: Start, run_id: str, as_json: bool) -> None:
    """Prepare a role to process events again: empty state, and offsets as wanted, under a new run id.

    Nothing is deleted. Stop its worker, and start one with the new run id: it writes its outputs again, predictions
    with the same ids. A rate role begins without ratings; load them with `touchline ratings seed` under the new run id.
    A monitor counts again and reports each window anew, and performance each day; their worker must be stopped before.
    A materialize role fills Redis again with what is missing there or older.

    \b
    Example:
      touchline reset predict --from earliest --run-id 2
      TOUCHLINE_RUN_ID=2 touchline worker predict
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    made = fresh_run(settings, role, run_id)
    offsets = made.make(start)
    if as_json:
        listed = [{"topic": topic, "partition": one, "offset": offset} for (topic, one), offset in offsets.items()]
        click.echo(json.dumps({"run_id": run_id, "group": made.group, "offsets": listed}))
        return
    click.echo(f"{role} will begin at {start} on {len(offsets)} partitions, with an empty state.")
    click.echo(f"Start it with: TOUCHLINE_RUN_ID={run_id} touchline worker {role}")
