"""What traces cost a whole worker: the full job and a steady load, without them and with every batch exported.

Run it with ``.venv/bin/python -m benchmarks.traced_worker``, on the ensemble and the events of `make bench`. A
collector of our own takes what comes over HTTP and drops it, on the same cores. Events carry no context. It prints a
table and writes build/traced_worker.json.
"""

import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table

from benchmarks import full_job, latency
from benchmarks.arena import Arena, made_arena
from benchmarks.systems import SYSTEMS, System

EVENTS: Final = 300_000
SECONDS: Final = 15.0
RATE: Final = 1000.0
FIGURES: Final = ("full_us", "events_per_second", "steady_us", "p50_ms", "p99_ms")


class Dropping(BaseHTTPRequestHandler):
    """Takes exports and drops them."""

    protocol_version = "HTTP/1.1"
    taken = 0

    def do_POST(self) -> None:
        """Answer that all is well."""
        self.rfile.read(int(self.headers["Content-Length"]))
        type(self).taken += 1
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def collector() -> Iterator[str]:
    """Yield the address of a collector."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Dropping)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def once(arena: Arena, system: System, load: latency.Load) -> dict[str, float]:
    """Return what *system* takes for an event of the full job, and of a steady load."""
    full = full_job.measure(arena, system, EVENTS, SECONDS)
    (steady,) = latency.measure(arena, system, [load])
    return {
        "full_us": full["cpu_us_per_event"],
        "events_per_second": full["events_per_second"],
        "steady_us": steady["cpu_us_per_event"],
        "p50_ms": steady["p50_ms"],
        "p99_ms": steady["p99_ms"],
    }


def table_of(found: Mapping[str, Sequence[Mapping[str, float]]]) -> Table:
    """Return the medians of *found* for people."""
    title = (
        f"CPU of an event, medians of {len(next(iter(found.values())))}; the last three at {RATE:,.0f} events a second"
    )
    table = Table("traces", "us/event", "events/s", "us/event, steady", "p50 ms", "p99 ms", title=title)
    for name, runs in found.items():
        table.add_row(name, *(f"{median(one[figure] for one in runs):,.1f}" for figure in FIGURES))
    return table


@click.command()
@click.option("--times", type=click.IntRange(1, 20), default=3, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/traced_worker.json"), show_default=True)
def main(*, times: int, out: Path) -> None:
    """Run a worker without traces and with them in turn, and tell what they cost.

    \b
    Example:
      python -m benchmarks.traced_worker --times 1
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    load_before = os.getloadavg()[0]
    found: dict[str, list[dict[str, float]]] = {"without": [], "with": []}
    with collector() as url, made_arena(EVENTS, 12, lambda step: Console(stderr=True).print(step)) as arena:
        asked_for = {"OTEL_EXPORTER_OTLP_ENDPOINT": url}
        traced = replace(SYSTEMS[0], name="touchline-traced", given={"full_job": asked_for, "latency": asked_for})
        (load,) = latency.loads([RATE], SECONDS, arena.folder / "live")
        latency.warm(arena, SYSTEMS[0])
        for number in range(times):
            turn = [("without", SYSTEMS[0]), ("with", traced)]
            for name, system in turn if number % 2 == 0 else turn[::-1]:
                found[name].append(once(arena, system, load))
    result: dict[str, Any] = {"load_before": load_before, "exports": Dropping.taken, **found}
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=2) + "\n")
    Console().print(table_of(found))
    print(f"{Dropping.taken:,} exports came")


if __name__ == "__main__":
    main()
