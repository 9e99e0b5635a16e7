"""What it costs a worker to write: outputs and states of its size through the engine's own delivery, and nothing else.

Run it with ``.venv/bin/python -m benchmarks.delivery``; it starts a broker of its own and writes build/delivery.json.
CPU is that of the whole process, librdkafka's threads included, per output, with the state it may bring along.
"""

import asyncio
import itertools
import json
import math
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import click
import numpy as np
import uvloop

from schemas.codec import Codec
from schemas.records import Progress
from streams.admin import Admin
from streams.engine.engine import EngineConfig
from streams.engine.exactly_once import ExactlyOnce
from streams.engine.finishing import AtLeastOnce, Batch, Finisher
from streams.engine.lease import Lease
from streams.engine.ledger import Ledger
from streams.engine.outbox import Message, Outbox
from streams.engine.reading_back import ReadBack
from streams.engine.record_limits import RecordLimits
from streams.engine.slices import Slice
from streams.engine.table import TablePartition
from streams.engine.transactions import Membership, TransactionalOutbox, transactional
from streams.local.cluster import LocalCluster
from streams.settings import Settings
from streams.worker_process import collect_seldom

OUTPUT_BYTES, STATE_BYTES = 420, 350  # a prediction of 30 features, the state of a match at half-time
PARTITIONS = 12
IN_FLIGHT = 4
OUTPUTS = "delivery-benchmark-outputs"
GUARANTEES = ("at-least-once", "exactly-once")


@dataclass(frozen=True, slots=True)
class Load:
    """What is written.

    Attributes:
        rate: Outputs a second; None is as fast as it goes.
        outputs: How many, at most in one go, and in all.
        matches: Among which they are dealt out.
    """

    rate: int | None
    at_once: int
    outputs: int
    matches: int


class Writer:
    """Makes batches as a job does and hands them to a finisher as the engine does."""

    def __init__(self, finisher: Finisher[Any], load: Load) -> None:
        self._finisher, self._load = finisher, load
        self._chance = random.Random(7)  # noqa: S311 - a benchmark's
        self._keys = [f"2022-11-20 match {number:06d}".encode() for number in range(load.matches)]
        self._output, self._state = self._chance.randbytes(OUTPUT_BYTES), self._chance.randbytes(STATE_BYTES)
        self._source = ReadBack(b"", 0, 0)

    def batch(self, count: int) -> Batch:
        """Return *count* outputs and the states they leave, partition by partition."""
        outputs: list[Message] = []
        changes: dict[int, dict[bytes, bytes | None]] = {}
        share = [range(count)[one::PARTITIONS] for one in range(PARTITIONS)]
        for partition in [one for one in range(PARTITIONS) if share[one]]:
            piece = Slice("in", partition, 1, (), 0)
            keys = self._chance.choices(self._keys[partition::PARTITIONS], k=len(share[partition]))
            value, record = self._output, self._source
            outputs += [Message(OUTPUTS, key, value, partition, source=(piece, record)) for key in keys]
            changes[partition] = dict.fromkeys(keys, self._state)
        return Batch(outputs, changes, {})

    async def write(self) -> list[float]:
        """Write the load; return of each output the seconds from when it was due until consumers can read it."""
        queue: asyncio.Queue[Batch] = asyncio.Queue(IN_FLIGHT)
        due: list[float] = []
        seconds: list[float] = []

        def delivered(outputs: Sequence[Message]) -> None:
            first, now = len(seconds), time.perf_counter()
            seconds.extend(now - one for one in due[first : first + len(outputs)])

        self._finisher.delivered = delivered
        finishing = asyncio.create_task(self._finish(queue))
        began, rate = time.perf_counter(), self._load.rate
        while (written := len(due)) < self._load.outputs:
            count = self._load.at_once
            if rate is not None:
                await asyncio.sleep(began + (written + 1) / rate - time.perf_counter())
                count = min(count, max(1, int((time.perf_counter() - began) * rate) - written))
            now = time.perf_counter()
            due += [now if rate is None else began + (number + 1) / rate for number in range(written, written + count)]
            await queue.put(self._finisher.begin(self.batch(count)))
        await queue.join()
        finishing.cancel()
        return seconds

    async def _finish(self, queue: asyncio.Queue[Batch]) -> None:
        while True:
            batches = await self._finisher.gather(queue)
            await self._finisher.finish(batches)
            for _ in batches:
                queue.task_done()


