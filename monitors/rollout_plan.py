"""The plan of a roll-out: its steps, what is checked in each window, and how sure the verdicts have to be.

`failureLimit`, `consecutiveSuccessLimit` and `dryRun` mean what they mean in Argo Rollouts' analysis.
"""

from __future__ import annotations

import reprlib
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

if TYPE_CHECKING:
    from collections.abc import Mapping

_STRICT = ConfigDict(
    frozen=True, extra="forbid", strict=True, allow_inf_nan=False, alias_generator=to_camel, populate_by_name=False
)
MAX_STEPS = 50
LARGEST_CLIP = 30.0  # nats; no difference is larger than 34.5, since a probability counts as 1e-15 at least

Percent = Annotated[float, Field(gt=0, le=100)]
Nats = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1, le=10**9)]
Limit = Annotated[int, Field(ge=0, le=10**6)]
Hours = Annotated[float, Field(gt=0, le=24 * 366)]


class PlanError(ValueError):
    """Raised for a plan that cannot be; one sentence for each thing that is wrong."""


class Threshold(BaseModel):
    """A check of a figure against the highest that is right.

    Attributes:
        limit: That figure.
        min_samples: Fewer are inconclusive: events for errors and latency, matches for outputs and what is pending.
        failure_limit: Windows of a step that may fail before the roll-out does.
        consecutive_success_limit: Windows in a row that have to succeed before the step is passed.
        dry_run: Whether it is told only, and decides nothing.
    """

    model_config = _STRICT
    limit: Annotated[float, Field(gt=0, le=1000)]
    min_samples: Count = 100
    failure_limit: Limit = 0
    consecutive_success_limit: Count = 1
    dry_run: bool = False


class LogLoss(BaseModel):
    """The check of the paired log loss, in nats; it is never a dry run, for nothing else proves anything.

    Attributes:
        margin: By how much less than this the challenger has to be worse: the margin of non-inferiority.
        fail_above: It fails when the challenger is surely worse by more.
        clip: A match's difference counts as this at most.
        failure_limit: As in `Threshold`; so for consecutive_success_limit.
    """

    model_config = _STRICT
    margin: Nats = 0.01
    fail_above: Annotated[float, Field(ge=0, le=1)] = 0.0
    clip: Annotated[float, Field(gt=0, le=LARGEST_CLIP)] = 0.5
    failure_limit: Limit = 0
    consecutive_success_limit: Count = 1

    @model_validator(mode="after")
    def _in_order(self) -> LogLoss:
        if not self.fail_above <= self.margin <= self.clip:
            raise ValueError(
                f"failAbove {self.fail_above:g}, margin {self.margin:g} and clip {self.clip:g} are not in this order"
            )
        return self


Check = LogLoss | Threshold


class Checks(BaseModel):
    """What is checked in each window; a check that is left out is not made, but for the log loss."""

    model_config = _STRICT
    log_loss: LogLoss = LogLoss()
    error_rate: Threshold | None = None
    p99_seconds: Threshold | None = None
    output_psi: Threshold | None = None
    pending_log_loss: Threshold | None = None


