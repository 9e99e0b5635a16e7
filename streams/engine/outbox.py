"""One idempotent librdkafka producer which says when a batch has been delivered."""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

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
_BY_KEY = -1  # librdkafka's word for a partition that the key chooses
# Between two looks at the lease: it takes less than a millisecond to queue so many, and a tenth of the session time-out
# lies between the end of the lease and that of the session.
_QUEUED_AT_ONCE = 256


def _varint_bytes(number: int) -> int:
    """Return how many bytes *number*, zero or more, takes as a zigzag varint."""
    return max(1, -(-(number.bit_length() + 1) // 7))


class DeliveryError(RuntimeError):
    """Raised when the brokers did not take a record for another reason than its size."""


class Message(NamedTuple):
    """One record to be written: a tuple, since a frozen dataclass takes three times as long to make.

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
                "linger.ms": 0,  # what waits while others are on their way is a batch all the same
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
            # A fatal error, as of a producer that was fenced, is raised here once. Those who wait for a batch hear of
            # it by the reports of their records, which somebody has to go on taking in.
            with suppress(KafkaException):
                self._producer.poll(0.1)

    async def deliver(self, messages: Sequence[Message]) -> Delivery:
        """Write *messages* in their order and return when all are on the brokers.

        Raises:
            DeliveryError: At least one was refused for another reason than its size.
            LeaseError: The worker must not write any longer; nor in a RebalancedError just now.
        """
        if not messages:
            return Delivery()
        batch = _Batch(self._loop, messages, transactional=self.transactional)
        queued = 0
        async with self._order:
            while queued < len(messages) and not batch.over:
                self._check()
                some = messages[queued : queued + _QUEUED_AT_ONCE]
                taken = self._enqueue(some, batch)
                queued += taken
                if taken < len(some):
                    await asyncio.sleep(0.01)  # the queue is full: the brokers are slower than we are
        return await batch.done

    def _enqueue(self, messages: Sequence[Message], batch: "_Batch") -> int:
        """Return how many of *messages* are in the producer's queue or have failed; it had no room for more."""
        produce = self._producer.produce
        known_topic, known_partition, report = "", None, None
        known_headers: Sequence[tuple[str, bytes]] = ()
        header_list = None
        for taken, (topic, key, value, partition, headers, _) in enumerate(messages):
            number = _BY_KEY if partition is None else partition
            if number != known_partition or topic != known_topic:
                known_topic, known_partition, report = topic, number, batch.report_of(topic, number)
            if headers is not known_headers:
                known_headers, header_list = headers, list(headers)
            try:
                # By position, since names take half as long again: the two before the headers are not for us.
                produce(topic, value, key, number, report, None, 0, header_list)
            except BufferError:
                return taken
            except KafkaException as error:
                batch.fail(error.args[0], messages[taken])
                batch.count()
        return len(messages)

    async def close(self) -> None:
        """End the thread and wait for what is under way."""
        self._closed.set()
        await asyncio.to_thread(self._thread.join, 5)
        await asyncio.to_thread(self._producer.flush, 10)


class _Batch:
    """Hears what became of each record, mostly in the producer's thread, and resolves one future in the loop's.

    No lock is needed: each step is one that Python's threads cannot divide.

    Attributes:
        over: Whether what is heard from now on does not matter.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, messages: Sequence[Message], *, transactional: bool) -> None:
        self.done: asyncio.Future[Delivery] = loop.create_future()
        self.over = False
        self._loop, self._messages, self._transactional = loop, messages, transactional
        self._next_left = iter(range(len(messages) - 1, -1, -1)).__next__
        self._places: dict[tuple[str, int], _Place] = {}
        self._by_content: dict[tuple[str, bytes, bytes], list[Message]] = {}
        self._delivery = Delivery()
        self._error: DeliveryError | None = None

    def report_of(self, topic: str, partition: int) -> Callable[[Any, Any], None]:
        """Return what hears of the records for a partition, or of those whose partition their key chooses."""
        if partition == _BY_KEY:
            return lambda error, written: self.report_of(topic, written.partition())(error, written)
        return self._places.setdefault((topic, partition), _Place(self)).report

    def count(self) -> None:
        """Take note that one more record has been heard of."""
        if self._next_left() == 0:
            self._end()

    def not_taken(self, error: Any, written: Any) -> None:
        """Take note of a record that the brokers did not take; which one it was, its content tells."""
        if not self._by_content:
            for message in self._messages:
                self._by_content.setdefault(_content(*message[:3]), []).append(message)
        self.fail(error, self._by_content[_content(written.topic(), written.key(), written.value())].pop(0))

    def fail(self, error: Any, message: Message) -> None:
        """Take note that *message* was not taken."""
        if self.over:
            return
        if self._transactional and error.code() in _BROKEN:
            self._delivery.broken = True
        elif error.code() in _TOO_LARGE:
            self._delivery.refused.append(message)
        else:
            self._error = DeliveryError(f"{message.topic} did not take a record: {error.str()}")
            self._error.__cause__ = KafkaException(error)
        if self._transactional and (self._delivery.refused or self._error):
            self._end()

    def _end(self) -> None:
        self.over = True
        self._loop.call_soon_threadsafe(self._resolve)

    def _resolve(self) -> None:
        if self.done.done():
            return
        if self._error is not None:
            self.done.set_exception(self._error)
            return
        places, self._places = self._places, {}  # they know us: without them, what we hold goes when we do
        for place, heard in list(places.items()):
            offset = None if heard.last is None else heard.last.offset()
            if offset is not None:
                self._delivery.next_offsets[place] = offset + 1
        self.done.set_result(self._delivery)


class _Place:
    """Hears of a batch's records for one partition: as they are reported in its order, the last says where they end."""

    __slots__ = ("_batch", "_count", "last")

    def __init__(self, batch: _Batch) -> None:
        self._batch, self._count = batch, batch.count
        self.last: Any = None

    def report(self, error: Any, written: Any) -> None:
        """Hear of one record."""
        if error is None:
            self.last = written
        else:
            self._batch.not_taken(error, written)
        self._count()


def _content(topic: str, key: bytes | None, value: bytes | None) -> tuple[str, bytes, bytes]:
    return topic, key or b"", value or b""
