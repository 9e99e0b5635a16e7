"""What each part of a model is worth: the change in log loss, in time and in money when it is left out."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from features.facts import RATED
from models.bootstrap import paired_interval
from models.compiled import fast_predictor
from models.evaluation import match_losses
from models.fitting import Sizes
from models.graph import GraphBuilder, Member
from models.pools import LogitPool, MeanPool, Pool, PooledMember
from models.predictors import CLASSES, Kind, Matrix
from models.rows import Rows
from models.walk_forward import Plan, forecasts
from models.walking import Fit, Step

_GROUPS: Final[Mapping[str, Sequence[str]]] = {
    "elo": ("elo_difference", "home_elo", "away_elo"),
    "pi": ("pi_difference", "home_pi", "away_pi"),
    "goal rates": (
        "expected_home_goals", "expected_away_goals", "home_attack", "away_attack", "home_defence", "away_defence",
        "remaining_home_goals", "remaining_away_goals",
    ),
    "form": tuple(name for name in RATED if "_form" in name),
    "rest": ("home_rest_days", "away_rest_days"),
    "certainty": ("home_matches", "away_matches", "home_season_matches", "away_season_matches"),
    "division": ("division_goals", "home_advantage", "draw_factor"),
    "fixture": ("neutral", "importance"),
    "course": ("started", "minute", "home_goals", "away_goals", "score_difference", "minutes_since_goal"),
}  # fmt: skip
ALL: Final = "nothing"
CALLS: Final = 200
REPEATS: Final = 5


@dataclass(frozen=True, slots=True)
class Variant:
    """A model without one of its parts.

    Attributes:
        without: What was left out; ALL for the whole model.
        log_loss: In nats.
        change: Of the log loss, less that of the whole model; with the 95 % interval. Above zero the part was of use.
        micros: Of one prediction that comes alone, on this machine; its change is that of the whole model less this.
    """

    without: str
    log_loss: float
    change: float
    interval: tuple[float, float]
    micros: float


@dataclass(frozen=True, slots=True)
class Ablation:
    """How parts are left out.

    Attributes:
        plan: With one kind, that of the model.
        names: Of the features.
    """

    plan: Plan
    names: Sequence[str]
    sizes: Sizes
    step: Step

    @property
    def kind(self) -> Kind:
        """Return the kind of the model."""
        return self.plan.kinds[0]

    @property
    def parts(self) -> list[str]:
        """Return the names of all that is left out, one after the other."""
        return [ALL, *groups(self.names), *(self.plan.members.get(self.kind, ()))]

    def variants(self, learned: Rows, tested: Rows) -> Iterator[Variant]:
        """Yield the whole model, then each variant, as soon as it is known."""
        whole = None
        for part in self.parts:
            self.step(f"without {part}")
            plan, names = self._without(part)
            kept = [self.names.index(name) for name in names]
            fit = Fit(names, self.sizes, lambda _: None)
            seen, asked = (replace(rows, matrix=rows.matrix[:, kept]) for rows in (learned, tested))
            found = forecasts(plan, seen, asked, fit)
            losses = match_losses(found.probabilities[self.kind], found.rows)
            whole = losses if whole is None else whole
            micros = micros_of(self._model(plan, fit, seen), asked.matrix)
            change = float((losses - whole).mean())
            yield Variant(part, float(losses.mean()), change, paired_interval(losses, whole), micros)

    def _without(self, part: str) -> tuple[Plan, Sequence[str]]:
        found = groups(self.names)
        if part in found:
            return self.plan, [name for name in self.names if name not in found[part]]
        members = [one for one in self.plan.members.get(self.kind, ()) if one != part]
        plan = replace(self.plan, members={**self.plan.members, self.kind: members}) if members else self.plan
        return plan, self.names

    def _model(self, plan: Plan, fit: Fit, rows: Rows) -> Member:
        """Return a model of the variant's shape, to be timed."""
        members = fit(plan.members_of(self.kind), rows.where(rows.days < plan.first))
        if self.kind not in plan.members:
            return members[0]
        even = np.vstack([np.eye(len(CLASSES)) / len(members)] * len(members) + [np.zeros((1, len(CLASSES)))])
        pool: Pool = LogitPool(even) if self.kind == "stack" else MeanPool()
        return PooledMember(members, pool)


def groups(names: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """Return the groups of features of which some are among *names*."""
    return {group: those for group, those in _GROUPS.items() if set(those) & set(names)}


def micros_of(member: Member, matrix: Matrix, clock: Callable[[], float] = time.perf_counter) -> float:
    """Return the microseconds of one prediction which comes alone: the best mean of REPEATS."""
    builder = GraphBuilder(matrix.shape[1])
    predictor = fast_predictor(builder.serialised(member.add_to(builder)), matrix.shape[1])
    rows = [matrix[place % len(matrix)][np.newaxis] for place in range(CALLS)]
    means = []
    for _ in range(REPEATS):
        began = clock()
        for row in rows:
            predictor.predict_proba(row)
        means.append((clock() - began) / CALLS)
    return min(means) * 1e6


def cost_per_1000(micros: float, price_per_hour: float) -> float:
    """Return what 1,000 predictions of *micros* each cost on a core at *price_per_hour*.

    >>> cost_per_1000(3600.0, 0.5)
    0.0005
    """
    return micros * 1000 / 3600e6 * price_per_hour


def cheapest(variants: Sequence[Variant], within: float) -> Variant:
    """Return the fastest of *variants* whose log loss is within *within* nats of the best."""
    best = min(one.log_loss for one in variants)
    return min((one for one in variants if one.log_loss <= best + within), key=lambda one: one.micros)
