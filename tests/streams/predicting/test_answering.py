"""A bundle that fails costs its own rows, and nobody else's."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from models.bundle import Bundle, open_bundle
from models.predictors import Matrix, Predictor, Probabilities
from streams.predicting.answering import NOT_FINITE, answers


@dataclass(frozen=True)
class Failing:
    """Says NaN, or raises, where the first feature is as large as that."""

    inner: Predictor
    nan_from: float
    refused_from: float

    def predict_proba(self, matrix: Matrix) -> Probabilities:
        if (matrix[:, 0] >= self.refused_from).any():
            raise ArithmeticError("too large" + 1000 * "!")
        found = self.inner.predict_proba(matrix).copy()
        found[matrix[:, 0] >= self.nan_from, 1] = np.nan
        return found


@pytest.fixture(name="bundle", scope="module")
def _bundle() -> Bundle:
    return open_bundle(None, "heuristic")


def test_rows_which_it_cannot_score_are_told_and_the_others_are_as_ever(bundle: Bundle) -> None:
    facts = np.zeros((6, bundle.features.reads.width))
    firsts = bundle.features.of(facts)[:, 0]
    facts[:, 0] += [0, 100, 200, 0, 200, 100]  # the feature which comes first follows the fact which does
    features = bundle.features.of(facts)
    assert set(np.flatnonzero(features[:, 0] != firsts)) == {1, 2, 4, 5}
    nan_from, refused_from = features[1, 0], features[2, 0]

    got = answers(replace(bundle, predictor=Failing(bundle.predictor, nan_from, refused_from)), facts)

    refused = f"ArithmeticError: too large{1000 * '!'}"[:500]
    assert got.failures == {1: NOT_FINITE, 2: refused, 4: refused, 5: NOT_FINITE}
    usual = bundle.score(features, bundle.feature_set)
    np.testing.assert_array_equal(got.scored[1][[0, 3]], usual[[0, 3]])
    assert np.isnan(got.scored[1][[1, 2, 4, 5]]).all()


def test_a_bundle_that_scores_all_says_what_it_says(bundle: Bundle) -> None:
    facts = np.zeros((3, bundle.features.reads.width))

    got = answers(bundle, facts)

    features = bundle.features.of(facts)
    assert not got.failures
    np.testing.assert_array_equal(got.scored[0], features)
    np.testing.assert_array_equal(got.scored[1], bundle.score(features, bundle.feature_set))


def test_one_whose_contract_does_not_fit_fails_every_row(bundle: Bundle) -> None:
    got = answers(replace(bundle, feature_names=("one",)), np.zeros((2, bundle.features.reads.width)))

    assert list(got.failures) == [0, 1]
    assert got.failures[1].startswith("BundleError: ")
    assert got.scored[0].shape == (2, 1)
