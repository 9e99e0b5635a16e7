"""Every scenario, in the order in which they run."""

from collections.abc import Sequence

from tests.faults.scenario import Scenario
from tests.faults.worker_faults import WORKER_FAULTS

SCENARIOS: Sequence[Scenario] = (*WORKER_FAULTS,)


def chosen(only: str) -> list[Scenario]:
    """Return the scenarios whose name has one of the words of *only* in it; all when there is none.

    Raises:
        LookupError: A word fits no scenario.
    """
    words = only.split()
    for word in words:
        if not any(word in scenario.name for scenario in SCENARIOS):
            raise LookupError(f"no scenario is called {word!r}; there are {', '.join(one.name for one in SCENARIOS)}")
    return [scenario for scenario in SCENARIOS if not words or any(word in scenario.name for word in words)]
