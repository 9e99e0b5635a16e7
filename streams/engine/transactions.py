"""A producer whose deliveries count from the commit of their transaction on, and who commits offsets with it."""

import asyncio
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from streams.engine.lease import LeaseError, RebalancedError
from streams.engine.ledger import Place
from streams.engine.outbox import DeliveryError, Message, Outbox

# What a worker that fell has left open is ended by the brokers after this time, or ten seconds later; until then those
# who read committed records wait. Messages may not live longer than their transaction.
TIMEOUT_MS = 10_000
_PATIENCE_SECONDS = 15.0
_START_SECONDS = 30.0
_FENCED = frozenset(
    {
        KafkaError._FENCED,  # noqa: SLF001 - librdkafka's name for it
        KafkaError.PRODUCER_FENCED,
        KafkaError.INVALID_PRODUCER_EPOCH,
    }
)
_LEFT_BEHIND = frozenset({KafkaError.ILLEGAL_GENERATION, KafkaError.UNKNOWN_MEMBER_ID, KafkaError.FENCED_INSTANCE_ID})


class FencedError(LeaseError):
    """Raised when work cannot be committed any longer, since its partitions may be another worker's."""


@dataclass(frozen=True, slots=True)
class Membership:
    """As what a worker belongs to its group; generation -1 and no member id after it has lost its place."""

    group: str
    generation: int
    member_id: str

    @property
    def metadata(self) -> bytes:
        """Return what librdkafka takes for the metadata of a group's member without an instance id.

        The layout is that of rd_kafka_consumer_group_metadata_write in librdkafka 2.
        """
        ids = b"".join(text.encode() + b"\0" for text in (self.group, self.member_id))
        return b"CGMDv2:" + struct.pack("<i", self.generation) + ids + b"\x01"


def transactional(config: Mapping[str, object], transactional_id: str) -> dict[str, object]:
    """Return *config* for a producer of transactions; a successor under the same id ends what is left of its last."""
    timeout = min(int(str(config.get("message.timeout.ms", TIMEOUT_MS))), TIMEOUT_MS)
    return {
        **config,
        "transactional.id": transactional_id,
        "transaction.timeout.ms": TIMEOUT_MS,
        "message.timeout.ms": timeout,
    }


class TransactionalOutbox(Outbox):
    """An outbox whose deliveries count from the commit of their transaction on.

    Attributes:
        turn: Held by whoever has a transaction under way.
    """

    transactional = True

    def __init__(
        self,
        config: Mapping[str, object],
        loop: asyncio.AbstractEventLoop,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(config, loop, check)
        self.turn = asyncio.Lock()
        # Of our own: all threads of the loop's may be restoring partitions, and waiting for a transaction of ours.
        self._caller = ThreadPoolExecutor(1, "transactions")
        self._waiting: list[tuple[Sequence[Message], asyncio.Future[Mapping[Place, int]]]] = []

    async def close(self) -> None:
        """Wait for what is under way and end the threads."""
        await super().close()
        self._caller.shutdown()

    async def open(self) -> None:
        """End what a predecessor has left, and get ready.

        Raises:
            DeliveryError: The brokers did not let us.
        """
        await self._call(lambda: self._producer.init_transactions(_START_SECONDS), "did not let transactions begin")

    async def begin(self) -> None:
        """Begin a transaction."""
        await self._call(self._producer.begin_transaction, "did not begin a transaction")

    async def commit(self, offsets: Mapping[Place, int], member: Membership) -> None:
        """Commit what was delivered since `begin`, with *offsets* of the group if there are any.

        Raises:
            FencedError: Another worker has taken over.
            DeliveryError: It was not committed, or the brokers did not answer in time.
        """
        places = [TopicPartition(topic, partition, offset) for (topic, partition), offset in offsets.items()]

        def send() -> None:
            self._producer.send_offsets_to_transaction(places, member.metadata, _PATIENCE_SECONDS)

        if places:
            await self._call(send, "did not take the offsets of a transaction")
        await self._commit()

    async def abort(self) -> None:
        """Take back what was delivered since `begin`."""
        await self._call(lambda: self._producer.abort_transaction(_PATIENCE_SECONDS), "did not take back a transaction")

    async def write(self, messages: Sequence[Message]) -> Mapping[Place, int]:
        """Write *messages*, with those of other callers who wait, in one transaction; return the offsets after them."""
        written: asyncio.Future[Mapping[Place, int]] = self._loop.create_future()
        self._waiting.append((messages, written))
        async with self.turn:
            if not written.done():
                await self._write_waiting()
        return await written

    async def _write_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        try:
            found = await self._in_one([message for messages, _ in waiting for message in messages])
        except Exception as error:  # noqa: BLE001 - each of those who wait hears of it
            for _, written in waiting:
                written.set_exception(error)
        else:
            for _, written in waiting:
                written.set_result(found)

    async def _in_one(self, messages: Sequence[Message]) -> Mapping[Place, int]:
        await self.begin()
        try:
            delivery = await self.deliver(messages)
            if not delivery.broken and not delivery.refused:
                await self._commit()
                return delivery.next_offsets
        except RebalancedError:  # we go on without them
            await self.abort()
            raise
        await self.abort()
        raise DeliveryError(
            f"{delivery.refused[0].topic} does not take a record so large"
            if delivery.refused
            else f"{messages[0].topic} did not take its part of a transaction"
        )

    async def _commit(self) -> None:
        self._check()
        await self._call(lambda: self._producer.commit_transaction(_PATIENCE_SECONDS), "did not commit a transaction")

    async def _call(self, call: Callable[[], object], failure: str) -> None:
        try:
            await self._loop.run_in_executor(self._caller, _retried, call)
        except KafkaException as error:
            raise _explained(error, failure) from error


def _explained(error: KafkaException, failure: str) -> Exception:
    code, text = error.args[0].code(), error.args[0].str()
    if code in _FENCED:
        return FencedError(
            "the brokers let nobody else commit: the transaction took longer than 10 s, or another worker has the same "
            "TOUCHLINE_WORKER_NAME"
        )
    if code in _LEFT_BEHIND:
        return FencedError("the group has gone on without this worker")
    return DeliveryError(f"the brokers {failure}: {text}")


def _retried(call: Callable[[], object]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            call()
        except KafkaException as error:
            if not error.args[0].retriable() or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
