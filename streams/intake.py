"""From the bytes of a slice to events, or to the reason why a record is set aside."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from schemas.bounds import MAX_AHEAD_MS, ImpossibleValueError
from schemas.codec import DecodeError
from streams.engine.dead_letters import Cause
from streams.engine.job import Decoded
from streams.engine.murmur import partition_of
from streams.engine.slices import Record, Slice
from streams.learning import UnregisteredSchemaError


class Keyed(Protocol):
    """An event of a match."""

    @property
    def match_id(self) -> str: ...  # noqa: D102 - see schemas.records


E = TypeVar("E", bound=Keyed)
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a record is set aside."""

    cause: Cause
    reason: str


@dataclass(frozen=True, slots=True)
class Entry(Generic[R]):
    """One record and its event, or why there is none."""

    record: Record
    event: R | Refused


@dataclass(frozen=True, slots=True)
class Reader(Generic[R]):
    """How the records of one topic are read.

    Attributes:
        decode: Bytes to event; raises DecodeError, UnknownSchemaError.
        check: Raises ImpossibleValueError for what cannot be.
        event_time_ms: Event time of an event.
    """

    decode: Callable[[bytes], R]
    check: Callable[[R], None]
    event_time_ms: Callable[[R], int]


@dataclass(frozen=True, slots=True)
class Intake(Generic[E]):
    """Reads slices of topics which are keyed by match_id and have the same number of partitions."""

    readers: Mapping[str, Reader[E]]
    partitions: int

    def partition(self, match_id: str) -> int:
        """Return the partition to which the events of a match belong."""
        return partition_of(match_id.encode(), self.partitions)

    def decode(self, piece: Slice) -> Decoded[Sequence[Entry[E]]]:
        """Return an entry for each record; see Job.decode."""
        return Decoded(piece, [self.entry(piece, record) for record in piece.records])

    def entry(self, piece: Slice, record: Record) -> Entry[E]:
        """Return what one *record* of *piece* says."""
        return Entry(record, self._event(piece, record, self.readers[piece.topic]))

    def _event(self, piece: Slice, record: Record, reader: Reader[E]) -> E | Refused:
        key, value = record.key, record.value
        if not key:
            return Refused(Cause.EMPTY_KEY, "the key is empty")
        if value is None:
            return Refused(Cause.TOO_SHORT, "the value is null")
        event = read(value, reader)
        if isinstance(event, Refused):
            return event
        return self._misplaced(piece, record, event) or _ahead(record, reader.event_time_ms(event)) or event

    def _misplaced(self, piece: Slice, record: Record, event: E) -> Refused | None:
        key = record.key or b""
        if key != event.match_id.encode():
            return Refused(Cause.KEY_MISMATCH, f"the key is {key[:100]!r}, the match_id is {event.match_id!r}")
        right = partition_of(key, self.partitions)
        if piece.partition != right:
            reason = f"the partition is {piece.partition}, murmur2 of the key gives {right}"
            return Refused(Cause.WRONG_PARTITION, reason)
        return None


def read(value: bytes, reader: Reader[R]) -> R | Refused:
    """Return the event in *value*, or why it is none; an unknown schema id is raised."""
    try:
        event = reader.decode(value)
        reader.check(event)
    except DecodeError as error:
        return Refused(Cause(error.cause), str(error))
    except UnregisteredSchemaError as error:
        return Refused(Cause.UNREGISTERED_SCHEMA, str(error))
    except ImpossibleValueError as error:
        return Refused(Cause.IMPOSSIBLE_VALUE, str(error))
    return event


def _ahead(record: Record, event_time_ms: int) -> Refused | None:
    ahead = event_time_ms - record.timestamp
    if ahead <= MAX_AHEAD_MS:
        return None
    return Refused(Cause.FUTURE_EVENT, f"the event time is {ahead / 3_600_000:.1f} h after the record's timestamp")
