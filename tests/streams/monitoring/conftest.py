import numpy as np
import pytest

from monitors.reference import ReferenceHistograms
from schemas.records import Prediction, Variant

NAMES = ("a", "b", "home", "draw", "away")


@pytest.fixture(scope="session")
def reference() -> ReferenceHistograms:
    """Two features and three classes of 2,000 matches."""
    chance = np.random.default_rng(0)
    matrix = np.hstack([chance.normal(size=(2000, 2)), chance.dirichlet((2, 2, 2), size=2000)])
    return ReferenceHistograms.from_matrix(NAMES, matrix, [str(one) for one in range(2000)])


@pytest.fixture(scope="session")
def predicted():
    """Makes predictions of match m at a second of event time."""

    def make(match: str, second: int, name: str = "", **more) -> Prediction:
        at_ms = 1_000 * second
        given = {
            "prediction_id": f"{match}/{second}/{name}",
            "match_id": match,
            "event_id": name or str(second),
            "cause": "TICK",
            "occurred_at_ms": at_ms,
            "competition": "Friendly",
            "minute": 1,
            "home_score": 0,
            "away_score": 0,
            "home": 0.5,
            "draw": 0.25,
            "away": 0.25,
            "variant": Variant.CHAMPION,
            "model": "m",
            "model_version": "1",
            "bundle_digest": "d",
            "feature_set": "v1",
            "features": [second / 100, float("nan") if second % 7 == 0 else -second / 50],
            "source_topic": "match-events",
            "source_partition": 0,
            "source_offset": second,
            "source_timestamp_ms": at_ms + 2,
            "received_at_us": at_ms * 1000 + 4_000,
            "decoded_at_us": at_ms * 1000 + 5_000,
            "scored_at_us": at_ms * 1000 + 7_500,
        }
        return Prediction(**(given | more))

    return make
