"""Registers the schemas of all topics, with whatever client."""

from collections.abc import Mapping
from typing import Protocol

from schemas.catalog import latest, versions
from streams.topics import TOPICS


class Registering(Protocol):
    """What register_all needs of a registry."""

    def register(self, subject: str, schema_json: str, *, or_known: bool = False) -> int: ...  # noqa: D102 - see Registry


def topic_schemas() -> dict[str, str]:
    """Return the name of each topic's schema."""
    return {name: spec.schema for name, spec in TOPICS.items() if spec.schema is not None}


def register_all(
    registry: Registering,
    prefix: str,
    *,
    topics: Mapping[str, str] | None = None,
    match_event_version: int | None = None,
    or_known: bool = False,
) -> dict[str, int]:
    """Register each version of each topic's schema, older ones first.

    Args:
        registry: Where.
        prefix: Stands before every topic.
        topics: Name of the schema by topic; those of the table of topics by default.
        match_event_version: The highest version of MatchEvent to register; all by default.
        or_known: As in Registry.register.

    Returns:
        The id of the highest version by subject.
    """
    found: dict[str, int] = {}
    for topic, name in (topic_schemas() if topics is None else topics).items():
        highest = match_event_version if name == "match_event" and match_event_version else latest(name)
        for version, text in versions(name).items():
            if version <= highest:
                subject = f"{prefix}{topic}-value"
                found[subject] = registry.register(subject, text, or_known=or_known)
    return found
