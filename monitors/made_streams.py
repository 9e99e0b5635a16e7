"""Predictions made for a proof: columns of known distributions, drift planted at a known window, fixed seeds.

Columns depend on each other (a Gaussian copula with one common factor), and so do the rows of one match.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.special import ndtr, pdtr

from monitors.reference import ReferenceHistograms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Latent = NDArray[np.float64]

Planted = Literal["shift", "nulls", "category", "flag"]

PLANTED: Mapping[Planted, str] = {
    "shift": "one feature moved by +0.5 standard deviations",
    "nulls": "a feed that is missing in 30 % of the predictions",
    "category": "a category never seen before in 10 % of the predictions",
    "flag": "a flag that was set in 95 % of the predictions and now is in 70 %",
}
REFERENCE_MATCHES = 4_000  # about as many as the included bundles have
OUTLIER = 1e6
COLUMN_CORRELATION, MATCH_CORRELATION = 0.3, 0.9
_SHIFT_SIGMAS, _NULL_SHARE, _CATEGORY_SHARE, _RARER_FLAG = 0.5, 0.3, 0.1, 0.7
_GAPS, _FLAG, _MEAN_COUNT = 0.05, 0.95, 1.3
_KNOWN_CODES, _NEW_CODE = (0.55, 0.85, 0.95, 1.0), 9.0  # cumulative shares of the codes 0 to 3


def _count(latent: Latent, shift: float) -> Latent:
    mean = _MEAN_COUNT + shift * np.sqrt(_MEAN_COUNT)
    counts: Latent = np.searchsorted(pdtr(np.arange(40), mean), ndtr(latent)).astype(np.float64)
    return counts


# Columns that are shifted, from standard normal numbers and a shift in standard deviations.
_NUMBERS: Mapping[str, Callable[[Latent, float], Latent]] = {
    "normal": lambda latent, shift: latent + shift,
    "count": _count,
    "uniform": lambda latent, shift: 90 * ndtr(latent) + shift * 90 / np.sqrt(12),
    "skewed": lambda latent, shift: -np.log1p(-ndtr(latent)) + shift,
    "heavy": lambda latent, shift: np.exp(latent) + shift * np.sqrt((np.e - 1) * np.e),
}
# Which of the gaps are missing follows from late digits, so that it has nothing to do with how high the values are.
_OTHERS: Mapping[str, Callable[[Latent], NDArray[Any]]] = {
    "flag": lambda latent: ndtr(latent) < _FLAG,
    "gaps": lambda latent: np.where(ndtr(latent) * 1e6 % 1 < _GAPS, np.nan, latent),
    "category": lambda latent: np.searchsorted(_KNOWN_CODES, ndtr(latent)),
}
KINDS = (*_NUMBERS, *_OTHERS)


@dataclass(frozen=True, slots=True)
class Batch:
    """One window of predictions.

    Attributes:
        match_ids: The match of each row.
        row_ids: One a row.
        matrix: Shape ``(rows, columns)``.
    """

    match_ids: list[str]
    row_ids: list[str]
    matrix: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MadeStream:
    """Makes windows of predictions; the same for the same *chance*.

    Attributes:
        features: Columns: the kinds over and over again.
        rows_a_match: Predictions of each match in a window.
        chance: Where all numbers come from.
    """

    features: int
    rows_a_match: int
    chance: np.random.Generator

    def __post_init__(self) -> None:
        """Refuse a stream in which not everything can be planted."""
        if self.features < len(KINDS):
            raise ValueError(f"{self.features} features; one of each kind ({', '.join(KINDS)}) makes {len(KINDS)}")

    @property
    def names(self) -> list[str]:
        """Names of the columns, which begin with their kinds."""
        return [f"{KINDS[column % len(KINDS)]}_{column // len(KINDS)}" for column in range(self.features)]

    def reference(self) -> ReferenceHistograms:
        """Return the reference histograms of training data without drift."""
        batch = self.window(REFERENCE_MATCHES)
        categories = [name for name in self.names if name.startswith("category")]
        return ReferenceHistograms.from_matrix(self.names, batch.matrix, batch.match_ids, categories=categories)

    def window(self, matches: int, planted: Planted | None = None, column: int = 0, *, outlier: bool = False) -> Batch:
        """Return a window of *matches*, with *planted* in *column*; one *outlier* is a match of 1e6 in all columns."""
        matrix = self._matrix(matches, {column: _SHIFT_SIGMAS} if planted == "shift" else {})
        rows = len(matrix)
        if planted == "nulls":
            matrix[self.chance.random(rows) < _NULL_SHARE, column] = np.nan
        elif planted == "category":
            matrix[self.chance.random(rows) < _CATEGORY_SHARE, column] = _NEW_CODE
        elif planted == "flag":
            matrix[self.chance.random(rows) >= _RARER_FLAG / _FLAG, column] = 0
        if outlier:
            matrix[: self.rows_a_match] = OUTLIER
        match_ids = [f"m{match}" for match in range(matches) for _ in range(self.rows_a_match)]
        return Batch(match_ids, [f"r{row}" for row in range(rows)], matrix)

    def column_of(self, planted: Planted, run: int) -> int:
        """Return where *planted* goes in the run: a shift into one kind of numbers after the other."""
        if planted == "shift":
            return run % len(_NUMBERS)
        return 0 if planted == "nulls" else KINDS.index(planted)

    def _matrix(self, matches: int, shifts: Mapping[int, float]) -> Latent:
        of_match, of_row = self._latent(matches, 1), self._latent(matches, self.rows_a_match)
        latent = np.sqrt(MATCH_CORRELATION) * of_match + np.sqrt(1 - MATCH_CORRELATION) * of_row
        made: Latent = np.empty((matches * self.rows_a_match, self.features))
        for column, drawn in enumerate(latent.reshape(made.shape).T):
            kind = KINDS[column % len(KINDS)]
            made[:, column] = (
                _NUMBERS[kind](drawn, shifts.get(column, 0.0)) if kind in _NUMBERS else _OTHERS[kind](drawn)
            )
        return made

    def _latent(self, matches: int, rows: int) -> Latent:
        """Return standard normal numbers, shape ``(matches, rows, features)``, correlated over the features."""
        common = self.chance.standard_normal((matches, rows, 1))
        own = self.chance.standard_normal((matches, rows, self.features))
        mixed: Latent = np.sqrt(COLUMN_CORRELATION) * common + np.sqrt(1 - COLUMN_CORRELATION) * own
        return mixed
