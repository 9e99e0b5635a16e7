"""How often the gate of a roll-out is right: whole roll-outs of made matches, judged by the gate's own code."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import betaincinv

from monitors.differences import Differences
from monitors.made_matches import noises_for
from monitors.made_windows import SEGMENTS, Window, windows
from monitors.rollout import HOUR_MS, begun, judged
from monitors.rollout_allocation import shares

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from monitors.rollout import Rollout, Status
    from monitors.rollout_plan import Plan, Step

LEVEL = 0.95  # of the intervals


@dataclass(frozen=True, slots=True)
class Scenario:
    """A challenger that is known: its expected log loss is higher by *difference*, in nats.

    Attributes:
        spread: By so much more in half of SEGMENTS, and by so much less in the others.
    """

    name: str
    difference: float
    spread: float = 0.0

    @property
    def by_segment(self) -> Sequence[float]:
        """What it is in each of SEGMENTS, in nats."""
        return [self.difference + (self.spread if number % 2 else -self.spread) for number in range(len(SEGMENTS))]


@dataclass(frozen=True, slots=True)
class Trial:
    """How many roll-outs of each scenario, with how many *matches* a window; equal seeds give equal matches."""

    runs: int = 200
    matches: int = 20
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Ending:
    """How one roll-out ended: HELD when nobody could say; *step* in words; *matches* with results until then.

    Attributes:
        worse: Matches until then that the worse of the two served, as is to be expected from the shares; where both
            are equal there is none.
        lost: What that cost, in nats: the differences of these matches.
        kick_offs: Matches until then, also those without a result.
    """

    status: Status
    step: str
    matches: int
    worse: float = 0.0
    lost: float = 0.0
    kick_offs: int = 0


@dataclass(frozen=True, slots=True)
class Endings:
    """How the roll-outs of one scenario ended."""

    scenario: Scenario
    found: Sequence[Ending]

    def share(self, status: Status) -> float:
        """Return the share of them that ended so."""
        return self.count(status) / len(self.found)

    def count(self, status: Status) -> int:
        """Return how many ended so."""
        return sum(one.status == status for one in self.found)

    def _steps(self, status: Status) -> dict[str, int]:
        return dict(Counter(one.step for one in self.found if one.status == status).most_common())

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values for JSON."""
        runs = len(self.found)
        decided = [one.matches for one in self.found if one.status != "HELD"]
        worse = fmean(one.worse for one in self.found)
        return {
            "scenario": self.scenario.name,
            "difference": self.scenario.difference,
            "promoted": self.count("PROMOTED"),
            "promoted_interval": list(exact_interval(self.count("PROMOTED"), runs)),
            "rolled_back": self.count("ROLLED_BACK"),
            "rolled_back_interval": list(exact_interval(self.count("ROLLED_BACK"), runs)),
            "held": self.count("HELD"),
            "rolled_back_in": self._steps("ROLLED_BACK"),
            "held_in": self._steps("HELD"),
            "median_matches_to_verdict": median(decided) if decided else None,
            "mean_served_by_the_worse": worse,
            "share_served_by_the_worse": worse / fmean(one.kick_offs for one in self.found),
            "mean_nats_lost": fmean(one.lost for one in self.found),
        }


def scenarios(plan: Plan) -> Sequence[Scenario]:
    """Return what is tried: a challenger equal, worse, better, and worse by just the margin, which is the hardest.

    Mixed is one that is as good on the whole, better in half of the segments and worse in the others.
    """
    return (
        Scenario("equal", 0.0),
        Scenario("worse", 0.02),
        Scenario("better", -0.01),
        Scenario("at the margin", plan.checks.log_loss.margin),
        Scenario("mixed", 0.0, 0.02),
    )


def endings(plan: Plan, scenario: Scenario, trial: Trial, done: Callable[[], None]) -> Endings:
    """Return how the roll-outs of *scenario* end; *done* is called after each."""
    noises = [noises_for(one) for one in dict.fromkeys(scenario.by_segment)]
    found = []
    for number in range(trial.runs):
        # All scenarios of a run draw the same numbers.
        chance = np.random.default_rng([trial.seed, number])
        made = windows(trial.matches, noises, plan.checks.log_loss.clip, chance)
        found.append(_ending(plan, scenario.by_segment, made))
        done()
    return Endings(scenario, found)


def overall(plan: Plan, found: Sequence[Endings]) -> dict[str, Any]:
    """Return the rates of false verdicts, each of the scenario with the most, and the medians.

    A rejection is false when the challenger is worse by no more than ``failAbove``, a promotion when it is worse by the
    margin or more.
    """
    limits = plan.checks.log_loss
    harmless = [one.share("ROLLED_BACK") for one in found if one.scenario.difference <= limits.fail_above]
    harmful = [one.share("PROMOTED") for one in found if one.scenario.difference >= limits.margin]
    return {
        "false_rejections": max(harmless, default=None),
        "false_promotions": max(harmful, default=None),
        "median_matches_to_verdict": {one.scenario.name: one.to_dict()["median_matches_to_verdict"] for one in found},
    }


def exact_interval(found: int, runs: int, level: float = LEVEL) -> tuple[float, float]:
    """Return the interval of Clopper and Pearson (1934) of a rate, of which *found* of *runs* were seen.

    >>> [round(bound, 3) for bound in exact_interval(0, 200)]
    [0.0, 0.018]
    """
    tail = (1 - level) / 2
    low = 0.0 if found == 0 else float(betaincinv(found, runs - found + 1, tail))
    high = 1.0 if found == runs else float(betaincinv(found + 1, runs - found, 1 - tail))
    return low, high


def _ending(plan: Plan, truth: Sequence[float], made: Iterator[Window]) -> Ending:
    rollout, worse, lost, kick_offs = begun(0), 0.0, 0.0, 0
    for number, window in enumerate(made, start=1):
        step = plan.steps[rollout.step]
        for matches, size in _served_by_the_worse(step, rollout, truth, window.matches_by_segment):
            worse, lost = worse + matches, lost + matches * size
        kick_offs += sum(window.matches_by_segment)
        # What no check reads is not estimated: it would take half of the time.
        estimate = rollout.outcomes.matches - rollout.before < step.min_matches
        until = int(number * plan.window_hours * HOUR_MS)
        rollout, judgement = judged(plan, rollout, until, window.evidence(estimate=estimate))
        if judgement is not None and rollout.status != "RUNNING":
            return Ending(rollout.status, judgement.step, rollout.outcomes.matches, worse, lost, kick_offs)
    raise AssertionError("windows do not end")


def _served_by_the_worse(
    step: Step, rollout: Rollout, truth: Sequence[float], matches: Sequence[int]
) -> Iterator[tuple[float, float]]:
    """Yield of each segment how many of its *matches* the worse model is to serve, and the difference in nats."""
    known = {name: rollout.segments.get(name, Differences()) for name in SEGMENTS}
    for share, difference, count_of in zip(shares(step, known).values(), truth, matches, strict=True):
        if difference:
            yield count_of * (share if difference > 0 else 1 - share), abs(difference)
