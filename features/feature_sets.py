"""Feature sets: from match states to the matrix a model reads, one implementation for training and serving."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.match_state import MatchState


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """A named, versioned set of features.

    Attributes:
        names: In the order of the columns.
        matrix: From n states to float32 of shape (n, len(names)); NaN is missing; rows do not know their neighbours.
    """

    version: str
    names: tuple[str, ...]
    matrix: Callable[[Sequence[MatchState]], NDArray[np.float32]]


_NAMES = ("minute", "score_difference")


def _matrix(states: Sequence[MatchState]) -> NDArray[np.float32]:
    rows = [(state.minute, state.home_goals - state.away_goals) for state in states]
    return np.array(rows, dtype=np.float32).reshape(len(rows), len(_NAMES))


FEATURE_SETS: Mapping[str, FeatureSet] = {"v1": FeatureSet("v1", _NAMES, _matrix)}
