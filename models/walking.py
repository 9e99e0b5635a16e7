"""Walking forward in time: what is fitted on a day knows strictly earlier days alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.fitting import Examples, Sizes, fit_member
from models.graph import Member
from models.heuristic import COLUMNS, heuristic_member
from models.pools import MeanPool, Pool, fit_logit_pool
from models.predictors import Kind, Probabilities
from models.rows import FULL_TIME, PRE_MATCH, Rows

MEMBERS: Final[Mapping[Kind, Sequence[Kind]]] = {
    "mean": ("xgboost", "lightgbm", "mlp"),
    "stack": ("xgboost", "lightgbm", "mlp"),
}
FOLDS: Final = 4  # out-of-fold blocks before the first day that is asked for, for the meta-learner
FIRST_FOLD: Final = 0.4
IN_PLAY_WEIGHT: Final = 0.5

FEWEST: Final = 50

Step = Callable[[str], None]
FitMember = Callable[[Kind, Examples, Sizes], Member]


class TooFewError(ValueError):
    """Raised when there is too little to learn from, or to judge by; one sentence."""


def members_of(kind: Kind) -> Sequence[Kind]:
    """Return what is fitted for *kind*."""
    return MEMBERS.get(kind, (kind,))


def fold_days(days: NDArray[np.int64], until: int, folds: int = FOLDS) -> list[int]:
    """Return the first day of each out-of-fold block: about equally many of the rows before *until* in each.

    >>> fold_days(np.arange(100), 100, 3)
    [40, 60, 80]
    """
    before = days[days < until]
    shares = np.linspace(FIRST_FOLD, 1.0, folds, endpoint=False)
    return [int(before[int(share * len(before))]) for share in shares]


@dataclass(frozen=True, slots=True)
class Fit:
    """How members are fitted.

    Attributes:
        names: Of the features.
        step: Called with what is done next, before it is.
        fit: How one member is fitted.
    """

    names: Sequence[str]
    sizes: Sizes
    step: Step
    fit: FitMember = fit_member

    def __call__(self, kinds: Sequence[Kind], rows: Rows) -> list[Member]:
        """Return a member of each of *kinds*, fitted on *rows*."""
        start = heuristic_member(self.names) if set(COLUMNS) <= set(self.names) else None
        examples = Examples(rows.matrix, rows.results, weights_of(rows), start)
        fitted: list[Member] = []
        for kind in kinds:
            self.step(f"fitting {kind} on {len(rows.days):,} rows")
            fitted.append(heuristic_member(self.names) if kind == "heuristic" else self.fit(kind, examples, self.sizes))
        return fitted


def pool_of(kind: Kind, unseen: Sequence[Sequence[Probabilities]], rows: Rows) -> Pool:
    """Return how the members of *kind*, which has several, become one.

    Args:
        kind: One of MEMBERS.
        unseen: What each member said, block by block, of *rows* which it had not seen.
        rows: As many.
    """
    if kind == "stack":
        return fit_logit_pool([np.concatenate(found) for found in unseen], rows.results, weights_of(rows))
    return MeanPool()


def between(rows: Rows, start: int, end: int) -> Rows:
    """Return those of *rows* from day *start* to the one before *end*."""
    return rows.where((rows.days >= start) & (rows.days < end))


def weights_of(rows: Rows) -> NDArray[np.float64]:
    """Return the weights of the rows: those of one match are not independent, and its end is no forecast."""
    weights = np.where(rows.minutes == PRE_MATCH, 1.0, IN_PLAY_WEIGHT)
    return np.where(rows.minutes == FULL_TIME, IN_PLAY_WEIGHT / 5, weights)
