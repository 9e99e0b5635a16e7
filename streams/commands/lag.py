"""`touchline lag`: how far each role is behind, in records and in seconds."""

import json
import math
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table

from schemas.plain_values import to_json
from streams.admin import Admin
from streams.applications import ROLES, applications, watched_roles
from streams.commands.errors import UserError
from streams.commands.options import cluster_options
from streams.commands.sentences import in_one_sentence
from streams.lag import LagReader, PartitionLag, role_reader, total_behind
from streams.settings import Settings

_PIPED_WIDTH = 140


@click.command()
@click.option(
    "--role", "roles", multiple=True, type=click.Choice(list(ROLES)), help="May be repeated (default: all in use)."
)
@click.option("--watch", is_flag=True, help="Measure again and again, until Ctrl-C.")
@click.option(
    "--interval", type=click.FloatRange(min=0.1), default=1.0, show_default=True, help="Seconds, with --watch."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON: one line a measure.")
@cluster_options
@in_one_sentence
def lag(settings: Settings, *, roles: tuple[str, ...], watch: bool, interval: float, as_json: bool) -> None:
    """Show how far the groups of the roles are behind.

    Seconds are the age of the oldest record not committed yet, read from the log. What cannot be read is shown as
    unknown (null in JSON), never as 0.

    \b
    Example:
      touchline lag
      touchline lag --role predict --watch
      touchline lag --role predict --json
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    Admin(settings).cluster()  # one sentence when the brokers are away
    with ExitStack() as stack:
        readers = [
            stack.enter_context(closing(role_reader(settings, role)))
            for role in applications(roles or watched_roles(settings))
        ]
        try:
            if watch:
                _watch(readers, interval, as_json=as_json)
            else:
                _once(readers, as_json=as_json)
        except KeyboardInterrupt:
            return


def _measure(readers: Sequence[LagReader]) -> list[PartitionLag]:
    return [each for reader in readers for each in reader.measure()]


def _once(readers: Sequence[LagReader], *, as_json: bool) -> None:
    lags = _measure(readers)
    if as_json:
        click.echo(_as_json(lags))
    else:
        console = Console()
        (console if console.is_terminal else Console(width=_PIPED_WIDTH)).print(_table(lags))
    if not all(each.known for each in lags):
        unknown = sorted({each.topic for each in lags if not each.known})
        raise UserError(f"the lag of {', '.join(unknown)} is not known; are the topics there? Try: touchline doctor")


def _watch(readers: Sequence[LagReader], interval: float, *, as_json: bool) -> None:
    if as_json:
        while True:
            click.echo(_as_json(_measure(readers)))
            time.sleep(interval)
    with Live(_table(_measure(readers)), auto_refresh=False) as live:
        while True:
            time.sleep(interval)
            live.update(_table(_measure(readers)), refresh=True)


def _as_json(lags: Sequence[PartitionLag]) -> str:
    worst = _worst(lags)
    return json.dumps(
        {
            "known": all(each.known for each in lags),
            "records_behind": to_json(total_behind(lags)),
            "seconds_behind": to_json(worst),
            "partitions": [to_json(each) for each in lags],
        }
    )


def _worst(lags: Sequence[PartitionLag]) -> float:
    """Return the most seconds behind; NaN when one is not known."""
    seconds = [each.seconds_behind for each in lags]
    return math.nan if any(map(math.isnan, seconds)) else max(seconds, default=0.0)


def _table(lags: Sequence[PartitionLag]) -> Table:
    table = Table("group", "topic", "partitions", box=None, pad_edge=False)
    for name in ("records behind", "seconds behind"):
        table.add_column(name, justify="right")
    inputs: dict[tuple[str, str], list[PartitionLag]] = {}
    for each in lags:
        inputs.setdefault((each.group, each.topic), []).append(each)
    for (group, topic), partitions in inputs.items():
        behind, seconds = total_behind(partitions), _worst(partitions)
        table.add_row(group, topic, str(len(partitions)), _shown(behind, 0), _shown(seconds, 1))
    return table


def _shown(value: float, digits: int) -> str:
    if math.isnan(value):
        return "[red]unknown[/red]"
    return f"[yellow]{value:,.{digits}f}[/yellow]" if value else "[green]0[/green]"
