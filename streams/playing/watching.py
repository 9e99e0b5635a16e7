"""Reads a topic while it grows, and measures how long predictions took."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Generic, TypeVar

from schemas.codec import Codec, DecodeError, UnknownSchemaError
from schemas.records import Prediction
from streams.following import Follower
from streams.patient_registry import PatientRegistry
from streams.playing.errors import PlayError
from streams.registry_errors import RegistryUnavailableError, SchemaNotFoundError
from streams.settings import Settings

_RECENT_SECONDS = 15.0

R = TypeVar("R")


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


@dataclass(slots=True)
class Stopwatch:
    """Measures predictions as they come; of those whose cause is older than *since_ms* nothing is learnt.

    Attributes:
        latencies_ms: From source timestamp to the prediction in our hands, one each.
    """

    since_ms: float = 0.0
    clock: Callable[[], float] = time.time
    latencies_ms: list[float] = field(default_factory=list)
    _recent: deque[tuple[float, float]] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, prediction: Prediction) -> None:
        """Measure *prediction*, which has just been read."""
        now = self.clock()
        if prediction.source_timestamp_ms < self.since_ms:
            return
        latency = max(0.0, now * 1000 - prediction.source_timestamp_ms)
        with self._lock:
            self.latencies_ms.append(latency)
            self._recent.append((now, latency))

    def pulse(self) -> Pulse:
        """Return the pulse of the last seconds."""
        now = self.clock()
        with self._lock:
            while self._recent and self._recent[0][0] < now - _RECENT_SECONDS:
                self._recent.popleft()
            recent = list(self._recent)
        if not recent:
            return Pulse()
        latencies = [latency for _, latency in recent]
        seconds = max(1.0, now - recent[0][0])
        return Pulse(len(recent) / seconds, quantile(latencies, 0.5), quantile(latencies, 0.99))


def learning(codec: Codec[R], registry: PatientRegistry) -> Callable[[bytes], R]:
    """Return a decoder which asks the registry for the schemas it meets."""

    def decode(data: bytes) -> R:
        try:
            return codec.decode(data)
        except UnknownSchemaError as error:
            codec.learn(error.schema_id, registry.fetch(error.schema_id))
            return codec.decode(data)

    return decode


class Watch(Generic[R]):
    """Hands on what is written to a topic, in a thread; what cannot be decoded is left out."""

    def __init__(self, settings: Settings, topic: str, decode: Callable[[bytes], R], each: Callable[[R], None]) -> None:
        self._follower = Follower(settings, topic, self._take)
        self._decode = decode
        self._each = each

    def start(self, since_ms: int | None = None) -> None:
        """Begin to read what comes from now on, or what came since a time, milliseconds since the epoch."""
        self._follower.start(since_ms)

    def _take(self, _topic_id: str, records: Sequence[Any]) -> None:
        for record in records:
            # What cannot be decoded, the workers set aside and say so; what the registry does not tell is not shown.
            with suppress(DecodeError, SchemaNotFoundError, RegistryUnavailableError):
                self._each(self._decode(record.value() or b""))

    def wait_for_the_end(self, patience: float = 30.0) -> None:
        """Return once everything which is in the topic now has been read.

        Raises:
            PlayError: It could not be read, or not in time.
        """
        try:
            self._follower.wait_until_read(patience)
        except RuntimeError as error:
            raise PlayError(str(error)) from error

    def close(self) -> None:
        """End the thread and give the consumer back."""
        self._follower.close()
