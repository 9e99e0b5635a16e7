"""Scores against scikit-learn and slow loops; sums that are the same in any order."""

import itertools
import json
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss

from monitors.exact import total, whole
from monitors.performance import BINS, SMALLEST, ZERO_ONE, Performance, judged, mean_cost, scores

GRAIN = 1 << 20


def dyadic(chance: np.random.Generator, n: int) -> np.ndarray:
    """Return probabilities which float32 holds and which sum to 1 exactly, shape ``(n, 3)``."""
    cuts = np.sort(chance.integers(0, GRAIN + 1, (n, 2)), axis=1)
    return np.diff(cuts, axis=1, prepend=0, append=GRAIN) / GRAIN


chances = st.tuples(st.integers(0, GRAIN), st.integers(0, GRAIN)).map(
    lambda cuts: [min(cuts) / GRAIN, (max(cuts) - min(cuts)) / GRAIN, 1 - max(cuts) / GRAIN]
)
matches = st.lists(st.tuples(st.lists(chances, max_size=4), st.integers(0, 2)), max_size=8)


def of(rows, came) -> Performance:
    return judged(np.array(rows, np.float64).reshape(-1, 3), came)


def slow_ece(said: np.ndarray, results: np.ndarray, one: int) -> float:
    """Return the calibration error of class *one*, in exact fractions."""
    gap = Fraction(0)
    for number in range(BINS):
        rows = [row for row in range(len(said)) if min(int(said[row, one] * BINS), BINS - 1) == number]
        gap += abs(sum((Fraction(said[row, one]) for row in rows), Fraction(0)) - sum(results[rows] == one))
    return float(gap / len(said))


def slow_rps(said: np.ndarray, results: np.ndarray) -> float:
    found = []
    for row, result in zip(said, results, strict=True):
        found += [(math.fsum(row[:end]) - (result < end)) ** 2 / 2 for end in (1, 2)]
    return math.fsum(found) / len(said)


def test_the_scores_are_those_of_scikit_learn_and_of_slow_loops():
    chance = np.random.default_rng(5)
    said, results = dyadic(chance, 600), chance.integers(0, 3, 600)
    found = sum((of(said[row : row + 1], results[row]) for row in range(600)), Performance())
    means = scores(found)

    happened = np.eye(3)[results]
    assert log_loss(results, said, labels=[0, 1, 2]) == pytest.approx(means.log_loss, abs=1e-12)
    assert ((said - happened) ** 2).sum(axis=1).mean() == pytest.approx(means.brier, abs=1e-12)
    assert slow_rps(said, results) == pytest.approx(means.rps, abs=1e-12)
    assert accuracy_score(results, said.argmax(axis=1)) == means.accuracy
    assert confusion_matrix(said.argmax(axis=1), results).ravel().tolist() == list(found.confusion)
    slow = [slow_ece(said, results, one) for one in range(3)]
    assert slow == pytest.approx(means.ece, abs=1e-12)
    assert sum(slow) / 3 == pytest.approx(means.mean_ece, abs=1e-12)
    assert (600, 600) == (found.matches, found.predictions)


@given(matches, st.randoms(use_true_random=False))
def test_sums_are_the_same_in_any_order_and_grouping_and_what_was_added_can_be_taken_out(played, chance):
    parts = [of(rows, came) for rows, came in played]
    together = sum(parts, Performance())
    chance.shuffle(parts)
    cut = len(parts) // 2

    assert together == sum(parts[:cut], Performance()) + sum(parts[cut:], Performance())
    for one in parts:
        together = together - one
    assert Performance() == together


def test_one_match_counts_once_however_many_predictions_it_has():
    assert (1, 3) == (of([[0.5, 0.25, 0.25]] * 3, 0).matches, of([[0.5, 0.25, 0.25]] * 3, 0).predictions)
    assert Performance() == of([], 1)
    assert scores(Performance()) is None


def test_a_probability_of_nothing_for_what_came_costs_much_but_not_everything():
    assert -math.log(SMALLEST) == pytest.approx(scores(of([[0.0, 0.0, 1.0]], 0)).log_loss, abs=1e-15)


@given(st.lists(st.floats(0, 40), max_size=50))
def test_a_sum_is_within_an_ulp_of_64_bits_a_value_of_the_exact_one(values):
    exact = sum(map(Fraction, values), Fraction(0))

    assert abs(Fraction(total(np.array(values, np.float64)), whole(1)) - exact) <= Fraction(len(values), whole(1))


def test_costs_weigh_the_confusion_and_zero_one_is_the_share_of_errors():
    confusion = (5, 1, 0, 2, 3, 1, 0, 0, 8)
    costs = ((0.0, 1.0, 3.0), (1.0, 0.0, 1.0), (4.0, 2.0, 0.0))
    slow = [costs[said][came] for said, came in itertools.product(range(3), repeat=2) for _ in
            range(confusion[3 * said + came])]  # fmt: skip

    assert sum(slow) / 20 == mean_cost(confusion, costs)
    assert 4 / 20 == mean_cost(confusion, ZERO_ONE)
    assert mean_cost((0,) * 9, ZERO_ONE) is None


def test_numbers_survive_json_and_those_of_another_length_are_refused():
    found = of([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]], 2)

    assert found == Performance(tuple(json.loads(json.dumps(found.numbers))))
    with pytest.raises(ValueError, match="3 numbers are no performance, which has 104"):
        Performance((1, 2, 3))
