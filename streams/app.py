"""A role as a Faust application on our engine: what is checked, restored and wired before the first slice."""

import asyncio
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import structlog
from confluent_kafka import Consumer, TopicPartition
from faust.types import TP

from schemas.codec import Codec
from schemas.records import Progress
from streams.applications import APPLICATIONS
from streams.brokers import BrokerError
from streams.engine import transport
from streams.engine.changelog import Changelog, Claim, DigestError
from streams.engine.engine import Engine, EngineConfig
from streams.engine.fetching import GATHERED, GATHERING_SECONDS
from streams.engine.flood import FloodLimits
from streams.engine.lease import Lease, LeaseError, LeaseWatch, RebalancedError
from streams.engine.outbox import DeliveryError, Outbox
from streams.engine.reading_back import Position, ReadBack, read_back
from streams.engine.safety import InputError, check_position, committed_offsets
from streams.engine.table import TablePartition
from streams.engine.transactions import TransactionalOutbox, transactional
from streams.failing import stop_for
from streams.faust_settings import faust_settings
from streams.inputs import Inputs
from streams.layout import Layout, LayoutWatch
from streams.learning import SchemaBook
from streams.memory import give_back
from streams.metrics import WorkerMetrics
from streams.role import Attached, Role
from streams.settings import Settings
from streams.stopping import stop_worker

log = structlog.get_logger(__name__)
_PATIENCE_SECONDS = 30.0
_BATCH_BYTES = 1_000_000  # librdkafka's own, below what brokers take unless told otherwise


