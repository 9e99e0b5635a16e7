"""Forecasts of matches of the past, each by models which were fitted on strictly earlier days."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from models.baselines import ELO, SCORE, EloLogit, ScoreTable, prior
from models.graph import Member
from models.predictors import CLASSES, Kind, Probabilities
from models.rows import PRE_MATCH, Rows
from models.trees import LightGBMMember
from models.walking import FEWEST, FOLDS, MEMBERS, Fit, TooFewError, between, fold_days, pool_of

Baseline = Callable[[Rows, Rows], Probabilities]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is forecast, and how often the models are fitted anew.

    Attributes:
        kinds: Of the models.
        first: First day, since the epoch.
        last: Last day.
        every: Days from one fit to the next.
        members: What the kinds are made of which have several.
    """

    kinds: Sequence[Kind]
    first: int
    last: int
    every: int
    members: Mapping[Kind, Sequence[Kind]] = field(default_factory=lambda: MEMBERS)

    def members_of(self, kind: Kind) -> Sequence[Kind]:
        """Return what is fitted for *kind*."""
        return self.members.get(kind, (kind,))

    @property
    def starts(self) -> list[int]:
        """Return the days before which models are fitted that forecast."""
        return list(range(self.first, self.last + 1, self.every))

    @property
    def fitted(self) -> list[Kind]:
        """Return the members of all kinds."""
        return list(dict.fromkeys(member for kind in self.kinds for member in self.members_of(kind)))

    @property
    def fits(self) -> int:
        """Return how many members are fitted in all."""
        folds = FOLDS if "stack" in self.kinds else 0
        return (folds + len(self.starts)) * len(self.fitted)


@dataclass(frozen=True, slots=True)
class Forecasts:
    """What was forecast.

    Attributes:
        rows: What the matches were, in order of days.
        probabilities: Of the rows, by the name of a kind or of a baseline.
        gains: What each feature gave the last LightGBM, by name, as shares; empty without one.
    """

    rows: Rows
    probabilities: Mapping[str, Probabilities]
    gains: Mapping[str, float] = field(default_factory=dict)

    def where(self, chosen: NDArray[np.bool_]) -> "Forecasts":
        """Return the forecasts of the *chosen* rows."""
        said = {name: one[chosen] for name, one in self.probabilities.items()}
        return Forecasts(self.rows.where(chosen), said, self.gains)


def baselines(names: Sequence[str], tested: Rows) -> Mapping[str, Baseline]:
    """Return what every model is compared with on *tested*, as far as its features, *names*, allow."""
    found: dict[str, Baseline] = {"prior": prior}
    if ELO in names:
        found["elo"] = EloLogit(names)
    if (tested.minutes != PRE_MATCH).any() and SCORE in names:
        found["table"] = ScoreTable(names)
    return found


def forecasts(plan: Plan, learned: Rows, tested: Rows, fit: Fit) -> Forecasts:
    """Return the forecasts of *tested*, of days within *plan*.

    The members are fitted before each start of the plan on all earlier rows of *learned*. What they say of rows which
    they have not seen, from some folds before the first start on, is what the pool of a stack is fitted on.

    Raises:
        TooFewError: Too few rows before the first start, or none to forecast.
    """
    _check_amounts(plan, learned, tested)
    folds = fold_days(learned.days, plan.first) if "stack" in plan.kinds else []
    starts = [*folds, *(start for start in plan.starts if start <= tested.days[-1])]
    unseen: dict[Kind, list[Probabilities]] = {kind: [] for kind in plan.fitted}
    found: dict[str, list[Probabilities]] = {}
    gains: Mapping[str, float] = {}
    for start, end in pairwise([*starts, plan.last + 1]):
        known, block = learned.where(learned.days < start), between(tested, start, end)
        members = dict(zip(plan.fitted, fit(plan.fitted, known), strict=True))
        if start >= plan.first and len(block.days):
            ours = _answers(plan, members, unseen, between(known, starts[0], start), block)
            theirs = {name: one(known, block) for name, one in baselines(fit.names, tested).items()}
            for name, said in {**ours, **theirs}.items():
                found.setdefault(name, []).append(said)
        gains = _gains(fit.names, members.get("lightgbm"))
        if folds:
            held = between(learned, start, end).matrix
            for kind, member in members.items():
                unseen[kind].append(
                    member.predict_proba(held) if len(held) else np.empty((0, len(CLASSES)), np.float32)
                )
    rows = between(tested, plan.first, plan.last + 1)
    return Forecasts(rows, {name: np.concatenate(parts) for name, parts in found.items()}, gains)


def _gains(names: Sequence[str], member: Member | None) -> Mapping[str, float]:
    if not isinstance(member, LightGBMMember):
        return {}
    return dict(zip(names, member.gains().tolist(), strict=True))


def _check_amounts(plan: Plan, learned: Rows, tested: Rows) -> None:
    before = int((learned.days < plan.first).sum())
    if before < FEWEST:
        raise TooFewError(f"there are {before} rows before the first day; at least {FEWEST} are needed to learn from")
    if not len(between(tested, plan.first, plan.last + 1).days):
        raise TooFewError("no match was played on the days which are to be forecast")


def _answers(
    plan: Plan, members: Mapping[Kind, Member], unseen: Mapping[Kind, Sequence[Probabilities]], seen: Rows, block: Rows
) -> dict[str, Probabilities]:
    """Return what each kind says of *block*, its pool fitted on what its members said of *seen* without having it."""
    said = {kind: member.predict_proba(block.matrix) for kind, member in members.items()}
    found: dict[str, Probabilities] = {}
    for kind in plan.kinds:
        own = plan.members_of(kind)
        pooled = kind in plan.members
        found[kind] = (
            pool_of(kind, [unseen[one] for one in own], seen)([said[one] for one in own]) if pooled else said[kind]
        )
    return found
