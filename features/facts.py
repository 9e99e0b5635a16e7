"""From facts of matches to the values of feature set v1, the same code for training and serving.

Facts are what a state says, one row a match, float64; NaN is not known. Each row is computed from itself alone, so that
it has the same bits in every batch.
"""

from math import exp
from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.outcome import outcome_chances
from features.team_ratings import HOME_LOG_GOALS, LOG_GOALS
from schemas.compiling import compiled

RATED: Final = (
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
"""What the ratings say: the first facts and the first features."""

PLAYED: Final = (
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

_RATED: Final = len(RATED)
_HOME_MEAN, _AWAY_MEAN = RATED.index("expected_home_goals"), RATED.index("expected_away_goals")
(
    NEUTRAL,
    IMPORTANCE,
    STARTED,
    MINUTE,
    HOME_GOALS,
    AWAY_GOALS,
    LAST_GOAL,
    HOME_REDS,
    AWAY_REDS,
    OVER,
    N_FACTS,
) = range(_RATED, _RATED + 11)
"""Columns: goals are the final score once there is one; LAST_GOAL is a minute; OVER is 1 once a match is."""

# Eleven against ten score 1.2 times, ten against eleven .67 times as often (Ridder, Cramer, Hopstaken 1994; Vecer 2009)
RED_OWN: Final = 0.67
RED_OTHER: Final = 1.2
LAST_MINUTE: Final = 94  # with stoppage time
LAST_EXTRA_MINUTE: Final = 122
MOST_REDS: Final = 11  # a team has no more players; the power of any number of cards is too large for a float
MOST_GOALS: Final = 40.0  # expected of one side; time and memory of the chances grow with them
_MEAN_HOME, _MEAN_AWAY = exp(LOG_GOALS + HOME_LOG_GOALS), exp(LOG_GOALS)
_OWN: Final = np.array([RED_OWN**reds for reds in range(MOST_REDS + 1)])
_OTHER: Final = np.array([RED_OTHER**reds for reds in range(MOST_REDS + 1)])


@compiled
def _expected(told: float, otherwise: float) -> float:
    return told if 0.0 <= told <= MOST_GOALS else otherwise  # a NaN is not


@compiled
def remaining_goals(facts: NDArray[np.float64]) -> tuple[float, float]:
    """Return the expected goals of both sides which are still to come; of mean teams when they are not rated.

    At most MOST_GOALS each; a rating which expects more, fewer than none, or NaN, is no rating.
    """
    minute = facts[MINUTE]
    last = LAST_MINUTE if minute <= 90 else LAST_EXTRA_MINUTE  # noqa: PLR2004 # the end of normal time
    share = 0.0 if facts[OVER] else max(last - minute, 0.0) / LAST_MINUTE
    home = _expected(facts[_HOME_MEAN], _MEAN_AWAY if facts[NEUTRAL] == 1.0 else _MEAN_HOME)
    away = _expected(facts[_AWAY_MEAN], _MEAN_AWAY)
    home_reds, away_reds = int(min(facts[HOME_REDS], MOST_REDS)), int(min(facts[AWAY_REDS], MOST_REDS))
    if home_reds or away_reds:
        home *= _OWN[home_reds] * _OTHER[away_reds]
        away *= _OWN[away_reds] * _OTHER[home_reds]
    return min(home * share, MOST_GOALS), min(away * share, MOST_GOALS)


@compiled
def fill_features(facts: NDArray[np.float64], features: NDArray[np.float32]) -> None:
    """Write to *features* ``(n, 32)`` the values of set v1 for the rows of *facts* ``(n, N_FACTS)``."""
    for row in range(len(facts)):
        known, out = facts[row], features[row]
        for column in range(_RATED + 6):  # up to the goals, facts are features
            out[column] = known[column]
        home_mean, away_mean = remaining_goals(known)
        lead = known[HOME_GOALS] - known[AWAY_GOALS]
        out[_RATED + 6] = lead
        out[_RATED + 7] = known[MINUTE] - known[LAST_GOAL]
        out[_RATED + 8], out[_RATED + 9] = home_mean, away_mean
        out[_RATED + 10], out[_RATED + 11], out[_RATED + 12] = outcome_chances(home_mean, away_mean, int(lead))


def features_of(facts: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the values of set v1, shape ``(n, 32)``, for *facts* ``(n, N_FACTS)``."""
    features = np.empty((len(facts), len(RATED) + len(PLAYED)), np.float32)
    fill_features(facts, features)
    return features
