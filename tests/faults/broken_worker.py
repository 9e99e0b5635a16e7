"""``python -m tests.faults.broken_worker HOW ROLE``: a worker whose engine is broken on purpose.

The suite must notice each of these. The engine is not told of them: they replace methods of its classes in a process of
their own, and make the brokers look slow, so that what is under way is under way for long enough to be hit.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from faust.transport.drivers.aiokafka import Consumer as StockConsumer

from features.plain_matches import PlainMatches
from features.told import Reads
from streams import supervisor, worker_process
from streams.cli import main as touchline
from streams.engine.changelog import Changelog
from streams.engine.engine import Engine
from streams.engine.finishing import AtLeastOnce, Batch
from streams.engine.outbox import Outbox
from streams.engine.rewriting import Rewriting
from streams.engine.table import TablePartition
from streams.engine.transport import SliceConsumer
from streams.predicting import single


def slow_outputs(seconds: float) -> None:
    """Let every delivery of predictions take *seconds* longer."""
    deliver = Outbox.deliver

    async def slowly(self: Outbox, messages: Any) -> Any:
        if any(message.topic.endswith("predictions") for message in messages):
            await asyncio.sleep(seconds)
        return await deliver(self, messages)

    Outbox.deliver = slowly  # type: ignore[method-assign] # broken on purpose, so are all below


def hold_outputs(until: Callable[[], bool]) -> None:
    """Let predictions wait *until* it is so."""
    deliver = Outbox.deliver

    async def late(self: Outbox, messages: Any) -> Any:
        ours = any(message.topic.endswith("predictions") for message in messages)
        while ours and not until():  # noqa: ASYNC110 - another process makes it so
            await asyncio.sleep(0.05)
        return await deliver(self, messages)

    Outbox.deliver = late  # type: ignore[method-assign]


def commit_before_delivery() -> None:
    """Say that a slice is finished when it has been handed over."""
    deliver = Engine._deliver

    async def too_early(self: Engine[Any, Any], pieces: Any, steps: Any) -> None:
        self.ledger.finished.update({(piece.topic, piece.partition): piece.next_offset for piece in pieces})
        await deliver(self, pieces, steps)

    Engine._deliver = too_early  # type: ignore[method-assign]


def no_applied_offsets() -> None:
    """Keep no offsets in the states and do not look at what is out already."""
    read = PlainMatches.read

    def read_without(states: Sequence[bytes], header: bytes, *reads: Reads) -> PlainMatches:
        found = read(states, header, *reads)
        found.matches["applied_match"] = found.matches["applied_feature"] = -1
        return found

    PlainMatches.read = read_without  # type: ignore[method-assign]
    single._with_offset = lambda state, _offset, **_which: state
    Changelog._read_tail = lambda *_: None  # type: ignore[method-assign]


def stock_revoke_order() -> None:
    """Let go of partitions as Faust does: forget what is finished, and wait for nothing that is under way.

    That comes out when the partitions are another's.
    """
    hold_outputs(taken_over(Path(os.environ["XDG_CACHE_HOME"]).parent).exists)

    async def let_go(self: SliceConsumer, revoked: Any) -> None:
        self.app.engine.ledger.finished.clear()
        await StockConsumer.on_partitions_revoked(self, revoked)

    SliceConsumer.on_partitions_revoked = let_go
    SliceConsumer.wait_empty = SliceConsumer.commit_and_end_transactions


def state_before_output() -> None:
    """Write the states as soon as they have changed, and send the outputs then."""
    begin, finish = AtLeastOnce.begin, AtLeastOnce.finish

    async def states_first(self: AtLeastOnce[Any], batches: Any) -> None:
        for batch in batches:
            await finish(self, [replace(batch, reached={})])
            await finish(self, [begin(self, batch)])

    AtLeastOnce.begin = lambda _self, batch: batch  # type: ignore[method-assign]
    AtLeastOnce.finish = states_first  # type: ignore[method-assign]


def complete_too_early() -> None:
    """Say that a restore need read nothing of a changelog but its end, and write no state again."""

    def say_so(self: Rewriting[Any], tables: Mapping[int, TablePartition[Any]]) -> Batch | None:
        for table in tables.values():
            if table.changelog_next - table.since > self.least:
                return Batch([], {table.partition: {}}, {}, since={table.partition: table.changelog_next})
        return None

    Rewriting.next_of = say_so  # type: ignore[method-assign]


def taken_over(folder: Path) -> Path:
    """Return the file which says that another worker has taken over; *folder* is that of the run's processes."""
    return folder / "taken-over"


# How each is broken, and by how many seconds its outputs are slow.
BREAKS: Mapping[str, tuple[Callable[[], None], float]] = {
    "commit-before-delivery": (commit_before_delivery, 0.5),
    "no-applied-offsets": (no_applied_offsets, 0.5),
    "stock-revoke-order": (stock_revoke_order, 0.0),
    "state-before-output": (state_before_output, 2.0),
    "complete-too-early": (complete_too_early, 0.0),
}


def supervise(how: str, role: str) -> None:
    """Run `touchline worker ROLE`, whose child is this module."""
    start = asyncio.create_subprocess_exec

    async def start_broken(program: str, *arguments: str, **more: Any) -> asyncio.subprocess.Process:
        return await start(program, "-P", "-m", __spec__.name, how, *arguments[3:], **more)

    supervisor.asyncio.create_subprocess_exec = start_broken
    sys.argv = ["touchline", "worker", role]
    touchline()


def main(how: str, role: str, *socket: str) -> None:
    if not socket:
        supervise(how, role)
    else:
        break_it, seconds = BREAKS[how]
        slow_outputs(seconds)
        break_it()
        worker_process.main([role, *socket])


if __name__ == "__main__":
    main(*sys.argv[1:])
