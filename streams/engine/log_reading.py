"""Reads a partition of a changelog in bulk, from where it holds every state."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from schemas.records import Progress
from streams.engine.consuming import consume
from streams.engine.epochs import epoch_of
from streams.engine.table import PROGRESS_KEY

PATIENCE_SECONDS = 60.0
_BATCH = 1000  # what a whole assignment reads at once is soon more than all its states
_LAST = 10_000
_END = KafkaError._PARTITION_EOF  # noqa: SLF001 - librdkafka's name for it


class RestoreError(RuntimeError):
    """Raised when a partition's state cannot be read; the message says which and why."""


class ChangelogRecord(Protocol):
    """A record as librdkafka reads it."""

    def key(self) -> bytes: ...  # noqa: D102 - Kafka's own words
    def value(self) -> bytes | None: ...  # noqa: D102 - as above
    def headers(self) -> Sequence[tuple[str, bytes]] | None: ...  # noqa: D102 - as above
    def offset(self) -> int: ...  # noqa: D102 - as above


def batches(reader: Any, topic: str, partition: int, start: int) -> Iterator[tuple[list[Any], int]]:
    """Yield the records of a partition from *start* to its present end, which is yielded too.

    The end may be behind markers of transactions.
    """
    low, high = reader.get_watermark_offsets(TopicPartition(topic, partition), timeout=PATIENCE_SECONDS)
    if max(low, start) >= high:
        return
    reader.assign([TopicPartition(topic, partition, max(low, start))])
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found = consume(reader, _BATCH, 0.2)
        records = [record for record in found if record.error() is None]
        if records:
            deadline = time.monotonic() + PATIENCE_SECONDS
            yield records, high
        for record in found if len(records) < len(found) else ():
            if record.error() is None:
                continue
            if record.error().code() != _END:
                raise KafkaException(record.error())
            return
    raise RestoreError(f"{topic}[{partition}] gave no record for {PATIENCE_SECONDS:.0f} s; it ends at {high}")


def complete_since(reader: Any, topic: str, partition: int, progress: Callable[[bytes], Progress]) -> tuple[int, int]:
    """Return an offset from which on the partition holds every state, and the epoch of the owner then.

    That is what the last owner has said; zeros where nobody has. What an earlier owner has said is as good, only lower:
    whatever was written later is behind it as well.
    """
    low, high = reader.get_watermark_offsets(TopicPartition(topic, partition), timeout=PATIENCE_SECONDS)
    last = _LAST
    while high - last > low:
        owner, said = 0, b""
        for records, _ in batches(reader, topic, partition, high - last):
            for record in records:
                if record.key() == PROGRESS_KEY and (epoch := epoch_of(record.headers(), owner)) >= owner:
                    owner, said = epoch, record.value() or b""
        if said:
            found = progress(said)
            return found.since, found.since_epoch
        last *= 10  # all of that waits for a transaction to end, or progress has been compacted to further behind
    return 0, 0
