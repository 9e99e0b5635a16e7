"""What the runs came to: a table for people, `build/faults.json` for programs."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from rich.table import Table
from rich.text import Text

from tests.faults.findings import Findings

_VERDICT = 60  # letters; the whole was said when it came
_FINDINGS = (
    "events",
    "missing",
    "repeated",
    "differing",
    "state_differences",
    "commit_gap",
    "gap_seconds",
    "recovery_seconds",
)


@dataclass(frozen=True)
class Result:
    """One run of one scenario.

    Attributes:
        rate: "saturated", or events a second.
        complaints: Why it is not green.
        wall_seconds: How long it took, start and check included.
        number: Place among all runs.
        code: Commit that was run; empty where it is not known.
    """

    scenario: str
    guarantee: str
    rate: str
    events: int
    missing: int
    repeated: int
    differing: int
    state_differences: int
    commit_gap: int
    gap_seconds: float
    recovery_seconds: float
    complaints: Sequence[str] = ()
    wall_seconds: float = 0.0
    seed: int = 0
    number: int = 0
    code: str = ""

    @property
    def green(self) -> bool:
        return not self.complaints


def result_of(
    name: str, guarantee: str, rate: str, found: Findings, complaints: Sequence[str], *, seconds: float, seed: int
) -> Result:
    """Return the result of a run with findings."""
    figures = {name: getattr(found, name) for name in _FINDINGS}
    return Result(name, guarantee, rate, **figures, complaints=complaints, wall_seconds=round(seconds, 1), seed=seed)


def write(path: Path, results: Iterable[Result]) -> None:
    """Write *results* so that a reader never sees half a file."""
    path.parent.mkdir(exist_ok=True)
    half = path.with_suffix(".half")
    half.write_text(json.dumps([asdict(one) for one in results], indent=1) + "\n")
    half.replace(path)


def read(path: Path) -> list[Result]:
    """Return what an earlier run has written."""
    return [Result(**one) for one in json.loads(path.read_text())] if path.exists() else []


def summed(runs: Sequence[Result]) -> Result:
    """Return *runs* of one scenario as one: sums of what was counted, the longest gap and recovery, all complaints."""
    counted = _FINDINGS[:-2]
    return replace(
        runs[0],
        **{name: sum(getattr(one, name) for one in runs) for name in counted},
        gap_seconds=max(one.gap_seconds for one in runs),
        recovery_seconds=max(one.recovery_seconds for one in runs),
        complaints=[sentence for one in runs for sentence in one.complaints],
        wall_seconds=sum(one.wall_seconds for one in runs),
    )


def versions(results: Iterable[Result]) -> str:
    """Return how many of *results* each commit has, which --resume may have put together.

    >>> result = Result("kill", "exactly-once", "10", 1, 0, 0, 0, 0, 0, 0.0, 0.0, code="057e42f")
    >>> versions([result, result, replace(result, code="")])
    '2 of 057e42f, 1 of an unknown commit'
    """
    counts = Counter(one.code for one in results)
    return ", ".join(f"{count} of {code or 'an unknown commit'}" for code, count in counts.items())


def table(results: Iterable[Result]) -> Table:
    """Return the table of *results*; of several runs of one scenario it has the sums, and the longest times."""
    shown = Table("scenario", "guarantee", title="Faults")
    counts = ("runs", "events", "missing", "repeated", "differing", "states", "commit gap")
    for head in (*counts, "gap s", "recovery s", "took s"):
        shown.add_column(head, justify="right")
    shown.add_column("verdict")
    alike: dict[tuple[str, str], list[Result]] = {}
    for one in results:
        alike.setdefault((one.scenario, one.guarantee), []).append(one)
    for runs in alike.values():
        one = summed(runs)
        counted = (
            len(runs),
            one.events,
            one.missing,
            one.repeated,
            one.differing,
            one.state_differences,
            one.commit_gap,
        )
        times = (f"{one.gap_seconds:.1f}", f"{one.recovery_seconds:.1f}", f"{one.wall_seconds:.0f}")
        verdict = Text("green", "green") if one.green else Text("; ".join(one.complaints)[:_VERDICT], "red")
        shown.add_row(one.scenario, one.guarantee, *map(str, counted), *times, verdict)
    return shown
