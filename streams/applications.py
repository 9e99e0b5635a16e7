"""What a person can ask to be run, and the applications which do it, each in a process of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from streams.settings import Settings

MATCHES: Final = "matches"
"""Name of a table of match states, as the role predict and shadow have one each."""


@dataclass(frozen=True, slots=True)
class Application:
    """What tools must know of an application; topics are without prefix.

    Attributes:
        inputs: Topics which it reads, with the same number of partitions.
        table: Name of its table.
        tails: Outputs whose ends it reads on assignment, to write nothing twice.
        keyed_by_match: Whether its table has a state a match, which belongs in the partition of its key.
        reads_own_role: Whether its input is written by another application of the same role.
        predictions_need_it: Whether they are missing or poorer without it.
        gathers: Whether it reads what has come together in a moment, as nobody waits for what it says of it.
    """

    inputs: tuple[str, ...]
    table: str
    tails: tuple[str, ...] = ()
    keyed_by_match: bool = False
    reads_own_role: bool = False
    predictions_need_it: bool = False
    gathers: bool = False

    def changelog(self, settings: Settings, name: str) -> str:
        """Return the changelog of the application called *name*, as the brokers know it."""
        return settings.changelog(name, self.table)


APPLICATIONS: Mapping[str, Application] = {
    "predict": Application(
        ("match-events", "feature-events"), MATCHES, ("predictions",), keyed_by_match=True, predictions_need_it=True
    ),
    "shadow": Application(
        ("match-events", "feature-events"), MATCHES, ("shadow-predictions",), keyed_by_match=True, gathers=True
    ),
    "rate": Application(("team-events",), "teams", predictions_need_it=True),
    "monitor": Application(("predictions",), "windows", gathers=True),
    "monitor-merge": Application(
        ("monitor-partials",), "windows", ("drift-reports", "latency-reports"), reads_own_role=True, gathers=True
    ),
    "performance": Application(("predictions", "match-events"), "judged", keyed_by_match=True, gathers=True),
    "performance-merge": Application(
        ("performance-partials",), "sums", ("performance-reports",), reads_own_role=True, gathers=True
    ),
    "materialize": Application(("predictions",), "shelf"),
}
INPUTS: Mapping[str, tuple[str, ...]] = {name: one.inputs for name, one in APPLICATIONS.items()}
ROLES: Mapping[str, tuple[str, ...]] = {
    "predict": ("predict",),
    "shadow": ("shadow",),
    "rate": ("rate",),
    "monitor": ("monitor", "monitor-merge"),
    "performance": ("performance", "performance-merge"),
    "materialize": ("materialize",),
}

READERS: tuple[str, ...] = ("api",)
"""Roles which read and answer only: they have no group, no table and nothing that could be reset or be behind."""


def every_role(settings: Settings) -> list[str]:
    """Return all roles that work on events: materialize only where there is a Redis to write to, shadow where it is to.

    None of READERS: each opens a port, and several workers of one group would each hold all of it in memory.
    """
    return [role for role in watched_roles(settings) if role != "materialize" or settings.redis_url is not None]


def watched_roles(settings: Settings) -> list[str]:
    """Return the roles that somebody waits for: shadow only where shadows are its."""
    return [role for role in ROLES if role != "shadow" or settings.shadows_by == "shadow"]


def applications(roles: Sequence[str]) -> list[str]:
    """Return the applications of *roles*, each once.

    >>> applications(["rate", "monitor", "rate"])
    ['rate', 'monitor', 'monitor-merge']
    >>> applications(["api"])
    ['api']
    """
    return list(dict.fromkeys(one for role in roles for one in ROLES.get(role, (role,))))
