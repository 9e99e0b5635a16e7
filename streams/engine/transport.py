"""A Faust transport which hands over slices of a partition and commits nothing unfinished.

It overrides private methods of faust-streaming 0.15.3, which is pinned for that reason. What stock Faust does instead,
and what that loses, was measured: it drops its book-keeping before the commit of a rebalance, seeks while its fetcher
runs, and acknowledges work which failed.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

import faust
import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport.drivers import TRANSPORTS
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from streams.engine.engine import Engine
from streams.engine.lease import Lease, LeaseError, Member, RebalancedError
from streams.engine.slices import Slice
from streams.engine.transactions import Membership

log = structlog.get_logger(__name__)
SCHEME = "touchline"
_AGAIN_SECONDS = 0.1


class SliceApp(faust.App):
    """A Faust application whose agent works on slices; engine, lease and prepare are set before it starts."""

    engine: Engine[Any, Any]
    lease: Lease
    slice_records: int = 256

    async def prepare(self, assignment: Iterable[TP], generation: int) -> Mapping[int, Any]:
        """Return the restored partitions of the table for *assignment*, which are ours in *generation*.

        Raises:
            RebalancedError: That is over.
        """
        raise NotImplementedError

    def positions(self) -> Mapping[TP, int]:
        """Return where to go on, by input partition."""
        return {}

    def _create_directories(self) -> None:
        """Make none for tables on disk: there are none, and the working directory is not ours."""


class RawSchema(faust.Schema):
    """Leaves a slice as it is: decoding is the job's, a slice at a time."""

    def compile(self, app: Any, **_options: Any) -> Any:
        """Return a decoder which wraps the slice in an event and nothing else."""

        async def decode(message: Any, **_options: Any) -> Any:
            return app.create_event(None, message.value, None, message)

        return decode


class SliceThread(driver.AIOKafkaConsumerThread):
    """Faust's thread for aiokafka's consumer, which keeps the worker's place in the group."""

    app: SliceApp
    member: Member

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        # Else a producer's aborted records would be predicted; Faust reads so in transactions of its own only.
        consumer._isolation_level = "read_committed"  # noqa: SLF001 - faust gives no other way
        return consumer

    async def on_start(self) -> None:
        """Start the consumer, and watch its coordinator from before it joins the group."""
        await super().on_start()
        engine = self.app.engine
        self.member = Member(self._ensure_consumer()._coordinator, self.app.lease, lambda: engine.worked_generation)  # noqa: SLF001 - aiokafka has no other way


