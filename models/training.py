"""Training: members fitted walk-forward in time, judged on matches they have not seen, exported as one graph."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.baselines import ELO, EloLogit
from models.card import MODEL
from models.fitting import Sizes, fit_member
from models.graph import Member, export
from models.heuristic import heuristic_member
from models.pools import PooledMember
from models.predictors import CLASSES, Kind, Probabilities
from models.rows import GRID, PRE_MATCH, Rows
from models.scores import scores
from models.walk_forward import Forecasts
from models.walking import (
    FEWEST,
    FOLDS,
    MEMBERS,
    Fit,
    FitMember,
    Step,
    TooFewError,
    between,
    fold_days,
    members_of,
    pool_of,
)


@dataclass(frozen=True, slots=True)
class Fold:
    """What members were worth before kick-off on days which they had not seen, as the meta-learner is shown them.

    Attributes:
        first: First of the days, since the epoch.
        metrics: By kind of the member, then by measure; see models.scores.
    """

    first: int
    metrics: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Trained:
    """A fitted model as a graph, and what it is worth.

    Attributes:
        graph: The serialised ONNX graph, proven equal to the libraries' answers.
        metrics: Of the hold-out, by segment (``pre_match``, ``minute_15``, ...), then by measure. ``prior`` is what the
            frequencies of the results before the hold-out score on its pre-match rows: the bar of knowing nothing.
        holdout: What was said of the hold-out before kick-off, by the model as ``model`` and, when its features
            know it, by Elo as ``elo``.
        folds: Of a stack, in the order of time; empty for other kinds.
        before: The model which was fitted before the hold-out, and of which the metrics are.
    """

    graph: bytes
    metrics: Mapping[str, Mapping[str, float]]
    holdout: Forecasts
    folds: Sequence[Fold]
    before: Member


def train(
    kind: Kind,
    names: Sequence[str],
    rows: Rows,
    judged: Rows,
    *,
    sizes: Sizes,
    step: Step = lambda _: None,
    fit: FitMember = fit_member,
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
        fit: How one member is fitted.

    Raises:
        TooFewError: Too few rows before the hold-out, or in it.
        models.graph.ExportError: The graph does not answer like the libraries.
    """
    _check_amounts(rows, judged)
    folds: Sequence[Fold] = ()
    if kind == "heuristic":
        member: Member = heuristic_member(names)
        before = member
    else:
        before, member, folds = _walk_forward(kind, rows, int(judged.days[0]), Fit(names, sizes, step, fit))
    said = before.predict_proba(judged.matrix)
    step("exporting and proving the graph")
    holdout = _holdout(names, said, judged, rows)
    return Trained(export(member, rows.matrix), report(said, judged, rows), holdout, folds, before)


def steps_of(kind: Kind) -> int:
    """Return how often ``train`` calls its *step*."""
    if kind == "heuristic":
        return 1
    fits = 2 + (FOLDS if kind == "stack" else 0)
    return fits * (1 + len(members_of(kind))) + 1


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


def _holdout(names: Sequence[str], said: Probabilities, judged: Rows, rows: Rows) -> Forecasts:
    told = {MODEL: said}
    if ELO in names:
        told["elo"] = EloLogit(names)(rows.where(rows.days < judged.days[0]), judged)
    return Forecasts(judged, told).where(judged.minutes == PRE_MATCH)


def _walk_forward(kind: Kind, rows: Rows, holdout: int, fit: Fit) -> tuple[Member, Member, Sequence[Fold]]:
    """Return the model of the rows before day *holdout*, that of all rows, and the folds before *holdout*."""
    kinds = members_of(kind)
    starts = [*(fold_days(rows.days, holdout) if kind == "stack" else ()), holdout]
    blocks = list(zip(starts, [*starts[1:], int(rows.days[-1]) + 1], strict=True))
    unseen: list[list[Probabilities]] = [[] for _ in kinds]
    fitted: list[Member] = []
    for number, (start, end) in enumerate(blocks, start=1):
        fit.step(f"walking forward: {number} of {len(blocks)}")
        fitted = fit(kinds, rows.where(rows.days < start))
        block = between(rows, start, end).matrix
        for member, found in zip(fitted, unseen, strict=True):
            found.append(member.predict_proba(block))
    end = int(rows.days[-1]) + 1
    before = _pooled(kind, fitted, [found[:-1] for found in unseen], between(rows, starts[0], holdout))
    fit.step("walked forward; fitting on all rows")
    final = fit(kinds, rows)
    return before, _pooled(kind, final, unseen, between(rows, starts[0], end)), _folds(kinds, unseen, rows, blocks[:-1])


def _folds(
    kinds: Sequence[Kind], unseen: Sequence[Sequence[Probabilities]], rows: Rows, blocks: Sequence[tuple[int, int]]
) -> Sequence[Fold]:
    found = []
    for number, (start, end) in enumerate(blocks):
        block = between(rows, start, end)
        chosen = block.minutes == PRE_MATCH
        if chosen.any():  # one day may be as large as two folds
            said = {kind: one[number][chosen] for kind, one in zip(kinds, unseen, strict=True)}
            found.append(Fold(start, {kind: scores(one, block.results[chosen]) for kind, one in said.items()}))
    return found


def _pooled(kind: Kind, members: Sequence[Member], unseen: Sequence[Sequence[Probabilities]], rows: Rows) -> Member:
    if kind not in MEMBERS:
        return members[0]
    return PooledMember(members, pool_of(kind, unseen, rows))


def _check_amounts(rows: Rows, judged: Rows) -> None:
    if len(judged.days) < FEWEST:
        raise TooFewError(f"the hold-out has {len(judged.days)} rows; at least {FEWEST} are needed to judge by")
    before = int((rows.days < judged.days[0]).sum())
    if before < FEWEST:
        raise TooFewError(f"there are {before} rows before the hold-out; at least {FEWEST} are needed to learn from")
