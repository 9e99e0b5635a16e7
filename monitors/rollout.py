"""The gate: what a roll-out does next, from the evidence of one window after the other.

Pure: the same plan and the same windows give the same verdicts and the same words. A failure rolls back in the window
in which it is found; what stays inconclusive for too long is held, and a person is asked.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from monitors.differences import Differences
from monitors.rollout_checks import Checked, Difference, Known, Verdict, checked, checks_of, difference_of
from monitors.rollout_evidence import NO_CELLS, Cells, added, by_segment
from monitors.rollout_plan import LogLoss

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitors.rollout_evidence import Evidence
    from monitors.rollout_plan import Check, Plan

Status = Literal["RUNNING", "HELD", "PROMOTED", "ROLLED_BACK"]

HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Rollout:
    """State of a roll-out: bounded, plain numbers.

    Attributes:
        since_ms: When the step began, or was let go on; event time.
        until_ms: End of the last window that was judged.
        status: PROMOTED and ROLLED_BACK are ends.
        step: Place in the plan, from 0.
        outcomes: Of all matches since the roll-out began.
        before: Matches of these whose results came before this step, and *before_going_on*: before it was let go on.
        challenger_outputs: Of the matches since then; *champion_outputs*: of the same.
        failures: Windows of this step that failed, by check.
        successes: Windows in a row that succeeded, by check.
        segments: The outcomes by segment, where the evidence has them.
    """

    since_ms: int
    until_ms: int
    status: Status = "RUNNING"
    step: int = 0
    outcomes: Differences = field(default_factory=Differences)
    before: int = 0
    challenger_outputs: Cells = NO_CELLS
    champion_outputs: Cells = NO_CELLS
    failures: Mapping[str, int] = field(default_factory=dict)
    successes: Mapping[str, int] = field(default_factory=dict)
    before_going_on: int = 0
    segments: Mapping[str, Differences] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """Whether nothing can change it any more."""
        return self.status in {"PROMOTED", "ROLLED_BACK"}

    def to_dict(self) -> dict[str, Any]:
        """Return the state as plain values."""
        segments = {name: list(one.numbers) for name, one in self.segments.items()}
        return asdict(self) | {"outcomes": list(self.outcomes.numbers), "segments": segments}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Rollout:
        """Return the state that `to_dict` wrote."""
        tuples = {name: tuple(fields[name]) for name in ("challenger_outputs", "champion_outputs")}
        segments = {name: Differences(tuple(numbers)) for name, numbers in fields["segments"].items()}
        outcomes = Differences(tuple(fields["outcomes"]))
        return cls(**{**fields, **tuples, "outcomes": outcomes, "segments": segments})


@dataclass(frozen=True, slots=True)
class Judgement:
    """What followed from one window.

    Attributes:
        step: The step that was judged, in words.
        verdict: Of the window, over all checks that are no dry runs.
        status: Of the roll-out, after it.
        why: In one sentence, with figures.
        checks: What each found.
        difference: By which the log loss was judged; None before the first result.
    """

    step: str
    verdict: Verdict
    status: Status
    why: str
    checks: tuple[Checked, ...]
    difference: Difference | None


def begun(at_ms: int) -> Rollout:
    """Return a roll-out that begins at *at_ms*, event time, in the first step."""
    return Rollout(at_ms, at_ms)


def judged(plan: Plan, before: Rollout, until_ms: int, window: Evidence) -> tuple[Rollout, Judgement | None]:
    """Return the roll-out after the *window* that ends at *until_ms*, and why.

    A window that was judged before, or that comes after the end, changes nothing, and there is no judgement.
    """
    if before.ended or until_ms <= before.until_ms:
        return before, None
    rollout = _with(before, until_ms, window)
    known = _known(plan, rollout, window)
    difference = difference_of(plan, known)
    found = checked(plan, known, difference)
    counted = _counted(rollout, found)
    verdict = _verdict(counted, checks_of(plan))
    after, why = _moved(plan, counted, verdict)
    telling = {"INCONCLUSIVE", "FAILURE"} if verdict == "INCONCLUSIVE" else {verdict}
    reasons = [f"{one.name}: {one.why}" for one in found if one.verdict in telling and not one.dry_run]
    step = plan.steps[before.step].name
    return after, Judgement(step, verdict, after.status, "; ".join([why, *reasons]), found, difference)


def let_go_on(held: Rollout, at_ms: int) -> Rollout:
    """Return *held* as it goes on with its step, for as long again, because a person said so; what is known stays.

    ValueError when it is not held.
    """
    if held.status != "HELD":
        raise ValueError(f"a roll-out that is {held.status} is not held")
    matches = held.outcomes.matches
    return replace(held, status="RUNNING", since_ms=at_ms, before_going_on=matches, failures={}, successes={})


def _with(before: Rollout, until_ms: int, window: Evidence) -> Rollout:
    return replace(
        before,
        until_ms=until_ms,
        outcomes=before.outcomes + window.outcomes,
        challenger_outputs=added(before.challenger_outputs, window.challenger_outputs),
        champion_outputs=added(before.champion_outputs, window.champion_outputs),
        segments=by_segment(before.segments, window.segments),
    )


def _known(plan: Plan, rollout: Rollout, window: Evidence) -> Known:
    return Known(
        window,
        rollout.outcomes,
        rollout.outcomes.matches - rollout.before,
        rollout.challenger_outputs,
        rollout.champion_outputs,
        plan.margin_of(rollout.step),
        plan.steps[rollout.step].min_matches,
    )


def _counted(rollout: Rollout, found: tuple[Checked, ...]) -> Rollout:
    failures = {one.name: rollout.failures.get(one.name, 0) + (one.verdict == "FAILURE") for one in found}
    successes = {one.name: rollout.successes.get(one.name, 0) + 1 if one.verdict == "SUCCESS" else 0 for one in found}
    return replace(rollout, failures=failures, successes=successes)


def _verdict(counted: Rollout, checks: Mapping[str, Check]) -> Verdict:
    deciding = {name: check for name, check in checks.items() if isinstance(check, LogLoss) or not check.dry_run}
    if any(counted.failures[name] > check.failure_limit for name, check in deciding.items()):
        return "FAILURE"
    if all(counted.successes[name] >= check.consecutive_success_limit for name, check in deciding.items()):
        return "SUCCESS"
    return "INCONCLUSIVE"


def _moved(plan: Plan, counted: Rollout, verdict: Verdict) -> tuple[Rollout, str]:
    step = plan.steps[counted.step]
    matches, hours = counted.outcomes.matches - counted.before, (counted.until_ms - counted.since_ms) / HOUR_MS
    if verdict == "FAILURE":
        return replace(counted, status="ROLLED_BACK"), f"rolled back in {step.name}"
    if counted.status == "HELD":
        return counted, f"{step.name} is held: a person has to say whether it goes on"
    if verdict == "SUCCESS" and matches >= step.min_matches and hours >= step.min_hours:
        if counted.step + 1 == len(plan.steps):
            return replace(counted, status="PROMOTED"), f"promoted after {step.name}"
        later = plan.steps[counted.step + 1].name
        return _next_step(counted), f"{step.name} is passed, {later} begins"
    since = counted.outcomes.matches - counted.before_going_on
    if (full := step.max_matches is not None and since >= step.max_matches) or hours >= step.max_hours:
        after = f"{since:,} matches" if full else f"{hours:g} h"
        told = f"{step.name} is held after {after}: a person has to say whether it goes on"
        return replace(counted, status="HELD"), told
    needed = f"{matches:,} of {step.min_matches:,} matches and {hours:g} of {step.min_hours:g} h"
    return counted, f"{step.name} goes on after {needed}"


def _next_step(passed: Rollout) -> Rollout:
    at_ms, matches = passed.until_ms, passed.outcomes.matches
    anew = replace(passed, since_ms=at_ms, before=matches, before_going_on=matches, failures={}, successes={})
    return replace(anew, step=passed.step + 1)
