"""What forecasts were worth: the measures of models.scores, and how sure the differences are."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.bootstrap import paired_interval
from models.predictors import Probabilities
from models.rows import GRID, PRE_MATCH, Rows
from models.scores import Judged, Measures, cost_scores, log_losses, scores
from models.walk_forward import Forecasts

Costs = NDArray[np.float64]

COMPARED: Final[Mapping[str, str]] = {"versus_elo": "elo", "versus_mean": "mean"}


def evaluate(found: Forecasts, costs: Costs | None = None) -> Judged:
    """Return what *found* is worth: forecasts of one moment of each match, or of several; at least one.

    Intervals draw matches: what is said of one match at several moments is not independent.

    Args:
        found: The forecasts.
        costs: Of saying a result (row) when another (column) comes, shape ``(3, 3)``; None when nobody says.
    """
    results = found.rows.results
    losses = {name: match_losses(said, found.rows) for name, said in found.probabilities.items()}
    kinds: dict[str, Measures] = {}
    for name, said in found.probabilities.items():
        measures: dict[str, float | tuple[float, float]] = {**scores(said, results)}
        del measures["n"]
        if costs is not None:
            measures |= cost_scores(said, results, costs)
        for comparison, other in COMPARED.items():
            if other in losses and other != name:
                measures[comparison] = paired_interval(losses[name], losses[other])
        kinds[name] = measures
    return Judged(len(set(found.rows.match_ids)), kinds)


def match_losses(said: Probabilities, rows: Rows) -> NDArray[np.float64]:
    """Return the mean log loss of each match of *rows*, in the order of their ids."""
    matches = np.unique(np.array(rows.match_ids), return_inverse=True)[1]
    means: NDArray[np.float64] = np.bincount(matches, log_losses(said, rows.results)) / np.bincount(matches)
    return means


def evaluate_parts(found: Forecasts, labels: Sequence[str], costs: Costs | None = None) -> Mapping[str, Judged]:
    """Return what each part of *found* is worth, in the order of their *labels*, one a row."""
    parts = np.array(labels)
    return {str(part): evaluate(found.where(parts == part), costs) for part in np.unique(parts)}


def moments(found: Forecasts) -> Mapping[int, Forecasts]:
    """Return *found* by the minute of the match clock, PRE_MATCH first."""
    parts = {minute: found.where(found.rows.minutes == minute) for minute in (PRE_MATCH, *GRID)}
    return {minute: part for minute, part in parts.items() if len(part.rows.days)}
