"""From expected goals to the chances of home win, draw and away win: the difference of two Poisson counts."""

from math import exp

TAIL_GOALS = 10


def outcome_chances(home_mean: float, away_mean: float, lead: int) -> tuple[float, float, float]:
    """Return the chances of home win, draw and away win.

    The goals still to come are independent and Poisson, so their difference is Skellam's (Skellam 1946); the chances
    are within 1e-6 of his for means up to 12. In plain floats: a row is then the same alone and among others.

    Args:
        home_mean: Expected goals of the home side still to come; so for away_mean.
        away_mean: As home_mean.
        lead: Goals by which the home side leads now.

    >>> outcome_chances(0.0, 0.0, 1)
    (1.0, 0.0, 0.0)
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


def _poisson(mean: float, highest: int) -> list[float]:
    chance = exp(-mean)
    chances = [chance]
    for goals in range(1, highest + 1):
        chance *= mean / goals
        chances.append(chance)
    return chances
