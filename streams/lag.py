"""How far a group is behind, in records and in seconds, read from the log and never guessed.

Seconds are the age of the oldest record which is not committed yet. What retention has deleted and what only marks a
transaction is no record, so it is no lag. What could not be asked is not known, and is never shown as 0.
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import (
    OFFSET_INVALID,
    Consumer,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from streams.applications import INPUTS
from streams.brokers import BrokerError, once_ready, one_sentence, quiet
from streams.log_ends import Place, log_ends
from streams.settings import Settings

_PATIENCE_SECONDS = 5.0
_RECORDS, _WAIT_SECONDS, _MOMENT_SECONDS = 1000, 0.005, 0.03


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """How far a group is behind on one partition.

    Attributes:
        partition: -1 when not even the number of partitions is known.
        committed: Next offset of the group; None before its first commit.
        end: Offset after the last record a read_committed consumer may see; None when unknown.
        records_behind: NaN when unknown.
        seconds_behind: Age of the oldest record not yet committed; 0 when there is none, NaN when unknown.
        known: False when a query failed.
    """

    group: str
    topic: str
    partition: int
    committed: int | None
    end: int | None
    records_behind: float
    seconds_behind: float
    known: bool


@dataclass(frozen=True, slots=True)
class _Ends:
    committed: int | None
    low: int
    high: int

    @property
    def next(self) -> int:
        """Offset of the first record that is still there and not committed."""
        return self.low if self.committed is None else max(self.low, self.committed)


class LagReader:
    """Measures one group; owns two librdkafka clients, which neither join the group nor commit."""

    def __init__(
        self, settings: Settings, group: str, topics: Sequence[str], patience: float = _PATIENCE_SECONDS
    ) -> None:
        self.group = group
        self._settings = settings
        self._topics = topics
        self._patience = patience
        self._places: list[Place] = []
        self._admin = AdminClient(quiet(settings))
        self._reader = Consumer(
            quiet(
                settings,
                group_id=group,  # its own: the one group that this user is surely allowed to describe
                enable_auto_commit=False,
                enable_auto_offset_store=False,
                enable_partition_eof=True,
                isolation_level="read_committed",
                auto_offset_reset="earliest",
                fetch_wait_max_ms=10,
                fetch_queue_backoff_ms=1,  # a second otherwise, which we would wait for
                queued_min_messages=1,
                max_partition_fetch_bytes=64 * 1024,  # a larger batch comes whole, but only one in an answer
            )
        )

    def measure(self, now: Callable[[], float] = time.time) -> list[PartitionLag]:
        """Return the lag of every partition; *now* is in seconds since the epoch. Raises nothing."""
        try:
            with one_sentence(self._settings, f"reading the lag of {self.group}"):
                self._places = self._find_places()
                ends = self._find_ends()
                oldest = self._read_oldest(
                    {place: found.next for place, found in ends.items() if found.next < found.high}
                )
        except BrokerError:
            return [self._unknown(place) for place in self._places or [(topic, -1) for topic in self._topics]]
        return [self._lag(place, ends[place], oldest, now()) for place in self._places]

    def close(self) -> None:
        """Give the clients back."""
        self._reader.close()

    def _find_places(self) -> list[Place]:
        places = []
        for topic in self._topics:
            found = self._reader.list_topics(topic, timeout=self._patience).topics[topic]
            if found.error is not None:
                raise KafkaException(found.error)
            places += [(topic, partition) for partition in sorted(found.partitions)]
        return places

    def _find_ends(self) -> dict[Place, _Ends]:
        where = [TopicPartition(*place) for place in self._places]
        committed = once_ready(lambda: self._committed(where), self._patience)
        ends = log_ends(self._admin, self._places, self._patience)  # after it: what comes between is no negative lag
        return {place: _Ends(committed[place], *ends[place]) for place in self._places}

    def _committed(self, where: Sequence[TopicPartition]) -> dict[Place, int | None]:
        # Not by the client for administration: librdkafka's ends the whole process when a coordinator starts or moves.
        found = self._reader.committed(list(where), timeout=self._patience)
        return {(each.topic, each.partition): _offset(each) for each in found}

    def _read_oldest(self, starts: Mapping[Place, int]) -> dict[Place, tuple[int, int] | None]:
        """Return offset and timestamp of the first record at or after each start; None where there is none.

        A place that did not answer in time is left out.
        """
        found: dict[Place, tuple[int, int] | None] = {}
        deadline = time.monotonic() + self._patience
        try:
            # Places that have answered leave, since a broker gives the others little while the first ones have more.
            while (missing := [place for place in starts if place not in found]) and time.monotonic() < deadline:
                self._reader.assign([TopicPartition(*place, starts[place]) for place in missing])
                found |= self._first_records(missing)
        finally:
            self._reader.unassign()
        return found

    def _first_records(self, places: Sequence[Place]) -> dict[Place, tuple[int, int] | None]:
        """Return what came of *places* within a moment of the first one."""
        found: dict[Place, tuple[int, int] | None] = {}
        until = time.monotonic() + self._patience
        while len(found) < len(places) and time.monotonic() < until:
            for record in self._reader.consume(_RECORDS, _WAIT_SECONDS):
                place = (record.topic(), record.partition())
                if place in places and place not in found:
                    found[place] = _first(record)
                    until = min(until, time.monotonic() + _MOMENT_SECONDS)
        return found

    def _lag(
        self, place: Place, ends: _Ends, oldest: Mapping[Place, tuple[int, int] | None], now: float
    ) -> PartitionLag:
        behind, seconds = 0.0, 0.0
        if ends.next < ends.high:
            if place not in oldest:
                return self._unknown(place)
            first = oldest[place]
            if first is not None:
                offset, timestamp = first
                behind, seconds = float(ends.high - offset), max(0.0, now - timestamp / 1000)
        return PartitionLag(self.group, *place, ends.committed, ends.high, behind, seconds, known=True)

    def _unknown(self, place: Place) -> PartitionLag:
        return PartitionLag(self.group, *place, None, None, math.nan, math.nan, known=False)


def group_lag(settings: Settings, group: str, topics: Sequence[str]) -> list[PartitionLag]:
    """Return the lag of *group* on every partition of *topics* (names on the brokers), once."""
    reader = LagReader(settings, group, topics)
    try:
        return reader.measure()
    finally:
        reader.close()


def role_reader(settings: Settings, role: str) -> LagReader:
    """Return a reader of the lag of *role*, by the names which its group and inputs have on the brokers."""
    return LagReader(settings, settings.group(role), [settings.topic(name) for name in INPUTS[role]])


def total_behind(lags: Iterable[PartitionLag]) -> float:
    """Return the records behind over all partitions; NaN when one is not known."""
    return math.fsum(lag.records_behind for lag in lags)


def _first(record: Any) -> tuple[int, int] | None:
    error = record.error()
    if error is None:
        return record.offset(), record.timestamp()[1]
    if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's name: nothing but markers up to the end
        return None
    raise KafkaException(error)


def _offset(found: Any) -> int | None:
    if found.error is not None:
        raise KafkaException(found.error)
    return None if found.offset == OFFSET_INVALID else int(found.offset)
