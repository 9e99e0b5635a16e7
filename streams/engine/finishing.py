"""How outputs, states and offsets come onto the brokers: at least once, in the order which makes that true."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from streams.engine.job import Step
from streams.engine.ledger import Changes, Ledger, Place
from streams.engine.outbox import Message, Outbox
from streams.engine.slices import Slice

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Batch:
    """Outputs, the states to be written with or after them, by partition, and the offsets reached by then.

    Attributes:
        sent: Becomes done with the outputs' next offsets; None where they wait for a transaction.
        pieces: What it came of.
        since: By partition, offset from which on the changelog holds every state once this is written.
    """

    outputs: Sequence[Message]
    changes: Changes
    reached: Mapping[Place, int]
    pieces: Sequence[Slice] = ()
    since: Mapping[int, int] = field(default_factory=dict)
    sent: asyncio.Future[Mapping[Place, int]] | None = None

    @property
    def rows(self) -> int:
        """Return how many records it came of."""
        return sum(len(piece.records) for piece in self.pieces)


def put_behind(known: dict[bytes, bytes | None], changed: Mapping[bytes, bytes | None]) -> None:
    """Add *changed* to what is *known*, all of it behind the rest and in its order."""
    for key in known.keys() & changed.keys():
        del known[key]  # it would keep its place
    known.update(changed)


def together(batches: Sequence[Batch]) -> Batch:
    """Return *batches*, which follow each other, as one: of each state the last, and in the order of these.

    A job may rely on the order of what it writes: an entry that stands for others comes behind them.
    """
    if len(batches) == 1:
        return batches[0]
    changes: dict[int, dict[bytes, bytes | None]] = {}
    reached: dict[Place, int] = {}
    since: dict[int, int] = {}
    for batch in batches:
        reached |= batch.reached
        since |= batch.since
        for partition, changed in batch.changes.items():
            put_behind(changes.setdefault(partition, {}), changed)
    return Batch([message for batch in batches for message in batch.outputs], changes, reached, since=since)


@dataclass(slots=True)
class Finisher(ABC, Generic[S]):
    """Finishes batches in their order.

    Attributes:
        letters: Returns the dead letters that stand for outputs too large for their topic.
        delivered: Told of outputs which consumers can read from now on.
        interval: Seconds from one time that batches are finished to the next, at least, while there are more.
    """

    ledger: Ledger[S]
    outbox: Outbox
    letters: Callable[[Sequence[Message]], Awaitable[list[Message]]]
    delivered: Callable[[Sequence[Message]], None]
    interval: float
    _next: float = field(default=0.0, init=False)

    @property
    def markers(self) -> int:
        """Return how many records which are none of ours come between two writings to the changelog."""
        return 0

    def resume(self, generation: int) -> None:
        """Begin with the work of a *generation*; nothing is under way."""

    def due(self, partition: int, step: Step) -> list[Message]:
        """Return the outputs which go with *step*."""
        del partition
        return step.outputs

    @abstractmethod
    def begin(self, batch: Batch) -> Batch:
        """Return *batch*, on its way if it may be."""

    async def gather(self, handed_on: asyncio.Queue[Batch], most: int) -> list[Batch]:
        """Return the next batch and all that come until it is time to finish some, or they are of *most* rows."""
        batches = [await handed_on.get()]
        rows = batches[0].rows
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._next):
                while rows < most:
                    batches.append(await handed_on.get())
                    rows += batches[-1].rows
        self._next = asyncio.get_running_loop().time() + self.interval
        return batches

    @abstractmethod
    async def finish(self, batches: Sequence[Batch]) -> None:
        """Bring *batches* onto the brokers, then say so in the ledger."""

    @abstractmethod
    async def write(self, records: Sequence[Message]) -> Mapping[Place, int]:
        """Write *records* of the changelog which belong to no batch; return the offsets after them."""


@dataclass(slots=True)
class AtLeastOnce(Finisher[S]):
    """Outputs at once, states when they are there, offsets when those are; each of it may come again after a fall.

    The states of several batches are written together, since a record that is written alone costs the brokers and us
    almost as much as many: a fall between leaves outputs without a state, which the next owner finds in their topic.
    """

    def begin(self, batch: Batch) -> Batch:
        """Send the outputs."""
        return replace(batch, sent=asyncio.ensure_future(self._send(batch.outputs)))

    async def finish(self, batches: Sequence[Batch]) -> None:
        """Write the states when the outputs are there, since a state says which offsets it holds."""
        next_offsets: dict[Place, int] = {}
        for batch in batches:
            next_offsets |= await batch.sent if batch.sent is not None else {}
        all_of_it = together(batches)
        self.ledger.advance(all_of_it.reached, next_offsets, all_of_it.changes)
        noted = (*all_of_it.reached, *next_offsets)
        written = await self.write(self.ledger.records(all_of_it.changes, noted))
        self.ledger.wrote(all_of_it.changes, noted, written, self.markers)
        self.ledger.covered(all_of_it.since)
        self.ledger.finished.update(all_of_it.reached)

    async def write(self, records: Sequence[Message]) -> Mapping[Place, int]:
        """Write *records*; return the offsets after them."""
        written = await self.outbox.deliver(records)
        self.ledger.check_taken(written.refused)
        return written.next_offsets

    async def _send(self, outputs: Sequence[Message]) -> Mapping[Place, int]:
        delivery = await self.outbox.deliver(outputs)
        if delivery.refused:
            again = await self.outbox.deliver(await self.letters(delivery.refused))
            await self.letters(again.refused)
        self.delivered(outputs)
        return delivery.next_offsets
