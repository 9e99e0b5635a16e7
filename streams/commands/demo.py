"""`touchline demo`: everything at once, live in the terminal."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from streams.commands.errors import UserError
from streams.commands.history import DAY, FOLDER, read_history
from streams.commands.options import cluster_options
from streams.commands.sentences import in_one_sentence
from streams.commands.speed import SPEED
from streams.local.cluster import LocalCluster
from streams.local.errors import ClusterError
from streams.local.state import running_cluster
from streams.playing.demo import Demo
from streams.playing.interruption import interruptible, until_interrupted
from streams.playing.match_days import Choice
from streams.playing.programme import (
    GROUP_STAGE,
    WORLD_CUP,
    Programme,
    historic_programme,
    history_folder,
    simulated_programme,
)
from streams.playing.stage import own_prefix
from streams.settings import Settings


@click.command()
@click.option("--data", type=FOLDER, help="Folder of the match history (default: data or ../shared/data, if there).")
@click.option("--simulated", is_flag=True, help="Play a simulated league, even if there is a match history.")
@click.option("--tournament", default=WORLD_CUP, show_default=True, help="Whose matches to play.")
@click.option("--from", "first", type=DAY, metavar="DATE", help="First match day (default: 2022-11-22).")
@click.option("--until", "last", type=DAY, metavar="DATE", help="Last match day (default: 2022-12-02).")
@click.option(
    "--speed", type=SPEED, default="60", metavar="N|max", show_default=True, help="60 plays a minute a second."
)
@cluster_options
@in_one_sentence
def demo(
    settings: Settings,
    *,
    data: Path | None,
    simulated: bool,
    tournament: str,
    first: datetime | None,
    last: datetime | None,
    speed: float | None,
) -> None:
    """Play match days through real workers on a real Kafka, and watch the predictions move.

    Starts the local cluster unless one runs already or --bootstrap-servers names one; topics have a prefix of their
    own, and are deleted at the end. Ctrl-C stops everything that was started.

    \b
    Example:
      touchline demo
      touchline demo --tournament "UEFA Euro" --from 2024-06-15 --until 2024-06-20 --speed 120
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    console = Console()
    prefix = settings.topic_prefix or own_prefix("demo", datetime.now(UTC))
    choice = Choice((first.date() if first else GROUP_STAGE[0]), (last.date() if last else GROUP_STAGE[1]), tournament)
    try:
        with interruptible():
            programme = _programme(None if simulated else history_folder(data, Path.cwd()), choice, console)
            with _cluster(settings, console) as reached:
                own = reached.model_copy(update={"topic_prefix": prefix})
                linger = until_interrupted if console.is_terminal else _go_on
                result = Demo(own, programme, speed, console, linger).run()
    except KeyboardInterrupt:
        console.print("Everything that the demo started has been stopped.")
        sys.exit(0)
    console.print(
        f"{result.matches} matches, {result.events} events, {result.predictions} predictions, "
        f"{result.parity_mismatches} parity mismatches, {result.dead_letters} dead letters"
    )
    sys.exit(0 if result.complete else 1)


def _go_on() -> None:
    """Linger not at all: nobody watches."""


def _programme(folder: Path | None, choice: Choice, console: Console) -> Programme:
    if folder is None:
        console.print("A simulated league is played, without ratings at first.")
        return simulated_programme()
    console.print(f"Reading the match history in {folder}", highlight=False)
    return historic_programme(read_history(folder), choice)


@contextmanager
def _cluster(settings: Settings, console: Console) -> Iterator[Settings]:
    """Yield settings which reach a cluster; one that had to be started is stopped afterwards."""
    given = click.get_current_context().params
    if given.get("bootstrap_servers") or os.environ.get("TOUCHLINE_BOOTSTRAP_SERVERS") or running_cluster():
        yield settings
        return
    cluster = LocalCluster(guarded=True, say=lambda sentence: console.print(sentence, highlight=False))
    try:
        console.print("Starting Kafka and the schema registry on loopback")
        cluster.start()
    except ClusterError as error:
        raise UserError(str(error)) from error
    try:
        where = {"bootstrap_servers": cluster.bootstrap_servers, "registry_url": cluster.registry_url}
        yield settings.model_copy(update=where)
    finally:
        cluster.stop()
