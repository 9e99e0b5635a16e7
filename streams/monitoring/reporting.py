"""The monitor-merge role: partials of all partitions in, one report for each closed window out."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from monitors.drift import DriftCounts
from monitors.latency import LatencyWindow
from monitors.reference import ReferenceHistograms
from monitors.verdicts import DriftAlarm, DriftThresholds, window_drift
from schemas.codec import Codec
from schemas.records import DriftReport, LatencyReport, MonitorPartial, MonitorState, PartialKind
from streams.engine.dead_letters import dead_letter
from streams.engine.job import Decoded, Step
from streams.engine.outbox import Message
from streams.engine.slices import Record, Slice
from streams.engine.table import TablePartition
from streams.intake import Entry, Reader, Refused
from streams.metrics import WorkerMetrics
from streams.monitoring.figures import ReportFigures
from streams.monitoring.merging import Complete, Counts, Merging, Parsed, Series
from streams.monitoring.parts import ModelKey
from streams.monitoring.reports import drift_report, latency_report, report_id
from streams.monitoring.tables import keep, parsed

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ReportTopics:
    """Names on the brokers of what the role reads and writes."""

    partials: str
    drift_reports: str
    latency_reports: str
    dead_letters: str


@dataclass(frozen=True, slots=True)
class ReportCodecs:
    """How the role writes."""

    drift: Codec[DriftReport]
    latency: Codec[LatencyReport]
    state: Codec[MonitorState]


@dataclass(slots=True)
class ReportJob:
    """Merges the partials, and reports each window that is complete, once."""

    partials: Reader[MonitorPartial]
    topics: ReportTopics
    codecs: ReportCodecs
    references: Mapping[str, ReferenceHistograms]
    thresholds: DriftThresholds
    partitions: int
    lateness_ms: int
    metrics: WorkerMetrics
    figures: ReportFigures
    worker: str
    wall_clock: Callable[[], float] = time.time
    _table: TablePartition[MonitorState] | None = None
    _merging: Merging = field(default_factory=lambda: Merging(0, 0))
    _shown: dict[Series, tuple[int, Counts]] = field(default_factory=dict)

    def decode(self, piece: Slice) -> Decoded[Sequence[Entry[Parsed]]]:
        """Return the partials of *piece*."""
        return Decoded(piece, [Entry(record, self._parsed(record)) for record in piece.records])

    def _parsed(self, record: Record) -> Parsed | Refused:
        return parsed(record, self.partials, Parsed.of, lambda partial: f"{partial.kind.value} partial")

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
            elif self._merging.take_in(entry.event):
                self.metrics.event(piece.topic, "merged")
            else:
                self.figures.late(1)
        self._report(step, table)
        return step

    def _open(self, table: TablePartition[MonitorState]) -> None:
        if table is self._table:
            return
        self._table = table
        self._merging = Merging.restore(self.partitions, self.lateness_ms, table.states)
        for series in self._merging.notes:
            if series.kind is PartialKind.DRIFT:
                self.figures.alarms(series.model, self._alarm(series).alarmed)

    def _report(self, step: Step, table: TablePartition[MonitorState]) -> None:
        for window in self._merging.complete(int(self.wall_clock() * 1000)):
            report = self._of(window)
            if report is not None and report_id(report) not in table.already_out:
                step.outputs.append(self._message(report))
                self.figures.reported(window.series.kind, self.wall_clock())
        keep(self._merging.changed(), self.codecs.state, step, table)

    def _of(self, window: Complete) -> DriftReport | LatencyReport | None:
        found = window.counts.content
        self._show(window.series, window.start_ms, window.counts)
        if isinstance(found, LatencyWindow):
            return latency_report(window, found)
        reference = self.references.get(window.series.model.digest)
        if reference is None:
            log.warning("reference.missing", bundle_digest=window.series.model.digest)
            return None
        verdicts = window_drift(found, reference, self.thresholds)
        alarm = self._alarm(window.series)
        alarms = alarm.update(verdicts)
        self._merging.notes[window.series] = alarm.to_dict()
        self.figures.alarms(window.series.model, alarms)
        return drift_report(window, found, verdicts, alarms)

    def _alarm(self, series: Series) -> DriftAlarm:
        return DriftAlarm.from_dict(self._merging.notes.get(series) or {}, self.thresholds)

    def _message(self, report: DriftReport | LatencyReport) -> Message:
        if isinstance(report, DriftReport):
            return Message(self.topics.drift_reports, report.model.encode(), self.codecs.drift.encode(report), 0)
        return Message(self.topics.latency_reports, report.model.encode(), self.codecs.latency.encode(report), 0)

    def delivered(self, outputs: Sequence[Message]) -> None:
        """Do nothing: a report is not awaited by anyone."""

    def expire(self, table: TablePartition[MonitorState], committed: Mapping[str, int]) -> Step | None:  # noqa: ARG002 - windows end when they are reported
        """Report what the wall clock ends, and show the newest windows as they are."""
        self._open(table)
        step = Step()
        self._report(step, table)
        for series, start_ms, counts in self._merging.newest():
            self._show(series, start_ms, counts)
        return step if step.outputs or step.changed else None

    def _show(self, series: Series, start_ms: int, counts: Counts) -> None:
        known = self._shown.get(series)
        if known is not None and (start_ms < known[0] or (start_ms, counts) == known):
            return
        self._shown[series] = (start_ms, counts)
        self._figure(series.model, counts.content)

    def _figure(self, model: ModelKey, found: Any) -> None:
        if isinstance(found, DriftCounts):
            reference = self.references.get(model.digest)
            if reference is not None:
                verdicts = window_drift(found, reference, self.thresholds)
                self.figures.drift(model, verdicts, found.matches, found.rows)
        else:
            self.figures.latency(model, found)
