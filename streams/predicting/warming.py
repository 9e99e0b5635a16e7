"""Predicts a made-up match before a worker joins its group, so that no event waits for a kernel to be compiled.

``python -m streams.predicting.warming`` does so for the shipped bundle, and leaves what it compiled for later starts.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from prometheus_client import CollectorRegistry

from features.match_state import MatchState
from models.bundle import Bundle, open_bundle
from schemas.bounds import check_feature_event, check_match_event
from schemas.catalog import schema_json
from schemas.codec import Codec
from schemas.records import EventKind, FeatureEvent, MatchEvent, Prediction, Side, TeamEvent
from streams.engine.slices import Slice
from streams.engine.table import TablePartition
from streams.intake import Intake, Reader
from streams.metrics import WorkerMetrics
from streams.predicting.job import PredictJob
from streams.predicting.saying import Predicting
from streams.predicting.served import Served
from streams.predicting.wiring import PredictCodecs, PredictTopics

TOPICS = PredictTopics("match-events", "feature-events", "predictions", "team-events", "dead-letters")
_MATCH = "made-up"
_NOON_MS = 1_671_375_600_000
_SIZES = (1, 16, 200)  # each kernel of the ensemble takes one of them


@dataclass(frozen=True, slots=True)
class MadeUp:
    """A record which no broker has."""

    key: bytes
    value: bytes
    offset: int
    timestamp: int = _NOON_MS
    headers: Sequence[tuple[str, bytes]] = ()


def _codec(name: str, record_type: type[Any]) -> Codec[Any]:
    codec: Codec[Any] = Codec(name, record_type)
    codec.learn(1, schema_json(name))
    codec.use_for_writing(1)
    return codec


def job_alone(bundle: Bundle) -> PredictJob:
    """Return the work of a worker with *bundle* and without brokers; its codecs write what it reads, too."""
    events, features = _codec("match_event", MatchEvent), _codec("feature_event", FeatureEvent)
    readers: dict[str, Reader[Any]] = {
        TOPICS.match_events: Reader(events.decode, check_match_event, lambda event: event.occurred_at_ms),
        TOPICS.feature_events: Reader(features.decode, check_feature_event, lambda event: event.as_of_ms),
    }
    written = _codec("prediction", Prediction), _codec("team_event", TeamEvent), _codec("match_state", MatchState)
    codecs = PredictCodecs(events, features, *written)
    metrics = WorkerMetrics(CollectorRegistry(), "predict")
    saying = Predicting(TOPICS.predictions, codecs.prediction, metrics)
    return PredictJob(Intake(readers, 1), TOPICS, codecs, Served.alone(bundle), saying, metrics, "warming")


def warm_up(bundle: Bundle) -> None:
    """Compile what predicting with *bundle* needs, or load it from where an earlier start has left it."""
    asyncio.run(_predict(job_alone(bundle)))


def score_once(bundle: Bundle) -> None:
    """Score rows of which nothing is known, so that *bundle* is warm where another has been scoring already.

    A fiftieth of the work of `warm_up`: what a worker does beside scoring is the same for each bundle.

    Raises:
        Exception: What the model raises.
    """
    for size in _SIZES:
        facts = np.full((size, bundle.features.reads.width), np.nan)
        bundle.score(bundle.features.of(facts), bundle.feature_set)


async def _predict(job: PredictJob) -> None:
    tables = {0: TablePartition[bytes]()}
    encode = job.codecs.match_event.encode
    fixture = MatchEvent(
        "fixture", _MATCH, EventKind.SCHEDULED, _NOON_MS,
        home_team="Home", away_team="Away", competition="Cup", neutral=False, kick_off_ms=_NOON_MS,
    )  # fmt: skip
    offset = 0
    for batch in ([fixture], *(_shots(size, number) for number, size in enumerate(_SIZES))):
        records = [MadeUp(_MATCH.encode(), encode(event), offset + one) for one, event in enumerate(batch)]
        offset += len(batch)
        await job.process([job.decode(Slice(TOPICS.match_events, 0, 0, records, 0))], tables)


def _shots(count: int, batch: int) -> list[MatchEvent]:
    return [MatchEvent(f"{batch}-{one}", _MATCH, EventKind.SHOT, _NOON_MS, 1, Side.HOME) for one in range(count)]


if __name__ == "__main__":
    warm_up(open_bundle(None))
