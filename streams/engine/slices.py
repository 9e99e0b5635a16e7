"""What the transport hands over: consecutive records of one partition."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class Record(Protocol):
    """One record as aiokafka reads it; ``timestamp`` in milliseconds since the epoch."""

    @property
    def key(self) -> bytes | None: ...  # noqa: D102 - Kafka's own words
    @property
    def value(self) -> bytes | None: ...  # noqa: D102
    @property
    def offset(self) -> int: ...  # noqa: D102
    @property
    def timestamp(self) -> int: ...  # noqa: D102
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...  # noqa: D102


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """Consecutive records of one partition, taken under one generation of the group.

    Attributes:
        records: At least one, in the order of their offsets.
        received_at_us: When the worker got them, microseconds since the epoch.
    """

    topic: str
    partition: int
    generation: int
    records: Sequence[Record]
    received_at_us: int

    @property
    def next_offset(self) -> int:
        """Return the offset after the last record."""
        return self.records[-1].offset + 1
