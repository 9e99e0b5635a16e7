"""Predictions as the brokers would have them, and a topic without brokers."""

from dataclasses import dataclass, replace
from typing import Any

from features.feature_sets import FEATURE_SETS
from models.bundle import Bundle
from schemas.catalog import schema_json
from schemas.codec import Codec
from schemas.records import Prediction, Variant
from streams.api.index import Limits
from streams.api.known import Known, known_of
from streams.materializing.shelf import Place

NOW_MS = 1_668_960_000_000
LIMITS = Limits(100, 50, 100 * 2**20)
NAMES = {version: found.names for version, found in FEATURE_SETS.items()}
VALUES = {
    "elo_difference": 120.0, "expected_home_goals": 1.6, "expected_away_goals": 0.9, "home_elo": 1800.0,
    "away_elo": 1680.0, "home_matches": 40.0, "away_matches": 35.0, "neutral": 0.0, "importance": 3.0, "started": 1.0,
    "minute": 63.0, "home_goals": 1.0, "away_goals": 0.0, "score_difference": 1.0, "minutes_since_goal": 12.0,
    "remaining_home_goals": 0.5, "remaining_away_goals": 0.3, "poisson_home": float("nan"), "poisson_draw": 0.2,
    "poisson_away": 0.1,
}  # fmt: skip
"""Of some features; the others are 1.5."""


def codec_of_predictions() -> Codec[Prediction]:
    codec: Codec[Prediction] = Codec("prediction", Prediction)
    codec.learn(7, schema_json("prediction"))
    codec.use_for_writing(7)
    return codec


CODEC = codec_of_predictions()


def predicted(match: str, offset: int, **other: Any) -> Prediction:
    """Return a prediction which was the *offset*-th of its partition."""
    at_ms = NOW_MS + 1000 * offset
    made = Prediction(
        prediction_id=f"{match}-{offset}",
        match_id=match,
        event_id=str(offset),
        cause="TICK",
        occurred_at_ms=at_ms,
        competition="Friendly",
        minute=offset % 90,
        home_score=0,
        away_score=0,
        home=0.5,
        draw=0.25,
        away=0.25,
        variant=Variant.CHAMPION,
        model="m",
        model_version="1",
        bundle_digest="d" * 64,
        feature_set="v1",
        features=[float("nan"), *[1.5] * 31],
        source_topic="match-events",
        source_partition=0,
        source_offset=offset,
        source_timestamp_ms=at_ms,
        received_at_us=at_ms * 1000,
        decoded_at_us=at_ms * 1000,
        scored_at_us=at_ms * 1000,
    )
    return replace(made, **other)


def made_by(bundle: Bundle, match: str, offset: int, **other: Any) -> Prediction:
    """Return the *offset*-th prediction of a match, made by *bundle* of a row of its features."""
    row = [VALUES.get(name, 1.5) for name in bundle.feature_names]
    given = {"features": row, "bundle_digest": bundle.digest, "feature_set": bundle.feature_set}
    return predicted(match, offset, **(given | other))


def known(prediction: Prediction, partition: int = 0, topic_id: str = "t") -> Known:
    place = Place(topic_id, partition, prediction.source_offset)
    return known_of(prediction, place, CODEC.encode(prediction))


@dataclass
class FakeReader:
    """A topic of one partition, read up to somewhere."""

    end: int = 0
    read: int = 0
    changed: bool = False
    error: BaseException | None = None
    away: Exception | None = None

    def look(self) -> bool:
        if self.away:
            raise self.away
        return self.changed

    def ends(self) -> dict[int, int]:
        return {0: self.end}

    def left(self, ends: Any) -> int:
        return max(0, ends[0] - self.read)
