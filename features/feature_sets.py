"""Feature sets: from match states to the matrix a model reads, one implementation for training and serving."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import NDArray

from features.facts import N_RATED_V1, PLAYED, RATED, features_v1, features_v2, features_v3
from features.match_state import MatchState
from features.rating_book import SOURCE
from features.team_ratings import importance
from features.told import NOTHING, Reads


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """A named, versioned set of features.

    Attributes:
        names: In the order of the columns.
        of: From facts to float32 of shape (n, len(names)); NaN is missing; rows do not know their neighbours.
        reads: Which values of users' feature events are facts, too.
        declared: What a manifest says of it beside names and version; None for a published set.
    """

    version: str
    names: tuple[str, ...]
    of: Callable[[NDArray[np.float64]], NDArray[np.float32]]
    reads: Reads = NOTHING
    declared: Mapping[str, object] | None = None

    def facts(self, states: Sequence[MatchState], moments_ms: Sequence[int] | None = None) -> NDArray[np.float64]:
        """Return what the features of *states* are computed from; see `facts_of`."""
        return facts_of(states, moments_ms, self.reads)

    def matrix(self, states: Sequence[MatchState], moments_ms: Sequence[int] | None = None) -> NDArray[np.float32]:
        """Return the features of *states*; see `facts_of`."""
        return self.of(self.facts(states, moments_ms))


def facts_of(
    states: Sequence[MatchState], moments_ms: Sequence[int] | None = None, reads: Reads = NOTHING
) -> NDArray[np.float64]:
    """Return the facts of *states*, shape ``(n, reads.width)``.

    Args:
        states: One a row.
        moments_ms: Event time of the event after which each state is; None when nothing is read whose age counts.
        reads: Values of users' feature events.

    Raises:
        ValueError: The moments of what is read are not given.
    """
    if moments_ms is None and reads.sources:
        raise ValueError("values of feature events have an age: the moment of each state must be given")
    moments = [nan] * len(states) if moments_ms is None else moments_ms
    rows = [[*_facts(one), at, *reads.facts(one)] for one, at in zip(states, moments, strict=True)]
    return np.array(rows, np.float64).reshape(len(states), reads.width)


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
    "v1": FeatureSet("v1", (*RATED[:N_RATED_V1], *PLAYED), features_v1),
    "v2": FeatureSet("v2", (*RATED, *PLAYED), features_v2),
    "v3": FeatureSet("v3", (*RATED, *PLAYED), features_v3),
}
NEWEST = list(FEATURE_SETS)[-1]
