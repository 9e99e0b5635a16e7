"""Lag for Prometheus: measured by a thread of its own at an interval, so that a scrape never waits for a broker.

What is shown is as of the scrape: where a group has committed nothing from one measure to the next, the record that
waits has become older since; a measure that is too old, since the brokers do not answer, is not known any more.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from streams.lag import PartitionLag

Committed = Mapping[tuple[str, str, int], int | None]

_NEVER = -1  # Kafka's own word for a group that has not committed
_OLD_SECONDS = 6.0  # one question may be waited for so long; see streams.lag
_REST, _LONGEST_REST = 4.0, 3.0  # times what a measure took, so that it costs little where there is much to read; s


class Measures(Protocol):
    """Measures the lag of one group; see streams.lag.LagReader."""

    def measure(self) -> list[PartitionLag]: ...  # noqa: D102 - as LagReader's
    def close(self) -> None: ...  # noqa: D102


class LagCollector(Collector):
    """Shows the last measured lag of some groups; start() it, and stop() it before the process ends.

    Attributes:
        interval: Seconds between two measures, at least.
        clock: In seconds; monotonic.
    """

    def __init__(
        self, readers: Sequence[Measures], interval: float = 0.5, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.interval = interval
        self.clock = clock
        self._readers = readers
        self._measured: tuple[float, Sequence[PartitionLag], Committed] = (0.0, (), {})
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="lag", daemon=True)

    def start(self) -> None:
        """Begin to measure, at once and then again and again."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread, and give the readers' clients back."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Yield the metrics without a value, so that registering asks no broker."""
        yield from _families()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the last measure as of now; offsets that are not known are left out."""
        families = behind, seconds, known, committed, ends = _families()
        newest: dict[tuple[str, str], int] = {}  # several groups may read a topic
        at, lags, before = self._measured
        for lag in _aged(lags, before, self.clock() - at):
            labels = [lag.group, lag.topic, str(lag.partition)]
            behind.add_metric(labels, lag.records_behind)
            seconds.add_metric(labels, lag.seconds_behind)
            known.add_metric(labels, float(lag.known))
            if lag.known and lag.end is not None:
                committed.add_metric(labels, _NEVER if lag.committed is None else lag.committed)
                newest[lag.topic, str(lag.partition)] = lag.end
        for where, end in newest.items():
            ends.add_metric(where, end)
        yield from families

    def _serve(self) -> None:
        before: Committed = {}
        while not self._stopped.is_set():
            began = self.clock()
            lags = [lag for reader in self._readers for lag in reader.measure()]
            self._measured = (self.clock(), lags, before)
            before = {_place(lag): lag.committed for lag in lags}
            self._stopped.wait(max(self.interval, min(_REST * (self.clock() - began), _LONGEST_REST)))
        for reader in self._readers:
            reader.close()


def _aged(lags: Sequence[PartitionLag], before: Committed, seconds: float) -> Iterator[PartitionLag]:
    """Yield *lags* as they are *seconds* after they were measured; *before* that, so much was committed."""
    for lag in lags:
        if seconds > _OLD_SECONDS:
            yield replace(lag, records_behind=math.nan, seconds_behind=math.nan, known=False)
        elif lag.seconds_behind and before.get(_place(lag), _NEVER) == lag.committed:
            yield replace(lag, seconds_behind=lag.seconds_behind + seconds)
        else:
            yield lag


def _place(lag: PartitionLag) -> tuple[str, str, int]:
    return lag.group, lag.topic, lag.partition


def _families() -> Sequence[GaugeMetricFamily]:
    return (
        GaugeMetricFamily(
            "kafka_consumergroup_lag",
            "Records which the group has not committed yet; NaN when unknown.",
            labels=["consumergroup", "topic", "partition"],
        ),
        GaugeMetricFamily(
            "kafka_consumergroup_group_lag_seconds",
            "Age of the oldest record not committed yet, read from the log; NaN when unknown.",
            labels=["group", "topic", "partition"],
        ),
        GaugeMetricFamily(
            "touchline_lag_known", "1 when the lag could be read, else 0.", labels=["group", "topic", "partition"]
        ),
        GaugeMetricFamily(
            "kafka_consumergroup_current_offset",
            "Next offset of the group, -1 before its first commit; absent when unknown.",
            labels=["consumergroup", "topic", "partition"],
        ),
        GaugeMetricFamily(
            "kafka_topic_partition_current_offset",
            "Offset after the last record that a reader of committed ones may see; absent when unknown.",
            labels=["topic", "partition"],
        ),
    )
