"""Bounds that hold at all times: against the integral they come from, and over thousands of sequences."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import quad

from monitors.confidence_sequence import TUNED_FOR, boundary, bounds, log_mixture, rho_of
from monitors.differences import Differences, differences

ALPHA, CLIP = 0.05, 0.5
RUNS, MATCHES, FIRST = 2_000, 1_000, 10


def slow_mixture(deviation: float, squares: float, rho: float) -> float:
    """The mixture as it is defined, by quadrature."""

    def weight(bet: float) -> float:
        return (1 - bet) ** (rho - 1) * np.exp(rho * bet)

    def wealth(bet: float) -> float:
        return weight(bet) * np.exp(bet * deviation + squares * (np.log1p(-bet) + bet))

    return float(quad(wealth, 0, 1, epsabs=0)[0] / quad(weight, 0, 1, epsabs=0)[0])


@pytest.mark.parametrize(
    ("deviation", "squares", "rho"), [(0.0, 0.0, 0.5), (0.5, 0.1, 1.0), (5.0, 10.0, 3.2), (2.0, 0.0, 0.2), (30, 100, 6)]
)
def test_the_mixture_is_the_integral_over_all_bets(deviation, squares, rho):
    assert np.log(slow_mixture(deviation, squares, rho)) == pytest.approx(
        log_mixture(deviation, squares, rho), abs=1e-7
    )


@pytest.mark.parametrize("alpha", [0.001, 0.05, 0.3])
@pytest.mark.parametrize("squares", [0.0, 0.3, 12.0, 80.0])
def test_the_boundary_is_where_the_mixture_reaches_one_in_alpha(squares, alpha):
    rho = rho_of(20.0, alpha)

    assert slow_mixture(boundary(squares, alpha, rho), squares, rho) == pytest.approx(1 / alpha, rel=1e-6)


def test_no_difference_earns_more_than_a_fair_bet_would():
    x, bet = np.linspace(-1, 5, 1201)[:, None], np.linspace(0, 0.999, 500)

    assert (np.exp(bet * x + x**2 * (bet + np.log1p(-bet))) <= (1 + bet * x) * (1 + 1e-12)).all()


def alike(chance: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Heavy tails and a skew, as between models: differences, and their expected values."""
    skewed = 0.07 * chance.standard_t(4, (RUNS, MATCHES)) + 0.02 * (chance.exponential(size=(RUNS, MATCHES)) - 1)
    drawn = np.clip(skewed, -CLIP, CLIP)
    return drawn, np.full_like(drawn, drawn.mean())


def rare(chance: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nearly always a little better, and rarely as bad as can be: what a normal interval does not see."""
    drawn = np.where(chance.random((RUNS, MATCHES)) < 0.01, CLIP, -0.003)
    return drawn, np.full_like(drawn, 0.01 * CLIP - 0.99 * 0.003)


def dependent(chance: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Each expected value depends on the difference before it, and grows."""
    noise = chance.choice([-0.12, 0.12], (RUNS, MATCHES))
    expected = 0.2 * np.concatenate([np.zeros((RUNS, 1)), noise[:, :-1]], axis=1) + np.linspace(0, 0.03, MATCHES)
    return expected + noise, expected


def radii(found: NDArray[np.float64]) -> NDArray[np.float64]:
    """The radius after each match: the boundary is concave, so that what is read between its points is too small."""
    squares = np.cumsum((found / CLIP) ** 2, axis=1)
    points = np.concatenate([[0.0], np.geomspace(1e-3, squares.max() + 1, 300)])
    rho = rho_of(TUNED_FOR / CLIP**2, ALPHA)
    at = np.interp(squares, points, [boundary(point, ALPHA, rho) for point in points])
    return CLIP * at / np.arange(1, found.shape[1] + 1)


def running_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.cumsum(values, axis=1) / np.arange(1, values.shape[1] + 1)


@pytest.mark.parametrize("drawn", [alike, rare, dependent])
def test_looking_after_each_match_misses_in_no_more_than_alpha_of_the_sequences_on_each_side(drawn):
    found, expected = drawn(np.random.default_rng(20))
    error, radius = running_mean(found) - running_mean(expected), radii(found)

    assert (error > radius).any(axis=1).mean() <= ALPHA
    assert (error < -radius).any(axis=1).mean() <= ALPHA


@pytest.mark.parametrize("drawn", [alike, rare, dependent])
def test_an_interval_for_one_look_misses_in_many_times_alpha_when_one_looks_after_each_match(drawn):
    found, expected = drawn(np.random.default_rng(20))
    mean = running_mean(found)
    sigma = np.sqrt(np.maximum(running_mean(found**2) - mean**2, 0))
    radius = 1.645 * sigma / np.sqrt(np.arange(1, MATCHES + 1))
    missed = (np.abs(mean - running_mean(expected)) > radius)[:, FIRST:].any(axis=1)

    assert missed.mean() > 5 * ALPHA


def test_bounds_follow_from_the_sums_alone_whatever_the_order_or_what_was_corrected():
    values = np.random.default_rng(4).normal(0.01, 0.2, 90)
    told = differences(values[:40], CLIP) + differences(values[40:], CLIP)
    corrected = told + differences(np.array([0.4]), CLIP) - differences(values[:1], CLIP)

    assert bounds(differences(values[::-1], CLIP), CLIP, ALPHA) == bounds(told, CLIP, ALPHA)
    assert bounds(differences(np.array([*values[1:], 0.4]), CLIP), CLIP, ALPHA) == bounds(corrected, CLIP, ALPHA)


def test_bounds_lie_around_the_mean_as_far_as_the_integral_says():
    found = differences(np.random.default_rng(6).normal(0, 0.1, 300), CLIP)
    told = bounds(found, CLIP, ALPHA)

    assert told is not None
    assert told.upper - found.mean == pytest.approx(found.mean - told.lower)
    deviation = (told.upper - found.mean) * found.matches / CLIP
    rho = rho_of(TUNED_FOR / CLIP**2, ALPHA)
    assert slow_mixture(deviation, found.squares / CLIP**2, rho) == pytest.approx(1 / ALPHA, rel=1e-6)


def test_models_that_say_the_same_are_soon_known_to_be_equal_and_nothing_is_known_without_a_match():
    told = bounds(differences(np.zeros(400), CLIP), CLIP, ALPHA)

    assert told is not None
    assert -0.01 < told.lower < 0 < told.upper < 0.01
    assert bounds(Differences(), CLIP, ALPHA) is None
