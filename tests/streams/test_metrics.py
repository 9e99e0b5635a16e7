"""What a worker counts: what has not happened yet is 0, and predictions by model and likeliest outcome."""

from collections import Counter

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from models.predictors import CLASSES
from streams.engine.dead_letters import Cause
from streams.metrics import WorkerMetrics

MODEL = {"model": "m", "version": "1", "variant": "CHAMPION"}


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry) -> WorkerMetrics:
    return WorkerMetrics(registry, "predict", "test-")


@pytest.mark.usefixtures("metrics")
@pytest.mark.parametrize("cause", Cause)
def test_a_cause_of_dead_letters_that_has_not_been_seen_is_0_so_that_its_first_one_is_an_increase(registry, cause):
    assert 0 == registry.get_sample_value("touchline_dead_letters_total", {"role": "predict", "cause": cause.value})
    assert 0 == registry.get_sample_value("prediction_errors_total", {"error_type": cause.value})


@pytest.mark.parametrize("sizes", [(1,), (3, 1, 200)])
def test_predictions_are_counted_by_likeliest_outcome_and_their_confidence_is_summed(metrics, registry, sizes):
    chance = np.random.default_rng(1)
    batches = [chance.dirichlet((3, 2, 4), size).astype(np.float32) for size in sizes]
    for batch in batches:
        metrics.predictions("m", "1", "CHAMPION", batch)

    rows = [row for batch in batches for row in batch.tolist()]
    likeliest = Counter(CLASSES[row.index(max(row))] for row in rows)
    for outcome in CLASSES:
        found = registry.get_sample_value("touchline_predicted_outcomes_total", MODEL | {"outcome": outcome})
        assert likeliest[outcome] == (found or 0)
    assert len(rows) == registry.get_sample_value("touchline_predictions_total", MODEL)
    assert sum(map(max, rows)) == pytest.approx(registry.get_sample_value("touchline_confidence_total", MODEL))
    last = batches[-1].tolist()
    assert sum(map(max, last)) / len(last) == pytest.approx(registry.get_sample_value("prediction_confidence"))
