"""The way of a slice: decode, fold, outputs delivered, states delivered, finished; never in another order."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import structlog

from schemas.codec import Codec
from schemas.records import Progress
from streams.engine.batch_size import BatchSize, DeliverySize
from streams.engine.dead_letters import Cause, cause_of
from streams.engine.exactly_once import ExactlyOnce
from streams.engine.faults import WorkError, culprit, during
from streams.engine.finishing import AtLeastOnce, Batch, Finisher, put_behind
from streams.engine.flood import FloodError, FloodLimits, Watch
from streams.engine.job import Decoded, Job, Step
from streams.engine.lanes import Lanes
from streams.engine.ledger import Ledger, Place
from streams.engine.letterbox import Letterbox
from streams.engine.outbox import Message, Outbox
from streams.engine.record_limits import RecordLimits
from streams.engine.rewriting import Rewriting
from streams.engine.slices import Slice
from streams.engine.table import OvertakenError, TablePartition
from streams.engine.transactions import Membership, TransactionalOutbox
from streams.engine.waiting import Waiting

log = structlog.get_logger(__name__)

_MOST_BATCHES = 16  # of full size, finished together

S = TypeVar("S")
D = TypeVar("D")


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """How an engine works.

    Attributes:
        changelog: Topic of the table.
        dead_letters: Topic for what cannot be used.
        batch_rows: Records worked on in one go, at most.
        budget_seconds: Time for one batch; fewer records are taken when it was too short.
        in_flight: Batches whose delivery may be under way.
        expire_seconds: Time between two looks for states which have had their time.
        states_seconds: Time from one writing of states to the next, at least, while there are more.
        transaction_seconds: The same of transactions.
        rewrite_seconds: Time between two looks for changelogs which have grown.
        restore_records: By how much a partition of the changelog may grow, at least, before states are written again.
        flood: How many dead letters are too many.
    """

    changelog: str
    dead_letters: str
    worker: str
    batch_rows: int = 2048
    budget_seconds: float = 0.05
    in_flight: int = 4
    expire_seconds: float = 5.0
    states_seconds: float = 0.05
    transaction_seconds: float = 0.1
    rewrite_seconds: float = 0.1
    restore_records: int = 20_000
    flood: FloodLimits = field(default_factory=FloodLimits)


class Engine(Generic[S, D]):
    """Works on slices and says how far each partition may be committed; it owns the table's partitions.

    Attributes:
        worked_generation: Of the group, under which the tables were restored, also when work has ended.
        check_layout: Blocks; raises when partitions are not as they were.
        largest_batch: Returns how many bytes a topic takes at once; infinity where that is not known.
    """

    def __init__(
        self,
        config: EngineConfig,
        job: Job[S, D],
        progress: Codec[Progress],
        learn: Callable[[int], Awaitable[None]],
        fail: Callable[[BaseException], None],
        *,
        encode_state: Callable[[S], bytes] | None = None,
    ) -> None:
        self._config = config
        self._job = job
        self.ledger: Ledger[S] = Ledger(config.changelog, progress)
        self._fail = fail
        self.committed: Callable[[str, int], int] = lambda _topic, _partition: 0
        self.letterbox = Letterbox(config.dead_letters, config.worker)
        self.commit_marked: Callable[[str, str], Awaitable[None]] = _ignored
        self.watch = Watch(config.flood)
        self.check_layout: Callable[[], None] = lambda: None
        self.membership: Callable[[], Membership] = lambda: Membership("", -1, "")
        self.largest_batch: Callable[[str], Awaitable[float]] = _unknown
        self._size = BatchSize(config.batch_rows, config.budget_seconds)
        self._delivery_size = DeliverySize(_MOST_BATCHES * config.batch_rows)
        self._waiting = Waiting(capacity=4 * config.batch_rows)
        self.lanes = Lanes(job, self._waiting, learn, self._guarded)
        self._rewriting = Rewriting(config.restore_records, encode_state) if encode_state is not None else None
        self._delivering: asyncio.Queue[Batch] = asyncio.Queue(config.in_flight)
        self._under_way = 0
        self._turn = asyncio.Lock()  # steps are handed on in the order in which the states changed
        self._idle = asyncio.Condition()
        self._generation: int | None = None
        self._sealed = True
        self.worked_generation = -1
        self._tasks: list[asyncio.Task[None]] = []
        self._finisher: Finisher[S] | None = None

    @property
    def transactional(self) -> bool:
        """Return whether offsets are committed with outputs and states, and not by Faust."""
        return isinstance(self._finisher, ExactlyOnce)

    @property
    def ready(self) -> bool:
        """Return whether the table is restored and slices are taken."""
        return self._generation is not None

    def start(self, outbox: Outbox) -> None:
        """Begin to work; needs a running loop."""
        told = (self._letters, self._job.delivered)
        self._finisher = AtLeastOnce(self.ledger, outbox, *told, self._config.states_seconds)
        if isinstance(outbox, TransactionalOutbox):
            self._finisher = ExactlyOnce(
                self.ledger,
                outbox,
                *told,
                self._config.transaction_seconds,
                self.membership,
                RecordLimits(self.largest_batch),
            )
        self._tasks = [
            asyncio.create_task(self._guarded(work()))
            for work in (self._work, self._finish_in_order, self._expire, self._rewrite)
        ]

    async def stop(self) -> None:
        """End the tasks and the outbox; what is under way has been waited for by drain()."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, *self.lanes.forget(), return_exceptions=True)
        if self._finisher is not None:
            await self._finisher.outbox.close()

    async def _guarded(self, work: Awaitable[None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001 - whatever it is, the worker must stop before it commits
            self._fail(error)

    async def accept(self, piece: Slice) -> None:
        """Take *piece* to work on, unless its partition has gone elsewhere since it was read."""
        if piece.generation == self._generation:
            await self._waiting.put(piece)

    async def drain(self) -> None:
        """Take nothing more, forget what waits, and wait until nothing is under way."""
        self._generation = None
        self.lanes.forget()
        self._waiting.clear()
        async with self._idle:
            await self._idle.wait_for(lambda: self._under_way == 0)

    def resume(self, generation: int, tables: Mapping[int, TablePartition[S]]) -> None:
        """Take slices of *generation*, with the restored *tables*; what was finished before is forgotten."""
        self.ledger.resume(tables)
        self._finishing().resume(generation)
        self._generation = self.worked_generation = generation
        self._sealed = False

    async def claim(
        self, table: TablePartition[S], epoch: int, changed: Mapping[bytes, bytes | None]
    ) -> Mapping[Place, int]:
        """Write *changed* and how far *table* is, before a slice of it is taken, as its owner in *epoch*.

        Return the offset behind it.
        """
        return await self._finishing().write(self.ledger.of(table, changed, epoch=epoch))

    async def drain_and_seal(self) -> None:
        """Drain, and leave behind what the states are then, for the next restore to compare."""
        await self.drain()
        if not self._sealed:
            self._sealed = True
            await self._guarded(self._seal())

    async def _seal(self) -> None:
        tables = list(self.ledger.tables.values())
        await asyncio.to_thread(lambda: [table.digests.of_all() for table in tables])  # a second for a million states
        written = await self._write_progress(tables, sealed=True)
        try:
            for table in tables:
                self.ledger.note(table, self._finishing().markers + 1, written)
        except OvertakenError:
            await self._write_progress(tables)  # the last word, so that nobody compares
            raise

    async def _write_progress(
        self, tables: Sequence[TablePartition[S]], *, sealed: bool = False
    ) -> Mapping[Place, int]:
        return await self._finishing().write(
            [one for table in tables for one in self.ledger.of(table, {}, sealed=sealed)]
        )

    async def _work(self) -> None:
        while True:
            taken = await self._waiting.take(min(self._size.rows, self._delivery_size.rows))
            began = time.perf_counter()
            # One put off by a full room may come in after a rebalance; the log gives it again from the commit on.
            pieces = [piece for piece in taken if piece.generation == self._generation]
            if not pieces:
                continue
            self._under_way += 1
            batch = await self.lanes.decode(pieces, self.ledger.tables)
            async with self._turn:
                steps = await self._process(batch)
                await self._look_at_letters(batch, steps)
                self._size.worked(sum(len(piece.records) for piece in pieces), time.perf_counter() - began)
                await self._deliver([decoded.piece for decoded in batch], steps)

    async def _process(self, batch: Sequence[Decoded[D]]) -> Sequence[Step]:
        pieces = [decoded.piece for decoded in batch]
        try:
            return await self._job.process(batch, self.ledger.tables)
        except Exception as error:
            raise WorkError("process", pieces, await culprit(self._job, pieces, self.ledger.tables)) from error

    async def _look_at_letters(self, batch: Sequence[Decoded[D]], steps: Sequence[Step]) -> None:
        """Raise when records are set aside for what is no fault of theirs, or too many of them."""
        letters = [[one for one in step.outputs if one.topic == self._config.dead_letters] for step in steps]
        if any(cause_of(one) is Cause.WRONG_PARTITION for found in letters for one in found):
            await asyncio.to_thread(self.check_layout)
        try:
            for decoded, found in zip(batch, letters, strict=True):
                self.watch.take(decoded.piece, found)
        except FloodError as flood:
            await self._settle(flood.topic)
            raise

    async def _settle(self, topic: str) -> None:
        """Wait for what was handed on before the flood, and commit it with a mark for whoever starts next."""
        self._under_way -= 1
        async with self._idle:
            await self._idle.wait_for(lambda: self._under_way == 0)
        await self.commit_marked(topic, self.watch.mark(topic))

    async def _deliver(self, pieces: Sequence[Slice], steps: Sequence[Step]) -> None:
        changes: dict[int, dict[bytes, bytes | None]] = {piece.partition: {} for piece in pieces}
        reached: dict[Place, int] = {}
        outputs: list[Message] = []
        for piece, step in zip(pieces, steps, strict=True):
            outputs += self._finishing().due(piece.partition, step)
            put_behind(changes[piece.partition], step.changed)
            ends = {piece.topic: piece.next_offset} if step.reached is None else step.reached
            reached |= {(topic, piece.partition): offset for topic, offset in ends.items()}
        await self._hand_on(Batch(outputs, changes, reached, pieces))

    async def _hand_on(self, batch: Batch) -> None:
        await self._delivering.put(self._finishing().begin(batch))

    async def _letters(self, refused: Sequence[Message]) -> list[Message]:
        """Return the dead letters of *refused* outputs, unless they are too many."""
        letters = await self.letterbox.of_too_large(refused)
        await self._stop_a_flood(letters)
        return letters

    async def _stop_a_flood(self, letters: Sequence[Message]) -> None:
        try:
            self.watch.refused(letters)
        except FloodError as flood:
            await self.commit_marked(flood.topic, self.watch.mark(flood.topic))
            raise

    async def _finish_in_order(self) -> None:
        finisher = self._finishing()
        while True:
            batches = await finisher.gather(self._delivering, self._delivery_size.rows)
            began = time.perf_counter()
            with during("deliver", [piece for batch in batches for piece in batch.pieces]):
                await finisher.finish(batches)
            self._delivery_size.delivered(sum(batch.rows for batch in batches), time.perf_counter() - began)
            async with self._idle:
                self._under_way -= len(batches)
                self._idle.notify_all()

    async def _expire(self) -> None:
        while True:
            await asyncio.sleep(self._config.expire_seconds)
            for partition in list(self.ledger.tables):
                async with self._turn:
                    await self._expire_partition(partition)

    async def _expire_partition(self, partition: int) -> None:
        if not self.ready or partition not in self.ledger.tables:
            return
        committed = {topic: self.committed(topic, partition) for topic in self.ledger.topic_ids}
        with during("expire", ()):
            step = self._job.expire(self.ledger.tables[partition], committed)
        if step is not None:
            self._under_way += 1
            letters = await self.letterbox.of_unread(step.unread)
            outputs = [*self._finishing().due(partition, step), *letters]
            reached = {(topic, partition): offset for topic, offset in (step.reached or {}).items()}
            await self._hand_on(Batch(outputs, {partition: step.changed}, reached))

    async def _rewrite(self) -> None:
        """Write some states again where the changelog has grown, behind all that was handed on before."""
        while self._rewriting is not None:
            await asyncio.sleep(self._config.rewrite_seconds)
            async with self._turn:
                batch = self._rewriting.next_of(self.ledger.tables) if self.ready else None
                if batch is not None:
                    self._under_way += 1
                    await self._hand_on(batch)

    def _finishing(self) -> Finisher[S]:
        if self._finisher is None:
            raise RuntimeError("the engine has not been started")
        return self._finisher


async def _unknown(_topic: str) -> float:
    """Return no limit: nobody has told us of any."""
    return math.inf


async def _ignored(_topic: str, _mark: str) -> None:
    """Commit nothing: there is nobody to do so."""
