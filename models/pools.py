"""How the probabilities of several members become one: their mean, or a logistic regression on top of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.graph import SMALLEST, GraphBuilder, Member
from models.predictors import CLASSES, Matrix, Probabilities, softmax

STEPS: Final = 50
CONVERGED: Final = 1e-12


@dataclass(frozen=True, slots=True)
class MeanPool:
    """The plain mean of the members."""

    def __call__(self, members: Sequence[Probabilities]) -> Probabilities:
        """Return the mean of each row."""
        mean: Probabilities = np.mean(np.asarray(members, dtype=np.float64), axis=0).astype(np.float32)
        return mean

    def add_to(self, graph: GraphBuilder, members: Sequence[str]) -> str:
        """Return the name of the mean."""
        return graph.node("Div", graph.node("Sum", *members), graph.constant(np.array(float(len(members)))))


@dataclass(frozen=True, slots=True)
class LogitPool:
    """A multinomial logistic regression on the logarithms of the members' probabilities.

    Attributes:
        weights: Shape ``(3 * members + 1, 3)``; the last row is the intercept.
    """

    weights: NDArray[np.float64]

    def __call__(self, members: Sequence[Probabilities]) -> Probabilities:
        """Return the pooled probabilities of each row."""
        return softmax(_inputs(members) @ self.weights).astype(np.float32)

    def add_to(self, graph: GraphBuilder, members: Sequence[str]) -> str:
        """Return the name of the pooled probabilities."""
        logs = graph.log(graph.node("Concat", *members, axis=1))
        scores = graph.node("MatMul", logs, graph.constant(self.weights[:-1]))
        return graph.node("Softmax", graph.node("Add", scores, graph.constant(self.weights[-1])), axis=1)


Pool = MeanPool | LogitPool


@dataclass(frozen=True, slots=True)
class PooledMember:
    """Several members and how they become one."""

    members: Sequence[Member]
    pool: Pool

    def predict_proba(self, matrix: Matrix) -> Probabilities:
        """Return the members' own answers, pooled."""
        return self.pool([member.predict_proba(matrix) for member in self.members])

    def add_to(self, graph: GraphBuilder) -> str:
        """Add the members and the pool."""
        return self.pool.add_to(graph, [member.add_to(graph) for member in self.members])


def fit_logit_pool(
    members: Sequence[Probabilities], results: NDArray[np.int64], weights: NDArray[np.float64], penalty: float = 30.0
) -> LogitPool:
    """Return the regression on *members*' out-of-fold probabilities, shrunk towards their geometric mean.

    Newton's method on the weighted log loss plus ``penalty / 2`` times the squared distance to the mean's weights: a
    free regression on few seasons is worse than the plain mean.

    Args:
        members: One matrix ``(n, 3)`` a member.
        results: Index into CLASSES, shape ``(n,)``.
        weights: Of the rows, shape ``(n,)``.
        penalty: In rows.
    """
    rows = _inputs(members)
    mean = np.vstack([np.eye(len(CLASSES)) / len(members)] * len(members) + [np.zeros((1, len(CLASSES)))])
    found, target = mean.copy(), np.eye(len(CLASSES))[results]
    for _ in range(STEPS):
        shares = softmax(rows @ found)
        slope = rows.T @ (weights[:, None] * (shares - target)) + penalty * (found - mean)
        step = np.linalg.solve(_curvature(rows, shares, weights, penalty), slope.T.ravel())
        found -= step.reshape(slope.T.shape).T
        if np.abs(step).max() < CONVERGED:
            break
    return LogitPool(found)


def _curvature(
    rows: NDArray[np.float64], shares: NDArray[np.float64], weights: NDArray[np.float64], penalty: float
) -> NDArray[np.float64]:
    size, classes = rows.shape[1], len(CLASSES)
    found = np.eye(size * classes) * penalty
    for a in range(classes):
        for b in range(classes):
            spread = weights * shares[:, a] * (float(a == b) - shares[:, b])
            found[a * size : (a + 1) * size, b * size : (b + 1) * size] += (rows * spread[:, None]).T @ rows
    return found


def _inputs(members: Sequence[Probabilities]) -> NDArray[np.float64]:
    logs = np.log(np.maximum(np.concatenate(members, axis=1, dtype=np.float64), SMALLEST))
    return np.concatenate([logs, np.ones((len(logs), 1))], axis=1)
