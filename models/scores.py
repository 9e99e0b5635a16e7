"""How good probabilities were, once results are known; over all rows, none dropped."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.predictors import CLASSES, Probabilities

SMALLEST: Final = 1e-15
BINS: Final = 10

Measures = Mapping[str, float | tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Judged:
    """What forecasts of some matches were worth.

    Attributes:
        n: Matches; none is left out.
        kinds: By the name of a model or a baseline: log_loss, rps, brier, accuracy and ece; and as ``versus_elo`` and
            ``versus_mean`` the 95 % interval of the difference in log loss to these: below zero is better. With costs
            also ``cost`` and ``expected_cost``, see `cost_scores`.
    """

    n: int
    kinds: Mapping[str, Measures]


def scores(probabilities: Probabilities, results: NDArray[np.int64]) -> Mapping[str, float]:
    """Return log loss (nats), RPS, Brier score, accuracy and calibration error of *probabilities*.

    Args:
        probabilities: Shape ``(n, 3)``, in the order of CLASSES.
        results: Index into CLASSES, shape ``(n,)``.
    """
    shares, happened = probabilities.astype(np.float64), np.eye(len(CLASSES))[results]
    return {
        "n": float(len(results)),
        "log_loss": float(log_losses(probabilities, results).mean()),
        "rps": ranked_probability_score(shares, happened),
        "brier": float(((shares - happened) ** 2).sum(axis=1).mean()),
        "accuracy": float((shares.argmax(axis=1) == results).mean()),
        "ece": calibration_error(shares, happened),
    }


def log_losses(probabilities: Probabilities, results: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the log loss of each row, in nats, shape ``(n,)``."""
    chosen = probabilities[np.arange(len(results)), results].astype(np.float64)
    losses: NDArray[np.float64] = -np.log(np.maximum(chosen, SMALLEST))
    return losses


def ranked_probability_score(shares: NDArray[np.float64], happened: NDArray[np.float64]) -> float:
    """Return the mean ranked probability score: a draw is nearer to either win than the wins are (Epstein 1969).

    >>> ranked_probability_score(np.array([[1.0, 0.0, 0.0]]), np.array([[0.0, 0.0, 1.0]]))
    1.0
    """
    steps = (shares - happened).cumsum(axis=1)[:, :-1]
    return float((steps**2).sum(axis=1).mean() / (len(CLASSES) - 1))


def decision_costs(
    shares: NDArray[np.float64], costs: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return for each row the decision that is expected to cost least, and what it is expected to cost.

    Bayes' decision, the minimum of the conditional risk (Duda, Hart and Stork 2001, "Pattern Classification", 2.2).

    Args:
        shares: Probabilities, shape ``(n, 3)``.
        costs: Of saying a result (row) when another (column) comes, shape ``(3, 3)``.

    >>> decision_costs(np.array([[0.5, 0.2, 0.3]]), np.array([[0, 1, 4.0], [1, 0, 1], [4, 1, 0]]))
    (array([1]), array([0.8]))
    """
    expected = shares @ costs.T
    return expected.argmin(axis=1), expected.min(axis=1)


def cost_scores(
    probabilities: Probabilities, results: NDArray[np.int64], costs: NDArray[np.float64]
) -> Mapping[str, float]:
    """Return what the decisions of least expected cost did cost, and were expected to, as means over all rows."""
    decisions, expected = decision_costs(probabilities.astype(np.float64), costs)
    return {"cost": float(costs[decisions, results].mean()), "expected_cost": float(expected.mean())}


def calibration_error(shares: NDArray[np.float64], happened: NDArray[np.float64]) -> float:
    """Return the expected calibration error, the mean over the classes, in BINS bins of equal width."""
    return float(np.mean([_one_class(shares[:, one], happened[:, one]) for one in range(len(CLASSES))]))


def _one_class(shares: NDArray[np.float64], happened: NDArray[np.float64]) -> float:
    bins = np.minimum((shares * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, weights=shares - happened, minlength=BINS)
    return float(np.abs(gaps).sum() / len(shares))
