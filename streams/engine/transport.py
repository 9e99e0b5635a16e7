"""A Faust transport which hands over slices of a partition and commits nothing unfinished.

It overrides private methods of faust-streaming 0.15.3, which is pinned for that reason. What stock Faust does instead,
and what that loses, was measured: it drops its book-keeping before the commit of a rebalance, seeks while its fetcher
runs, and acknowledges work which failed.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import faust
import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers import TRANSPORTS
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.engine.engine import Engine
from streams.engine.fetching import APART_SECONDS, Reader
from streams.engine.lease import Lease, LeaseError, Member
from streams.engine.ledger import Place
from streams.engine.slices import Slice, slices
from streams.engine.transactions import Membership

log = structlog.get_logger(__name__)
SCHEME = "touchline"
T = TypeVar("T")
_AGAIN_SECONDS = 0.1
_IDLE_SECONDS = 60.0
_READ_SECONDS = 0.2  # a rebalance waits for a read under way


class SliceApp(faust.App):
    """A Faust application with our engine; engine, lease, reader_config and prepare are set before it starts."""

    engine: Engine[Any, Any]
    lease: Lease
    reader_config: Mapping[str, object]
    reads_apart_seconds: float = APART_SECONDS
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


class SliceThread(driver.AIOKafkaConsumerThread):
    """Faust's thread for aiokafka's consumer, which keeps the worker's place in the group."""

    app: SliceApp
    member: Member

    async def on_start(self) -> None:
        """Start the consumer, and watch its coordinator from before it joins the group."""
        await super().on_start()
        # The reader fetches; aiokafka would fetch the same once more.
        self._ensure_consumer()._fetcher._get_actions_per_node = _nothing_to_fetch  # noqa: SLF001 - aiokafka has no other way
        engine = self.app.engine
        self.member = Member(self._ensure_consumer()._coordinator, self.app.lease, lambda: engine.worked_generation)  # noqa: SLF001

    def polled(self) -> None:
        """Tell the group that work goes on: it would take the partitions from one who reads no more."""
        self._ensure_consumer()._subscription._last_fetch_ended = time.monotonic()  # noqa: SLF001


class SliceConsumer(driver.Consumer):
    """Reads slices; what may be committed is what the engine has finished."""

    app: SliceApp
    _thread: SliceThread
    _reader: Reader
    _reading: ThreadPoolExecutor

    def _new_consumer_thread(self) -> SliceThread:
        return SliceThread(self, loop=self.loop, beacon=self.beacon)

    async def on_start(self) -> None:
        """Start the reader, too."""
        self._reader = Reader(self.app.reader_config, self.app.reads_apart_seconds)
        self._reading = ThreadPoolExecutor(1, "reader")
        await super().on_start()

    async def on_stop(self) -> None:
        """Stop the reader, too."""
        await super().on_stop()
        if self.started:  # a worker that is stopped while it starts has none yet
            await self._in_thread(self._reader.close)
            self._reading.shutdown()

    def hold(self, places: AbstractSet[Place]) -> None:
        """Read no further in *places* until they are let go on."""
        self._reader.pause(places)

    def go_on(self, places: AbstractSet[Place]) -> None:
        """Read on in *places*."""
        self._reader.resume(places)

    async def confirm(self, generation: int) -> None:
        """Return once the group has said, after the call, that we belong to it in *generation*: the lease begins.

        Raises:
            RebalancedError: It is another generation.
            LeaseError: It did not say so within the session time-out.
        """
        self._thread.polled()  # who restores works, too: aiokafka lets nobody join anew who has been idle for long
        patience = time.monotonic() + self.app.conf.broker_session_timeout
        while not await self._thread.call_thread(self._thread.member.confirm, generation):
            if time.monotonic() > patience:
                raise LeaseError("the group did not confirm the worker's place within the session time-out")
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _drain_messages(self, fetcher: Any) -> None:
        """Hand what is read to the engine.

        Faust would take each slice through its conductor, a queue, a stream and an agent. Here, too, it waits while the
        engine has too much.
        """
        while not (self.should_stop or fetcher.should_stop):
            if not self.flow_active:
                await self.wait(self.can_resume_flow)
            for piece in await self._read():
                await self.app.engine.accept(piece)

    async def _read(self) -> list[Slice]:
        # Stock Faust never clears this event, so that nobody can wait for the fetcher to come to rest.
        self.not_waiting_next_records.clear()
        try:
            found = await self._in_thread(self._reader.read, self.app.conf.broker_max_poll_records, _READ_SECONDS)
        finally:
            self.not_waiting_next_records.set()
        self._thread.polled()
        if not self.flow_active:
            return []  # it is read again from where each partition goes on
        return list(slices(found, self.app.consumer_generation_id, self.app.slice_records))

    async def _in_thread(self, call: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._reading, call, *arguments)

    async def _assign(self, positions: Mapping[Place, int]) -> None:
        if not self.should_stop:  # a rebalance of a worker that is stopped meanwhile: its reader may be closed
            await self._in_thread(self._reader.assign, positions)

    def verify_event_path(self, _now: float, _tp: TP) -> None:
        """Do nothing: Faust would look at what aiokafka has fetched."""

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> list[TP]:
        if self.app.engine.transactional:
            return []  # each transaction has committed its own
        found = [TP(topic, partition) for topic, partition in self.app.engine.ledger.finished]
        return [tp for tp in found if topics is None or tp in topics or tp.topic in topics]

    def _new_offset(self, tp: TP) -> int | None:
        return self.app.engine.ledger.finished.get((tp.topic, tp.partition))

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
            await self._assign({})  # where there are no new ones, nothing is sought
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
        await self._assign(self.app.positions())
        for tp, offset in self.app.positions().items():
            if not self.app.engine.transactional:
                # Commit it, too: where all is done already no slice will come that does.
                self.app.engine.ledger.finished.setdefault((tp.topic, tp.partition), offset)


def _nothing_to_fetch(_assignment: Any) -> Any:
    """Return what aiokafka's fetcher is to do until the assignment changes: no requests, no resets, a long sleep."""
    return [], {}, _IDLE_SECONDS, False, []


class SliceTransport(driver.Transport):
    """Faust's aiokafka transport with our consumer."""

    Consumer = SliceConsumer


def register() -> None:
    """Make the transport known to Faust under ``touchline://``."""
    TRANSPORTS.aliases[SCHEME] = f"{SliceTransport.__module__}:{SliceTransport.__name__}"
