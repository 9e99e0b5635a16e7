"""Reads predictions while they come: what they say, and how long they took."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from confluent_kafka import Consumer, KafkaError, TopicPartition

from schemas.codec import Codec
from schemas.records import Prediction
from streams.brokers import quiet
from streams.playing.errors import PlayError
from streams.playing.log_ends import LogEnds
from streams.settings import Settings

_RECENT_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Pulse:
    """How fast predictions come at present.

    Attributes:
        per_second: Predictions a second, over the last seconds.
        p50_ms: From source timestamp to the prediction in our hands; None before any. So for p99_ms.
    """

    per_second: float = 0.0
    p50_ms: float | None = None
    p99_ms: float | None = None


def quantile(values: Sequence[float], share: float) -> float | None:
    """Return the smallest of *values* at or below which *share* of them lie; None of none.

    >>> quantile([3.0, 1.0, 2.0, 4.0], 0.5), quantile([], 0.5)
    (2.0, None)
    """
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, ceil(len(ordered) * share) - 1)]


class Watch:
    """A thread with a consumer of all partitions of a prefix's predictions, from where they end at the start.

    Attributes:
        latencies_ms: From source timestamp to the prediction in our hands, one each.
    """

    def __init__(
        self,
        settings: Settings,
        codec: Codec[Prediction],
        each: Callable[[Prediction], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ends = LogEnds(settings, "predictions")
        self._topic = self._ends.topic
        self._codec = codec
        self._each = each
        self._clock = clock
        self._consumer = Consumer(
            quiet(
                settings,
                group_id=f"{settings.topic_prefix}watch",
                enable_auto_commit=False,
                isolation_level="read_committed",
                fetch_wait_max_ms=5,
                enable_partition_eof=True,  # the end may lie behind the markers of a transaction
                auto_offset_reset="earliest",
            )
        )
        self.latencies_ms: list[float] = []
        self._recent: deque[tuple[float, float]] = deque()
        self._lock = threading.Lock()
        self._next: dict[int, int] = {}
        self._ended = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Begin to read what comes from now on."""
        self._next = self._ends()
        self._consumer.assign([TopicPartition(self._topic, *place) for place in self._next.items()])
        self._thread.start()

    def _run(self) -> None:
        try:
            while not self._ended.is_set():
                record = self._consumer.poll(0.1)
                if record is None:
                    continue
                if record.error() is None:
                    self._take(record)
                elif record.error().code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's name for it
                    self._next[record.partition()] = record.offset()
        except BaseException as error:  # noqa: BLE001 - told to whoever waits for us
            self._error = error

    def _take(self, record: Any) -> None:
        prediction = self._codec.decode(record.value())
        now = self._clock()
        latency = max(0.0, now * 1000 - prediction.source_timestamp_ms)
        with self._lock:
            self.latencies_ms.append(latency)
            self._recent.append((now, latency))
        self._each(prediction)
        self._next[record.partition()] = record.offset() + 1

    def pulse(self) -> Pulse:
        """Return the pulse of the last seconds."""
        now = self._clock()
        with self._lock:
            while self._recent and self._recent[0][0] < now - _RECENT_SECONDS:
                self._recent.popleft()
            recent = list(self._recent)
        if not recent:
            return Pulse()
        seconds = max(1.0, now - recent[0][0])
        latencies = [latency for _, latency in recent]
        return Pulse(len(recent) / seconds, quantile(latencies, 0.5), quantile(latencies, 0.99))

    def wait_for_the_end(self, patience: float = 30.0) -> None:
        """Return once everything which is in the topic now has been read.

        Raises:
            PlayError: It could not be read, or not in time.
        """
        ends = self._ends()
        until = time.monotonic() + patience
        while any(self._next[partition] < end for partition, end in ends.items()):
            if self._error is not None:
                raise PlayError(f"{self._topic} cannot be read: {self._error}") from self._error
            if time.monotonic() > until:
                raise PlayError(f"{self._topic} was not read to its end in {patience:.0f} s")
            time.sleep(0.01)

    def close(self) -> None:
        """End the thread and give the consumer back."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        self._consumer.close()
