"""Pi-ratings: how many goals a team is better than a mean one, at home and away apart.

Constantinou and Fenton 2013, "Determining the level of ability of football teams by dynamic ratings based on the
relative discrepancies in scores between adversaries", with their learning rates. The difference of the ratings of the
home side at home and the away side away is the margin which is expected; large surprises count for less than their
size.
"""

from math import log10
from typing import Final

BASE: Final = 10.0
DIMINISHING: Final = 3.0
LEARNING: Final = 0.035
CARRIED: Final = 0.7  # of what is learned at home to the rating away, and back


def expected_margin(home: float, away: float) -> float:
    """Return the goals by which the home side wins.

    Args:
        home: Rating at home of the home side.
        away: Rating away of the away side.

    >>> expected_margin(0.0, 0.0), round(expected_margin(0.9, -0.3), 2)
    (0.0, 1.25)
    """
    return _goals(home) - _goals(away)


def lesson(home: float, away: float, margin: int) -> float:
    """Return what a match that was won by *margin* goals adds to the rating of the home side, and takes from the other.

    >>> lesson(0.0, 0.0, 0), round(lesson(0.0, 0.0, 2), 4), round(lesson(0.0, 0.0, 9), 4)
    (0.0, 0.0501, 0.105)
    """
    surprise = margin - expected_margin(home, away)
    size = LEARNING * DIMINISHING * log10(1.0 + abs(surprise))
    return size if surprise >= 0 else -size


def _goals(rating: float) -> float:
    goals: float = BASE ** (abs(rating) / DIMINISHING) - 1.0
    return goals if rating >= 0 else -goals
