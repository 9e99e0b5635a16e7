"""Fitting the neural network: it begins as the heuristic, or as how often what happens, and learns what that misses.

What makes it learn little else was chosen on data before 2022 (docs/forecasts.md): a strong penalty on the weights, and
the mean of the weights after each pass of the later half (Polyak, Juditsky 1992) instead of the last ones.
"""

import warnings
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from models.heuristic import HeuristicMember
from models.network import NetworkMember, fit_scaling
from models.predictors import CLASSES, Matrix

BATCH: Final = 1024
RATE: Final = 2e-4
PENALTY: Final = 1.0

Arrays = list[NDArray[np.float64]]


def fit_network(
    matrix: Matrix,
    results: NDArray[np.int64],
    weights: NDArray[np.float64],
    start: HeuristicMember | None,
    *,
    layers: Sequence[int],
    passes: int,
    seed: int,
) -> NetworkMember:
    """Return a network of *layers* after some *passes* over the rows; see `models.fitting.Examples` for the rows."""
    network = MLPClassifier(
        tuple(layers),
        alpha=PENALTY,
        batch_size=min(BATCH, len(matrix)),
        learning_rate_init=RATE,
        random_state=np.random.RandomState(seed),  # not the seed: rows come in another order in each pass
    )
    member = NetworkMember(fit_scaling(matrix), network, start)
    inputs = member.inputs(matrix)
    # One thread, because the order of a matrix product's sums depends on their number.
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore", ConvergenceWarning)  # the number of passes is the regularisation
        few = slice(network.batch_size)
        network.partial_fit(inputs[few], results[few], weights[few], classes=range(len(CLASSES)))
        if start is None:
            begin_as_prior(network.coefs_, network.intercepts_, results, weights)
        else:
            begin_as_start(network.coefs_, network.intercepts_)
        kept = []
        for number in range(passes):
            network.partial_fit(inputs, results, weights)
            if number >= passes // 2:
                kept.append([array.copy() for array in (*network.coefs_, *network.intercepts_)])
    means = [np.mean(arrays, axis=0) for arrays in zip(*kept, strict=True)]
    network.coefs_, network.intercepts_ = means[: len(network.coefs_)], means[len(network.coefs_) :]
    return member


def begin_as_prior(weights: Arrays, offsets: Arrays, results: NDArray[np.int64], counts: NDArray[np.float64]) -> None:
    """Have a network say how often each of *results* happens, whatever it reads; *counts* are the weights of rows."""
    weights[-1][:] = 0.0
    offsets[-1][:] = np.log(np.bincount(results, counts, len(CLASSES)) / counts.sum())


def begin_as_start(weights: Arrays, offsets: Arrays) -> None:
    """Have a network whose last inputs are the logarithms of its start say what the start does.

    The first units of each layer hand these on, negated so that ReLU lets them through; nobody listens to the other
    units yet.

    Args:
        weights: Of each layer, shape ``(units before, units)``; changed in place.
        offsets: Of each layer, shape ``(units,)``; so are these.
    """
    count, places = len(CLASSES), np.arange(len(CLASSES))
    for layer, (one, offset) in enumerate(zip(weights, offsets, strict=True)):
        one[:, :count], offset[:count] = 0.0, 0.0
        first = len(one) - count if layer == 0 else 0
        one[first + places, places] = 1.0
    weights[0][:, :count] *= -1.0
    weights[-1][:] = 0.0
    weights[-1][places, places] = -1.0
    offsets[-1][:] = 0.0
