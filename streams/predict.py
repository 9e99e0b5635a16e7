"""The predict role: match and feature events in, predictions and team events out."""

import asyncio
import hashlib
import time
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from features.feature_sets import FEATURE_SETS
from features.match_expiry import expires_at_ms
from features.match_state import MatchState, after_feature_event, after_match_event
from features.remembered import Held
from features.team_events import team_event
from models.bundle import Bundle
from schemas.codec import Codec
from schemas.records import EventKind, FeatureEvent, MatchEvent, Prediction, TeamEvent, Variant
from streams.engine.dead_letters import Cause, dead_letter
from streams.engine.job import Decoded, Step, Unread
from streams.engine.outbox import Message
from streams.engine.reading_back import ReadBack
from streams.engine.slices import Record, Slice
from streams.engine.table import TablePartition
from streams.intake import Entry, Intake, Refused
from streams.metrics import WorkerMetrics

Event = MatchEvent | FeatureEvent
FEATURES_CAUSE = "FEATURES"
TEAM_EVENTS_KEY = b"teams"
SMALL_BATCH = 64


def prediction_id(match_id: str, event_id: str, bundle_digest: str) -> str:
    """Return the deterministic identity of a prediction: 128 bits in hex."""
    parts = f"{match_id}\x00{event_id}\x00{bundle_digest}".encode()
    return hashlib.blake2b(parts, digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class PredictTopics:
    """Names on the brokers of what the role reads and writes."""

    match_events: str
    feature_events: str
    predictions: str
    team_events: str
    dead_letters: str


@dataclass(frozen=True, slots=True)
class PredictCodecs:
    """How the role writes."""

    prediction: Codec[Prediction]
    team_event: Codec[TeamEvent]
    state: Codec[MatchState]


@dataclass(frozen=True, slots=True)
class _Cause:
    """One prediction to be made: which event caused it, and the state after it."""

    state: MatchState
    held: Held
    piece: Slice
    record: Record


@dataclass(slots=True)
class _Fold:
    """What one slice did before the ensemble is asked."""

    step: Step
    causes: list[_Cause] = field(default_factory=list)
    touched: dict[bytes, MatchState] = field(default_factory=dict)


@dataclass(slots=True)
class PredictJob:
    """Folds events into match states and predicts after each event which changes what is known."""

    intake: Intake[Event]
    topics: PredictTopics
    codecs: PredictCodecs
    bundle: Bundle
    metrics: WorkerMetrics
    worker: str

    def decode(self, piece: Slice) -> Decoded[Entry[Event]]:
        """Return the events of *piece*."""
        return self.intake.decode(piece)

    async def process(
        self, batch: Sequence[Decoded[Entry[Event]]], tables: Mapping[int, TablePartition[MatchState]]
    ) -> Sequence[Step]:
        """Return predictions, team events, dead letters and changed states, a step a slice."""
        decoded_at_us = time.time_ns() // 1000
        folds = [self._fold(decoded, tables[decoded.piece.partition]) for decoded in batch]
        causes = [cause for fold in folds for cause in fold.causes]
        self.metrics.batch(sum(len(decoded.entries) for decoded in batch))
        if causes:
            features, probabilities = await self._score([cause.state for cause in causes])
            scored_at_us = time.time_ns() // 1000
            times_us = (decoded_at_us, scored_at_us)
            self.metrics.stage("scored", (scored_at_us - decoded_at_us) / 1e6)
            row = 0
            for fold in folds:
                end = row + len(fold.causes)
                rows = zip(fold.causes, features[row:end].tolist(), probabilities[row:end].tolist(), strict=True)
                for cause, vector, chances in rows:
                    out = tables[cause.piece.partition].already_out
                    self._predict(fold.step, cause, vector, chances, times_us=times_us, already_out=out)
                row = end
        for fold in folds:
            fold.step.changed = {key: self.codecs.state.encode(state) for key, state in fold.touched.items()}
        return [fold.step for fold in folds]

    async def _score(self, states: Sequence[MatchState]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        features = FEATURE_SETS[self.bundle.feature_set].matrix(states)
        if len(states) <= SMALL_BATCH:  # a thread costs more than it frees
            probabilities = self.bundle.score(features, self.bundle.feature_set)
        else:
            probabilities = await asyncio.to_thread(self.bundle.score, features, self.bundle.feature_set)
        confidence = float(probabilities.max(axis=1).mean())
        self.metrics.predictions(
            self.bundle.model, self.bundle.version, Variant.CHAMPION.value, len(states), confidence
        )
        return features, probabilities

    def _fold(self, decoded: Decoded[Entry[Event]], table: TablePartition[MatchState]) -> _Fold:
        fold = _Fold(Step())
        piece = decoded.piece
        for entry in decoded.entries:
            if isinstance(entry.event, Refused):
                self._set_aside(fold.step, piece, entry.record, entry.event)
            else:
                self._apply(fold, piece, entry.record, entry.event, table)
        return fold

    def _set_aside(self, step: Step, piece: Slice, record: Record, refused: Refused) -> None:
        self.metrics.dead_letter(piece.topic, refused.cause)
        step.outputs.append(
            dead_letter(
                self.topics.dead_letters, piece, record, cause=refused.cause, reason=refused.reason, worker=self.worker
            )
        )

    def _apply(
        self, fold: _Fold, piece: Slice, record: Record, event: Event, table: TablePartition[MatchState]
    ) -> None:
        key = event.match_id.encode()
        before = table.states.get(key) or MatchState(event.match_id)
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
        table.watermark_ms = max(table.watermark_ms, _event_time(event))
        after = _with_offset(after, record.offset, is_match_event=is_match_event)
        cause = _held(event, piece, record)
        if after.fixture_known:
            fold.causes += [_Cause(after, held, piece, record) for held in (*after.held, cause)]
            self.metrics.event(piece.topic, "predicted", 1 + len(after.held))
            after = replace(after, held=()) if after.held else after
        else:
            after = replace(after, held=(*after.held, cause))
            self.metrics.event(piece.topic, "held")
        if isinstance(event, MatchEvent):
            self._tell_teams(fold.step, before, after, event, (piece, record))
        table.states[key] = fold.touched[key] = after

    def _tell_teams(
        self, step: Step, before: MatchState, after: MatchState, event: MatchEvent, source: tuple[Slice, Record]
    ) -> None:
        news = team_event(before, after, event)
        if news is not None:
            value = self.codecs.team_event.encode(news)
            step.outputs.append(Message(self.topics.team_events, TEAM_EVENTS_KEY, value, 0, source=source))
        if event.kind is EventKind.FULL_TIME and after.fixture_known and after.goals_contradict_result:
            self.metrics.contradiction()

    def _predict(
        self,
        step: Step,
        cause: _Cause,
        vector: Sequence[float],
        chances: Sequence[float],
        *,
        times_us: tuple[int, int],
        already_out: Container[str],
    ) -> None:
        prediction = self._prediction(cause, vector, chances, times_us)
        if prediction.prediction_id in already_out:
            self.metrics.event(self.topics.predictions, "already_out")
            return
        value = self.codecs.prediction.encode(prediction)
        key = cause.state.match_id.encode()
        source = _source(cause, key)
        step.outputs.append(Message(self.topics.predictions, key, value, cause.piece.partition, source=source))

    def _prediction(
        self, cause: _Cause, vector: Sequence[float], chances: Sequence[float], times_us: tuple[int, int]
    ) -> Prediction:
        state, held, bundle = cause.state, cause.held, self.bundle
        fixture = state.fixture
        home, draw, away = chances
        return Prediction(
            prediction_id=prediction_id(state.match_id, held.event_id, bundle.digest),
            match_id=state.match_id,
            event_id=held.event_id,
            cause=held.cause,
            occurred_at_ms=held.occurred_at_ms,
            competition=fixture.competition if fixture else "",
            minute=state.minute if state.started else -1,
            home_score=state.home_goals,
            away_score=state.away_goals,
            home=home,
            draw=draw,
            away=away,
            variant=Variant.CHAMPION,
            model=bundle.model,
            model_version=bundle.version,
            bundle_digest=bundle.digest,
            feature_set=bundle.feature_set,
            features=vector,
            source_topic=held.source_topic,
            source_partition=cause.piece.partition,
            source_offset=held.source_offset,
            source_timestamp_ms=held.source_timestamp_ms,
            received_at_us=held.received_at_us,
            decoded_at_us=times_us[0],
            scored_at_us=times_us[1],
        )

    def delivered(self, outputs: Sequence[Message]) -> None:
        """Measure the time from the timestamp of each prediction's cause."""
        name = self.topics.predictions
        caused_at_ms = [one.source[1].timestamp for one in outputs if one.topic == name and one.source is not None]
        self.metrics.latencies(time.time() - np.array(caused_at_ms) / 1000)

    def expire(self, table: TablePartition[MatchState], committed: Mapping[str, int]) -> Step | None:
        """Let matches go whose time is over and whose events are committed."""
        match_end = committed.get(self.topics.match_events, 0)
        feature_end = committed.get(self.topics.feature_events, 0)
        gone = [
            (key, state)
            for key, state in ((key, table.states[key]) for key in table.some_keys())
            if expires_at_ms(state) < table.watermark_ms
            and state.applied_match < match_end
            and state.applied_feature < feature_end
        ]
        if not gone:
            return None
        step = Step(changed={key: None for key, _ in gone})
        for key, state in gone:
            del table.states[key]
            step.unread += [self._never_scheduled(state, held) for held in state.held]
        return step

    def _never_scheduled(self, state: MatchState, held: Held) -> Unread:
        self.metrics.dead_letter(held.source_topic, Cause.NEVER_SCHEDULED)
        return Unread(
            held.source_topic,
            self.intake.partition(state.match_id),
            held.source_offset,
            state.match_id.encode(),
            held.source_timestamp_ms,
            Cause.NEVER_SCHEDULED,
            f"event {held.event_id!r} waited for the fixture of match {state.match_id!r}",
        )


def _source(cause: _Cause, key: bytes) -> tuple[Slice, Record]:
    """Return the record of the event that is predicted; of one which was held, without its bytes."""
    held, piece = cause.held, cause.piece
    if (held.source_topic, held.source_offset) == (piece.topic, cause.record.offset):
        return piece, cause.record
    held_piece = Slice(held.source_topic, piece.partition, 0, (), held.received_at_us)
    return held_piece, ReadBack(key, held.source_offset, held.source_timestamp_ms)


def _event_time(event: Event) -> int:
    return event.occurred_at_ms if isinstance(event, MatchEvent) else event.as_of_ms


def _with_offset(state: MatchState, offset: int, *, is_match_event: bool) -> MatchState:
    return replace(state, applied_match=offset) if is_match_event else replace(state, applied_feature=offset)


def _held(event: Event, piece: Slice, record: Record) -> Held:
    return Held(
        event_id=event.event_id,
        cause=event.kind.value if isinstance(event, MatchEvent) else FEATURES_CAUSE,
        occurred_at_ms=_event_time(event),
        minute=event.minute if isinstance(event, MatchEvent) else None,
        source_topic=piece.topic,
        source_offset=record.offset,
        source_timestamp_ms=record.timestamp,
        received_at_us=piece.received_at_us,
    )
