"""The checks of a roll-out: from what is known to success, failure or inconclusive, with the reason in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from scipy.special import bdtrc

from monitors.cbpe import expected
from monitors.confidence_sequence import bounds
from monitors.performance import BINS, CLASSES
from monitors.psi import psi
from monitors.rollout_plan import Threshold

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from monitors.differences import Differences
    from monitors.rollout_evidence import Cells, Evidence
    from monitors.rollout_plan import Check, Plan

Verdict = Literal["SUCCESS", "FAILURE", "INCONCLUSIVE"]

Found = tuple[Verdict, str]

BY_CHANCE = 0.001
"""Chance of as many errors in a window if the rate were the limit, from which on they fail nothing."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What one check found in one window.

    Attributes:
        name: As in the plan.
        verdict: What follows.
        why: The figures, and what they would have to be.
        dry_run: Whether it decides nothing.
    """

    name: str
    verdict: Verdict
    why: str
    dry_run: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """How much worse the challenger is by the matches so far, in nats a match: a point of the confidence sequence.

    What was clipped is put back: into the mean, and into each bound where that widens it.

    Attributes:
        matches: Whose results have come since the roll-out began.
        clipped: Those of them whose difference was clipped.
        mean: Challenger's log loss less the champion's.
        lower: Surely it is no less, and no more than *upper*: each is wrong, ever, with a chance of at most alpha.
        margin: Of the step that was judged.
    """

    matches: int
    clipped: int
    mean: float
    lower: float
    upper: float
    margin: float


@dataclass(frozen=True, slots=True)
class Known:
    """What the checks of one window are told.

    Attributes:
        window: What came in this window.
        outcomes: Of all matches since the roll-out began, this window's among them.
        outcomes_of_step: Matches whose results came in this step.
        challenger_outputs: Of the matches since the roll-out began; *champion_outputs*: of the same.
        margin: Of the step, in nats.
        step_matches: Which the step needs.
    """

    window: Evidence
    outcomes: Differences
    outcomes_of_step: int
    challenger_outputs: Cells
    champion_outputs: Cells
    margin: float
    step_matches: int


def checks_of(plan: Plan) -> Mapping[str, Check]:
    """Return the checks that *plan* makes, by their names in it, the log loss first."""
    fields = type(plan.checks).model_fields.items()
    found = {str(field.alias): getattr(plan.checks, name) for name, field in fields}
    return {name: check for name, check in found.items() if check is not None}


def checked(plan: Plan, known: Known, difference: Difference | None) -> tuple[Checked, ...]:
    """Return what each check of *plan* found, the log loss first, which is judged by the *difference*."""
    others = [
        Checked(name, *_LOOKS[name](check, known), dry_run=check.dry_run)
        for name, check in checks_of(plan).items()
        if isinstance(check, Threshold)
    ]
    return (Checked("logLoss", *log_loss(plan, difference), dry_run=False), *others)


def difference_of(plan: Plan, known: Known) -> Difference | None:
    """Return the difference in log loss of all matches since the roll-out began; None before the first result."""
    limits, outcomes = plan.checks.log_loss, known.outcomes
    found = bounds(outcomes, limits.clip, plan.alpha)
    if found is None:
        return None
    cut = outcomes.cut_above - outcomes.cut_below
    low, high = found.lower + min(cut, 0.0), found.upper + max(cut, 0.0)
    return Difference(outcomes.matches, outcomes.clipped, outcomes.mean + cut, low, high, known.margin)


def log_loss(plan: Plan, found: Difference | None) -> Found:
    """Judge the paired log loss of all matches since the roll-out began.

    Success: the challenger is surely worse by less than the margin of the step. Failure: it is surely worse by more
    than ``failAbove``, and not surely by less than the margin of the plan. Each *surely* is wrong, ever, with a chance
    of at most alpha. What was clipped is put back where it speaks against the verdict: no verdict rests on clipping.
    """
    if found is None:
        return "INCONCLUSIVE", "no match has a result yet"
    limits = plan.checks.log_loss
    why = (
        f"challenger less champion is {found.mean:+.4f} nats over {found.matches:,} matches"
        f"{f' ({found.clipped:,} clipped)' if found.clipped else ''}, surely {found.lower:+.4f} to {found.upper:+.4f}"
    )
    if found.lower > limits.fail_above and found.upper >= limits.margin:
        return "FAILURE", f"{why}: above {limits.fail_above:+.4f}"
    if found.upper < found.margin:
        return "SUCCESS", f"{why}: below {found.margin:+.4f}"
    return "INCONCLUSIVE", f"{why}: neither below {found.margin:+.4f} nor above {limits.fail_above:+.4f}"


def _error_rate(check: Threshold, known: Known) -> Found:
    window = known.window
    rate = window.errors / window.events if window.events else 0.0
    why = f"{window.errors:,} of {window.events:,} events not scored, {rate:.2%}"
    why += f" ({window.left_out:,} more were left out)" if window.left_out else ""
    verdict, told = _against(check, rate, window.events, why)
    # Two of 160 are above 1 %: over all windows of a roll-out even a sound challenger comes to that.
    if verdict == "FAILURE" and bdtrc(window.errors - 1, window.events, check.limit) >= BY_CHANCE:
        return "INCONCLUSIVE", f"{told}, by no more than chance may be"
    return verdict, told


def _p99(check: Threshold, known: Known) -> Found:
    latency = known.window.latency
    seconds = latency.percentile(99) or 0.0
    return _against(check, seconds, latency.count, f"p99 of {latency.count:,} predictions is {seconds:.4g} s")


def _output_psi(check: Threshold, known: Known) -> Found:
    ours, theirs = known.challenger_outputs, known.champion_outputs
    matches = min(sum(ours), sum(theirs)) // CLASSES
    classes = [slice(start, start + BINS) for start in range(0, len(theirs), BINS)]
    value = max(psi(ours[one], theirs[one]) for one in classes) if matches else 0.0
    return _against(check, value, matches, f"PSI of the outputs is {value:.4f} at most, over {matches:,} matches")


def _pending(check: Threshold, known: Known) -> Found:
    if known.outcomes_of_step >= known.step_matches:
        return "SUCCESS", f"results of {known.outcomes_of_step:,} matches have come in this step: the log loss speaks"
    window = known.window
    ours, theirs = expected(window.challenger_pending), expected(window.champion_pending)
    matches = window.challenger_pending.matches
    if not ours or not theirs:
        return "INCONCLUSIVE", "no match waits for its result"
    value = ours.log_loss - theirs.log_loss
    told = f"by its own probabilities the challenger is worse by {value:+.4f} nats"
    why = f"{told}, over {matches:,} matches without a result"
    return _against(check, value, matches, why)


def _against(check: Threshold, value: float, samples: int, why: str) -> Found:
    if samples < check.min_samples:
        return "INCONCLUSIVE", f"{why}: {check.min_samples:,} are needed"
    if value > check.limit:
        return "FAILURE", f"{why}: above {check.limit:g}"
    return "SUCCESS", f"{why}: not above {check.limit:g}"


_LOOKS: Mapping[str, Callable[[Threshold, Known], Found]] = {
    "errorRate": _error_rate,
    "p99Seconds": _p99,
    "outputPsi": _output_psi,
    "pendingLogLoss": _pending,
}
