"""One retraining: what for, by which recipe, and what its steps have said so far; a folder with a journal in it."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import TypeAdapter, ValidationError

JOURNAL: Final = "run.json"

CauseKind = Literal["asked", "schedule", "drift", "accuracy"]
Verdict = Literal["refused", "challenger", "promoted", "rolled back"]


class RunError(ValueError):
    """Raised for a journal that is none, or a run that cannot go on; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a model is trained again.

    Attributes:
        said: In a sentence.
        at_ms: End of the window that gave the alarm, or when it was asked for; milliseconds since the epoch.
    """

    kind: CauseKind
    said: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """How it is trained: as the champion was, but for what was asked for.

    Attributes:
        history: ``internationals`` or ``clubs``.
        feature_set: Name of a published one, or a file that declares it; empty for the champion's own.
        since: First day to learn from, as holdout_days, share and threads an option of `touchline train`.
        sources: Whose feature events the feature set reads.
        feature_events: File with what they told before the topic begins; None for nothing.
    """

    data: str
    history: Literal["internationals", "clubs"]
    kind: str
    feature_set: str
    since: str
    holdout_days: int
    share: float
    threads: int
    sources: tuple[str, ...] = ()
    feature_events: str | None = None


@dataclass(frozen=True, slots=True)
class StepDone:
    """What a step has said.

    Attributes:
        passed: False when it said no, which ends the run.
        commands: What was run, as one may run it by hand.
        facts: Figures, by name.
    """

    name: str
    passed: bool
    said: str
    began_ms: int
    ended_ms: int
    commands: Sequence[Sequence[str]] = ()
    facts: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A retraining as its journal has it.

    Attributes:
        name: Of its folder: when it began.
        champion: Digest of the bundle that it shall be better than.
        version: Of the new bundle.
        plan: File of the roll-out's plan; None for the usual one.
        rollout: Whether it goes on to a roll-out by the plan, which promotes by itself.
        steps: That are done, in order.
        verdict: None while it is not at its end.
    """

    name: str
    model: str
    champion: str
    version: str
    why: str
    cause: Cause
    recipe: Recipe
    began_ms: int
    plan: str | None = None
    rollout: bool = False
    steps: tuple[StepDone, ...] = ()
    verdict: Verdict | None = None

    def step(self, name: str) -> StepDone | None:
        """Return what the step called *name* has said; None while it is not done."""
        return next((one for one in self.steps if one.name == name), None)

    def facts(self, name: str) -> Mapping[str, Any]:
        """Return the figures of the step called *name*, which is done."""
        found = self.step(name)
        return {} if found is None or found.facts is None else found.facts


_RUN: Final = TypeAdapter(Run)


def run_name(now_ms: int) -> str:
    """Return the name of a run that begins now.

    >>> run_name(1_700_000_000_000)
    '20231114T221320Z'
    """
    return datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")


def save(runs: Path, run: Run) -> None:
    """Write the journal of *run* to its folder in *runs*, whole or not at all."""
    folder = runs / run.name
    folder.mkdir(parents=True, exist_ok=True)
    new = folder / f".{JOURNAL}.new"
    new.write_text(json.dumps(asdict(run), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    new.replace(folder / JOURNAL)


def with_step(run: Run, done: StepDone) -> Run:
    """Return *run* after a step."""
    return replace(run, steps=(*run.steps, done), verdict=run.verdict if done.passed else "refused")


def read_runs(runs: Path) -> list[Run]:
    """Return the runs in the folder *runs*, the oldest first.

    Raises:
        RunError: A journal is damaged.
    """
    return [_read(file) for file in sorted(runs.glob(f"*/{JOURNAL}"))]


def _read(file: Path) -> Run:
    try:
        return _RUN.validate_json(file.read_bytes())
    except OSError as error:
        raise RunError(f"{file} cannot be read: {os.strerror(error.errno or 0)}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "its beginning"
        raise RunError(
            f"{file} is no journal of a retraining ({where}: {first['msg']}); remove its folder to forget it"
        ) from error
