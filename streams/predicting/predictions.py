"""What a prediction says, from its cause."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from features.match_state import MatchState, event_time_ms
from features.remembered import Held
from models.bundle import Bundle
from schemas.records import FEATURES_CAUSE, MatchEvent, Prediction, Variant
from streams.engine.reading_back import ReadBack
from streams.engine.slices import Record, Slice
from streams.predicting.wiring import Event


def prediction_id(match_id: str, event_id: str, bundle_digest: str) -> str:
    """Return the deterministic identity of a prediction: 128 bits in hex."""
    parts = f"{match_id}\x00{event_id}\x00{bundle_digest}".encode()
    return hashlib.blake2b(parts, digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Cause:
    """One prediction to be made: which event caused it, the state after it, and the index of the bundle."""

    state: MatchState
    held: Held
    piece: Slice
    record: Record
    bundle: int

    @property
    def key(self) -> bytes:
        """Key of the match."""
        return self.state.match_id.encode()

    @property
    def source(self) -> tuple[Slice, Record]:
        """The record of the event that is predicted; of one which was held, without its bytes."""
        held, piece = self.held, self.piece
        if (held.source_topic, held.source_offset) == (piece.topic, self.record.offset):
            return piece, self.record
        held_piece = Slice(held.source_topic, piece.partition, 0, (), held.received_at_us)
        return held_piece, ReadBack(self.key, held.source_offset, held.source_timestamp_ms)


def held(event: Event, piece: Slice, record: Record) -> Held:
    """Return what a prediction says of *event* and of its *record*."""
    return Held(
        event_id=event.event_id,
        cause=event.kind.value if isinstance(event, MatchEvent) else FEATURES_CAUSE,
        occurred_at_ms=event_time_ms(event),
        minute=event.minute if isinstance(event, MatchEvent) else None,
        source_topic=piece.topic,
        source_offset=record.offset,
        source_timestamp_ms=record.timestamp,
        received_at_us=piece.received_at_us,
    )


def prediction(  # noqa: PLR0917 - what a prediction says
    cause: Cause,
    bundle: Bundle,
    variant: Variant,
    vector: Sequence[float],
    chances: Sequence[float],
    times_us: tuple[int, int],
) -> Prediction:
    """Return what *bundle* says after *cause*.

    Args:
        cause: Event and state.
        bundle: Which has scored it.
        variant: In which part.
        vector: The features.
        chances: Of home win, draw and away win.
        times_us: When its slice was decoded, and when the ensemble had answered.
    """
    state, told = cause.state, cause.held
    fixture = state.fixture
    home, draw, away = chances
    return Prediction(
        prediction_id=prediction_id(state.match_id, told.event_id, bundle.digest),
        match_id=state.match_id,
        event_id=told.event_id,
        cause=told.cause,
        occurred_at_ms=told.occurred_at_ms,
        competition=fixture.competition if fixture else "",
        minute=state.minute if state.started else -1,
        home_score=state.home_goals,
        away_score=state.away_goals,
        home=home,
        draw=draw,
        away=away,
        variant=variant,
        model=bundle.model,
        model_version=bundle.version,
        bundle_digest=bundle.digest,
        feature_set=bundle.feature_set,
        features=vector,
        source_topic=told.source_topic,
        source_partition=cause.piece.partition,
        source_offset=told.source_offset,
        source_timestamp_ms=told.source_timestamp_ms,
        received_at_us=told.received_at_us,
        decoded_at_us=times_us[0],
        scored_at_us=times_us[1],
    )
