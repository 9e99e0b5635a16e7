"""Which prefix a name on the brokers or in the registry stands under; those that are not Touchline's, under none."""

import re
from collections.abc import Iterable

from streams.applications import APPLICATIONS
from streams.topics import TOPICS

_RUN = r"[A-Za-z0-9_-]{1,40}"
_CHANGELOGS = "|".join(f"{name}-{_RUN}-{one.table}-changelog" for name, one in APPLICATIONS.items())
# Longest first, so that shadow-predictions are no predictions of a prefix "shadow-".
_TOPICS = "|".join(sorted(map(re.escape, TOPICS), key=len, reverse=True))
_TOPIC = re.compile(rf"(?P<prefix>[A-Za-z0-9._-]{{0,100}}?)(?:{_TOPICS}|{_CHANGELOGS})")
_SUBJECT = re.compile(rf"(?P<prefix>[A-Za-z0-9._-]{{0,100}}?)(?:{_TOPICS}|(?:{_CHANGELOGS})(?:-[a-z_]+)?)-value")
_GROUP = re.compile(rf"(?P<prefix>[A-Za-z0-9._-]{{0,100}}?)(?:{'|'.join(APPLICATIONS)}|consumer)-{_RUN}")


def prefix_of_topic(name: str) -> str | None:
    """Return the prefix of a topic of the design or a changelog; None when it is neither.

    >>> prefix_of_topic("demo-shadow-predictions"), prefix_of_topic("demo-predict-1-matches-changelog")
    ('demo-', 'demo-')
    >>> prefix_of_topic("payments") is None
    True
    """
    return _prefix(_TOPIC, name)


def prefix_of_subject(name: str) -> str | None:
    """Return the prefix of a subject which Touchline has registered; None for others'."""
    return _prefix(_SUBJECT, name)


def prefix_of_group(name: str) -> str | None:
    """Return the prefix of an application's consumer group; None for others'."""
    return _prefix(_GROUP, name)


def prefixes(topics: Iterable[str]) -> dict[str, int]:
    """Return the number of topics of each prefix that there is, sorted."""
    found: dict[str, int] = {}
    for prefix in filter(lambda one: one is not None, map(prefix_of_topic, topics)):
        found[str(prefix)] = found.get(str(prefix), 0) + 1
    return dict(sorted(found.items()))


def _prefix(pattern: re.Pattern[str], name: str) -> str | None:
    match = pattern.fullmatch(name)
    return None if match is None else match["prefix"]
