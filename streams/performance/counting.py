"""The performance role: predictions and match events in, cumulative sums by model, day and segment out.

Matches are written at an interval, and offsets wait until what is before them is written. Until then a changed match is
kept beside the table: were it in there, a restore within this process would take it for written.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from schemas.codec import Codec
from schemas.records import MatchEvent, PerformancePartial, Prediction
from streams.engine.dead_letters import dead_letter
from streams.engine.job import Decoded, Step
from streams.engine.outbox import Message
from streams.engine.slices import Slice
from streams.engine.table import TablePartition
from streams.intake import Entry, Intake, Refused
from streams.metrics import WorkerMetrics
from streams.monitoring.counting import MonitorPace
from streams.monitoring.parts import compact
from streams.performance.days import KEPT_DAYS, Account, Days
from streams.performance.figures import CountingFigures
from streams.performance.match import JudgedMatch, after_event, after_predictions, day_of

Event: TypeAlias = MatchEvent | Prediction
Entries: TypeAlias = Sequence[Entry[Event]]


@dataclass(frozen=True, slots=True)
class PerformanceTopics:
    """Names on the brokers of what the role reads and writes."""

    predictions: str
    match_events: str
    partials: str
    dead_letters: str


@dataclass(slots=True)
class _Live:
    """A partition in memory; times are of the monotonic clock.

    Attributes:
        changed: Matches changed since the last writing.
        newest_ms: Highest event time by input.
        applied: Next offset by input.
    """

    table: TablePartition[JudgedMatch]
    days: Days
    newest_ms: dict[str, int]
    written_at: float
    heard_at: float
    idle: bool = False
    changed: dict[bytes, JudgedMatch] = field(default_factory=dict)
    applied: dict[str, int] = field(default_factory=dict)
    written: dict[str, int] = field(default_factory=dict)

    def match(self, key: bytes) -> JudgedMatch | None:
        """Return the match as it is now."""
        return self.changed.get(key) or self.table.states.get(key)

    @property
    def has_news(self) -> bool:
        """Tell whether there is anything to be written or told."""
        return bool(self.days.touched) or self.applied != self.written


@dataclass(slots=True)
class PerformanceJob:
    """Joins predictions with the outcomes of their matches.

    Attributes:
        lateness_ms: How long a day waits for outcomes after its end, in event time.
    """

    intake: Intake[Event]
    topics: PerformanceTopics
    partial: Codec[PerformancePartial]
    state: Codec[JudgedMatch]
    run_id: str
    lateness_ms: int
    pace: MonitorPace
    metrics: WorkerMetrics
    figures: CountingFigures
    worker: str
    clock: Callable[[], float] = time.monotonic
    _live: dict[int, _Live] = field(default_factory=dict)

    def decode(self, piece: Slice) -> Decoded[Entries]:
        """Return the predictions or events of *piece*."""
        return self.intake.decode(piece)

    async def process(
        self, batch: Sequence[Decoded[Entries]], tables: Mapping[int, TablePartition[JudgedMatch]]
    ) -> Sequence[Step]:
        """Return dead letters, and now and then what was counted, a step a slice."""
        self.metrics.batch(sum(len(decoded.entries) for decoded in batch))
        steps = []
        for decoded in batch:
            steps.append(Step(self._dead_letters(decoded), reached={}))
            self._fold(self._open(tables[decoded.piece.partition]), decoded)
        last = {decoded.piece.partition: step for decoded, step in zip(batch, steps, strict=True)}
        for partition, step in last.items():
            live = self._open(tables[partition])
            if self._due(live):
                self._write(live, step)
        return steps

    def _dead_letters(self, decoded: Decoded[Entries]) -> list[Message]:
        """Return the letters of predictions; those of match events are written by predict, which reads the same."""
        piece, found = decoded.piece, []
        refused = [(entry.record, entry.event) for entry in decoded.entries if isinstance(entry.event, Refused)]
        for record, why in refused:
            if piece.topic == self.topics.match_events:
                self.metrics.event(piece.topic, "left_to_predict")
                continue
            self.metrics.dead_letter(piece.topic, why.cause)
            found.append(
                dead_letter(
                    self.topics.dead_letters, piece, record, cause=why.cause, reason=why.reason, worker=self.worker
                )
            )
        return found

    def _open(self, table: TablePartition[JudgedMatch]) -> _Live:
        live = self._live.get(table.partition)
        if live is None or live.table is not table:
            # Restored: what was folded but not written comes again, since its offsets were not committed. Everything
            # is told anew, under our epoch.
            live = _Live(table, Days(), {}, self.clock(), self.clock())
            for match in table.states.values():
                live.days.change(None, match)
                self._hear(live, self.topics.match_events, match.heard_ms)
                self._hear(live, self.topics.predictions, match.predicted_ms)
            self._live[table.partition] = live
        return live

    @staticmethod
    def _hear(live: _Live, topic: str, time_ms: int | None) -> None:
        if time_ms is not None:
            live.newest_ms[topic] = max(time_ms, live.newest_ms.get(topic, time_ms))

    def _fold(self, live: _Live, decoded: Decoded[Entries]) -> None:
        topic = decoded.piece.topic
        by_match: dict[bytes, list[Event]] = {}
        for entry in decoded.entries:
            if not isinstance(entry.event, Refused):
                by_match.setdefault(entry.event.match_id.encode(), []).append(entry.event)
        for key, events in by_match.items():
            newest_ms = max(one.occurred_at_ms for one in events)
            if self._is_gone(live, key, newest_ms):
                self.metrics.event(topic, "too_late", len(events))
            else:
                self._take(live, key, topic, events)
            self._hear(live, topic, newest_ms)
        live.applied[topic] = max(decoded.piece.next_offset, live.applied.get(topic, 0))
        live.heard_at, live.idle = self.clock(), False

    def _is_gone(self, live: _Live, key: bytes, time_ms: int) -> bool:
        first = self._first_day(live)
        return first is not None and day_of(time_ms) < first and live.match(key) is None

    def _take(self, live: _Live, key: bytes, topic: str, events: Sequence[Event]) -> None:
        known = live.match(key)
        before = after = known or JudgedMatch(key.decode())
        predictions = [one for one in events if isinstance(one, Prediction)]
        if predictions:
            after = after_predictions(after, predictions)
        for one in events:
            if isinstance(one, MatchEvent):
                after = after_event(after, one)
        if after is before and known is not None:
            self.metrics.event(topic, "repeated", len(events))
            return
        self.metrics.event(topic, "counted", len(events))
        live.changed[key] = self.figures.outcome(before, after, self._watermark_ms(live), self.lateness_ms)

    def _watermark_ms(self, live: _Live) -> int | None:
        """Return up to where both inputs have come."""
        if len(live.newest_ms) < len(self.intake.readers):
            return None
        return min(live.newest_ms.values())

    def _first_day(self, live: _Live) -> int | None:
        watermark = self._watermark_ms(live)
        return None if watermark is None else day_of(watermark) - KEPT_DAYS

    def _due(self, live: _Live) -> bool:
        return live.has_news and self.clock() - live.written_at >= self.pace.interval_seconds

    def _write(self, live: _Live, step: Step) -> None:
        for key, match in live.changed.items():
            live.days.change(live.table.states.get(key), match)
            live.table.states[key] = match
            step.changed[key] = self.state.encode(match)
        live.changed = {}
        first = self._first_day(live)
        if first is not None:
            live.days.forget(first)
        partials = [self._partial(live, account) for account in sorted(live.days.touched)]
        # The progress comes last: whoever reads it has all the sums which it stands for.
        step.outputs += [self._message(one) for one in (*partials, self._progress(live))]
        live.days.touched = set()
        live.written, step.reached = dict(live.applied), dict(live.applied)
        live.written_at = self.clock()

    def _partial(self, live: _Live, account: Account) -> PerformancePartial:
        model = account.model
        return PerformancePartial(
            run_id=self.run_id,
            source_partition=live.table.partition,
            epoch=live.table.epoch,
            sequence=sum(live.applied.values()),
            model=model.model,
            model_version=model.version,
            variant=model.variant,
            bundle_digest=model.digest,
            day=account.day,
            segment=account.segment,
            payload=compact(live.days.sums[account].to_dict()),
        )

    def _progress(self, live: _Live) -> PerformancePartial:
        payload = compact({"watermark_ms": self._watermark_ms(live), "idle": live.idle})
        sequence = sum(live.applied.values())
        return PerformancePartial(
            self.run_id, live.table.partition, live.table.epoch, sequence, "", "", "", "", 0, "", payload
        )

    def _message(self, partial: PerformancePartial) -> Message:
        key = partial.model or f"partition-{partial.source_partition}"
        return Message(self.topics.partials, key.encode(), self.partial.encode(partial), 0)

    def delivered(self, outputs: Sequence[Message]) -> None:
        """Do nothing: nobody waits for a sum."""

    def expire(self, table: TablePartition[JudgedMatch], committed: Mapping[str, int]) -> Step | None:  # noqa: ARG002 - a match that is read again is as old as before
        """Write what has been counted since, let old matches go, and tell when the partition has become idle."""
        live = self._open(table)
        step = Step()
        for key in self._leaving(live):
            self.figures.left(table.states.pop(key))
            step.changed[key] = None
        falls_idle = not live.idle and self.clock() - live.heard_at >= self.pace.idle_seconds
        live.idle = live.idle or falls_idle
        if falls_idle or self._due(live):
            self._write(live, step)
        return step if step.outputs or step.changed else None

    def _leaving(self, live: _Live) -> Iterator[bytes]:
        first = self._first_day(live)
        if first is None:
            return
        for key in live.table.some_keys():
            if key not in live.changed and live.table.states[key].day < first:
                yield key
