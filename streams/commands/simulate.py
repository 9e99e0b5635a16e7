"""`touchline simulate`: seasons of simulated matches at a steady rate."""

import gc
import json
from contextlib import closing
from datetime import UTC, datetime

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from features.simulation import MOST_HOURS, Simulation
from streams.commands.errors import UserError
from streams.commands.options import cluster_options
from streams.commands.sentences import in_one_sentence
from streams.patient_registry import patient_registry
from streams.records_io import spec_of, version_of, writing_codec
from streams.sending import Sender
from streams.settings import Settings
from streams.simulating import ClockError, Counts, Pacer, next_day_ms
from streams.tailing import Decoder, Tail

_TOPIC = "match-events"
_SELDOM = 1_000_000
"""A full collection holds a feed of 5,000 matches up for a second, and finds nothing: events refer to nothing else."""
_SHARE = click.FloatRange(0, 1)


@click.command()
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), default=100, show_default=True, help="Events/s.")
@click.option("--seconds", type=click.FloatRange(min=0), help="How long (default: until Ctrl-C).")
@click.option("--matches", type=click.IntRange(1, 5000), default=50, show_default=True, help="Played on a day.")
@click.option(
    "--hours",
    type=click.FloatRange(0, MOST_HOURS),
    default=0,
    show_default=True,
    help="Over which the matches of a day kick off; 0 for all at once.",
)
@click.option("--late", type=_SHARE, default=0.1, show_default=True, help="Share of events sent after later ones.")
@click.option("--repeated", type=_SHARE, default=0.1, show_default=True, help="Share of events sent twice.")
@click.option(
    "--corrections", type=_SHARE, default=0.02, show_default=True, help="Share of goals and cards struck off."
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed and start give the same events.")
@click.option(
    "--start", type=click.DateTime(["%Y-%m-%d"]), help="First day played (default: after what the topic has)."
)
@click.option("--json", "as_json", is_flag=True, help="Print what was sent as JSON.")
@cluster_options
@in_one_sentence
def simulate(
    settings: Settings,
    *,
    rate: float,
    seconds: float | None,
    matches: int,
    hours: float,
    late: float,
    repeated: float,
    corrections: float,
    seed: int,
    start: datetime | None,
    as_json: bool,
) -> None:
    """Send seasons of simulated matches to match-events: goals, cards, corrections, late and repeated events.

    Each record's timestamp is the time it was due by the rate, so that latency is measured honestly.

    \b
    Example:
      touchline simulate --rate 3000 --seconds 60
      touchline simulate --rate 20 --matches 4 --late 0 --repeated 0
      touchline simulate --rate 3000 --matches 5000 --hours 20
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    spec = spec_of(_TOPIC)
    registry = patient_registry(settings)
    codec = writing_codec(settings, registry, spec, version_of(settings, spec))
    sender = Sender(settings, settings.topic(_TOPIC))
    first_day = _first_day(settings, start, Decoder(registry))
    simulation = Simulation(matches, first_day, late, repeated, corrections, seed, hours)
    gc.set_threshold(*gc.get_threshold()[:2], _SELDOM)
    with _progress(quiet=as_json) as progress:
        task = progress.add_task("sent", total=None if seconds is None else round(rate * seconds))
        pacer = Pacer(sender, codec, rate, lambda counts: progress.update(task, completed=counts.sent))
        try:
            pacer.run(simulation.events(), seconds)
        except KeyboardInterrupt:
            pass  # asked for: what was sent is told below
        except ClockError as error:
            raise UserError(str(error)) from error
        sender.finish()
    _tell(pacer.counts, settings.topic(_TOPIC), as_json=as_json)


def _progress(*, quiet: bool) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal)


def _first_day(settings: Settings, start: datetime | None, decode: Decoder) -> int:
    if start is not None:
        return int(start.replace(tzinfo=UTC).timestamp() * 1000)
    with closing(Tail(settings, settings.topic(_TOPIC))) as newest:
        return next_day_ms(newest, decode)


def _tell(counts: Counts, topic: str, *, as_json: bool) -> None:
    found = counts.as_json()
    if as_json:
        click.echo(json.dumps(found))
        return
    click.echo(
        f"{found['sent']} records sent to {topic} in {counts.seconds:.1f} s ({found['events_per_second']}/s): "
        f"{found['distinct']} events of {found['matches']} matches, {found['late']} of them late, "
        f"and {found['repeated']} repeats; the latest was sent {found['latest_send_ms']} ms after it was due"
    )
    click.echo(", ".join(f"{kind} {count}" for kind, count in sorted(counts.kinds.items())))
