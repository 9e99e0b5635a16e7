"""How much the benchmark measures, and what it has measured so far."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from benchmarks import latency


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured.

    Attributes:
        events: That wait in the full job.
        times: Runs of each system; the medians count.
        seconds: Of one run behind its warm-up, at most.
        rates: Events a second, for the latency.
        scored: Rows on which the answers of the scoring are compared.
        matches: Live at once, for the growth; workers and features likewise.
    """

    events: int = 300_000
    times: int = 3
    seconds: float = 15.0
    rates: Sequence[float] = (200.0, 1000.0, 5000.0, 10_000.0)
    scored: int = 200_000
    matches: Sequence[int] = (1000, 10_000, 100_000, 1_000_000)
    workers: Sequence[int] = (1, 2, 4)
    features: Sequence[int] = (10, 30, 100, 300)

    @property
    def live(self) -> int:
        """Events that must be there for all of it."""
        *_, last = latency.loads(self.rates, self.seconds, Path())
        return max(self.events, last.end)


QUICK: Final = Extent(
    events=120_000,
    times=1,
    seconds=5.0,
    rates=(1000.0,),
    scored=20_000,
    matches=(1000, 10_000),
    workers=(1, 2),
    features=(),
)


@dataclass
class Results:
    """What was measured so far, and where it is kept."""

    out: Path
    values: dict[str, Any] = field(default_factory=dict)

    def keep(self, part: str, found: object) -> None:
        """Keep *found* as all there is of *part*."""
        self.values[part] = found
        self.out.parent.mkdir(parents=True, exist_ok=True)
        self.out.write_text(json.dumps(self.values, indent=2))

    def fail(self, what: str, error: Exception) -> None:
        """Keep, and tell, why *what* was not measured."""
        Console(stderr=True).print(f"{what}: {error}", style="red", soft_wrap=True)
        self.keep("failures", [*self.values.get("failures", []), {"what": what, "why": str(error)}])