class RoleApp(transport.SliceApp):
    """The Faust application of one role."""

    def __init__(
        self,
        settings: Settings,
        role: Role,
        inputs: Inputs,
        book: SchemaBook,
        *,
        metrics: WorkerMetrics,
        layout: Layout,
    ) -> None:
        transport.register()
        self.settings, self.role, self.inputs, self.metrics = settings, role, inputs, metrics
        self.layout = layout
        progress = book.codec("progress", Progress)
        changelog = settings.changelog(role.name, role.table)
        book.write(progress, f"{changelog}-progress-value")
        for topic in inputs.ids:
            book.foresee(f"{topic}-value")
        self.changelog: Changelog[Any] = Changelog(
            changelog,
            settings.librdkafka(),
            book.patient(role.decode_state),
            book.patient(progress.decode),
            [replace(tail, identify=book.patient(tail.identify)) for tail in role.tails],
        )
        self._seeks: dict[TP, int] = {}
        self.lease = Lease(settings.session_timeout)
        self.attached: list[Attached] = [
            *role.attached,
            LayoutWatch(layout, stop_for),
            LeaseWatch(self.lease, stop_for),
        ]
        super().__init__(settings.group(role.name), **faust_settings(settings))
        self.slice_records = settings.slice_records
        self.reader_config = settings.librdkafka(group_id=settings.group(role.name))
        if APPLICATIONS[role.name].gathers:
            self.reader_config |= GATHERED
            self.reads_apart_seconds = GATHERING_SECONDS
        self.engine = _engine(settings, role, progress, book=book, metrics=metrics)
        self.engine.ledger.topic_ids = dict(inputs.ids)
        self.engine.committed = lambda topic, partition: self._committed(TP(topic, partition))
        self.engine.membership = lambda: self.consumer.membership()  # noqa: PLW0108 - there is no consumer yet
        self.engine.check_layout = layout.check
        self.engine.largest_batch = self._batch_limit
        self.engine.lanes.pause = lambda partition: self.consumer.hold(self._lane(partition))
        self.engine.letterbox.read_back = self._read_back
        self.engine.letterbox.count = metrics.letter
        self.engine.commit_marked = self._commit_marked
        self.engine.lanes.unpause = lambda partition: self.consumer.go_on(self._lane(partition))
        self._add_agent()

    def _lane(self, partition: int) -> set[TP]:
        return {TP(topic, partition) for topic in self.inputs.ids} & set(self.consumer.assignment())

    def _add_agent(self) -> None:
        @self.agent(self.topic(*self.inputs.ids), name=self.role.name)
        async def work(stream: Any) -> None:
            async for _ in stream.noack():  # it subscribes; slices go straight to the engine
                raise RuntimeError("a record came past the engine")

    def _committed(self, tp: TP) -> int:
        if self.engine.transactional:
            return self.engine.ledger.finished.get((tp.topic, tp.partition)) or self._seeks.get(tp, 0)
        return self.consumer._committed_offset.get(tp) or 0  # noqa: SLF001 - faust gives no other way

    async def _read_back(self, positions: Sequence[Position]) -> Mapping[Position, ReadBack]:
        config = self.settings.librdkafka(group_id=f"{self.changelog.topic}-restore")
        return await asyncio.to_thread(read_back, config, positions)

    async def _commit_marked(self, topic: str, mark: str) -> None:
        await self.consumer.commit_marked(topic, mark)

    def _crash(self, reason: BaseException) -> None:
        stop_for(reason)  # Faust would go down in several lines, and commit on the way

    async def on_start(self) -> None:
        """Start the engine and what is attached with the application."""
        for one in self.attached:
            await one.start()
        self.engine.start(await self._outbox())
        await super().on_start()

    async def _outbox(self) -> Outbox:
        limits = {"message_timeout_ms": _ms(self.settings), "batch_size": await asyncio.to_thread(self._largest_batch)}
        config = self.settings.librdkafka(**limits)
        if self.settings.guarantee == "at-least-once":
            return Outbox(config, self.loop, self.lease.check)
        name = self.settings.transactional_id(self.role.name)
        outbox = TransactionalOutbox(transactional(config, name), self.loop, self.lease.check)
        try:
            await outbox.open()
        except (DeliveryError, LeaseError) as error:
            stop_for(error)
        return outbox

    def _largest_batch(self) -> int:
        """Return how many bytes may go to a topic at once: a larger batch is refused whole, sound records and all."""
        topics = (self.layout.changelog, *(tail.topic for tail in self.role.tails))
        return int(min(_BATCH_BYTES, *map(self._taken_at_once, topics)))

    async def _batch_limit(self, topic: str) -> float:
        return await asyncio.to_thread(self._taken_at_once, topic)

    def _taken_at_once(self, topic: str) -> float:
        """Return the max.message.bytes of *topic*; infinity for one who may write there and see nothing."""
        try:
            return float(self.layout.admin.topic_config([topic])[topic]["max.message.bytes"])
        except BrokerError:
            return math.inf

    async def on_stop(self) -> None:
        """Stop the engine after the application has waited for it."""
        await super().on_stop()
        await self.engine.stop()
        for one in self.attached:
            await one.stop()

    async def prepare(self, assignment: Iterable[TP], generation: int) -> Mapping[int, TablePartition[Any]]:
        """Restore the table's partitions, claim them, and check that the log still has what comes next."""
        began = time.monotonic()
        try:
            await asyncio.to_thread(self.layout.check)
            tables = await self._restored(assignment, generation)
            self._seeks = await asyncio.to_thread(self._check, tables)
            if self.role.assigned is not None:
                await self.role.assigned(tables)
        except RebalancedError:
            raise
        except (InputError, DigestError) as error:
            stop_worker("input.refused", error)
        except Exception as error:  # noqa: BLE001 - whatever it is, there is no going on without the states
            stop_worker("restore.failed", error)
        states = sum(len(table.states) for table in tables.values())
        self.metrics.restored(time.monotonic() - began, states)
        await asyncio.to_thread(give_back)
        log.info("table.restored", partitions=list(tables), states=states)
        return tables

    async def _restored(self, assignment: Iterable[TP], generation: int) -> dict[int, TablePartition[Any]]:
        partitions = sorted({tp.partition for tp in assignment if tp.topic in self.inputs.ids})
        # In a generation between, another worker may have had them.
        known = self.engine.ledger.tables if generation == self.engine.worked_generation + 1 else {}
        claim = self._claim(generation)
        restored = await asyncio.gather(
            *(asyncio.to_thread(self.changelog.restore, one, known.get(one), claim) for one in partitions)
        )
        return dict(zip(partitions, restored, strict=True))

    def _claim(self, generation: int) -> Claim:
        loop = asyncio.get_running_loop()

        def confirm() -> None:
            asyncio.run_coroutine_threadsafe(self.consumer.confirm(generation), loop).result()

        def write(table: TablePartition[Any], epoch: int, changed: Mapping[bytes, bytes | None]) -> int:
            written = asyncio.run_coroutine_threadsafe(self.engine.claim(table, epoch, changed), loop).result()
            return written[self.changelog.topic, table.partition]

        def check(table: TablePartition[Any]) -> None:
            self._check({table.partition: table})

        return Claim(generation, confirm, write, check)

    def _check(self, tables: Mapping[int, TablePartition[Any]]) -> dict[TP, int]:
        config = self.settings.librdkafka(group_id=self.settings.group(self.role.name))
        reader = Consumer({**config, "isolation.level": "read_committed", "log_level": 3})
        seeks: dict[TP, int] = {}
        try:
            for table in tables.values():
                table.log_ends = {}
            wanted = [TopicPartition(topic, one) for topic in self.inputs.ids for one in tables]
            for found in reader.committed(wanted, timeout=_PATIENCE_SECONDS):
                self.engine.watch.recall(found.topic, found.metadata)
            for (topic, one), committed in committed_offsets(reader, wanted).items():
                ends = reader.get_watermark_offsets(TopicPartition(topic, one), timeout=_PATIENCE_SECONDS)
                known, topic_id = tables[one].inputs, self.inputs.ids[topic]
                seek = check_position(topic, one, known, topic_id=topic_id, committed=committed, log=ends)
                seeks[TP(topic, one)] = seek
                if seek < ends[1]:
                    tables[one].log_ends[f"{topic}@{topic_id}"] = ends[1]
        finally:
            reader.close()
        return seeks

    def positions(self) -> Mapping[TP, int]:
        """Return where to go on, by input partition."""
        return self._seeks


def _engine(
    settings: Settings, role: Role, progress: Codec[Progress], *, book: SchemaBook, metrics: WorkerMetrics
) -> Engine[Any, Any]:
    config = EngineConfig(
        changelog=settings.changelog(role.name, role.table),
        dead_letters=settings.topic("dead-letters"),
        worker=settings.worker_name,
        batch_rows=settings.batch_rows,
        budget_seconds=settings.latency_budget_ms / 1000,
        expire_seconds=role.expire_seconds,
        transaction_seconds=settings.transaction_seconds,
        restore_records=settings.restore_records,
        flood=FloodLimits(settings.dead_letter_flood_share, settings.dead_letter_alarm_share),
    )

    async def learn(schema_id: int) -> None:
        metrics.lane_held()
        await book.learn(schema_id)

    return Engine(config, role.job, progress, learn, stop_for, encode_state=role.encode_state)


def _ms(settings: Settings) -> int:
    return int(settings.delivery_seconds * 1000)
