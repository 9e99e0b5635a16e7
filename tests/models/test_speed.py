"""How long a prediction takes is measured row by row, and what interrupts a call does not count."""

import numpy as np
import pytest

from models.manifest import BundleError
from models.speed import check_speed, seconds_per_prediction


class Calls:
    """A model whose calls take the given seconds, and the clock that says so."""

    def __init__(self, *seconds):
        self._left, self.now, self.rows = iter(seconds), 0.0, []

    def predict_proba(self, matrix):
        self.rows.append(matrix.tolist())
        self.now += next(self._left)
        return np.zeros((len(matrix), 3), np.float32)

    def clock(self):
        return self.now


def test_it_is_the_median_of_the_rows_fastest_calls():
    calls = Calls(5, 1, 9, 4, 4, 8, 100, 3, 99)
    rows = np.array([[1], [2], [3]], np.float32)

    assert 3 == seconds_per_prediction(calls, rows, calls.clock)
    assert [[[1.0]]] * 3 + [[[2.0]]] * 3 + [[[3.0]]] * 3 == calls.rows


def test_up_to_four_times_the_budget_is_taken():
    row = np.zeros((1, 1), np.float32)
    calls = Calls(*[1.0] * 3)
    check_speed(calls, row, "here", 0.25, calls.clock)

    calls = Calls(*[1.5] * 3)
    with pytest.raises(BundleError) as caught:
        check_speed(calls, row, "here", 0.25, calls.clock)
    assert (
        "here: a prediction takes 1,500,000 us on its golden rows, more than 4 times the budget of 250,000 us"
        == str(caught.value)
    )
