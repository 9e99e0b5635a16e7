"""What forecasts were worth: the measures of models.scores, and how sure the differences are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.bootstrap import paired_interval
from models.predictors import Probabilities
from models.rows import GRID, PRE_MATCH
from models.scores import SMALLEST, scores
from models.walk_forward import Forecasts

COMPARED: Final[Mapping[str, str]] = {"versus_elo": "elo", "versus_mean": "mean"}


@dataclass(frozen=True, slots=True)
class Judged:
    """Forecasts of one moment of matches.

    Attributes:
        minute: Of the match clock; PRE_MATCH before kick-off.
        n: Matches; none is left out.
        kinds: By the name of a model or a baseline: log_loss, rps, brier, accuracy and ece; and as ``versus_elo`` and
            ``versus_mean`` the 95 % interval of the difference in log loss to these: below zero is better.
    """

    minute: int
    n: int
    kinds: Mapping[str, Mapping[str, float | tuple[float, float]]]


def evaluate(found: Forecasts, minute: int) -> Judged:
    """Return what *found* is worth at *minute*; there must be rows of it."""
    chosen = found.rows.minutes == minute
    results = found.rows.results[chosen]
    said = {name: one[chosen] for name, one in found.probabilities.items()}
    losses = {name: _losses(one, results) for name, one in said.items()}
    kinds: dict[str, Mapping[str, float | tuple[float, float]]] = {}
    for name, one in said.items():
        measures: dict[str, float | tuple[float, float]] = {**scores(one, results)}
        del measures["n"]
        for comparison, other in COMPARED.items():
            if other in losses and other != name:
                measures[comparison] = paired_interval(losses[name], losses[other])
        kinds[name] = measures
    return Judged(minute, len(results), kinds)


def moments(found: Forecasts) -> list[int]:
    """Return the minutes of which there are forecasts, in their order."""
    return [minute for minute in (PRE_MATCH, *GRID) if (found.rows.minutes == minute).any()]


def _losses(probabilities: Probabilities, results: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the log loss of each row, in nats."""
    chosen = probabilities[np.arange(len(results)), results].astype(np.float64)
    losses: NDArray[np.float64] = -np.log(np.maximum(chosen, SMALLEST))
    return losses
