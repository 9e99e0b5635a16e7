"""From facts of matches to the values of the feature sets, the same code for training and serving.

Facts are what a state says, one row a match, float64; NaN is not known. Each row is computed from itself alone, so that
it has the same bits in every batch.
"""

from math import exp
from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.divisions import DRAW_FACTORS
from features.outcome import outcome_chances, with_draws
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
    "pi_difference",
    "home_pi",
    "away_pi",
    "home_form_at_home",
    "away_form_away",
    "home_season_matches",
    "away_season_matches",
    "division_goals",
    "home_advantage",
    "draw_factor",
)
"""What the ratings say: the first facts."""

N_RATED_V1: Final = 19
"""Of them, the first, which are the first features of set v1."""

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
_DRAWS: Final = RATED.index("draw_factor")
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
    MOMENT,
    N_FACTS,
) = range(_RATED, _RATED + 12)
"""Columns: goals are the final score once there is one; LAST_GOAL is a minute; OVER is 1 once a match is.

MOMENT is the event time of the event that is predicted, milliseconds since the epoch.
"""

# Eleven against ten score 1.2 times, ten against eleven .67 times as often (Ridder, Cramer, Hopstaken 1994; Vecer 2009)
RED_OWN: Final = 0.67
RED_OTHER: Final = 1.2
LAST_MINUTE: Final = 94  # with stoppage time
LAST_EXTRA_MINUTE: Final = 122
N_SHARED: Final = HOME_GOALS - NEUTRAL + 2  # facts of the state which are features
_EXTRA: Final = [(LAST_EXTRA_MINUTE - minute) / LAST_MINUTE for minute in range(91, LAST_EXTRA_MINUTE + 1)]
LINEAR: Final = np.array([*((LAST_MINUTE - minute) / LAST_MINUTE for minute in range(91)), *_EXTRA])
"""How much of a match is still to come at each minute, if its goals come evenly."""

LATE_MINUTES: Final = (
    0, 5, 10, 15, 20, 25, 30, 35, 40, 44, 45, 50, 55, 60, 65, 70, 75, 80, 85, 88, 89, 90,
)  # fmt: skip
_LATER: Final = (
    1.0, 0.9652, 0.9204, 0.8728, 0.8242, 0.7786, 0.7288, 0.679, 0.6286, 0.585, 0.5611, 0.5116, 0.4519, 0.3952, 0.3387,
    0.2837, 0.2249, 0.1659, 0.1028, 0.0641, 0.0494, 0.036,
)  # fmt: skip
MEASURED: Final = np.array([*np.interp(range(91), LATE_MINUTES, _LATER), *_EXTRA])
"""The share of the goals that came later, in 9,904 internationals whose goals are timed, 1990 to 2021-06.

The last is the share in the stoppage time of the second half, of which the history only knows that it is minute 90.
"""

_LATER_OF_LATE: Final = (
    1.0, 0.9697, 0.9238, 0.8777, 0.829, 0.7835, 0.7324, 0.6815, 0.6318, 0.5907, 0.563, 0.5173, 0.4565, 0.4, 0.3453,
    0.2913, 0.2344, 0.1756, 0.1117, 0.0753, 0.064, 0.0516,
)  # fmt: skip
LATE: Final = np.array([*np.interp(range(91), LATE_MINUTES, _LATER_OF_LATE), *_EXTRA])
"""As MEASURED, in 3,364 of them, 2012 to 2021-06: stoppage time was shorter before, and its goals were noted less."""

ONE_APART: Final = 1.2
"""How many times as often both sides score while one goal is between them.

Fitted with LATE to results of internationals of 1998 to 2021-06, at minutes 15 to 85. The rate rises with a score that
is not level (Dixon, Robinson 1998); of larger differences nothing more is to be seen.
"""

MOST_REDS: Final = 11  # a team has no more players; the power of any number of cards is too large for a float
MOST_GOALS: Final = 40.0  # expected of one side; time and memory of the chances grow with them
_MEAN_HOME, _MEAN_AWAY = exp(LOG_GOALS + HOME_LOG_GOALS), exp(LOG_GOALS)
_OWN: Final = np.array([RED_OWN**reds for reds in range(MOST_REDS + 1)])
_OTHER: Final = np.array([RED_OTHER**reds for reds in range(MOST_REDS + 1)])


@compiled
def _expected(told: float, otherwise: float) -> float:
    return told if 0.0 <= told <= MOST_GOALS else otherwise  # a NaN is not