class SliceConsumer(driver.Consumer):
    """Reads slices; what may be committed is what the engine has finished."""

    app: SliceApp
    _thread: SliceThread

    def _new_consumer_thread(self) -> SliceThread:
        return SliceThread(self, loop=self.loop, beacon=self.beacon)

    async def confirm(self, generation: int) -> None:
        """Return once the group has said, after the call, that we belong to it in *generation*: the lease begins.

        Raises:
            RebalancedError: It is another generation.
            LeaseError: It did not say so within the session time-out.
        """
        patience = time.monotonic() + self.app.conf.broker_session_timeout
        while not await self._thread.call_thread(self._thread.member.confirm, generation):
            if time.monotonic() > patience:
                raise LeaseError("the group did not confirm the worker's place within the session time-out")
            await asyncio.sleep(_AGAIN_SECONDS)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:  # noqa: ASYNC109 - faust's signature
        """Yield the fetched records as slices."""
        records, _active = await self._wait_next_records(timeout)
        if not records or self.should_stop:
            return
        generation = self.app.consumer_generation_id
        size = self.app.slice_records
        received = time.time_ns() // 1000
        for tp, fetched in records.items():
            for start in range(0, len(fetched), size):
                if not self.flow_active:
                    return
                yield tp, _message(tp, fetched[start : start + size], generation, received)

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:  # noqa: ASYNC109 - faust's signature
        # Stock Faust never clears this event, so that nobody can wait for the fetcher to come to rest.
        self.not_waiting_next_records.clear()
        try:
            return await super()._getmany(active_partitions, timeout)
        finally:
            self.not_waiting_next_records.set()

    def on_buffer_full(self, tp: TP) -> None:
        """Do nothing: a full buffer blocks the fetcher by itself; stock Faust would sleep a second."""

    def track_message(self, message: Any) -> None:
        """Do nothing: the engine counts what was taken, not what was queued."""

    def ack(self, _message: Any) -> bool:
        """Do nothing: an agent's end is not the end of the work."""
        return False

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> list[TP]:
        if self.app.engine.transactional:
            return []  # each transaction has committed its own
        found = [TP(topic, partition) for topic, partition in self.app.engine.ledger.finished]
        return [tp for tp in found if topics is None or tp in topics or tp.topic in topics]

    def _new_offset(self, tp: TP) -> int | None:
        return self.app.engine.ledger.finished.get((tp.topic, tp.partition))

    async def _add_gap(self, *_gap: Any) -> None:
        """Do nothing: the engine finishes slices in order, so there are no gaps to remember."""

    async def wait_empty(self) -> None:
        """Wait until the engine has nothing under way, then commit."""
        await self.app.engine.drain_and_seal()
        await self.commit_and_end_transactions()
        self.app.lease.release()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Finish and commit what was taken while the partitions are still ours, then let go."""
        if not self.app.should_stop and self.assignment():
            self.stop_flow()
            self.app.flow_control.suspend()
            self.app.flow_control.clear()
            await self.app.engine.drain_and_seal()
            await self.force_commit()
            self.app.lease.release()
        await super().on_partitions_revoked(revoked)

    async def _commit_offsets(self, offsets: Mapping[TP, int], start_new_transaction: bool = True) -> bool:  # noqa: FBT001, FBT002 - faust's signature
        before = {tp: self._committed_offset.get(tp) for tp in offsets}
        done: bool = await super()._commit_offsets(offsets, start_new_transaction)
        if not done:  # stock Faust takes them for committed all the same
            self._committed_offset.update(before)
        return done

    async def commit_marked(self, topic: str, mark: str) -> None:
        """Commit what is finished, with *mark* beside the offsets of *topic*."""
        await self.commit()
        ours = self.assignment()
        offsets = {
            TopicPartition(*place): OffsetAndMetadata(offset, mark)
            for place, offset in self.app.engine.ledger.finished.items()
            if place[0] == topic and TP(*place) in ours
        }
        if not offsets:
            return  # what was committed before this start keeps its mark
        try:
            await self._thread.call_thread(self._thread._ensure_consumer().commit, offsets)  # noqa: SLF001 - faust has no other way
        except KafkaError as error:  # then the next worker counts anew
            log.warning("mark.lost", topic=topic, error=str(error))

    def membership(self) -> Membership:
        """Return as what we belong to the group just now."""
        coordinator = self._thread._ensure_consumer()._coordinator  # noqa: SLF001 - aiokafka has no other way
        return Membership(coordinator.group_id, coordinator.generation, coordinator.member_id)

    async def perform_seek(self) -> None:
        """Go to where each partition goes on, also where nothing is committed yet.

        aiokafka stays where it is there, behind records which it has handed over and which were dropped since.
        """
        await super().perform_seek()
        for tp, offset in self.app.positions().items():
            await self.seek(tp, offset)
            if not self.app.engine.transactional:
                # Commit it, too: where all is done already no slice will come that does.
                self.app.engine.ledger.finished.setdefault((tp.topic, tp.partition), offset)


def _message(tp: TP, records: Any, generation: int, received_at_us: int) -> Any:
    piece = Slice(tp.topic, tp.partition, generation, records, received_at_us)
    last = records[-1]
    return ConsumerMessage(
        tp.topic, tp.partition, last.offset, last.timestamp / 1000, last.timestamp_type, (), None, piece,
        None, 0, 0, tp, generation_id=generation,
    )  # fmt: skip


class SliceRecovery(Recovery):
    """Restores the engine's table in bulk where stock Faust reads a changelog record by record."""

    app: SliceApp

    async def _resume_streams(self, generation_id: int = 0) -> None:
        consumer = self.app.consumer
        # The fetcher must be at rest before the seek, or what it fetched meanwhile vanishes.
        consumer.stop_flow()
        self.app.flow_control.suspend()
        await self._wait(consumer.wait_for_stopped_flow())
        restored: dict[int, Any] = {}
        await self._wait(self._restore(restored, generation_id))
        if self.app.consumer_generation_id == generation_id:
            self.app.engine.resume(generation_id, restored)
        await super()._resume_streams(generation_id)

    async def _restore(self, restored: dict[int, Any], generation: int) -> None:
        try:
            restored.update(await self.app.prepare(self.app.consumer.assignment(), generation))
        except RebalancedError:
            await self.signal_recovery_start.wait()  # which ends this and begins anew


class SliceTables(TableManager):
    """Faust's table manager with our recovery."""

    _recovery: Recovery | None

    @property
    def recovery(self) -> Recovery:
        """Return the recovery service."""
        if self._recovery is None:
            self._recovery = SliceRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery

    async def on_start(self) -> None:
        """Start the recovery at once: stock Faust first sleeps a second, for tables which modules may yet define."""
        if not self.should_stop:
            await self._update_channels()
            await self.recovery.start()


class SliceTransport(driver.Transport):
    """Faust's aiokafka transport with our consumer."""

    Consumer = SliceConsumer


def register() -> None:
    """Make the transport known to Faust under ``touchline://``."""
    TRANSPORTS.aliases[SCHEME] = f"{SliceTransport.__module__}:{SliceTransport.__name__}"
