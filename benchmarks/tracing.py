"""What traces cost a worker: CPU per event around a job that does nothing but answer each record.

Run it with ``.venv/bin/python -m benchmarks.tracing``; it needs no broker and writes build/tracing.json. The exporter
counts and drops, in the library's own thread as in a worker: encoding and sending are left out, and are per batch.
"""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import click
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from rich.console import Console
from rich.table import Table

from streams.engine.fetching import Fetched
from streams.engine.job import Decoded, Job, Step
from streams.engine.outbox import Message
from streams.engine.slices import Slice
from streams.engine.table import TablePartition
from streams.tracing.spans import BatchSpans, Exporting
from streams.tracing.traced_job import TracedJob

SIZES = (1, 16, 256, 2048)
EVENTS = 10_000
WITHOUT, PLAIN, CARRIED = "not wanted", "wanted, events without a context", "wanted, each event with its own"


class Answering:
    """Answers each record of a slice with an output."""

    def decode(self, piece: Slice) -> Decoded[None]:
        """Return the slice."""
        return Decoded(piece, None)

    async def process(self, batch: Sequence[Decoded[None]], _tables: Mapping[int, TablePartition[None]]) -> list[Step]:
        """Return an output for each record."""
        return [
            Step([Message("predictions", b"k", b"v", 0, source=(decoded.piece, one)) for one in decoded.piece.records])
            for decoded in batch
        ]

    def delivered(self, outputs: Sequence[Message]) -> None:
        """Do nothing."""

    def expire(self, table: TablePartition[None], committed: Mapping[str, int]) -> None:
        """Do nothing."""


class Dropping:
    """Takes spans and drops them."""

    def export(self, _spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Drop them."""
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Do nothing."""


def slice_of(size: int, *, carried: bool) -> Slice:
    """Return *size* records, each with a context of its own if *carried*."""
    headers = [
        (("traceparent", f"00-{one + 1:032x}-{one + 1:016x}-01".encode()),) if carried else () for one in range(size)
    ]
    return Slice("match-events", 0, 1, [Fetched(b"m", b"v", one, 0, more) for one, more in enumerate(headers)], 0)


def microseconds(job: Job[None, None], piece: Slice, events: int) -> float:
    """Return the CPU time of an event, all threads included."""
    batch = [job.decode(piece)]
    began = time.process_time()
    for _ in range(max(1, events // len(piece.records))):
        try:
            job.process(batch, {}).send(None)  # type: ignore[attr-defined] # a coroutine that waits for nothing
        except StopIteration:
            continue
    return (time.process_time() - began) / max(1, events // len(piece.records)) / len(piece.records) * 1e6


def all_measured(times: int) -> list[dict[str, Any]]:
    """Return the medians of *times* rounds, in each of which all take turns."""
    plain: Job[None, None] = Answering()
    exporting = Exporting("predict", "benchmark", Dropping())  # type: ignore[arg-type] # what is used of an exporter
    traced: Job[None, None] = TracedJob(plain, BatchSpans(exporting.provider, "predict-1"))
    cases = {WITHOUT: (plain, True), PLAIN: (traced, False), CARRIED: (traced, True)}
    found: dict[tuple[int, str], list[float]] = {}
    for _ in range(times):
        for size in SIZES:
            for name, (job, carried) in cases.items():
                taken = microseconds(job, slice_of(size, carried=carried), EVENTS if size > 1 else EVENTS // 10)
                found.setdefault((size, name), []).append(taken)
    exporting.provider.shutdown()
    return [{"records": size, "traces": name, "cpu_us_per_event": median(all_)} for (size, name), all_ in found.items()]


@click.command()
@click.option("--times", default=5, show_default=True, help="Rounds; the medians count.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/tracing.json"), show_default=True)
def main(*, times: int, out: Path) -> None:
    """Measure a job without and with traces."""
    rows = all_measured(times)
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(rows, indent=2))
    table = Table("records a batch", "traces", "CPU us an event")
    for row in rows:
        table.add_row(f"{row['records']:,}", row["traces"], f"{row['cpu_us_per_event']:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
