"""Matches made for a proof: what would have been right to say of them, and what two models said.

The difference of the goals is made a Brownian motion with a drift of the match's own, so that after each event the
right probabilities are known; results within half a band are draws. A model says them with noise on their logarithms,
common to a match and of each event. Its expected log loss is higher than the lowest possible by what the noise costs,
so that two amounts of noise make two models of a wanted difference.

The constants were chosen so that the differences of two models resemble those of the included bundles on the 2,799
internationals from 2022-11-20, after their training, to 2025-06-30: docs/rollouts.md has both.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr

from monitors.performance import SMALLEST

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Chances = NDArray[np.float64]

MOMENTS = np.array([0, 0, 15, 30, 45, 60, 75, 85]) / 95
"""Of a match, at which something is predicted: before kick-off, at it, and after."""

USUAL_NOISE = 0.14
"""Of a model that is as good as the included ones: two of them differ by 0.1 nats a match, standard deviation."""

_DRIFT, _DRIFT_SPREAD, _HALF_BAND = 0.3, 1.0, 0.42
_OF_EVENT = 0.3  # share of the noise's variance that each event has of its own
_UNEVEN = (
    0.3  # spread of the logarithm of a match's noise: some matches are harder than others, which makes tails heavy
)
_SOLVED_ON = 20_000
_LEAST_CHANCE = 1e-12


@dataclass(frozen=True, slots=True)
class MadeMatches:
    """Matches, with what was said of them.

    Attributes:
        came: Index of the class that came, shape ``(n,)``.
        right: Right probabilities, shape ``(n, events, 3)``.
        challenger: What one model said, and *champion* the other; same shape.
    """

    came: NDArray[np.int64]
    right: Chances
    challenger: Chances
    champion: Chances

    @property
    def differences(self) -> NDArray[np.float64]:
        """Mean log loss of the challenger less that of the champion, a match each, shape ``(n,)``."""
        places = (np.arange(len(self.came)), slice(None), self.came)
        losses = (-np.log(np.maximum(said[places], SMALLEST)) for said in (self.challenger, self.champion))
        challenger, champion = losses
        found: NDArray[np.float64] = (challenger - champion).mean(axis=1)
        return found


def made_matches(count: int, noises: tuple[float, float], chance: np.random.Generator) -> MadeMatches:
    """Return *count* matches.

    Args:
        count: How many.
        noises: Of challenger and champion; see `noises_for`.
        chance: Where all numbers come from.
    """
    right, came = _matches(count, chance)
    challenger, champion = (_said(right, noise, _noise(count, chance)) for noise in noises)
    return MadeMatches(came, right, challenger, champion)


@lru_cache(maxsize=16)
def noises_for(difference: float) -> tuple[float, float]:
    """Return the noises with which the challenger's expected log loss is higher by *difference*, in nats.

    The better one has USUAL_NOISE. Solved on fixed matches, by the divergence from the right probabilities.
    """
    chance = np.random.default_rng(11)
    right = _matches(_SOLVED_ON, chance)[0]
    drawn = _noise(_SOLVED_ON, chance)
    usual = _cost(right, _said(right, USUAL_NOISE, drawn))

    def missing(noise: float) -> float:
        return _cost(right, _said(right, noise, drawn)) - usual - abs(difference)

    worse = float(brentq(missing, USUAL_NOISE, 3.0, xtol=1e-4)) if difference else USUAL_NOISE
    return (worse, USUAL_NOISE) if difference > 0 else (USUAL_NOISE, worse)


def _matches(count: int, chance: np.random.Generator) -> tuple[Chances, NDArray[np.int64]]:
    drift = chance.normal(_DRIFT, _DRIFT_SPREAD, (count, 1))
    steps = np.diff(np.append(MOMENTS, 1.0), prepend=0.0)
    course = np.cumsum(chance.standard_normal((count, len(steps))) * np.sqrt(steps), axis=1)
    left = 1 - MOMENTS
    likely_end = course[:, :-1] + drift  # the drift that was, and the one that is to come
    home = ndtr((likely_end - _HALF_BAND) / np.sqrt(left))
    away = ndtr((-_HALF_BAND - likely_end) / np.sqrt(left))
    end = course[:, -1] + drift[:, 0]
    came = np.where(end > _HALF_BAND, 0, np.where(end < -_HALF_BAND, 2, 1))
    return np.stack([home, 1 - home - away, away], axis=2), came


def _noise(count: int, chance: np.random.Generator) -> Chances:
    size = np.exp(_UNEVEN * chance.standard_normal((count, 1, 1)))
    common = chance.standard_normal((count, 1, 3))
    own = chance.standard_normal((count, len(MOMENTS), 3))
    drawn: Chances = size * (np.sqrt(1 - _OF_EVENT) * common + np.sqrt(_OF_EVENT) * own)
    return drawn


def _said(right: Chances, noise: float, drawn: Chances) -> Chances:
    weights = np.maximum(right, _LEAST_CHANCE) * np.exp(noise * drawn)
    said: Chances = weights / weights.sum(axis=2, keepdims=True)
    return said


def _cost(right: Chances, said: Chances) -> float:
    """Return the mean Kullback-Leibler divergence: what is lost on the mean by saying *said*."""
    likely = np.maximum(right, _LEAST_CHANCE)
    return float((likely * np.log(likely / said)).sum(axis=2).mean())