class Step(BaseModel):
    """One step of a roll-out.

    Attributes:
        stage: ``shadow``: the challenger scores beside the champion, and serves nothing; ``canary``: it serves;
            ``bandit``: it serves what `monitors.rollout_allocation` says, segment by segment.
        percent: Share of later kick-offs which it serves; a bandit's cap.
        floor: Lowest share of a bandit, in percent.
        min_matches: Matches whose results have to come in this step before it is passed.
        min_hours: Event time that it lasts at least, and
        max_hours: at most; then it is held, and a person is asked.
        max_matches: So for matches whose results came in it; with as many as it needs at least, an A/B test.
        margin: In place of the margin of the plan; not below it, and not in the last step.
    """

    model_config = _STRICT
    stage: Literal["shadow", "canary", "bandit"]
    percent: Percent | None = None
    floor: Percent | None = None
    min_matches: Count
    max_matches: Count | None = None
    min_hours: Annotated[float, Field(ge=0, le=24 * 366)] = 0.0
    max_hours: Hours = 24.0 * 90
    margin: Nats | None = None

    @property
    def share(self) -> float:
        """Share of later kick-offs which the challenger serves, at most, 0 to 1."""
        return (self.percent or 0.0) / 100

    @property
    def name(self) -> str:
        """What it is called in sentences."""
        if self.stage == "shadow":
            return "shadow"
        return f"canary {self.percent:g} %" if self.floor is None else f"bandit {self.floor:g} to {self.percent:g} %"

    @model_validator(mode="after")
    def _makes_sense(self) -> Step:
        if self.stage != "shadow" and self.percent is None:
            raise ValueError(f"a {self.stage} needs percent, such as {5 if self.stage == 'canary' else 50}")
        if self.stage == "shadow" and self.percent is not None:
            raise ValueError(f"a shadow serves nothing: percent is {self.percent:g} and has no place here")
        if (self.stage == "bandit") != (self.floor is not None):
            needed = "needs floor, such as 1" if self.stage == "bandit" else f"has no floor: {self.floor:g}"
            raise ValueError(f"a {self.stage} {needed}")
        if self.floor is not None and self.percent is not None and self.floor >= self.percent:
            raise ValueError(f"floor {self.floor:g} is not below percent {self.percent:g}")
        if self.min_hours > self.max_hours:
            raise ValueError(f"minHours {self.min_hours:g} is more than maxHours {self.max_hours:g}")
        if self.max_matches is not None and self.min_matches > self.max_matches:
            raise ValueError(f"minMatches {self.min_matches} is more than maxMatches {self.max_matches}")
        return self


class Plan(BaseModel):
    """A roll-out.

    Attributes:
        alpha: Highest chance of promoting a challenger that is worse by the margin or more, and of failing one that is
            worse by no more than ``failAbove``, by the log loss, over all windows and steps.
        window_hours: From one verdict to the next, in event time.
        steps: In order; shadow first, shares that rise, 100 % last.
    """

    model_config = _STRICT
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    window_hours: Hours = 24.0
    steps: Annotated[tuple[Step, ...], Field(strict=False, min_length=1, max_length=MAX_STEPS)]
    checks: Checks = Checks()

    @model_validator(mode="after")
    def _in_order(self) -> Plan:
        shares = [step.share for step in self.steps]
        told = ", ".join(step.name for step in self.steps)
        if any(later <= earlier for earlier, later in pairwise(shares)):
            raise ValueError(f"the shares of the steps do not rise: {told}")
        if shares[-1] != 1:
            raise ValueError(f"the last step is {told.split(', ')[-1]}, not canary 100 %")
        margins = [self.margin_of(number) for number in range(len(self.steps))]
        if margins[-1] != self.checks.log_loss.margin or any(later > earlier for earlier, later in pairwise(margins)):
            shown = ", ".join(f"{margin:g}" for margin in margins)
            raise ValueError(
                f"margins may not grow from step to step, and the last is the plan's, "
                f"{self.checks.log_loss.margin:g}; these are {shown}"
            )
        return self

    def margin_of(self, step: int) -> float:
        """Return below which difference in log loss the challenger has to be for *step*, counted from 0, in nats."""
        own = self.steps[step].margin
        return self.checks.log_loss.margin if own is None else own


def plan_of(found: object, where: str) -> Plan:
    """Return the plan that *found*, read from a YAML file, is; *where* begins the sentences.

    Raises:
        PlanError: One sentence for each field that is wrong.
    """
    if not isinstance(found, dict):
        raise PlanError(f"{where} is {type(found).__name__}, not a mapping with steps and checks")
    try:
        return Plan.model_validate(found)
    except ValidationError as error:
        raise PlanError("; ".join(_sentence(dict(problem), where) for problem in error.errors())) from error


def _sentence(problem: Mapping[str, object], where: str) -> str:
    place = ".".join(_named(part) for part in problem["loc"]) if isinstance(problem["loc"], tuple) else ""
    said = str(problem["msg"]).removeprefix("Value error, ")
    match problem["type"]:
        case "value_error":
            return f"{where}: {place + ': ' if place else ''}{said}"
        case "missing":
            return f"{where}: {place} is missing"
        case "extra_forbidden":
            return f"{where}: {place} is not a field of a plan"
        case "invalid_key":  # 3: 4 is YAML, too
            return f"{where}: {reprlib.repr(problem['input'])} is not a field of a plan"
        case _:
            return f"{where}: {place} is {reprlib.repr(problem['input'])}: {said[:1].lower()}{said[1:]}"


def _named(part: object) -> str:
    return f"step {part + 1}" if isinstance(part, int) else str(part)
