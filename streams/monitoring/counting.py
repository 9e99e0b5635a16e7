"""The monitor role: predictions in, cumulative counts of each partition and window out."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from schemas.codec import Codec
from schemas.records import MonitorPartial, MonitorState, PartialKind, Prediction
from streams.engine.dead_letters import dead_letter
from streams.engine.job import Decoded, Step
from streams.engine.outbox import Message
from streams.engine.slices import Slice
from streams.engine.table import TablePartition
from streams.intake import Entry, Intake, Refused
from streams.metrics import WorkerMetrics
from streams.monitoring.figures import MonitorFigures
from streams.monitoring.partition import KINDS, Closed, Folded, PartitionWindows, WindowSizes
from streams.monitoring.parts import Parts, Row, compact
from streams.monitoring.tables import keep

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class MonitorTopics:
    """Names on the brokers of what the role reads and writes."""

    predictions: str
    partials: str
    dead_letters: str


@dataclass(frozen=True, slots=True)
class MonitorPace:
    """How often a partition is written.

    Attributes:
        interval_seconds: Between two writings while predictions come.
        idle_seconds: Without a prediction for so long a partition is idle, and no window waits for it any longer.
    """

    interval_seconds: float
    idle_seconds: float


@dataclass(slots=True)
class _Live:
    """A partition in memory; times are of the monotonic clock."""

    table: TablePartition[MonitorState]
    windows: PartitionWindows
    written_at: float
    heard_at: float
    idle: bool = False


@dataclass(slots=True)
class MonitorJob:
    """Counts predictions in windows, and writes them at an interval: offsets wait until their counts are written."""

    intake: Intake[Prediction]
    topics: MonitorTopics
    partial: Codec[MonitorPartial]
    state: Codec[MonitorState]
    sizes: WindowSizes
    parts: Parts
    pace: MonitorPace
    metrics: WorkerMetrics
    figures: MonitorFigures
    worker: str
    clock: Callable[[], float] = time.monotonic
    _live: dict[int, _Live] = field(default_factory=dict)
    _unknown: set[str] = field(default_factory=set)

    def decode(self, piece: Slice) -> Decoded[Sequence[Entry[Prediction]]]:
        """Return the predictions of *piece*."""
        return self.intake.decode(piece)

    async def process(
        self, batch: Sequence[Decoded[Sequence[Entry[Prediction]]]], tables: Mapping[int, TablePartition[MonitorState]]
    ) -> Sequence[Step]:
        """Return dead letters, and now and then what was counted, a step a slice."""
        self.metrics.batch(sum(len(decoded.entries) for decoded in batch))
        steps = [Step(self._dead_letters(decoded), reached={}) for decoded in batch]
        last = {decoded.piece.partition: step for decoded, step in zip(batch, steps, strict=True)}
        for partition, step in last.items():
            live = self._open(tables[partition])
            self._fold(live, [decoded for decoded in batch if decoded.piece.partition == partition])
            if live.windows.closed or self._due(live):
                self._write(live, step)
        return steps

    def _dead_letters(self, decoded: Decoded[Sequence[Entry[Prediction]]]) -> list[Message]:
        found = []
        for entry in decoded.entries:
            if isinstance(entry.event, Refused):
                self.metrics.dead_letter(decoded.piece.topic, entry.event.cause)
                cause, reason = entry.event.cause, entry.event.reason
                topic = self.topics.dead_letters
                found.append(
                    dead_letter(topic, decoded.piece, entry.record, cause=cause, reason=reason, worker=self.worker)
                )
        return found

    def _open(self, table: TablePartition[MonitorState]) -> _Live:
        live = self._live.get(table.partition)
        if live is None or live.table is not table:
            # Restored: what was folded but not written comes again, since its offsets were not committed.
            windows = PartitionWindows.restore(self.sizes, self.parts, table.states)
            live = self._live[table.partition] = _Live(table, windows, self.clock(), self.clock())
        return live

    def _fold(self, live: _Live, batch: Sequence[Decoded[Sequence[Entry[Prediction]]]]) -> None:
        rows = [
            Row(entry.record.offset, entry.record.timestamp, entry.event)
            for decoded in batch
            for entry in decoded.entries
            if not isinstance(entry.event, Refused)
        ]
        refused = [
            (entry.record.offset, entry.event.cause.value)
            for decoded in batch
            for entry in decoded.entries
            if isinstance(entry.event, Refused)
        ]
        self._count(live.windows.fold(rows, batch[-1].piece.next_offset, refused))
        live.heard_at, live.idle = self.clock(), False

    def _count(self, folded: Folded) -> None:
        self.metrics.event(self.topics.predictions, "counted", folded.counted)
        self.metrics.event(self.topics.predictions, "repeated", folded.repeated)
        self.figures.late(folded.late)
        for digest, count in folded.unknown.items():
            self.figures.unknown(count)
            if digest not in self._unknown:
                self._unknown.add(digest)
                log.warning("reference.missing", bundle_digest=digest)

    def _due(self, live: _Live) -> bool:
        return self.clock() - live.written_at >= self.pace.interval_seconds

    def _write(self, live: _Live, step: Step) -> None:
        windows = live.windows
        written = windows.write(live.table.states)
        partials = [self._partial(live, one, closed=True) for one in written.closed]
        partials += [
            self._partial(live, Closed(part, windows.late(part.kind), windows.refused), closed=False)
            for part in written.touched
        ]
        # The progress comes last: whoever reads it has all the counts which it stands for.
        step.outputs += [self._message(one) for one in (*partials, self._progress(live))]
        keep(written.entries, self.state, step, live.table)
        step.reached = {self.topics.predictions: windows.applied}
        live.written_at = self.clock()
        self.figures.written(sum(len(value or b"") for value in step.changed.values()))

    def _partial(self, live: _Live, said: Closed, *, closed: bool) -> MonitorPartial:
        part = said.part
        return MonitorPartial(
            model=part.model.model,
            model_version=part.model.version,
            variant=part.model.variant,
            window_start_ms=part.start_ms,
            window_end_ms=part.start_ms + self.sizes.of(part.kind),
            bundle_digest=part.model.digest,
            source_partition=live.table.partition,
            sequence=live.windows.applied,
            closed=closed,
            payload=compact({"late": said.late, "refused": said.refused, "counts": part.content.counts()}),
            kind=part.kind,
        )

    def _progress(self, live: _Live) -> MonitorPartial:
        marks = {kind.value: live.windows.watermark_ms(kind) for kind in KINDS}
        return MonitorPartial(
            model="",
            model_version="",
            variant="",
            window_start_ms=0,
            window_end_ms=0,
            bundle_digest="",
            source_partition=live.table.partition,
            sequence=live.windows.applied,
            closed=False,
            payload=compact({"watermarks_ms": marks, "idle": live.idle}),
            kind=PartialKind.PROGRESS,
        )

    def _message(self, partial: MonitorPartial) -> Message:
        key = partial.model or f"partition-{partial.source_partition}"
        return Message(self.topics.partials, key.encode(), self.partial.encode(partial), 0)

    def delivered(self, outputs: Sequence[Message]) -> None:
        """Do nothing: what predictions took is measured, not what counting them does."""

    def expire(self, table: TablePartition[MonitorState], committed: Mapping[str, int]) -> Step | None:  # noqa: ARG002 - windows end by their watermark
        """Write what has been counted since the last writing, and tell when the partition has become idle."""
        live = self._open(table)
        falls_idle = not live.idle and self.clock() - live.heard_at >= self.pace.idle_seconds
        if not falls_idle and not (live.windows.changed and self._due(live)):
            return None
        live.idle = live.idle or falls_idle
        step = Step()
        self._write(live, step)
        return step
