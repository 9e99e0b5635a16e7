"""The interface of every model, and the one form in which models are served: an ONNX graph."""

from collections.abc import Mapping
from typing import Final, Literal, Protocol, get_args

import numpy as np
import onnxruntime
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
"""Rows of features, shape ``(n, k)``; NaN is missing."""

Probabilities = NDArray[np.float32]
"""Rows of probabilities in the order of CLASSES, shape ``(n, 3)``."""

CLASSES: Final = ("home", "draw", "away")

Kind = Literal["heuristic", "tree", "forest", "xgboost", "lightgbm", "mlp", "mean", "stack"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

INPUT: Final = "features"
OUTPUT: Final = "probabilities"


class Predictor(Protocol):
    """Turns features into the probabilities of the final result."""

    def predict_proba(self, matrix: Matrix) -> Probabilities:
        """Return the probabilities of *matrix* ``(n, k)``, shape ``(n, 3)``."""
        ...


def softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probabilities of *scores* ``(n, 3)``: their exponentials over the sum.

    >>> softmax(np.array([[0.0, 0.0]])).tolist()
    [[0.5, 0.5]]
    """
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares


class GraphPredictor:
    """A model served from an ONNX graph; safe to call from several threads.

    Args:
        graph: The serialised graph, float32 ``(n, k)`` to float32 ``(n, 3)``.
        threads: Threads within one call.

    Raises:
        ValueError: The runtime refuses the graph.
    """

    def __init__(self, graph: bytes, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4  # what goes wrong comes as an exception
        # Spinning threads would take the cores from the rest of the worker between two calls.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its exceptions have no parent of their own
            raise ValueError(f"cannot be run: {error}") from error
        self.n_features = int(self._session.get_inputs()[0].shape[1])

    def predict_proba(self, matrix: Matrix, given: Mapping[str, NDArray[np.float32]] | None = None) -> Probabilities:
        """Return the probabilities of *matrix* ``(n, k)``, shape ``(n, 3)``.

        Args:
            matrix: The rows.
            given: What else the graph takes, by name.

        Raises:
            ValueError: Another dtype than float32, or another number of features than the graph's.
        """
        self.check(matrix)
        if not len(matrix):
            return np.empty((0, len(CLASSES)), dtype=np.float32)
        probabilities: Probabilities = self._session.run([OUTPUT], {INPUT: matrix, **(given or {})})[0]
        return probabilities

    def check(self, matrix: Matrix) -> None:
        """Raise ValueError when *matrix* is not what predict_proba takes."""
        if matrix.ndim != 2 or matrix.shape[1] != self.n_features or matrix.dtype != np.float32:  # noqa: PLR2004 - rows and columns
            found = f"{matrix.dtype} of shape {matrix.shape}"
            raise ValueError(f"the model takes float32 rows of {self.n_features} features, not {found}")
