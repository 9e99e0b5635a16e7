"""What the dashboard's process takes: CPU and memory beside workers and eight matches, without a page and with one."""

import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.error import URLError
from urllib.request import urlopen

import click
from rich.console import Console
from rich.table import Table

from benchmarks.arena import encoded_play, register, send, settings_of
from benchmarks.play import EVENTS_OF_A_MATCH, Play
from benchmarks.running import Running, Stopwatch, running
from streams.admin import Admin
from streams.local.cluster import LocalCluster
from streams.patient_registry import patient_registry
from streams.playing.crew import port_near
from streams.registering import register_all
from streams.settings import Settings

MATCHES: Final = 8
PARTITIONS: Final = 12
EVENTS: Final = MATCHES * EVENTS_OF_A_MATCH
MB: Final = 2**20
_PATIENCE_SECONDS: Final = 60.0
_PAUSE_SECONDS: Final = 0.2


@contextmanager
def beside(work: Callable[[threading.Event], None]) -> Iterator[None]:
    """Have *work* done in a thread until the end, which the event that it is given tells it."""
    ended = threading.Event()
    thread = threading.Thread(target=work, args=(ended,))
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def feed(settings: Settings, play: Play, rate: float) -> AbstractContextManager[None]:
    """Send the events of *play* at *rate* a second until the end."""

    def keep_sending(ended: threading.Event) -> None:
        for event in play.live:
            send(settings, "match-events", [event])
            if ended.wait(1 / rate):
                return

    send(settings, "match-events", play.scheduled)
    send(settings, "feature-events", play.rated)
    return beside(keep_sending)


def served(url: str) -> None:
    """Return once *url* answers."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            urlopen(f"{url}data/page", timeout=5).close()  # noqa: S310 - our own loopback
        except URLError:
            if time.monotonic() > until:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def page(url: str) -> AbstractContextManager[None]:
    """Read the server's events, as an open page does."""

    def keep_reading(ended: threading.Event) -> None:
        with urlopen(f"{url}events", timeout=60) as events:  # noqa: S310 - our own loopback
            while not ended.is_set():  # something comes every other second
                events.readline()

    return beside(keep_reading)


def figures(process: Running, pages: int, seconds: float) -> dict[str, Any]:
    """Return what *process* takes in the next *seconds*."""
    watch = Stopwatch(process)
    time.sleep(seconds)
    process.check()
    took, cpu = watch.read()
    memory = round(process.memory_bytes() / MB)
    return {"pages": pages, "cpu_percent": round(100 * cpu / took, 1), "memory_mb": memory, "load": os.getloadavg()[0]}


def measured(settings: Settings, play: Play, rate: float, seconds: float, folder: Path) -> list[dict[str, Any]]:
    """Return the figures without a page, and with one."""
    port = port_near(0)
    url, environment = f"http://127.0.0.1:{port}/", settings.environment()
    command = [sys.executable, "-P", "-m", "streams.cli"]
    with ExitStack() as stack:
        stack.enter_context(running([*command, "worker", "predict", "monitor"], environment, folder / "workers.log"))
        process = stack.enter_context(
            running([*command, "dashboard", "--port", str(port)], environment, folder / "dashboard.log")
        )
        served(url)
        stack.enter_context(feed(settings, play, rate))
        time.sleep(seconds / 2)  # what came in the meantime is read
        found = [figures(process, 0, seconds)]
        stack.enter_context(page(url))
        return [*found, figures(process, 1, seconds)]


@click.command()
@click.option("--rate", type=click.FloatRange(0.1, 100), default=10.0, show_default=True, help="Events a second.")
@click.option("--seconds", type=click.FloatRange(1, 600), default=30.0, show_default=True, help="Of each measurement.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/dashboard_cost.json"), show_default=True)
def main(*, rate: float, seconds: float, out: Path) -> None:
    """Run a broker, workers and the dashboard, and tell what the dashboard's process takes.

    \b
    Example:
      python -m benchmarks.dashboard_cost --seconds 20
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    if 2.5 * rate * seconds > EVENTS:
        raise click.ClickException(
            f"{MATCHES} matches have {EVENTS} events, which at {rate:g} a second last for less than the "
            f"{2.5 * seconds:g} s that this takes; take fewer"
        )
    with LocalCluster(ephemeral=True) as cluster, tempfile.TemporaryDirectory() as folder:
        settings = settings_of(cluster, PARTITIONS, "cost-")
        Admin(settings).create_topics()
        register_all(patient_registry(settings), settings.topic_prefix)
        play = encoded_play(MATCHES, EVENTS, register(settings))
        found = measured(settings, play, rate, seconds, Path(folder))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(found, indent=2))
    table = Table(*found[0], title=f"{MATCHES} matches, {rate:g} events a second, {seconds:g} s each")
    for one in found:
        table.add_row(*map(str, one.values()))
    Console().print(table)


if __name__ == "__main__":
    main()
