"""Bounds on the mean of bounded differences that hold at all times at once, so that one may look after each match.

Let the differences lie in ``-c .. c``. For ``x >= -1`` and ``0 <= l < 1``,
``exp(l x + x^2 (l + ln(1 - l))) <= 1 + l x`` (Fan, Grama and Liu 2015, "Exponential inequalities for martingales with
applications", lemma 4.1). So with S the sum of the differences less their expected values, and V the sum of their
squares, both in units of c and c^2,
``exp(l S - V (-ln(1 - l) - l))`` is a supermartingale whatever the distribution, and so is its mixture over l with
weights ``(1 - l)^(rho - 1) exp(rho l)``: the gamma-exponential mixture of Howard, Ramdas, McAuliffe and Sekhon (2021,
"Time-uniform, nonparametric, nonasymptotic confidence sequences"; theorem 4, an empirical Bernstein bound, with 0 as
the prediction of each difference). By Ville's inequality it exceeds 1 / alpha, ever, with a chance of at most alpha;
where it does is the bound.

That 0 is the prediction, and not the mean so far, costs little, since a mean difference is a tenth of its standard
deviation, and gives much: c takes the place of the range 2 c, and all that has to be known are a count and two sums,
whatever the order. The mean is that of the expected differences of the matches so far, given the past: they need
neither be alike nor independent (Choe and Ramdas 2023, "Comparing sequential forecasters").
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from scipy.optimize import brentq
from scipy.special import gammainc, gammaln

if TYPE_CHECKING:
    from monitors.differences import Differences

TUNED_FOR = 10.0
"""Sum of squares, in nats squared, at which the bound is about the narrowest: 1,000 matches of 0.1 nats. It is no
assumption: another one makes the bound wider, never wrong."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Between what the mean difference lies, in nats; each bound is wrong, ever, with a chance of at most alpha."""

    lower: float
    upper: float


def bounds(found: Differences, clip: float, alpha: float) -> Bounds | None:
    """Return the bounds on the mean of *found*, clipped at *clip* nats; None without a match."""
    if found.matches == 0:
        return None
    radius = clip * boundary(found.squares / clip**2, alpha, rho_of(TUNED_FOR / clip**2, alpha)) / found.matches
    return Bounds(found.mean - radius, found.mean + radius)


def boundary(squares: float, alpha: float, rho: float) -> float:
    """Return above what a sum of differences less their expected values rises, ever, with a chance of at most alpha.

    Args:
        squares: Sum of the squares so far; differences are above -1.
        alpha: Between 0 and 1.
        rho: Of the mixture; above 0.
    """
    needed = -math.log(alpha)
    high = 1.0
    while log_mixture(high, squares, rho) < needed:
        high *= 2
    return float(brentq(lambda deviation: log_mixture(deviation, squares, rho) - needed, 0.0, high, xtol=1e-12))


def log_mixture(deviation: float, squares: float, rho: float) -> float:
    """Return the logarithm of the mixture for a *deviation* of the sum, from 0 on, and a sum of *squares*."""
    shape, rate = squares + rho, deviation + squares + rho
    grown = gammaln(shape) + math.log(gammainc(shape, rate)) - shape * math.log(rate) + deviation + squares
    return float(grown - _start(rho))


def rho_of(squares: float, alpha: float) -> float:
    """Return the rho with which the bound is about the narrowest at a sum of *squares* (Howard et al., section 3.5)."""
    twice = -2 * math.log(2 * min(alpha, 0.25))  # for a bound on one side
    return squares / (twice + math.log1p(twice))


@lru_cache(maxsize=64)
def _start(rho: float) -> float:
    return float(gammaln(rho) + math.log(gammainc(rho, rho)) - rho * math.log(rho))
