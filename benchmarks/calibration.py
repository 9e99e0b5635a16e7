"""Whether forecasts become better when they are calibrated by minute band: fitted on earlier years, judged on the next.

    touchline backtest --set in-play --test-from 2012-01-01 --test-until 2021-12-31 ... --forecasts FILE
    python -m benchmarks.calibration FILE xgboost
    python -m benchmarks.calibration FILE xgboost hindsight

Each year of the forecasts but the first ones is judged by maps that were fitted to all forecasts of earlier years.
In hindsight the maps are fitted to the very forecasts that are judged: less than that no such map could have made of
them. Differences in log loss are to the forecasts as they are; below zero is better. Intervals (95 %) draw matches.
"""

import csv
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.isotonic import IsotonicRegression

from models.bootstrap import paired_interval
from models.predictors import CLASSES, softmax
from models.scores import log_losses, scores

FIRST_YEARS: Final = 3
LEAST: Final = 0.002
PULL: Final = 1e-3  # of a vector's parameters to those which change nothing
BANDS: Final[Mapping[str, tuple[int, int]]] = {
    "pre-match": (-1, -1), "0-15": (0, 15), "16-30": (16, 30), "31-45": (31, 45), "46-60": (46, 60), "61-75": (61, 75),
    "76-90+": (76, 130),
}  # fmt: skip

Array = NDArray[np.float64]
Calibration = Callable[[Array], Array]


@dataclass(frozen=True, slots=True)
class Band:
    """Forecasts of one kind in one minute band: probabilities ``(n, 3)``, results, years and matches ``(n,)``."""

    said: Array
    results: NDArray[np.int64]
    years: NDArray[np.int64]
    matches: NDArray[np.str_]


def read(file: Path, kind: str) -> dict[str, Band]:
    """Return the forecasts of *kind* in *file*, by band."""
    with file.open(encoding="utf-8", newline="") as text:
        rows = [row for row in csv.DictReader(text) if row["kind"] == kind]
    minutes = np.array([int(row["minute"]) for row in rows])
    said = np.array([[float(row[name]) for name in CLASSES] for row in rows])
    results = np.array([CLASSES.index(row["result"]) for row in rows])
    years, matches = np.array([int(row["date"][:4]) for row in rows]), np.array([row["match_id"] for row in rows])
    chosen = {name: (minutes >= first) & (minutes <= last) for name, (first, last) in BANDS.items()}
    return {name: Band(said[one], results[one], years[one], matches[one]) for name, one in chosen.items() if one.any()}


def temperature(said: Array, results: NDArray[np.int64]) -> Calibration:
    """Return temperature scaling (Guo et al. 2017, "On calibration"): one power for all probabilities."""

    def scaled(probabilities: Array, log_power: Array) -> Array:
        return softmax(np.exp(log_power[0]) * np.log(probabilities))

    best = minimize(lambda one: _loss(scaled(said, one), results), np.zeros(1), method="Nelder-Mead").x
    return lambda probabilities: scaled(probabilities, best)


def vector(said: Array, results: NDArray[np.int64]) -> Calibration:
    """Return vector scaling, ibid.: slope and offset for each class's logarithm, drawn a little to doing nothing."""
    nothing = np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0])

    def scaled(probabilities: Array, one: Array) -> Array:
        return softmax(one[:3] * np.log(probabilities) + one[3:])

    def loss(one: Array) -> float:
        return _loss(scaled(said, one), results) + PULL * float(((one - nothing) ** 2).sum())

    best = minimize(loss, nothing, method="BFGS").x
    return lambda probabilities: scaled(probabilities, best)


def isotonic(said: Array, results: NDArray[np.int64]) -> Calibration:
    """Return a rising step function for each class, their answers made to sum to 1."""
    maps = [
        IsotonicRegression(y_min=LEAST, y_max=1 - LEAST, out_of_bounds="clip").fit(said[:, place], results == place)
        for place in range(len(CLASSES))
    ]

    def calibrated(probabilities: Array) -> Array:
        found = np.column_stack([one.predict(probabilities[:, place]) for place, one in enumerate(maps)])
        shares: Array = found / found.sum(axis=1, keepdims=True)
        return shares

    return calibrated


METHODS: Final = {"temperature": temperature, "vector": vector, "isotonic": isotonic}


def _loss(said: Array, results: NDArray[np.int64]) -> float:
    return float(log_losses(said.astype(np.float32), results).mean())


def walked(band: Band, method: Callable[[Array, NDArray[np.int64]], Calibration]) -> Array:
    """Return the calibrated forecasts of the years after FIRST_YEARS, each fitted on earlier years."""
    found = [
        method(band.said[band.years < year], band.results[band.years < year])(band.said[band.years == year])
        for year in np.unique(band.years)[FIRST_YEARS:]
    ]
    return np.concatenate(found)


def in_hindsight(band: Band, method: Callable[[Array, NDArray[np.int64]], Calibration]) -> Array:
    """Return the forecasts calibrated by a map that was fitted to them."""
    return method(band.said, band.results)(band.said)


WAYS: Final = {"beforehand": walked, "hindsight": in_hindsight}


def main(file: str, kind: str, when: str = "beforehand") -> None:
    """Print a line for each band and method."""
    if when not in WAYS:
        sys.exit(f"maps are fitted {' or '.join(WAYS)}, not {when!r}")
    calibrated, hindsight = WAYS[when], when == "hindsight"
    for name, band in read(Path(file), kind).items():
        judged = band.years >= np.unique(band.years)[0 if hindsight else FIRST_YEARS]
        results, matches = band.results[judged], np.unique(band.matches[judged], return_inverse=True)[1]
        ways = {"as it is": band.said[judged], **{one: calibrated(band, method) for one, method in METHODS.items()}}
        losses: dict[str, Array] = {}
        for way, said in ways.items():
            found = scores(said.astype(np.float32), results)
            own = log_losses(said.astype(np.float32), results)
            losses[way] = np.bincount(matches, own) / np.bincount(matches)
            low, high = paired_interval(losses[way], losses["as it is"])
            print(f"| {name} | {way} | {found['log_loss']:.4f} | {found['ece']:.4f} | {low:+.4f} to {high:+.4f} |")


if __name__ == "__main__":
    main(*sys.argv[1:])
