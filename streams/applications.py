"""What a person can ask to be run, and the applications which do it, each in a process of its own."""

from collections.abc import Mapping, Sequence

from streams.settings import Settings

# Inputs by application, without prefix.
INPUTS: Mapping[str, tuple[str, ...]] = {
    "predict": ("match-events", "feature-events"),
    "rate": ("team-events",),
    "monitor": ("predictions",),
    "monitor-merge": ("monitor-partials",),
    "materialize": ("predictions",),
}
ROLES: Mapping[str, tuple[str, ...]] = {
    "predict": ("predict",),
    "rate": ("rate",),
    "monitor": ("monitor", "monitor-merge"),
    "materialize": ("materialize",),
}


def every_role(settings: Settings) -> list[str]:
    """Return all roles: materialize only where there is a Redis to write to."""
    return [role for role in ROLES if role != "materialize" or settings.redis_url is not None]


def applications(roles: Sequence[str]) -> list[str]:
    """Return the applications of *roles*, each once.

    >>> applications(["rate", "monitor", "rate"])
    ['rate', 'monitor', 'monitor-merge']
    """
    return list(dict.fromkeys(one for role in roles for one in ROLES[role]))
