"""What a scenario is, and what it claims."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.faults.findings import Findings
from tests.faults.run import AT_LEAST_ONCE, EXACTLY_ONCE, Run

BOTH = (AT_LEAST_ONCE, EXACTLY_ONCE)


@dataclass(frozen=True)
class Scenario:
    """One scenario.

    Attributes:
        name: In words with hyphens, as `ONLY` selects it.
        body: Does it. What it returns are the findings; None lets the runner call `Run.finish`.
        graceful: Whether repeats are faults under at-least-once too.
        own_cluster: Whether it ruins its cluster, and so gets one of its own.
        breaks_cluster: Whether it breaks brokers or registry for a while, so that no other run may share them then.
        guarantees: Under which it runs.
        events: Events of the first part; None is the pace's.
        broken: Whether the engine is broken on purpose, and the checker must notice.
        timed: Whether its outcome may depend on the moment of the fault, so that `faults-long` repeats it.
    """

    name: str
    body: Callable[[Run], Findings | None]
    graceful: bool = False
    own_cluster: bool = False
    breaks_cluster: bool = False
    guarantees: Sequence[str] = BOTH
    events: int | None = None
    broken: bool = False
    timed: bool = False


def complaints(scenario: Scenario, guarantee: str, found: Findings) -> list[str]:
    """Return what is wrong, in words; empty when the run is green."""
    if scenario.broken:
        noticed = found.missing + found.repeated + found.differing + found.state_differences
        return [] if noticed else ["the engine was broken on purpose and the checker found nothing"]
    exact = guarantee == EXACTLY_ONCE
    zero = ["missing", "differing", "state_differences", "commit_gap", "unexpected", "lost_by_brokers"]
    zero += ["repeated"] if exact or scenario.graceful else []
    zero += ["repeated_others"] if exact else []
    return [f"{name} is {getattr(found, name)}" for name in zero if getattr(found, name)]
