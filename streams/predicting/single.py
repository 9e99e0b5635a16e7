"""Folds events one by one: all that are not usual, and those of matches which have any such.

This is what an event means; the columns of `streams.predicting.usual` say the same of the usual ones.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from features.match_state import MatchState, after_event, event_time_ms
from features.remembered import Held
from models.serving import pin_of
from schemas.records import MatchEvent
from streams.engine.dead_letters import Cause, dead_letter
from streams.engine.job import Step, Unread
from streams.engine.slices import Record, Slice
from streams.engine.table import TablePartition
from streams.intake import Intake, Refused
from streams.metrics import WorkerMetrics
from streams.predicting import predictions
from streams.predicting.batch import Batch
from streams.predicting.predictions import held, prediction_id
from streams.predicting.served import NONE, Served
from streams.predicting.telling import News, Telling
from streams.predicting.wiring import Event, PredictCodecs, PredictTopics


@dataclass(slots=True)
class SingleFold:
    """What events did one by one.

    Attributes:
        causes: Predictions to be made, by the index of their slice.
        touched: States as they are now, by the number of their match.
        news: What the ratings must hear of.
    """

    causes: list[tuple[int, predictions.Cause]] = field(default_factory=list)
    touched: dict[int, MatchState] = field(default_factory=dict)
    news: list[News] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SingleEvents:
    """Folds entries into states."""

    intake: Intake[Event]
    topics: PredictTopics
    codecs: PredictCodecs
    metrics: WorkerMetrics
    telling: Telling
    worker: str

    def fold(
        self, batch: Batch, rows: Sequence[int], tables: Mapping[int, TablePartition[bytes]], served: Served
    ) -> SingleFold:
        """Fold the records at *rows* of *batch*."""
        done = SingleFold()
        records = batch.records
        places, owners = records.pieces[rows].tolist(), batch.owners[rows].tolist()
        for row, place, owner in zip(rows, places, owners, strict=True):
            piece = records.slices[place].piece
            entry = records.entries.get(row) or self.intake.entry(piece, records.each[row])
            before = done.touched.get(owner) or self._state(batch, owner)
            source, table = (piece, entry.record), tables[piece.partition]
            if isinstance(entry.event, Refused):
                reason = f"it was read in columns, and now is refused: {entry.event.reason}"
                raise RuntimeError(reason)  # noqa: TRY004 - not a type, a defect
            self._apply(done, (row, place, owner), source, before, entry.event, table, served)
        for owner, state in done.touched.items():
            batch.put(owner, self.codecs.state.encode(state))
        return done

    def _state(self, batch: Batch, owner: int) -> MatchState:
        state = batch.states[owner]
        return self.codecs.state.decode(state) if state else MatchState(batch.names[owner][1].decode())

    def set_aside(self, batch: Batch, steps: Sequence[Step]) -> None:
        """Set the refused records of *batch* aside."""
        records = batch.records
        for row, entry in sorted(records.entries.items()):
            if isinstance(entry.event, Refused):
                place = records.pieces[row]
                self._set_aside(steps[place], records.slices[place].piece, entry.record, entry.event)

    def _set_aside(self, step: Step, piece: Slice, record: Record, refused: Refused) -> None:
        topic = self.topics.dead_letters
        if topic is None:
            self.metrics.event(piece.topic, "refused")
            return
        self.metrics.dead_letter(piece.topic, refused.cause)
        letter = dead_letter(topic, piece, record, cause=refused.cause, reason=refused.reason, worker=self.worker)
        step.outputs.append(letter)

    def _apply(  # noqa: PLR0917 - an event and all it meets
        self,
        done: SingleFold,
        numbers: tuple[int, int, int],
        source: tuple[Slice, Record],
        before: MatchState,
        event: Event,
        table: TablePartition[bytes],
        served: Served,
    ) -> None:
        piece, record = source
        row, place, owner = numbers
        is_match_event = isinstance(event, MatchEvent)
        if record.offset <= (before.applied_match if is_match_event else before.applied_feature):
            self.metrics.event(piece.topic, "replayed")
            return
        after = after_event(before, event)
        if after is before:
            self.metrics.event(piece.topic, "repeated")
            return
        table.watermark_ms = max(table.watermark_ms, event_time_ms(event))
        after = _with_offset(after, record.offset, is_match_event=is_match_event)
        number = 0
        if after.started or after.bundle:
            after, number = self._with_bundle(after, event.event_id, table, served)
        cause = held(event, piece, record)
        if after.fixture_known:
            causes = (*after.held, cause)
            done.causes += [(place, predictions.Cause(after, one, piece, record, number)) for one in causes]
            self.metrics.event(piece.topic, "predicted", 1 + len(after.held))
            after = replace(after, held=()) if after.held else after
        else:
            after = replace(after, held=(*after.held, cause))
            self.metrics.event(piece.topic, "held")
        if isinstance(event, MatchEvent) and (message := self.telling.singly(before, after, event, source)) is not None:
            done.news.append(News(row, place, message))
        done.touched[owner] = after

    def _with_bundle(
        self, state: MatchState, event_id: str, table: TablePartition[bytes], served: Served
    ) -> tuple[MatchState, int]:
        """Return the state of a match which has begun with the bundle that scores it, and the index of that.

        A match keeps the bundle it began with, also when the event is worked on again after a fall: then what is out
        already tells which it was. One whose bundle serves no longer goes to the champion.
        """
        number = served.number(state.bundle) if state.bundle else NONE
        if number != NONE:
            return state, number
        if state.bundle:
            number = 0
            self.metrics.moved()
        else:
            number = _began_with(served, table, state.match_id, event_id)
        return replace(state, bundle=pin_of(served.bundles[number].digest)), number

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


def _with_offset(state: MatchState, offset: int, *, is_match_event: bool) -> MatchState:
    return replace(state, applied_match=offset) if is_match_event else replace(state, applied_feature=offset)


def _began_with(served: Served, table: TablePartition[bytes], match_id: str, event_id: str) -> int:
    if table.already_out:
        for number, bundle in enumerate(served.bundles):
            if prediction_id(match_id, event_id, bundle.digest) in table.already_out:
                return number
    return served.chosen(match_id)
