"""Folds events one by one: all that are not usual, and those of matches which have any such.

This is what an event means; the columns of `streams.predicting.usual` say the same of the usual ones.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from features.match_state import MatchState, after_feature_event, after_match_event
from features.remembered import Held
from features.team_events import team_event
from schemas.records import EventKind, MatchEvent
from streams.engine.dead_letters import Cause, dead_letter
from streams.engine.job import Step, Unread
from streams.engine.outbox import Message
from streams.engine.slices import Record, Slice
from streams.engine.table import TablePartition
from streams.intake import Entry, Refused
from streams.metrics import WorkerMetrics
from streams.predicting import predictions
from streams.predicting.predictions import event_time_ms, held
from streams.predicting.wiring import Event, PredictCodecs, PredictTopics

TEAM_EVENTS_KEY = b"teams"


@dataclass(slots=True)
class SingleFold:
    """What one batch did, event by event.

    Attributes:
        causes: Predictions to be made, by the index of their slice.
        touched: States as they are now, by partition.
    """

    causes: list[tuple[int, predictions.Cause]] = field(default_factory=list)
    touched: dict[int, dict[bytes, MatchState]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SingleEvents:
    """Folds entries into states."""

    topics: PredictTopics
    codecs: PredictCodecs
    metrics: WorkerMetrics
    worker: str

    def fold(  # noqa: PLR0917 - a batch is all of it
        self,
        done: SingleFold,
        place: int,
        piece: Slice,
        entries: Iterable[Entry[Event]],
        table: TablePartition[bytes],
        step: Step,
    ) -> None:
        """Fold *entries* of the slice at *place* into *done*; what goes out at once goes to *step*."""
        for entry in entries:
            if isinstance(entry.event, Refused):
                self._set_aside(step, piece, entry.record, entry.event)
            else:
                self._apply(done, place, (piece, entry.record), entry.event, table, step)

    def _set_aside(self, step: Step, piece: Slice, record: Record, refused: Refused) -> None:
        self.metrics.dead_letter(piece.topic, refused.cause)
        step.outputs.append(
            dead_letter(
                self.topics.dead_letters, piece, record, cause=refused.cause, reason=refused.reason, worker=self.worker
            )
        )

    def _apply(  # noqa: PLR0917 - the same
        self,
        done: SingleFold,
        place: int,
        source: tuple[Slice, Record],
        event: Event,
        table: TablePartition[bytes],
        step: Step,
    ) -> None:
        piece, record = source
        key = event.match_id.encode()
        before = self._state(done.touched.get(piece.partition, {}), key, event.match_id, table)
        is_match_event = isinstance(event, MatchEvent)
        if record.offset <= (before.applied_match if is_match_event else before.applied_feature):
            self.metrics.event(piece.topic, "replayed")
            return
        after = (
            after_match_event(before, event) if isinstance(event, MatchEvent) else after_feature_event(before, event)
        )
        if after is before:
            self.metrics.event(piece.topic, "repeated")
            return
        table.watermark_ms = max(table.watermark_ms, event_time_ms(event))
        after = _with_offset(after, record.offset, is_match_event=is_match_event)
        cause = held(event, piece, record)
        if after.fixture_known:
            done.causes += [(place, predictions.Cause(after, one, piece, record)) for one in (*after.held, cause)]
            self.metrics.event(piece.topic, "predicted", 1 + len(after.held))
            after = replace(after, held=()) if after.held else after
        else:
            after = replace(after, held=(*after.held, cause))
            self.metrics.event(piece.topic, "held")
        if isinstance(event, MatchEvent):
            self._tell_teams(step, before, after, event, source)
        done.touched.setdefault(piece.partition, {})[key] = after

    def _state(
        self, touched: Mapping[bytes, MatchState], key: bytes, match_id: str, table: TablePartition[bytes]
    ) -> MatchState:
        found = touched.get(key)
        if found is not None:
            return found
        value = table.states.get(key)
        return MatchState(match_id) if value is None else self.codecs.state.decode(value)

    def never_scheduled(self, state: MatchState, waited: Held, partition: Callable[[str], int]) -> Unread:
        """Return what is set aside of an event which *waited* for a fixture that never came."""
        self.metrics.dead_letter(waited.source_topic, Cause.NEVER_SCHEDULED)
        return Unread(
            waited.source_topic,
            partition(state.match_id),
            waited.source_offset,
            state.match_id.encode(),
            waited.source_timestamp_ms,
            Cause.NEVER_SCHEDULED,
            f"event {waited.event_id!r} waited for the fixture of match {state.match_id!r}",
        )

    def _tell_teams(
        self, step: Step, before: MatchState, after: MatchState, event: MatchEvent, source: tuple[Slice, Record]
    ) -> None:
        news = team_event(before, after, event)
        if news is not None:
            value = self.codecs.team_event.encode(news)
            step.outputs.append(Message(self.topics.team_events, TEAM_EVENTS_KEY, value, 0, source=source))
        if event.kind is EventKind.FULL_TIME and after.fixture_known and after.goals_contradict_result:
            self.metrics.contradiction()


def _with_offset(state: MatchState, offset: int, *, is_match_event: bool) -> MatchState:
    return replace(state, applied_match=offset) if is_match_event else replace(state, applied_feature=offset)
