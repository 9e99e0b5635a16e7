"""The neural network, with scaling and missing values as part of the model."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.neural_network import MLPClassifier

from models.graph import GraphBuilder
from models.heuristic import HeuristicMember
from models.predictors import INPUT, Matrix, Probabilities

FARTHEST: Final = 8.0


@dataclass(frozen=True, slots=True)
class Scaling:
    """Centres and scales each feature; a missing value becomes the centre.

    Attributes:
        centre: Mean of each feature, shape ``(k,)``.
        scale: Standard deviation of each feature, 1 where it is constant or never known, shape ``(k,)``.
    """

    centre: NDArray[np.float64]
    scale: NDArray[np.float64]

    def __call__(self, matrix: Matrix) -> NDArray[np.float64]:
        """Return the standard scores of *matrix*, within FARTHEST of zero.

        >>> Scaling(np.array([1.0]), np.array([2.0]))(np.array([[5.0], [np.nan]], dtype=np.float32)).tolist()
        [[2.0], [0.0]]
        """
        scores = (matrix.astype(np.float64) - self.centre) / self.scale
        return np.clip(np.where(np.isnan(scores), 0.0, scores), -FARTHEST, FARTHEST)

    def add_to(self, graph: GraphBuilder) -> str:
        """Return the name of the standard scores, float64 ``(n, k)``."""
        rows = graph.node("Sub", graph.double(INPUT), graph.constant(self.centre))
        scores = graph.node("Div", rows, graph.constant(self.scale))
        zero = graph.constant(np.zeros(1))
        known = graph.node("Where", graph.node("IsNaN", scores), zero, scores)
        return graph.node("Clip", known, graph.constant(np.array(-FARTHEST)), graph.constant(np.array(FARTHEST)))


def fit_scaling(matrix: Matrix) -> Scaling:
    """Return the scaling of the known values of *matrix* ``(n, k)``."""
    known = ~np.isnan(matrix)
    counts = np.maximum(known.sum(axis=0), 1)
    values = np.where(known, matrix, 0).astype(np.float64)
    centre = values.sum(axis=0) / counts
    variance = (np.where(known, values - centre, 0) ** 2).sum(axis=0) / counts
    return Scaling(centre, np.where(variance > 0, np.sqrt(variance), 1.0))


@dataclass(frozen=True, slots=True)
class NetworkMember:
    """A multilayer perceptron of scikit-learn, with ReLU between its layers.

    Attributes:
        start: Whose logarithms are inputs too.
    """

    scaling: Scaling
    model: MLPClassifier
    start: HeuristicMember | None = None

    def inputs(self, matrix: Matrix) -> NDArray[np.float64]:
        """Return what the first layer reads."""
        scores = self.scaling(matrix)
        return scores if self.start is None else np.concatenate([scores, self.start.logs(matrix)], axis=1)

    def predict_proba(self, matrix: Matrix) -> Probabilities:
        """Return scikit-learn's own answer."""
        return np.asarray(self.model.predict_proba(self.inputs(matrix)), dtype=np.float32)

    def add_to(self, graph: GraphBuilder) -> str:
        """Add scaling, layers and softmax."""
        value = self.scaling.add_to(graph)
        if self.start is not None:
            value = graph.node("Concat", value, self.start.add_logs_to(graph), axis=1)
        layers = list(zip(self.model.coefs_, self.model.intercepts_, strict=True))
        for number, (weights, offsets) in enumerate(layers, start=1):
            value = graph.node("MatMul", value, graph.constant(np.asarray(weights, dtype=np.float64)))
            value = graph.node("Add", value, graph.constant(np.asarray(offsets, dtype=np.float64)))
            value = graph.node("Relu", value) if number < len(layers) else value
        return graph.node("Softmax", value, axis=1)
