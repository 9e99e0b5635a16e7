"""Records which are in the log only, read again by their offsets."""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from streams.engine.consuming import consume

_PATIENCE_SECONDS = 30.0
_NEAR = 2000  # records; what lies further off is gone to directly
_AT_ONCE = 500
_GONE = (KafkaError._PARTITION_EOF, KafkaError._AUTO_OFFSET_RESET)  # noqa: SLF001 - librdkafka's names

Position = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class ReadBack:
    """A record as it is in the log, or what is known of it where the log has it no more.

    Attributes:
        timestamp: Milliseconds since the epoch.
    """

    key: bytes | None
    offset: int
    timestamp: int
    value: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = field(default=())


def read_back(config: Mapping[str, object], positions: Collection[Position]) -> dict[Position, ReadBack]:
    """Return the records at *positions* (topic, partition, offset); those which the log has no more are left out.

    Blocking: it is called from a thread of its own.

    Raises:
        KafkaException: The brokers refuse or do not answer.
    """
    reader = Consumer(
        {
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            "log_level": 3,
            **config,
        }
    )
    found: dict[Position, ReadBack] = {}
    try:
        for topic, partition in sorted({position[:2] for position in positions}):
            low, high = reader.get_watermark_offsets(TopicPartition(topic, partition), timeout=_PATIENCE_SECONDS)
            wanted = sorted(position[2] for position in positions if position[:2] == (topic, partition))
            for near in _near_ones([offset for offset in wanted if low <= offset < high]):
                found |= _read(reader, topic, partition, near)
    finally:
        reader.close()
    return found


def _near_ones(offsets: Sequence[int]) -> Iterator[list[int]]:
    """Yield ascending *offsets* in runs which are worth reading through."""
    run: list[int] = []
    for offset in offsets:
        if run and offset - run[-1] > _NEAR:
            yield run
            run = []
        run.append(offset)
    if run:
        yield run


def _read(reader: Any, topic: str, partition: int, offsets: Sequence[int]) -> dict[Position, ReadBack]:
    reader.assign([TopicPartition(topic, partition, offsets[0])])
    found: dict[Position, ReadBack] = {}
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        for record in consume(reader, _AT_ONCE, 0.2):
            deadline = time.monotonic() + _PATIENCE_SECONDS
            error = record.error()
            if error is not None and error.code() not in _GONE:
                raise KafkaException(error)
            if error is None and record.offset() in offsets:
                found[topic, partition, record.offset()] = _as_read(record)
            if error is not None or record.offset() >= offsets[-1]:
                return found
    raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"{topic}[{partition}] gave no record"))  # noqa: SLF001 - librdkafka's name


def _as_read(record: Any) -> ReadBack:
    return ReadBack(record.key(), record.offset(), record.timestamp()[1], record.value(), tuple(record.headers() or ()))
