"""Feature sets: from match states to the matrix a model reads, one implementation for training and serving.

Each row is computed in plain floats from its own state alone, so that it has the same bits in every batch.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, nan

import numpy as np
from numpy.typing import NDArray

from features.match_state import MatchState
from features.outcome import outcome_chances
from features.rating_book import SOURCE
from features.team_ratings import HOME_LOG_GOALS, LOG_GOALS, importance

# Eleven against ten score 1.2 times, ten against eleven .67 times as often (Ridder, Cramer, Hopstaken 1994; Vecer 2009)
RED_OWN = 0.67
RED_OTHER = 1.2
LAST_MINUTE = 94  # with stoppage time
LAST_EXTRA_MINUTE = 122
MOST_REDS = 11  # a team has no more players; the power of any number of cards is too large for a float
MOST_GOALS = 40.0  # expected of one side; time and memory of the chances grow with them


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


_RATED = (
    "elo_difference",
    "expected_home_goals",
    "expected_away_goals",
    "home_elo",
    "away_elo",
    "home_attack",
    "away_attack",
    "home_defence",
    "away_defence",
    "home_form_points",
    "away_form_points",
    "home_form_goals_for",
    "away_form_goals_for",
    "home_form_goals_against",
    "away_form_goals_against",
    "home_matches",
    "away_matches",
    "home_rest_days",
    "away_rest_days",
)
_PLAYED = (
    "neutral",
    "importance",
    "started",
    "minute",
    "home_goals",
    "away_goals",
    "score_difference",
    "minutes_since_goal",
    "remaining_home_goals",
    "remaining_away_goals",
    "poisson_home",
    "poisson_draw",
    "poisson_away",
)


def _v1(states: Sequence[MatchState]) -> NDArray[np.float32]:
    rows = [(*_rated(state), *_played(state)) for state in states]
    return np.array(rows, dtype=np.float32).reshape(len(rows), len(_RATED) + len(_PLAYED))


def _rated(state: MatchState) -> list[float]:
    known = state.features.get(SOURCE)
    if known is None:
        return [nan] * len(_RATED)
    values = [known.values.get(name) for name in _RATED]
    return [nan if value is None else value for value in values]


def _played(state: MatchState) -> tuple[float, ...]:
    fixture, result = state.fixture, state.result
    home = state.home_goals if result is None else result.home_score
    away = state.away_goals if result is None else result.away_score
    home_mean, away_mean = remaining_goals(state)
    return (
        nan if fixture is None else fixture.neutral,
        nan if fixture is None else importance(fixture.competition),
        state.started,
        state.minute,
        home,
        away,
        home - away,
        _minutes_since_goal(state),
        home_mean,
        away_mean,
        *outcome_chances(home_mean, away_mean, home - away),
    )


def remaining_goals(state: MatchState) -> tuple[float, float]:
    """Return the expected goals of both sides which are still to come; of mean teams when they are not rated.

    At most MOST_GOALS each; a rating which expects more, fewer than none, or NaN, is no rating.
    """
    known = state.features.get(SOURCE)
    values = known.values if known is not None else {}
    neutral = state.fixture is not None and state.fixture.neutral
    home = _expected(values.get("expected_home_goals"), exp(LOG_GOALS + (0.0 if neutral else HOME_LOG_GOALS)))
    away = _expected(values.get("expected_away_goals"), exp(LOG_GOALS))
    share = _share_to_come(state)
    home_reds, away_reds = min(state.home.red, MOST_REDS), min(state.away.red, MOST_REDS)
    if home_reds or away_reds:
        home *= RED_OWN**home_reds * RED_OTHER**away_reds
        away *= RED_OWN**away_reds * RED_OTHER**home_reds
    return min(home * share, MOST_GOALS), min(away * share, MOST_GOALS)


def _expected(told: float | None, otherwise: float) -> float:
    return told if told is not None and 0.0 <= told <= MOST_GOALS else otherwise  # a NaN is not


def _share_to_come(state: MatchState) -> float:
    if state.results or state.cancellations:
        return 0.0
    last = LAST_MINUTE if state.minute <= 90 else LAST_EXTRA_MINUTE  # noqa: PLR2004 # the end of normal time
    return max(last - state.minute, 0) / LAST_MINUTE


def _minutes_since_goal(state: MatchState) -> float:
    last = [goal.minute for goal in (*state.home.goals[-1:], *state.away.goals[-1:])]
    return state.minute - max(last) if last else nan


FEATURE_SETS: Mapping[str, FeatureSet] = {"v1": FeatureSet("v1", (*_RATED, *_PLAYED), _v1)}
