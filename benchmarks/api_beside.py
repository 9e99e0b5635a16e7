"""What the api and the predictions cost each other: answers at a fixed rate while predictions come, and without.

Run it with ``.venv/bin/python -m benchmarks.api_beside``. It starts a broker, a worker of the predict role, one of the
api and `touchline simulate`, and asks the api (`benchmarks.api`) in every second part of the time. Latency is from the
time at which an event was due to its prediction in our hands, of each fifth prediction. It prints a table and writes
build/api_beside.json.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table

from benchmarks.arena import JAVA, settings_of
from benchmarks.running import Running, Stopwatch, running
from benchmarks.soak import Ages
from benchmarks.switching import COMMAND, LOGS, MATCHES, workers
from models.bundle import bundle_of_kind
from schemas.codec import Codec
from schemas.records import Prediction
from streams.admin import Admin
from streams.local.cluster import LocalCluster
from streams.patient_registry import patient_registry
from streams.playing.crew import port_near
from streams.playing.watching import Watch, learning
from streams.registering import register_all
from streams.settings import Settings

WARM_SECONDS: Final = 30.0
INDEXED: Final = 10 * MATCHES
"""Matches that the api keeps: none that is asked for goes while it is."""
_WARM_RATE: Final = 500.0


def asked(url: str, rate: float, seconds: float) -> dict[str, Any]:
    """Ask the api at *rate* in a process of its own and return what it says of the answers."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "api.json")
        command = [sys.executable, "-m", "benchmarks.api", "--url", url, "--out", str(out)]
        command += ["--rate", str(rate), "--seconds", str(seconds)]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=False)  # errors are among what it says
        found: dict[str, Any] = json.loads(out.read_text())
        return found


def part(ages: Ages, processes: dict[str, Running], url: str, rate: float, seconds: float) -> dict[str, Any]:
    """Return what came of *seconds* in which the api was asked at *rate*; of a rate of 0 it was left alone."""
    ages.figures()
    watches = {name: Stopwatch(one) for name, one in processes.items()}
    answers = None
    if rate:
        answers = asked(url, rate, seconds)
    else:
        time.sleep(seconds)
    used = {name: watch.read() for name, watch in watches.items()}
    for one in processes.values():
        one.check()
    cpu = {name: round(100 * spent / took, 1) for name, (took, spent) in used.items()}
    return {"asked": rate, "predictions": ages.figures(), "answers": answers, "cpu_percent": cpu}


def parts(settings: Settings, events: float, rate: float, seconds: float, times: int) -> Iterator[dict[str, Any]]:
    """Yield what came of each part, without questions and with them in turn."""
    ages = Ages(learning(Codec("prediction", Prediction), patient_registry(settings)))
    port = str(port_near(0))
    url, whole = f"http://127.0.0.1:{port}", WARM_SECONDS * 2 + (2 * times + 1) * (seconds + 10)
    load = [*COMMAND, "simulate", "--rate", str(events), "--matches", str(MATCHES), "--seconds", str(whole)]
    with ExitStack() as stack:
        watch = stack.enter_context(closing(Watch(settings, "predictions", bytes, ages.take)))
        (predict,) = stack.enter_context(workers(settings, 1))
        environment = settings.environment() | {"TOUCHLINE_API_PORT": port, "TOUCHLINE_API_MATCHES": str(INDEXED)}
        api = stack.enter_context(running([*COMMAND, "worker", "api"], environment, LOGS / "api-beside.log"))
        watch.start()
        feed = stack.enter_context(running(load, settings.environment(), LOGS / "api-beside-feed.log"))
        time.sleep(WARM_SECONDS)
        processes = {"predict": predict, "api": api, "feed": feed}
        part(ages, processes, url, _WARM_RATE, WARM_SECONDS)
        for number in range(2 * times):
            yield part(ages, processes, url, rate if number % 2 else 0.0, seconds)


def table_of(found: Sequence[dict[str, Any]]) -> Table:
    """Return *found* for people."""
    columns = ("requests/s", "answers", "errors", "p50 ms", "p99 ms", "p99.9 ms", "predictions", "p50 ms", "p99 ms")
    table = Table(*columns, "CPU %", title="Answers of the api, and predictions beside it")
    for one in found:
        answers, predictions = one["answers"], one["predictions"]
        told = ["-"] * 5
        if answers:
            percentiles = [f"{answers[name]:.1f}" for name in ("p50_ms", "p99_ms", "p99_9_ms")]
            told = [f"{answers['answers']:,}", str(sum(answers["errors"].values())), *percentiles]
        used = ", ".join(f"{name} {percent:.0f}" for name, percent in one["cpu_percent"].items())
        latency = [f"{predictions['n']:,}", f"{predictions['p50_ms']:.1f}", f"{predictions['p99_ms']:.1f}"]
        table.add_row(f"{one['asked']:,.0f}", *told, *latency, used)
    return table


@click.command()
@click.option("--events", type=click.FloatRange(1, 20_000), default=1000.0, show_default=True, help="Events a second.")
@click.option("--rate", type=click.FloatRange(1, 20_000), default=2000.0, show_default=True, help="Requests a second.")
@click.option("--seconds", type=click.FloatRange(1, 600), default=60.0, show_default=True, help="Of each part.")
@click.option("--times", type=click.IntRange(1, 20), default=2, show_default=True, help="Parts of each sort.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/api_beside.json"), show_default=True)
def main(*, events: float, rate: float, seconds: float, times: int, out: Path) -> None:
    """Ask the api while predictions come and tell what that costs both.

    \b
    Example:
      python -m benchmarks.api_beside --seconds 20
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    load_before = os.getloadavg()[0]
    with LocalCluster(ephemeral=True, java=JAVA) as cluster:
        settings = settings_of(cluster, 12, "beside-", bundle=str(bundle_of_kind("stack")), predictor="stack")
        Admin(settings).create_topics()
        register_all(patient_registry(settings), settings.topic_prefix)
        found = list(parts(settings, events, rate, seconds, times))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({"load_before": load_before, "events": events, "parts": found}, indent=2) + "\n")
    Console(width=None if sys.stdout.isatty() else 200).print(table_of(found))


if __name__ == "__main__":
    main()
