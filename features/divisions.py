"""Divisions: competitions whose teams meet all season long, and what their finished matches say of all their teams.

A competition is a division when its name is a country, a dot and a tier, as in ``en.1``; what follows does not matter.
Its teams are promoted and relegated, and rest between two seasons. The constants were chosen on matches before
2021-07-01 alone.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from math import exp
from typing import Final

_NAME: Final = re.compile(r"[^.\s]+\.([1-9])")
LEARNING: Final = 0.3  # of a new division; its n-th match counts for LEARNING / n
LEAST_HOME_STEP: Final = 0.0037  # home advantage changes with the years
DRAW_STEP: Final = 0.004
DRAW_FACTORS: Final = (0.5, 1.5)
_MOST_GOALS: Final = 15  # of each side in a draw


@lru_cache(maxsize=1024)
def tier_of(competition: str) -> int | None:
    """Return the tier of a division, 1 for the first; None when *competition* is no division.

    >>> tier_of("en.1"), tier_of("mx.2ascenso"), tier_of("FIFA World Cup"), tier_of("champions-league.elq")
    (1, 2, None, None)
    """
    found = _NAME.match(competition)
    return None if found is None else int(found[1])


@dataclass(frozen=True, slots=True)
class DivisionRates:
    """What the finished matches of a division say of those to come.

    Attributes:
        log_goals: Log of the goals which a mean team scores away against a mean team.
        home_log_goals: Log of the factor on the goals of the home side.
        draw_factor: How much more often matches are drawn than two independent Poisson counts say.
        matches: Finished matches folded.
    """

    division: str
    log_goals: float = 0.2
    home_log_goals: float = 0.3
    draw_factor: float = 1.0
    matches: int = 0


def rates_after(rates: DivisionRates, means: tuple[float, float], scores: tuple[int, int]) -> DivisionRates:
    """Return *rates* after one more match, each a step up the gradient of its likelihood.

    Args:
        rates: Before.
        means: The goals which were expected of the home and the away side.
        scores: The goals which they scored.
    """
    more = scores[0] - means[0], scores[1] - means[1]
    learning = LEARNING / (1 + rates.matches)
    factor = rates.draw_factor + DRAW_STEP * (float(scores[0] == scores[1]) - draw_chance(*means, rates.draw_factor))
    return DivisionRates(
        rates.division,
        rates.log_goals + learning * (more[0] + more[1]) / 2,
        rates.home_log_goals + max(learning, LEAST_HOME_STEP) * (more[0] - more[1]) / 2,
        min(max(factor, DRAW_FACTORS[0]), DRAW_FACTORS[1]),
        rates.matches + 1,
    )


def draw_chance(home_mean: float, away_mean: float, factor: float) -> float:
    """Return the chance of a draw: that of two independent Poisson counts, *factor* times as probable.

    >>> round(draw_chance(1.5, 1.1, 1.0), 4), round(draw_chance(1.5, 1.1, 1.2), 4)
    (0.2577, 0.294)
    """
    chance = term = exp(-home_mean - away_mean)
    for goals in range(1, _MOST_GOALS + 1):
        term *= home_mean * away_mean / goals**2
        chance += term
    return factor * chance / (1.0 + (factor - 1.0) * chance)