async def finisher_of(guarantee: str, changelog: str, config: Mapping[str, object]) -> Finisher[Any]:
    """Return what brings batches onto the brokers under *guarantee*, with empty tables; nobody else writes."""
    lease = Lease(math.inf)
    lease.begin(0.0)
    progress: Codec[Progress] = Codec("progress", Progress)
    progress.use_for_writing(1)
    ledger: Ledger[Any] = Ledger(changelog, progress)
    loop, told = asyncio.get_running_loop(), (no_letters, ignored)
    if guarantee == "at-least-once":
        outbox = Outbox(config, loop, lease.check)
        finisher: Finisher[Any] = AtLeastOnce(ledger, outbox, *told, EngineConfig("", "", "").states_seconds)
    else:
        transactions = TransactionalOutbox(transactional(config, changelog), loop, lease.check)
        await transactions.open()
        member, interval = Membership("", 1, ""), Settings().transaction_seconds
        finisher = ExactlyOnce(ledger, transactions, *told, interval, lambda: member, RecordLimits(unlimited))
    # The first transaction has no marker before it.
    ledger.resume({one: TablePartition(partition=one, changelog_next=-finisher.markers) for one in range(PARTITIONS)})
    ledger.topic_ids = {}  # no offsets are committed
    finisher.resume(1)
    return finisher


async def no_letters(refused: Sequence[Message]) -> list[Message]:
    """Return none: nothing is too large."""
    if refused:
        raise click.ClickException(f"{len(refused)} records were refused")
    return []


def ignored(_outputs: Sequence[Message]) -> None:
    """Take no note of outputs which consumers can read."""


async def unlimited(_topic: str) -> float:
    """Return how large a record may be."""
    return math.inf


async def measured(guarantee: str, changelog: str, config: Mapping[str, object], load: Load) -> dict[str, float]:
    """Return what came of writing *load* once."""
    finisher = await finisher_of(guarantee, changelog, config)
    writer = Writer(finisher, load)
    cpu, began = time.process_time(), time.perf_counter()
    seconds = await writer.write()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - began
    await finisher.outbox.close()
    p50, p99 = np.percentile(seconds, [50, 99]) * 1000
    return {
        "cpu_us": cpu / load.outputs * 1e6,
        "per_second": load.outputs / wall,
        "p50_ms": float(p50),
        "p99_ms": float(p99),
    }


LOADS = {
    "all, 1,000 matches": Load(None, 2048, 200_000, 1_000),
    "all, 100,000 matches": Load(None, 2048, 200_000, 100_000),
    "1,000/s": Load(1000, 2048, 5_000, 1_000),
    "10,000/s": Load(10_000, 2048, 50_000, 1_000),
}


def all_measured(settings: Settings, lingers: Sequence[float], times: int, loads: str) -> Iterator[dict[str, Any]]:
    """Yield the medians of *times* rounds, in each of which all take turns."""
    chosen = {name: load for name, load in LOADS.items() if loads in name}
    cases = list(itertools.product(GUARANTEES, lingers, chosen))
    admin = Admin(settings)
    admin.create_topic(OUTPUTS, PARTITIONS, {"retention.bytes": "50000000"})
    found: dict[Any, list[dict[str, float]]] = {case: [] for case in cases}
    for number, case in itertools.product(range(times), cases):
        changelog = f"delivery-benchmark-{number}-{cases.index(case)}-{time.time_ns()}"
        admin.create_changelog(changelog, PARTITIONS)
        guarantee, linger, load = case
        config = settings.librdkafka(linger_ms=linger)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            found[case].append(runner.run(measured(guarantee, changelog, config, chosen[load])))
        admin.delete_topics([changelog])
    for (guarantee, linger, load), results in found.items():
        medians = {name: median(one[name] for one in results) for name in results[0]}
        yield {"guarantee": guarantee, "linger_ms": linger, "load": load, **medians}


@click.command()
@click.option("--linger", "lingers", type=float, multiple=True, default=(0.0,), show_default=True, help="Milliseconds.")
@click.option("--times", default=3, show_default=True)
@click.option("--loads", default="", help="Only those with this in their name.")
@click.option("--bootstrap-servers", help="Instead of a broker of its own.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/delivery.json"), show_default=True)
def main(lingers: Sequence[float], times: int, loads: str, bootstrap_servers: str | None, out: Path) -> None:
    """Write to a broker and say what that cost."""
    collect_seldom()
    with ExitStack() as stack:
        servers = bootstrap_servers or stack.enter_context(LocalCluster(ephemeral=True)).bootstrap_servers
        found = list(all_measured(Settings(bootstrap_servers=servers), lingers, times, loads))
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(found, indent=2))
    for one in found:
        print("  ".join(f"{name} {value:,.2f}" if isinstance(value, float) else value for name, value in one.items()))


if __name__ == "__main__":
    main()
