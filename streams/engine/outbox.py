"""One idempotent librdkafka producer which says when a batch has been delivered."""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from streams.engine.slices import Record, Slice

_TOO_LARGE = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE})
# What is said of records whose transaction something else has broken, be it one that is told later or none at all.
_BROKEN = frozenset(
    {
        KafkaError._PURGE_QUEUE,  # noqa: SLF001 - librdkafka's names for them
        KafkaError._PURGE_INFLIGHT,  # noqa: SLF001
        KafkaError._STATE,  # noqa: SLF001
        KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER,
    }
)
LARGEST_RECORD_BYTES = 50 * 1024 * 1024  # ours is not the limit: the topic's is


_BATCH_HEADER_BYTES = 61


def _varint_bytes(number: int) -> int:
    """Return how many bytes *number*, zero or more, takes as a zigzag varint."""
    return max(1, -(-(number.bit_length() + 1) // 7))


class DeliveryError(RuntimeError):
    """Raised when the brokers did not take a record for another reason than its size."""


@dataclass(frozen=True, slots=True, eq=False)
class Message:
    """One record to be written.

    Attributes:
        partition: None lets murmur2 of the key choose, as Kafka's own clients do.
        source: The record it stands for, so that it can be dead-lettered when this one is too large.
    """

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None
    headers: Sequence[tuple[str, bytes]] = ()
    source: tuple[Slice, Record] | None = None

    @property
    def batch_bytes(self) -> int:
        """Return the bytes of a batch with this record alone, which a topic compares with its max.message.bytes.

        Kafka's message format 2: 61 bytes, then attributes, two deltas (0) and the lengths of what is in the record.
        """
        parts = [self.key or b"", self.value or b"", *(part for name, value in self.headers for part in (name, value))]
        fields = sum(_varint_bytes(len(part)) + len(part) for part in parts)
        record = 3 + _varint_bytes(len(self.headers)) + fields
        return _BATCH_HEADER_BYTES + _varint_bytes(record) + record


@dataclass(slots=True)
class Delivery:
    """What came of a batch.

    Attributes:
        next_offsets: Offset after the last record written, by topic and partition.
        refused: Messages too large for their topic.
        broken: Whether a transaction has to be taken back, also without a refusal.
    """

    next_offsets: dict[tuple[str, int], int] = field(default_factory=dict)
    refused: list[Message] = field(default_factory=list)
    broken: bool = False


class Outbox:
    """Writes batches and tells when each is on the brokers; owns one producer and the thread which serves it.

    Attributes:
        transactional: Whether a record that is not taken takes the whole batch with it.
    """

    transactional = False

    def __init__(
        self,
        config: Mapping[str, object],
        loop: asyncio.AbstractEventLoop,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._loop = loop
        self._check = check
        self._producer = Producer(
            {
                "enable.idempotence": True,
                "partitioner": "murmur2_random",
                "linger.ms": 2,
                "message.max.bytes": LARGEST_RECORD_BYTES,
                "queue.buffering.max.messages": 1_000_000,
                "log_level": 3,
                **config,
            }
        )
        self._order = asyncio.Lock()  # batches enter the producer's queue whole, also when it is full
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="outbox", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._closed.is_set():
            self._producer.poll(0.1)

    async def deliver(self, messages: Sequence[Message]) -> Delivery:
        """Write *messages* in their order and return when all are on the brokers.

        Raises:
            DeliveryError: At least one was refused for another reason than its size.
            LeaseError: The worker must not write any longer; nor in a RebalancedError just now.
        """
        if not messages:
            return Delivery()
        batch = _Batch(self._loop, len(messages), transactional=self.transactional)
        async with self._order:
            for message in messages:
                if batch.over:
                    break
                await self._produce(message, batch)
        return await batch.done

    async def _produce(self, message: Message, batch: "_Batch") -> None:
        partition = {} if message.partition is None else {"partition": message.partition}
        while True:
            self._check()
            try:
                self._producer.produce(
                    message.topic,
                    message.value,
                    message.key,
                    headers=list(message.headers),
                    on_delivery=batch.report(message),
                    **partition,
                )
            except BufferError:
                await asyncio.sleep(0.01)  # the queue is full: the brokers are slower than we are
            except KafkaException as error:
                batch.count(message, error.args[0], None)
                return
            else:
                return

    async def close(self) -> None:
        """Wait for what is under way and end the thread."""
        await asyncio.to_thread(self._producer.flush, 10)
        self._closed.set()
        await asyncio.to_thread(self._thread.join, 5)


class _Batch:
    """Counts delivery reports, which come in the producer's thread, and resolves one future in the loop's."""

    def __init__(self, loop: asyncio.AbstractEventLoop, size: int, *, transactional: bool) -> None:
        self.done: asyncio.Future[Delivery] = loop.create_future()
        self.over = False
        self._transactional = transactional
        self._loop = loop
        self._left = size
        self._lock = threading.Lock()
        self._delivery = Delivery()
        self._error: DeliveryError | None = None

    def report(self, message: Message) -> Any:
        return lambda error, written: self.count(message, error, written)

    def count(self, message: Message, error: Any, written: Any) -> None:
        with self._lock:
            if self.over:
                return
            if error is None:
                where = (written.topic(), written.partition())
                self._delivery.next_offsets[where] = max(
                    self._delivery.next_offsets.get(where, 0), written.offset() + 1
                )
            elif self._transactional and error.code() in _BROKEN:
                self._delivery.broken = True
            elif error.code() in _TOO_LARGE:
                self._delivery.refused.append(message)
            else:
                self._error = DeliveryError(f"{message.topic} did not take a record: {error.str()}")
                self._error.__cause__ = KafkaException(error)
            self._left -= 1
            if self._left == 0 or (self._transactional and (self._delivery.refused or self._error)):
                self.over = True
                self._loop.call_soon_threadsafe(self._resolve)

    def _resolve(self) -> None:
        if self.done.done():
            return
        if self._error is None:
            self.done.set_result(self._delivery)
        else:
            self.done.set_exception(self._error)
