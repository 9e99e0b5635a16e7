"""Training: members fitted walk-forward in time, judged on matches they have not seen, exported as one graph."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.fitting import Examples, Sizes, fit_member
from models.graph import Member, export
from models.heuristic import COLUMNS, HeuristicMember, heuristic_member
from models.pools import MeanPool, Pool, PooledMember, fit_logit_pool
from models.predictors import CLASSES, Kind, Probabilities
from models.rows import FULL_TIME, GRID, PRE_MATCH, Rows
from models.scores import scores

MEMBERS: Final[Mapping[Kind, Sequence[Kind]]] = {
    "mean": ("xgboost", "lightgbm", "mlp"),
    "stack": ("xgboost", "lightgbm", "mlp"),
}
FOLDS: Final = 4  # out-of-fold blocks before the hold-out, for the meta-learner
FIRST_FOLD: Final = 0.4
IN_PLAY_WEIGHT: Final = 0.5
FEWEST: Final = 50

Step = Callable[[str], None]


class TrainingError(ValueError):
    """Raised when there is too little to learn from, or to judge by; one sentence."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A fitted model as a graph, and what it is worth.

    Attributes:
        graph: The serialised ONNX graph, proven equal to the libraries' answers.
        metrics: Of the hold-out, by segment (``pre_match``, ``minute_15``, ...), then by measure. ``prior`` is what the
            frequencies of the results before the hold-out score on its pre-match rows: the bar of knowing nothing.
    """

    graph: bytes
    metrics: Mapping[str, Mapping[str, float]]


def train(
    kind: Kind, names: Sequence[str], rows: Rows, judged: Rows, *, sizes: Sizes, step: Step = lambda _: None
) -> Trained:
    """Fit *kind* on *rows*, in time order.

    The metrics are those of a model fitted on the rows before the first day of *judged*; the graph is of the same model
    fitted on all *rows*.

    Args:
        kind: One of KINDS.
        names: Of the features.
        rows: To learn from.
        judged: To judge by: the last of the days of *rows*, at the minutes which are reported.
        sizes: How large the model becomes.
        step: Called with what is done next, before it is.

    Raises:
        TrainingError: Too few rows before the hold-out, or in it.
        models.graph.ExportError: The graph does not answer like the libraries.
    """
    _check_amounts(rows, judged)
    if kind == "heuristic":
        member: Member = heuristic_member(names)
        before = member
    else:
        start = heuristic_member(names) if set(COLUMNS) <= set(names) else None
        before, member = _walk_forward(kind, rows, int(judged.days[0]), _Fit(sizes, start, step))
    metrics = report(before.predict_proba(judged.matrix), judged, rows)
    step("exporting and proving the graph")
    return Trained(export(member, rows.matrix), metrics)


def steps_of(kind: Kind) -> int:
    """Return how often ``train`` calls its *step*."""
    if kind == "heuristic":
        return 1
    fits = 2 + (FOLDS if kind == "stack" else 0)
    return fits * (1 + len(MEMBERS.get(kind, (kind,)))) + 1


def report(probabilities: Probabilities, judged: Rows, rows: Rows) -> Mapping[str, Mapping[str, float]]:
    """Return the scores of *probabilities* on *judged*: pre-match, at each minute of GRID, and those of the prior."""
    found: dict[str, Mapping[str, float]] = {}
    for minute in (PRE_MATCH, *GRID):
        chosen = judged.minutes == minute
        if chosen.any():
            name = "pre_match" if minute == PRE_MATCH else f"minute_{minute}"
            found[name] = scores(probabilities[chosen], judged.results[chosen])
    learned = (rows.minutes == PRE_MATCH) & (rows.days < judged.days[0])
    shares = np.bincount(rows.results[learned], minlength=len(CLASSES)) / learned.sum()
    results = judged.results[judged.minutes == PRE_MATCH]
    found["prior"] = scores(np.tile(shares, (len(results), 1)).astype(np.float32), results)
    return found


def fold_days(days: NDArray[np.int64], until: int, folds: int = FOLDS) -> list[int]:
    """Return the first day of each out-of-fold block: about equally many of the rows before *until* in each.

    >>> fold_days(np.arange(100), 100, 3)
    [40, 60, 80]
    """
    before = days[days < until]
    shares = np.linspace(FIRST_FOLD, 1.0, folds, endpoint=False)
    return [int(before[int(share * len(before))]) for share in shares]


@dataclass(frozen=True, slots=True)
class _Fit:
    """How members are fitted."""

    sizes: Sizes
    start: HeuristicMember | None
    step: Step

    def __call__(self, kinds: Sequence[Kind], rows: Rows) -> list[Member]:
        examples = Examples(rows.matrix, rows.results, _weights(rows), self.start)
        fitted = []
        for kind in kinds:
            self.step(f"fitting {kind} on {len(rows.days):,} rows")
            fitted.append(fit_member(kind, examples, self.sizes))
        return fitted


def _walk_forward(kind: Kind, rows: Rows, holdout: int, fit: _Fit) -> tuple[Member, Member]:
    """Return the model of the rows before day *holdout*, and that of all rows."""
    kinds = MEMBERS.get(kind, (kind,))
    starts = [*(fold_days(rows.days, holdout) if kind == "stack" else ()), holdout]
    blocks = list(zip(starts, [*starts[1:], int(rows.days[-1]) + 1], strict=True))
    unseen: list[list[Probabilities]] = [[] for _ in kinds]
    fitted: list[Member] = []
    for number, (start, end) in enumerate(blocks, start=1):
        fit.step(f"walking forward: {number} of {len(blocks)}")
        fitted = fit(kinds, rows.where(rows.days < start))
        block = _between(rows, start, end).matrix
        for member, found in zip(fitted, unseen, strict=True):
            found.append(member.predict_proba(block))
    end = int(rows.days[-1]) + 1
    before = _pooled(kind, fitted, [found[:-1] for found in unseen], _between(rows, starts[0], holdout))
    fit.step("walked forward; fitting on all rows")
    final = fit(kinds, rows)
    return before, _pooled(kind, final, unseen, _between(rows, starts[0], end))


def _pooled(kind: Kind, members: Sequence[Member], unseen: Sequence[Sequence[Probabilities]], rows: Rows) -> Member:
    if kind not in MEMBERS:
        return members[0]
    pool: Pool = MeanPool()
    if kind == "stack":
        pool = fit_logit_pool([np.concatenate(found) for found in unseen], rows.results, _weights(rows))
    return PooledMember(members, pool)


def _between(rows: Rows, start: int, end: int) -> Rows:
    return rows.where((rows.days >= start) & (rows.days < end))


def _weights(rows: Rows) -> NDArray[np.float64]:
    """Return the weights of the rows: those of one match are not independent, and its end is no forecast."""
    weights = np.where(rows.minutes == PRE_MATCH, 1.0, IN_PLAY_WEIGHT)
    return np.where(rows.minutes == FULL_TIME, IN_PLAY_WEIGHT / 5, weights)


def _check_amounts(rows: Rows, judged: Rows) -> None:
    if len(judged.days) < FEWEST:
        raise TrainingError(f"the hold-out has {len(judged.days)} rows; at least {FEWEST} are needed to judge by")
    before = int((rows.days < judged.days[0]).sum())
    if before < FEWEST:
        raise TrainingError(f"there are {before} rows before the hold-out; at least {FEWEST} are needed to learn from")
