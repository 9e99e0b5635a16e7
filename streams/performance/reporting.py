"""The performance-merge application: sums of all partitions in, reports of each closed day out."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from monitors.performance import Costs
from schemas.codec import Codec
from schemas.records import MonitorState, PerformancePartial, PerformanceReport
from streams.engine.dead_letters import dead_letter
from streams.engine.job import Decoded, Step
from streams.engine.outbox import Message
from streams.engine.slices import Record, Slice
from streams.engine.table import TablePartition
from streams.intake import Entry, Reader, Refused
from streams.metrics import WorkerMetrics
from streams.monitoring.tables import keep, parsed
from streams.performance.days import WINDOWS
from streams.performance.figures import PerformanceFigures
from streams.performance.merging import Merging, Parsed, Progress
from streams.performance.reports import Days, report_id, reports, segments_of


@dataclass(frozen=True, slots=True)
class ReportTopics:
    """Names on the brokers of what the application writes."""

    reports: str
    dead_letters: str


@dataclass(slots=True)
class PerformanceReportJob:
    """Merges the sums, and reports each day that closes, once.

    Attributes:
        restore: Makes what is known of all partitions from the table.
        costs: What it costs to say a class when another comes; None tells no cost.
    """

    partials: Reader[PerformancePartial]
    topics: ReportTopics
    report: Codec[PerformanceReport]
    state: Codec[MonitorState]
    restore: Callable[[Mapping[bytes, MonitorState]], Merging]
    costs: Costs | None
    metrics: WorkerMetrics
    figures: PerformanceFigures
    worker: str
    wall_clock: Callable[[], float] = time.time
    _table: TablePartition[MonitorState] | None = None
    _merging: Merging = field(default_factory=lambda: Merging("", 0, 0))
    _news: bool = True

    def decode(self, piece: Slice) -> Decoded[Sequence[Entry[Parsed]]]:
        """Return the partials of *piece*."""
        return Decoded(piece, [Entry(record, self._parsed(record)) for record in piece.records])

    def _parsed(self, record: Record) -> Parsed | Refused:
        return parsed(record, self.partials, Parsed.of, lambda _partial: "partial")

    async def process(
        self, batch: Sequence[Decoded[Sequence[Entry[Parsed]]]], tables: Mapping[int, TablePartition[MonitorState]]
    ) -> Sequence[Step]:
        """Return the reports which follow, a step a slice."""
        return [self._step(decoded, tables[decoded.piece.partition]) for decoded in batch]

    def _step(self, decoded: Decoded[Sequence[Entry[Parsed]]], table: TablePartition[MonitorState]) -> Step:
        self._open(table)
        step, piece = Step(), decoded.piece
        for entry in decoded.entries:
            if isinstance(entry.event, Refused):
                self.metrics.dead_letter(piece.topic, entry.event.cause)
                cause, reason, topic = entry.event.cause, entry.event.reason, self.topics.dead_letters
                letter = dead_letter(topic, piece, entry.record, cause=cause, reason=reason, worker=self.worker)
                step.outputs.append(letter)
                continue
            if self._merging.take_in(entry.event):
                self.metrics.event(piece.topic, "merged")
            else:
                self.figures.stale()
            if isinstance(entry.event.said, Progress):
                # A day closes by what was known at a record of the log, in whatever slices it is read.
                self._report(step, table)
        self._news = True
        keep(self._merging.changed(), self.state, step, table)
        return step

    def _open(self, table: TablePartition[MonitorState]) -> None:
        if table is not self._table:
            self._table, self._merging = table, self.restore(table.states)

    def _report(self, step: Step, table: TablePartition[MonitorState]) -> None:
        for day in self._merging.complete(int(self.wall_clock() * 1000)):
            for window in WINDOWS:
                for report in reports(self._merging.totals, Days(day, window), self.costs):
                    if report_id(report) not in table.already_out:
                        value = self.report.encode(report)
                        step.outputs.append(Message(self.topics.reports, report.model.encode(), value, 0))
                        self.figures.reported(self.wall_clock())

    def delivered(self, outputs: Sequence[Message]) -> None:
        """Do nothing: a report is not awaited by anyone."""

    def expire(self, table: TablePartition[MonitorState], committed: Mapping[str, int]) -> Step | None:  # noqa: ARG002 - days end when they are reported
        """Report what the wall clock closes, and show the newest figures."""
        self._open(table)
        step = Step()
        self._report(step, table)
        keep(self._merging.changed(), self.state, step, table)
        if self._news:
            self._show()
            self._news = False
        return step if step.outputs or step.changed else None

    def _show(self) -> None:
        today, totals = self._merging.today, self._merging.totals
        if today is None:
            return
        for window in WINDOWS:
            days = Days(today, window)
            for model, sums in days.sums(totals).items():
                self.figures.show(model, window, segments_of(sums, self.costs), days.missing(totals, model))
