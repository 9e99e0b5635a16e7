"""Fetches records with librdkafka, which decodes, checks and filters them in threads of its own.

A record among many costs aiokafka as little, but one that comes alone costs it three times as much: it writes a request
for all partitions and reads the answer about all of them in Python, while the work of the record before waits for the
interpreter lock. It keeps the place in the group and the commits.
"""

import time
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from streams.engine.consuming import assign
from streams.engine.ledger import Place

# They pass: librdkafka asks again. Whatever else a partition answers would be passed over in silence.
_PASSING = frozenset(
    {
        KafkaError._TRANSPORT,  # noqa: SLF001 - librdkafka's names for them
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001
        KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
    }
)

# Between two readings, at least: a record that comes alone costs as much as ten, and while it is worked on others wait.
# One that comes after a pause is read at once; at 1,000 records a second this saves a quarter of the worker's time, and
# with it more waiting than it costs.
APART_SECONDS: Final = 0.002

# And this longer for each record of the reading before, up to a limit: at 5,000 records a second it saves a sixth of
# the worker's time, and p99 was lower in each of two pairs of runs; at 10,000 an eighth, p99 within the noise.
_APART_SECONDS_PER_RECORD = 0.00015
_LONGER_APART_SECONDS = 0.003

GATHERING_SECONDS: Final = 0.05
GATHERED_BYTES: Final = 128 * 1024
GATHERED: Final[Mapping[str, object]] = {
    "fetch.min.bytes": GATHERED_BYTES,
    "fetch.wait.max.ms": int(1000 * GATHERING_SECONDS),
}
"""For whom nobody waits: brokers answer with what has come together, and not to each record alone."""


class Fetched(NamedTuple):
    """One record; ``timestamp`` in milliseconds since the epoch."""

    key: bytes | None
    value: bytes | None
    offset: int
    timestamp: int
    headers: tuple[tuple[str, bytes], ...]


class Reader:
    """Reads the partitions it is told to, from where it is told to; it joins no group and commits nothing.

    Its methods block. Only pause and resume may be called while another is under way.

    Args:
        config: Of librdkafka.
        apart_seconds: Between two readings, at least.
    """

    def __init__(self, config: Mapping[str, object], apart_seconds: float = APART_SECONDS) -> None:
        self._apart_seconds = apart_seconds
        self._consumer = Consumer(
            {
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "error",
                "check.crcs": True,
                "fetch.max.bytes": 8 * 1024 * 1024,
                "fetch.queue.backoff.ms": 5,  # a second otherwise, for which a full queue could run dry
                "fetch.wait.max.ms": 100,  # partitions which are added wait for the answer about those before
                "queued.max.messages.kbytes": 16 * 1024,
                "reconnect.backoff.max.ms": 1000,
                "log_level": 3,
                **config,
            }
        )
        self._paused: set[Place] = set()
        self._next = 0.0  # when it may be read again

    def assign(self, positions: Mapping[Place, int]) -> None:
        """Read what is at *positions* from now on, and nothing else."""
        self.resume(self._paused.copy())
        assign(self._consumer, [TopicPartition(*place, offset) for place, offset in positions.items()])

    def pause(self, places: AbstractSet[Place]) -> None:
        """Read no further in *places*."""
        self._consumer.pause([TopicPartition(*place) for place in places])
        self._paused |= places

    def resume(self, places: AbstractSet[Place]) -> None:
        """Read on in *places*."""
        self._consumer.resume([TopicPartition(*place) for place in places])
        self._paused -= places

    def read(self, most: int, seconds: float) -> dict[Place, list[Fetched]]:
        """Return up to *most* records which are there, by partition; wait up to *seconds* for the first.

        Raises:
            KafkaException: A partition cannot be read on: the offset is no longer in the log, access is refused.
        """
        first = self._consumer.poll(seconds)
        if first is None:
            return {}
        time.sleep(max(self._next - time.monotonic(), 0.0))  # what comes meanwhile is read with it
        now = time.monotonic()
        messages = (first, *self._consumer.consume(most - 1, 0))
        longer = min(len(messages) * _APART_SECONDS_PER_RECORD, _LONGER_APART_SECONDS)
        self._next = now + self._apart_seconds + longer
        found: dict[Place, list[Fetched]] = {}
        for message in messages:
            error = message.error()
            if error is None:
                found.setdefault((message.topic(), message.partition()), []).append(_record(message))
            elif error.code() not in _PASSING:
                raise KafkaException(error)
        return found

    def close(self) -> None:
        """Give the client back."""
        self._consumer.close()


def _record(message: Any) -> Fetched:
    return Fetched(
        message.key(), message.value(), message.offset(), message.timestamp()[1], tuple(message.headers() or ())
    )
