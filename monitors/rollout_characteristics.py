"""How often the gate of a roll-out is right: whole roll-outs of made matches, judged by the gate's own code."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import count
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import betaincinv

from monitors.cbpe import Estimate, estimated
from monitors.differences import Differences, differences
from monitors.latency import LatencySketch
from monitors.made_matches import MOMENTS, made_matches, noises_for
from monitors.rollout import HOUR_MS, begun, judged
from monitors.rollout_evidence import Evidence, cells

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from monitors.rollout import Status
    from monitors.rollout_plan import Plan

LEVEL = 0.95  # of the intervals
_CHUNK = 50  # windows that are made in one go
_ERROR_RATE = 1e-4
_MEDIAN_SECONDS, _SECONDS_SPREAD = 0.008, 0.6  # of a log-normal: p99 is 32 ms


@dataclass(frozen=True, slots=True)
class Scenario:
    """A challenger that is known: its expected log loss is higher by *difference*, in nats."""

    name: str
    difference: float


@dataclass(frozen=True, slots=True)
class Trial:
    """How many roll-outs of each scenario, with how many *matches* a window; equal seeds give equal matches."""

    runs: int = 200
    matches: int = 20
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Ending:
    """How one roll-out ended: HELD when nobody could say; *step* in words; *matches* with results until then."""

    status: Status
    step: str
    matches: int


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
        }


def scenarios(plan: Plan) -> Sequence[Scenario]:
    """Return what is tried: a challenger equal, worse, better, and worse by just the margin, which is the hardest."""
    return (
        Scenario("equal", 0.0),
        Scenario("worse", 0.02),
        Scenario("better", -0.01),
        Scenario("at the margin", plan.checks.log_loss.margin),
    )


def endings(plan: Plan, scenario: Scenario, trial: Trial, done: Callable[[], None]) -> Endings:
    """Return how the roll-outs of *scenario* end; *done* is called after each."""
    noises = noises_for(scenario.difference)
    found = []
    for number in range(trial.runs):
        # All scenarios of a run draw the same numbers.
        chance = np.random.default_rng([trial.seed, number])
        found.append(_ending(plan, _windows(trial.matches, noises, plan.checks.log_loss.clip, chance)))
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


def _ending(plan: Plan, windows: Iterator[_Window]) -> Ending:
    rollout = begun(0)
    for number, window in enumerate(windows, start=1):
        step = plan.steps[rollout.step]
        # What no check reads is not estimated: it would take half of the time.
        estimate = rollout.outcomes.matches - rollout.before < step.min_matches
        until = int(number * plan.window_hours * HOUR_MS)
        rollout, judgement = judged(plan, rollout, until, window.evidence(estimate=estimate))
        if judgement is not None and rollout.status != "RUNNING":
            return Ending(rollout.status, judgement.step, rollout.outcomes.matches)
    raise AssertionError("windows do not end")


@dataclass(frozen=True, slots=True)
class _Window:
    """One window: *outcomes* of the matches before it, and what was said of its own, ``(matches, events, 3)``.

    Of each match the event *drawn* is compared.
    """

    outcomes: Differences
    challenger: NDArray[np.float64]
    champion: NDArray[np.float64]
    drawn: NDArray[np.int64]
    errors: int
    seconds: NDArray[np.float64]

    def evidence(self, *, estimate: bool) -> Evidence:
        """Return what the gate is told of it; *estimate* also what the predictions expect of themselves."""
        latency = LatencySketch()
        latency.update_many(self.seconds)
        matches, events, _ = self.challenger.shape
        both = self.challenger, self.champion
        ours, theirs = (cells(said[np.arange(matches), self.drawn]) for said in both)
        ours_pending, theirs_pending = (_estimate(said) if estimate else Estimate() for said in both)
        return Evidence(
            self.outcomes, matches * events, self.errors, latency, ours, theirs, ours_pending, theirs_pending
        )


def _estimate(said: NDArray[np.float64]) -> Estimate:
    """Return what matches of equally many events expect of themselves, estimated in one go."""
    return Estimate((len(said), *estimated(said.reshape(-1, said.shape[2])).numbers[1:]))


def _windows(matches: int, noises: tuple[float, float], clip: float, chance: np.random.Generator) -> Iterator[_Window]:
    """Give windows without end: the results of a window's matches come in the next."""
    before = Differences()
    for _ in count():
        made = made_matches(matches * _CHUNK, noises, chance)
        known = made.differences
        for start in range(0, matches * _CHUNK, matches):
            these = slice(start, start + matches)
            drawn = chance.integers(0, len(MOMENTS), matches)
            events = matches * len(MOMENTS)
            errors = int(chance.binomial(events, _ERROR_RATE))
            seconds = chance.lognormal(np.log(_MEDIAN_SECONDS), _SECONDS_SPREAD, events - errors)
            yield _Window(before, made.challenger[these], made.champion[these], drawn, errors, seconds)
            before = differences(known[these], clip)
