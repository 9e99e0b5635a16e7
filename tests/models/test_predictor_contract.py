"""What every kind of predictor promises."""

import numpy as np
import pytest

from models.fitting import Sizes
from models.graph import probe_rows
from models.predictors import CLASSES, KINDS, GraphPredictor
from models.training import train

ROWS = 1000


@pytest.fixture(scope="module", params=KINDS)
def trained(request, names, rows, judged, tiny):
    return train(request.param, names, rows, judged, sizes=tiny)


@pytest.fixture(scope="module")
def predictor(trained):
    return GraphPredictor(trained.graph)


@pytest.fixture(scope="module")
def probes(trained, rows):
    return probe_rows(trained.graph, rows.matrix, np.random.default_rng(5), most=2 * ROWS)


def test_probabilities_are_finite_within_bounds_and_sum_to_one(predictor, probes):
    found = predictor.predict_proba(probes)

    assert (len(probes), len(CLASSES)) == found.shape
    assert np.float32 == found.dtype
    assert np.isfinite(found).all()
    assert ((found >= 0) & (found <= 1)).all()
    assert np.abs(found.sum(axis=1) - 1).max() < 1e-6


def test_a_missing_feature_is_not_a_missing_answer(predictor, rows):
    for column in range(rows.matrix.shape[1]):
        gap = rows.matrix[:20].copy()
        gap[:, column] = np.nan

        assert np.isfinite(predictor.predict_proba(gap)).all()


def test_infinite_values_are_not_a_missing_answer(predictor, rows):
    for extreme in (-np.inf, np.inf):
        wild = np.full_like(rows.matrix[:2], extreme)

        assert np.isfinite(predictor.predict_proba(wild)).all()


def test_a_row_does_not_know_its_neighbours(predictor, probes):
    order = np.random.default_rng(1).permutation(len(probes))
    found = predictor.predict_proba(probes)

    assert np.abs(found[order] - predictor.predict_proba(probes[order])).max() <= 1e-6


def test_one_row_and_a_thousand_give_the_same_answer(predictor, probes):
    together = predictor.predict_proba(probes[:ROWS])
    alone = np.concatenate([predictor.predict_proba(row[None]) for row in probes[:ROWS]])

    assert np.abs(together - alone).max() <= 1e-6


def test_two_threads_give_the_answer_of_one(trained, predictor, probes):
    assert (
        np.abs(GraphPredictor(trained.graph, threads=2).predict_proba(probes) - predictor.predict_proba(probes)).max()
        <= 1e-6
    )


def test_the_input_is_left_as_it_was(predictor, probes):
    before = probes.tobytes()
    predictor.predict_proba(probes)

    assert before == probes.tobytes()


def test_no_rows_give_no_probabilities(predictor, rows):
    assert (0, 3) == predictor.predict_proba(rows.matrix[:0]).shape


def test_rows_of_another_width_or_type_are_refused(predictor, rows):
    for wrong in (rows.matrix[:, :-1], rows.matrix.astype(np.float64), rows.matrix[0]):
        with pytest.raises(ValueError, match=f"takes float32 rows of {rows.matrix.shape[1]} features, not "):
            predictor.predict_proba(wrong)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_rows_give_the_same_bytes(kind, names, rows, judged, tiny):
    graphs = {train(kind, names, rows, judged, sizes=tiny).graph for _ in range(2)}

    assert 1 == len(graphs)


def test_sizes_are_the_published_reference():
    sizes = Sizes()

    assert (500, 4, 500, 31, (64, 32)) == (
        sizes.xgboost_trees,
        sizes.xgboost_depth,
        sizes.lightgbm_trees,
        sizes.lightgbm_leaves,
        sizes.layers,
    )
