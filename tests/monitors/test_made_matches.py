"""Made matches: what is right to say of them is right, and models differ by what was asked for."""

import numpy as np
import pytest
from scipy.stats import kurtosis, norm

from monitors.made_matches import MOMENTS, made_matches, noises_for

MANY = 60_000


@pytest.fixture(scope="module", name="equal")
def _equal():
    return made_matches(MANY, noises_for(0.0), np.random.default_rng(1))


def test_the_right_probabilities_come_as_often_as_they_say_at_every_moment(equal):
    for moment in range(len(MOMENTS)):
        said = equal.right[:, moment]
        for one in range(3):
            bins = np.minimum((said[:, one] * 5).astype(int), 4)
            counts = np.bincount(bins, minlength=5)
            came = np.bincount(bins, equal.came == one, minlength=5)
            expected = np.bincount(bins, said[:, one], minlength=5)
            sigma = np.sqrt(np.bincount(bins, said[:, one] * (1 - said[:, one]), minlength=5)) + 1e-9
            assert (np.abs(came - expected)[counts > 50] < norm.ppf(0.99999) * sigma[counts > 50]).all()


@pytest.mark.parametrize("difference", [0.0, 0.02, -0.01, 0.01])
def test_the_mean_difference_is_the_one_that_was_asked_for(difference, equal):
    made = equal if difference == 0 else made_matches(MANY, noises_for(difference), np.random.default_rng(2))
    found = made.differences

    assert found.mean() == pytest.approx(difference, abs=4 * found.std() / np.sqrt(MANY))
    assert 4 * found.std() / np.sqrt(MANY) < 0.004


def test_differences_look_like_those_of_the_included_bundles(equal):
    """Of xgboost against mlp and heuristic: 0.098 to 0.117 nats, kurtosis 6.8 to 7.5."""
    found = equal.differences

    assert found.std() == pytest.approx(0.105, abs=0.005)
    assert 6 < kurtosis(found, fisher=False) < 9


def test_said_probabilities_sum_to_one_and_equal_chance_makes_equal_matches(equal):
    again = made_matches(50, (0.2, 0.3), np.random.default_rng(7))
    same = made_matches(50, (0.2, 0.3), np.random.default_rng(7))

    np.testing.assert_allclose(equal.challenger.sum(axis=2), 1)
    np.testing.assert_array_equal(again.challenger, same.challenger)
    np.testing.assert_array_equal(again.came, same.came)
    assert (50, len(MOMENTS), 3) == again.champion.shape
