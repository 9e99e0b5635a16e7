"""Feature sets: from match states to the matrix a model reads, one implementation for training and serving."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import NDArray

from features.facts import N_FACTS, N_RATED_V1, PLAYED, RATED, features_v1, features_v2
from features.match_state import MatchState
from features.rating_book import SOURCE
from features.team_ratings import importance


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """A named, versioned set of features.

    Attributes:
        names: In the order of the columns.
        facts: From n states to what the features are computed from, float64 of shape (n, N_FACTS).
        of: From facts to float32 of shape (n, len(names)); NaN is missing; rows do not know their neighbours.
    """

    version: str
    names: tuple[str, ...]
    facts: Callable[[Sequence[MatchState]], NDArray[np.float64]]
    of: Callable[[NDArray[np.float64]], NDArray[np.float32]]

    def matrix(self, states: Sequence[MatchState]) -> NDArray[np.float32]:
        """Return the features of *states*."""
        return self.of(self.facts(states))


def facts_of(states: Sequence[MatchState]) -> NDArray[np.float64]:
    """Return the facts of *states*, shape ``(n, N_FACTS)``."""
    return np.array([_facts(state) for state in states], np.float64).reshape(len(states), N_FACTS)


def _facts(state: MatchState) -> list[float]:
    fixture, result = state.fixture, state.result
    goals = (*state.home.goals[-1:], *state.away.goals[-1:])
    return [
        *_rated(state),
        nan if fixture is None else fixture.neutral,
        nan if fixture is None else importance(fixture.competition),
        state.started,
        state.minute,
        state.home_goals if result is None else result.home_score,
        state.away_goals if result is None else result.away_score,
        max(goal.minute for goal in goals) if goals else nan,
        state.home.red,
        state.away.red,
        bool(state.results or state.cancellations),
    ]


def _rated(state: MatchState) -> list[float]:
    known = state.features.get(SOURCE)
    if known is None:
        return [nan] * len(RATED)
    values = [known.values.get(name) for name in RATED]
    return [nan if value is None else value for value in values]


FEATURE_SETS: Mapping[str, FeatureSet] = {
    "v1": FeatureSet("v1", (*RATED[:N_RATED_V1], *PLAYED), facts_of, features_v1),
    "v2": FeatureSet("v2", (*RATED, *PLAYED), facts_of, features_v2),
}
NEWEST = list(FEATURE_SETS)[-1]
