"""Expected scores against the batch formula, written as slow loops."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.cbpe import Estimate, estimated, expected
from monitors.performance import judged, scores

rows = st.lists(
    st.tuples(*[st.floats(1e-6, 1.0)] * 3).map(lambda one: [part / sum(one) for part in one]), min_size=1, max_size=12
)


def batch(said: list[list[float]]) -> dict[str, float]:
    """Return what confidence-based performance estimation gives, with the class drawn by the probabilities."""
    found: dict[str, list[float]] = {"accuracy": [], "log_loss": [], "rps": [], "brier": []}
    for row in said:
        for came in range(3):
            chance = row[came] / sum(row)
            truth = [float(one == came) for one in range(3)]
            found["accuracy"].append(chance * (row.index(max(row)) == came))
            found["log_loss"].append(-chance * math.log(row[came]))
            found["brier"].append(chance * sum((one - true) ** 2 for one, true in zip(row, truth, strict=True)))
            gaps = [sum(row[:end]) - sum(truth[:end]) for end in (1, 2)]
            found["rps"].append(chance * sum(gap**2 for gap in gaps) / 2)
    return {name: math.fsum(values) / len(said) for name, values in found.items()}


@given(rows)
def test_the_stream_gives_what_the_batch_formula_gives(said):
    found = expected(sum((estimated(np.array([row])) for row in said), Estimate()))

    for name, value in batch(said).items():
        assert value == pytest.approx(getattr(found, name), abs=1e-12), name
    assert np.mean(np.max(said, axis=1)) == pytest.approx(found.accuracy, abs=1e-12)


@given(rows, st.randoms(use_true_random=False))
def test_estimates_are_the_same_in_any_order_and_can_be_taken_out(said, chance):
    parts = [estimated(np.array([row])) for row in said]
    whole = estimated(np.array(said))
    together = sum(parts, Estimate())
    chance.shuffle(parts)

    assert together == sum(parts, Estimate())
    assert whole.numbers[1:] == together.numbers[1:]
    assert Estimate() == together - together


def test_predictions_which_are_as_good_as_they_say_get_what_they_expect():
    chance = np.random.default_rng(3)
    said = chance.dirichlet((3, 2, 2), 20_000)
    came = (said.cumsum(axis=1) < chance.random((20_000, 1))).sum(axis=1)
    found = expected(estimated(said))
    real = [scores(judged(said[came == one], one)) for one in range(3)]
    shares = [float((came == one).mean()) for one in range(3)]

    for name in ("accuracy", "log_loss", "rps", "brier"):
        realised = sum(share * getattr(one, name) for share, one in zip(shares, real, strict=True))
        assert realised == pytest.approx(getattr(found, name), abs=0.015), name
    confusion = np.zeros((3, 3))
    np.add.at(confusion, (said.argmax(axis=1), came), 1)
    assert confusion.ravel() == pytest.approx(np.array(found.confusion), abs=300)


def test_nothing_is_expected_of_nothing():
    assert expected(estimated(np.empty((0, 3)))) is None
    with pytest.raises(ValueError, match="1 numbers are no estimate"):
        Estimate((1,))
