from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from schemas.bounds import check_match_event, check_prediction
from schemas.catalog import schema_json
from schemas.codec import Codec
from schemas.records import MatchEvent, MonitorState, PerformancePartial, PerformanceReport, Prediction
from streams.engine.murmur import partition_of
from streams.engine.slices import Slice
from streams.engine.table import TablePartition
from streams.intake import Intake, Reader
from streams.metrics import WorkerMetrics
from streams.monitoring.counting import MonitorPace
from streams.performance.counting import PerformanceJob, PerformanceTopics
from streams.performance.figures import CountingFigures, PerformanceFigures
from streams.performance.match import JudgedMatch
from streams.performance.merging import Merging
from streams.performance.reporting import PerformanceReportJob, ReportTopics
from streams.performance.reports import report_id


@dataclass(frozen=True)
class Logged:
    """A record as it is in a log."""

    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int = 4_000_000_000_000
    headers: tuple[tuple[str, bytes], ...] = ()


def codec_of(name, record_type):
    codec = Codec(name, record_type)
    codec.learn(1, schema_json(name, 1))
    codec.use_for_writing(1, 1)
    return codec


EVENTS = codec_of("match_event", MatchEvent)
PREDICTIONS = codec_of("prediction", Prediction)
PARTIALS = codec_of("performance_partial", PerformancePartial)
REPORTS = codec_of("performance_report", PerformanceReport)
STATES = codec_of("judged_match", JudgedMatch)
SUMS = codec_of("monitor_state", MonitorState)
LATENESS_MS = 86_400_000  # the matches of two days come in any order
TOPICS = PerformanceTopics("predictions", "match-events", "partials", "dead")


@dataclass
class Kept:
    """What the brokers have of an application's partition: states, committed offsets, and who owns it."""

    states: dict[bytes, bytes] = field(default_factory=dict)
    offsets: dict[str, int] = field(default_factory=dict)
    epoch: int = 0

    def keep(self, step, piece: Slice | None = None) -> None:
        for key, value in step.changed.items():
            if value is None:
                self.states.pop(key, None)
            else:
                self.states[key] = value
        ends = {piece.topic: piece.next_offset} if step.reached is None and piece else step.reached or {}
        self.offsets |= ends

    def table(self, decode: Callable[[bytes], object], partition: int) -> TablePartition:
        self.epoch += 1
        states = {key: decode(value) for key, value in self.states.items()}
        return TablePartition(states=states, partition=partition, epoch=self.epoch)


@dataclass
class World:
    """Both applications over logs in memory; chance says who reads how much when, and who is killed."""

    partitions: int
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    now: float = 0.0
    logs: dict[tuple[str, int], list[Logged]] = field(default_factory=dict)
    partials: list[Logged] = field(default_factory=list)
    reports: list[PerformanceReport] = field(default_factory=list)
    counting: dict[int, Kept] = field(default_factory=dict)
    merging: Kept = field(default_factory=Kept)

    def put(self, records: Sequence[MatchEvent | Prediction]) -> None:
        for one in records:
            topic, codec = ("predictions", PREDICTIONS) if isinstance(one, Prediction) else ("match-events", EVENTS)
            key = one.match_id.encode()
            log = self.logs.setdefault((topic, partition_of(key, self.partitions)), [])
            log.append(Logged(len(log), key, codec.encode(one)))

    def job(self) -> PerformanceJob:
        readers = {
            "predictions": Reader(PREDICTIONS.decode, check_prediction, lambda one: one.occurred_at_ms),
            "match-events": Reader(EVENTS.decode, check_match_event, lambda one: one.occurred_at_ms),
        }
        registry = self.registry = CollectorRegistry()
        return PerformanceJob(
            Intake(readers, self.partitions), TOPICS, PARTIALS, STATES, "1", LATENESS_MS, MonitorPace(2, 30),
            WorkerMetrics(registry, "performance"), CountingFigures(registry), "w", clock=lambda: self.now,
        )  # fmt: skip

    def report_job(self) -> PerformanceReportJob:
        registry = self.registry = CollectorRegistry()
        return PerformanceReportJob(
            Reader(PARTIALS.decode, lambda _: None, lambda _: 0), ReportTopics("reports", "dead"), REPORTS, SUMS,
            lambda states: Merging.restore("1", self.partitions, LATENESS_MS, states), None,
            WorkerMetrics(registry, "performance-merge"), PerformanceFigures(registry), "w", wall_clock=lambda: 0.0,
        )  # fmt: skip

    async def count(self, partition: int, chance: np.random.Generator, kills: float) -> None:
        """Read a partition of both inputs to the end."""
        kept = self.counting.setdefault(partition, Kept())
        while True:
            job, table, read = self.job(), kept.table(STATES.decode, partition), dict(kept.offsets)
            while left := [one for one in ("predictions", "match-events") if self._left(one, partition, read)]:
                topic = left[int(chance.integers(len(left)))]
                start = read.get(topic, 0)
                records = self.logs[topic, partition][start : start + 1 + int(chance.integers(12))]
                piece = Slice(topic, partition, 1, records, 0)
                self.now += float(chance.random())
                (step,) = await job.process([job.decode(piece)], {partition: table})
                self._write(step)  # outputs are on the brokers before states
                if chance.random() < kills:
                    break
                kept.keep(step, piece)
                read[topic] = piece.next_offset
            else:
                self.now += 31
                step = job.expire(table, {})
                self._write(step)
                kept.keep(step)
                return

    def _left(self, topic: str, partition: int, read: dict[str, int]) -> bool:
        return read.get(topic, 0) < len(self.logs.get((topic, partition), ()))

    def _write(self, step) -> None:
        for one in step.outputs:
            if one.topic == "partials":
                self.partials.append(Logged(len(self.partials), one.key, one.value))

    async def merge(self, chance: np.random.Generator, kills: float) -> None:
        """Read all partials."""
        while self.merging.offsets.get("partials", 0) < len(self.partials):
            job, table = self.report_job(), self.merging.table(SUMS.decode, 0)
            table.already_out = {report_id(one) for one in self.reports}
            while (start := self.merging.offsets.get("partials", 0)) < len(self.partials):
                piece = Slice("partials", 0, 1, self.partials[start : start + 1 + int(chance.integers(40))], 0)
                (step,) = await job.process([job.decode(piece)], {0: table})
                self.reports += [REPORTS.decode(one.value) for one in step.outputs if one.topic == "reports"]
                if chance.random() < kills:
                    break
                self.merging.keep(step, piece)
            job.expire(table, {})

    async def run(self, seed: int, kills: float = 0.0) -> list[PerformanceReport]:
        """Work on everything and return the reports."""
        chance = np.random.default_rng(seed)
        for partition in range(self.partitions):
            await self.count(partition, chance, kills)
        await self.merge(chance, kills)
        return self.reports


@pytest.fixture
def world_of():
    return World
