"""The predictor without training: from the teams' ratings over expected goals to probabilities.

The boosters and the network start from it, and learn what it misses.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.graph import GraphBuilder
from models.predictors import CLASSES, INPUT, Matrix, Probabilities

COLUMNS: Final = tuple(f"poisson_{name}" for name in CLASSES)
LEAST: Final = 0.002


@dataclass(frozen=True, slots=True)
class HeuristicMember:
    """The Poisson chances of the final result, which the feature set derives from score, clock and ratings.

    Attributes:
        columns: Of the chances of home, draw and away.
    """

    columns: Sequence[int]

    def predict_proba(self, matrix: Matrix) -> Probabilities:
        """Return the chances, each at least LEAST before they are made to sum to 1; even ones when missing."""
        chances = matrix[:, self.columns].astype(np.float64)
        known = np.clip(np.where(np.isnan(chances), 1 / len(CLASSES), chances), LEAST, 1.0)
        shares: Probabilities = (known / known.sum(axis=1, keepdims=True)).astype(np.float32)
        return shares

    def logs(self, matrix: Matrix) -> NDArray[np.float64]:
        """Return the logarithms of the probabilities, shape ``(n, 3)``."""
        return np.log(self.predict_proba(matrix).astype(np.float64))

    def add_logs_to(self, graph: GraphBuilder) -> str:
        """Return the name of the logarithms of the probabilities, float64 ``(n, 3)``."""
        return graph.node("Log", self.add_to(graph))

    def add_to(self, graph: GraphBuilder) -> str:
        """Add the choice of the columns, the bounds and the division by the sum."""
        chosen = graph.node("Gather", INPUT, graph.constant(np.array(self.columns, dtype=np.int64)), axis=1)
        chances = graph.double(chosen)
        even = graph.constant(np.array([1 / len(CLASSES)]))
        known = graph.node("Where", graph.node("IsNaN", chances), even, chances)
        bounds = graph.constant(np.array(LEAST)), graph.constant(np.array(1.0))
        return graph.normalised(graph.node("Clip", known, *bounds))


def heuristic_member(names: Sequence[str]) -> HeuristicMember:
    """Return the heuristic on a matrix whose columns are *names*.

    Raises:
        ValueError: The feature set has no Poisson chances.
    """
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise ValueError(f"the heuristic needs the feature {missing[0]!r}, which is not among {', '.join(names)}")
    return HeuristicMember([names.index(name) for name in COLUMNS])
