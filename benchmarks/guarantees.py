"""What each guarantee costs: the same matches at the same rates under both, one worker, one broker, one machine.

Run it with ``.venv/bin/python -m benchmarks.guarantees``; it starts a broker of its own, takes the guarantees in turn
and writes build/guarantees.json. Latency is from the time at which an event was due until a consumer of committed
records has its prediction in its hands.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import click
import numpy as np
from confluent_kafka import Consumer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from schemas.catalog import schema_json
from schemas.codec import Codec
from schemas.records import Prediction
from streams.admin import Admin
from streams.local.cluster import LocalCluster
from streams.settings import Settings

GUARANTEES = ("at-least-once", "exactly-once")
WARM_UP_SECONDS = 5.0
QUIET_SECONDS = 8.0
TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def worker(settings: Settings) -> Iterator[int]:
    """Run a predict worker; yield the pid of the process which predicts."""
    command = [sys.executable, "-P", "-m", "streams.cli", "worker", "predict"]
    process = subprocess.Popen(command, env=os.environ | settings.environment(), stderr=subprocess.DEVNULL)
    try:
        yield role_pid(process.pid)
    finally:
        process.terminate()
        process.wait(60)


def role_pid(parent: int) -> int:
    """Return the first child of *parent*, once it is there."""
    children = Path(f"/proc/{parent}/task/{parent}/children")
    while not (found := children.read_text().split()):
        time.sleep(0.1)
    return int(found[0])


def cpu_seconds(pid: int) -> float:
    """Return what a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


@contextmanager
def reader_of(settings: Settings) -> Iterator[Consumer]:
    """Read committed predictions from the end on."""
    reader = Consumer(
        settings.librdkafka(
            group_id=settings.group("benchmark"), auto_offset_reset="earliest", isolation_level="read_committed"
        )
    )
    reader.subscribe([settings.topic("predictions")])
    try:
        yield reader
    finally:
        reader.close()


def latencies_ms(settings: Settings, since_ms: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the latency of each prediction until none comes any more; of events since *since_ms*."""
    codec: Codec[Prediction] = Codec("prediction", Prediction)
    found: list[float] = []
    with reader_of(settings) as reader:
        last = time.monotonic() + 60.0
        while time.monotonic() < last:
            records = reader.consume(500, 0.01)
            now_ms = time.time() * 1000
            for record in records:
                value = record.value()
                if not codec.knows(schema_id := int.from_bytes(value[1:5])):
                    codec.learn(schema_id, schema_json("prediction"))
                prediction = codec.decode(value)
                if prediction.source_timestamp_ms >= since_ms:
                    found.append(now_ms - prediction.source_timestamp_ms)
            if records:
                last = time.monotonic() + QUIET_SECONDS
    return np.array(found)


def measured(settings: Settings, rate: float, seconds: float) -> dict[str, float]:
    """Return percentiles of the latency and the CPU time of an event."""
    Admin(settings).create_topics()
    with worker(settings) as pid:
        time.sleep(WARM_UP_SECONDS)  # imports and the first rebalance
        before, began_ms = cpu_seconds(pid), time.time() * 1000
        command = [sys.executable, "-P", "-m", "streams.cli", "simulate", "--json"]
        feed = subprocess.Popen(
            [*command, "--rate", str(rate), "--seconds", str(seconds + WARM_UP_SECONDS)],
            env=os.environ | settings.environment(),
            stdout=subprocess.PIPE,
        )
        found = latencies_ms(settings, began_ms + 2 * WARM_UP_SECONDS * 1000)
        sent = json.loads(feed.communicate()[0])["sent"]
        cpu = cpu_seconds(pid) - before
    shares = dict(zip(("p50_ms", "p95_ms", "p99_ms"), np.percentile(found, (50, 95, 99)), strict=True))
    return {"predictions": len(found), **shares, "cpu_us_per_event": cpu / sent * 1e6}


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@click.command()
@click.option("--rate", "rates", multiple=True, type=float, default=(200.0, 2000.0), show_default=True)
@click.option("--seconds", default=20.0, show_default=True)
@click.option("--times", default=3, show_default=True, help="Of each; the medians count.")
@click.option("--predictor", default="heuristic", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/guarantees.json"), show_default=True)
def main(rates: tuple[float, ...], seconds: float, times: int, predictor: str, out: Path) -> None:
    """Measure both guarantees at each rate, in turn."""
    runs: dict[tuple[float, str], list[dict[str, float]]] = {}
    with LocalCluster(ephemeral=True) as cluster:
        for number in track(range(times * len(rates) * len(GUARANTEES)), "Measuring", console=Console(stderr=True)):
            rate, guarantee = rates[number // len(GUARANTEES) % len(rates)], GUARANTEES[number % len(GUARANTEES)]
            given: dict[str, Any] = {"predictor": predictor, "guarantee": guarantee, "http_port": free_port()}
            given |= {"bootstrap_servers": cluster.bootstrap_servers, "registry_url": cluster.registry_url}
            settings = Settings(topic_prefix=f"bench{number}-", **given)
            runs.setdefault((rate, guarantee), []).append(measured(settings, rate, seconds))
    rows = [
        {"rate": rate, "guarantee": guarantee, **{name: median(run[name] for run in found) for name in found[0]}}
        for (rate, guarantee), found in runs.items()
    ]
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(rows, indent=2))
    show(rows)


def show(rows: list[dict[str, Any]]) -> None:
    """Print *rows* as a table."""
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*(one if isinstance(one, str) else f"{one:,.1f}" for one in row.values()))
    Console().print(table)


if __name__ == "__main__":
    main()
