"""What a forecaster has to be better than: frequencies, Elo under a logit, and the score as it stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from models.predictors import CLASSES, Matrix, Probabilities
from models.rows import PRE_MATCH, Rows

ELO: Final = "elo_difference"
SCORE: Final = "score_difference"
_SCALE: Final = 400.0  # Elo points
_MOST_GOALS: Final = 3
_WIDTH: Final = 15  # minutes
_PRIOR_ROWS: Final = 10.0


def prior(learned: Rows, tested: Rows) -> Probabilities:
    """Return the frequencies of the results of *learned* before kick-off, for each row of *tested*."""
    results = learned.results[learned.minutes == PRE_MATCH]
    return np.tile(
        _shares(np.bincount(results, minlength=len(CLASSES)).astype(np.float64)), (len(tested.days), 1)
    ).astype(np.float32)


@dataclass(frozen=True, slots=True)
class EloLogit:
    """A multinomial logistic regression on the difference in Elo, home advantage included.

    It is fitted before kick-off and says the same at each minute.
    """

    names: Sequence[str]

    def __call__(self, learned: Rows, tested: Rows) -> Probabilities:
        """Return the probabilities of *tested*."""
        before = learned.where(learned.minutes == PRE_MATCH)
        fitted = LogisticRegression(C=1e6, max_iter=1000).fit(self._elo(before.matrix), before.results)
        found: Probabilities = fitted.predict_proba(self._elo(tested.matrix)).astype(np.float32)
        return found

    def _elo(self, matrix: Matrix) -> NDArray[np.float64]:
        elo = matrix[:, self.names.index(ELO)].astype(np.float64) / _SCALE
        return np.nan_to_num(elo)[:, np.newaxis]


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """How often matches ended how, by quarter of an hour and goal difference; few matches are mixed with the minute's.

    Before kick-off it is the prior.
    """

    names: Sequence[str]

    def __call__(self, learned: Rows, tested: Rows) -> Probabilities:
        """Return the probabilities of *tested*."""
        cells, asked = self._cells(learned), self._cells(tested)
        size = (int(max(cells[0].max(initial=0), asked[0].max(initial=0))) + 1, 2 * _MOST_GOALS + 1, len(CLASSES))
        counts = np.zeros(size)
        np.add.at(counts, (*cells, learned.results), 1.0)
        of_minute = np.apply_along_axis(_shares, 1, counts.sum(axis=1))
        table = counts + _PRIOR_ROWS * of_minute[:, np.newaxis, :]
        shares = table / table.sum(axis=2, keepdims=True)
        found: Probabilities = shares[asked].astype(np.float32)
        return found

    def _cells(self, rows: Rows) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        goals = np.nan_to_num(rows.matrix[:, self.names.index(SCORE)]).astype(np.int64)
        return (
            np.where(rows.minutes == PRE_MATCH, 0, 1 + np.minimum(rows.minutes, 90) // _WIDTH),
            np.clip(goals, -_MOST_GOALS, _MOST_GOALS) + _MOST_GOALS,
        )


def _shares(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of each class; one match of each is added, so that none is impossible.

    >>> _shares(np.array([2.0, 0.0, 1.0])).tolist()
    [0.5, 0.16666666666666666, 0.3333333333333333]
    """
    found: NDArray[np.float64] = (counts + 1) / (counts.sum() + len(counts))
    return found
