"""Every scenario, in the order in which they run."""

from collections.abc import Sequence
from dataclasses import replace

from tests.faults.broken_engines import BROKEN_ENGINES
from tests.faults.broker_faults import BROKER_FAULTS
from tests.faults.dependency_faults import DEPENDENCY_FAULTS
from tests.faults.feed_faults import FEED_FAULTS
from tests.faults.model_faults import MODEL_FAULTS
from tests.faults.rollout_faults import ROLLOUT_FAULTS
from tests.faults.scenario import BOTH, Scenario
from tests.faults.shadow_faults import SHADOW_FAULTS
from tests.faults.topic_faults import TOPIC_FAULTS
from tests.faults.worker_faults import WORKER_FAULTS

SCENARIOS: Sequence[Scenario] = (
    *WORKER_FAULTS,
    *BROKER_FAULTS,
    *DEPENDENCY_FAULTS,
    *TOPIC_FAULTS,
    *FEED_FAULTS,
    *MODEL_FAULTS,
    *ROLLOUT_FAULTS,
    *SHADOW_FAULTS,
    *BROKEN_ENGINES,
)


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


def by_turns(scenarios: Sequence[Scenario], turn: int) -> list[Scenario]:
    """Return *scenarios*, each under one guarantee: every second under the other, and all under the other next *turn*.

    >>> [one.guarantees for one in by_turns(SCENARIOS[:3], 1)]
    [('exactly-once',), ('at-least-once',), ('exactly-once',)]
    """
    return [
        replace(one, guarantees=(BOTH[(place + turn) % 2],)) if tuple(one.guarantees) == BOTH else one
        for place, one in enumerate(scenarios)
    ]
