"""What a role tells the engine: how to decode a slice and what follows from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from streams.engine.dead_letters import Cause
from streams.engine.outbox import Message
from streams.engine.slices import Slice
from streams.engine.table import TablePartition

S = TypeVar("S")
D = TypeVar("D")


@dataclass(frozen=True, slots=True)
class Unread:
    """A record to be set aside of which a job knows everything but the bytes; the engine reads them from the log.

    Attributes:
        timestamp: Of the record, in milliseconds since the epoch.
    """

    topic: str
    partition: int
    offset: int
    key: bytes
    timestamp: int
    cause: Cause
    reason: str


@dataclass(slots=True)
class Step:
    """What follows from one slice.

    Attributes:
        outputs: Records to be on the brokers before any state that stands for them.
        changed: Encoded state by key, as it is after the slice; None where it leaves the table.
        reached: Next offset by input topic up to which *changed*, and what was written before, holds everything. None
            is the end of the slice. A job that writes its states now and then says {} for the slices between, whose
            offsets are then not committed until a later step has reached them.
        unread: Records to be set aside, on the brokers before any state as well.
    """

    outputs: list[Message] = field(default_factory=list)
    changed: dict[bytes, bytes | None] = field(default_factory=dict)
    reached: dict[str, int] | None = None
    unread: list[Unread] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Decoded(Generic[D]):
    """A slice and what its records say, as the job has it."""

    piece: Slice
    entries: D


class Job(Protocol[S, D]):
    """A role's work; it owns no I/O and may change the tables' states, which the engine writes afterwards."""

    def decode(self, piece: Slice) -> Decoded[D]:
        """Return what the records say.

        Raises:
            UnknownSchemaError: A schema id has not been learnt yet; nothing has been changed.
        """
        ...

    async def process(self, batch: Sequence[Decoded[D]], tables: Mapping[int, TablePartition[S]]) -> Sequence[Step]:
        """Return one step a slice, in the same order; slices of one partition build on each other."""
        ...

    def delivered(self, outputs: Sequence[Message]) -> None:
        """Take note that *outputs* are on the brokers."""
        ...

    def expire(self, table: TablePartition[S], committed: Mapping[str, int]) -> Step | None:
        """Remove what has had its time from *table*, given the committed offset by input topic.

        Called at an interval, never while `process` is under way; the step may also reach offsets of earlier slices.
        """
        ...
