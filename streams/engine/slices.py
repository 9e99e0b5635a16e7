"""What the transport hands over: consecutive records of one partition."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol


class Record(Protocol):
    """One record as it is in the log; ``timestamp`` in milliseconds since the epoch."""

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

    def split(self, rows: int) -> "tuple[Slice, Slice]":
        """Return the first *rows* records and the others; there are more than that."""
        return replace(self, records=self.records[:rows]), replace(self, records=self.records[rows:])


def slices(
    fetched: Mapping[tuple[str, int], Sequence[Record]],
    generation: int,
    most: int,
    clock_ns: Callable[[], int] = time.time_ns,
) -> Iterator[Slice]:
    """Yield *fetched*, the records by topic and partition, in slices of up to *most* records."""
    received_at_us = clock_ns() // 1000
    for (topic, partition), records in fetched.items():
        for start in range(0, len(records), most):
            yield Slice(topic, partition, generation, records[start : start + most], received_at_us)