@compiled
def _remaining(facts: NDArray[np.float64], curve: NDArray[np.float64]) -> float:
    """Return how much of the match is still to come, 0 to 1, and more in extra time."""
    if facts[OVER]:
        return 0.0
    left: float = curve[int(min(facts[MINUTE], LAST_EXTRA_MINUTE))]
    return left


@compiled
def remaining_goals(facts: NDArray[np.float64], curve: NDArray[np.float64], apart: float) -> tuple[float, float]:
    """Return the expected goals of both sides which are still to come; of mean teams when they are not rated.

    At most MOST_GOALS each; a rating which expects more, fewer than none, or NaN, is no rating.

    Args:
        facts: A row.
        curve: LINEAR, MEASURED or LATE.
        apart: How many times as often goals come while one is between the sides.
    """
    share = _remaining(facts, curve)
    if abs(facts[HOME_GOALS] - facts[AWAY_GOALS]) == 1.0:
        share *= apart
    home = _expected(facts[_HOME_MEAN], _MEAN_AWAY if facts[NEUTRAL] == 1.0 else _MEAN_HOME)
    away = _expected(facts[_AWAY_MEAN], _MEAN_AWAY)
    home_reds, away_reds = int(min(facts[HOME_REDS], MOST_REDS)), int(min(facts[AWAY_REDS], MOST_REDS))
    if home_reds or away_reds:
        home *= _OWN[home_reds] * _OTHER[away_reds]
        away *= _OWN[away_reds] * _OTHER[home_reds]
    return min(home * share, MOST_GOALS), min(away * share, MOST_GOALS)


@compiled
def _draw_factor(facts: NDArray[np.float64], lead: float, curve: NDArray[np.float64]) -> float:
    """Return how much more probable a draw is than the goals say: in a division, while level, ever less."""
    factor: float = facts[_DRAWS]
    if lead != 0.0 or not DRAW_FACTORS[0] <= factor <= DRAW_FACTORS[1]:
        return 1.0
    share: float = min(_remaining(facts, curve), 1.0)
    return 1.0 + (factor - 1.0) * share


@compiled
def _fill(  # noqa: PLR0917 - kernels take no keywords
    facts: NDArray[np.float64],
    features: NDArray[np.float32],
    rated: int,
    curve: NDArray[np.float64],
    draws: bool,  # noqa: FBT001 - kernels take no keywords
    apart: float,
) -> None:
    """Write to *features* ``(n, rated + 13)`` the first *rated* ratings and PLAYED for the rows of *facts*."""
    for row in range(len(facts)):
        known, out = facts[row], features[row]
        for column in range(rated):
            out[column] = known[column]
        played = out[rated:]
        for column in range(N_SHARED):
            played[column] = known[NEUTRAL + column]
        home_mean, away_mean = remaining_goals(known, curve, apart)
        lead = known[HOME_GOALS] - known[AWAY_GOALS]
        played[N_SHARED] = lead
        played[N_SHARED + 1] = known[MINUTE] - known[LAST_GOAL]
        played[N_SHARED + 2], played[N_SHARED + 3] = home_mean, away_mean
        home, draw, away = outcome_chances(home_mean, away_mean, int(lead))
        if draws:
            home, draw, away = with_draws(home, draw, away, _draw_factor(known, lead, curve))
        played[N_SHARED + 4], played[N_SHARED + 5], played[N_SHARED + 6] = home, draw, away


def features_v1(facts: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the values of set v1, shape ``(n, 32)``, for *facts* ``(n, N_FACTS)``."""
    features = np.empty((len(facts), N_RATED_V1 + len(PLAYED)), np.float32)
    _fill(facts, features, N_RATED_V1, LINEAR, False, 1.0)  # noqa: FBT003 - kernels take no keywords
    return features


def features_v2(facts: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the values of set v2, shape ``(n, 42)``: all ratings, goals when they come, draws of divisions."""
    features = np.empty((len(facts), len(RATED) + len(PLAYED)), np.float32)
    _fill(facts, features, len(RATED), MEASURED, True, 1.0)  # noqa: FBT003 - as above
    return features


def features_v3(facts: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the values of set v3, shape ``(n, 42)``: as v2, with LATE and ONE_APART."""
    features = np.empty((len(facts), len(RATED) + len(PLAYED)), np.float32)
    _fill(facts, features, len(RATED), LATE, True, ONE_APART)  # noqa: FBT003 - as above
    return features
