"""What a new version of a schema would change: who can read it, what it says less or more, and who has to go first."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from schemas.catalog import latest, schema_json
from schemas.compatibility import incompatibilities
from streams.acls import ACCESS
from streams.applications import APPLICATIONS, INPUTS
from streams.dashboard.membership import Group
from streams.registering import topic_schemas
from streams.settings import Settings

_PEOPLE = frozenset({"consumer", "feed", "operator"})  # not applications: who gives events and takes predictions


class Order(StrEnum):
    """Who goes first when a version is taken up; the words are those of schema registries."""

    ANY = "any order"
    PRODUCERS = "producers first"
    CONSUMERS = "consumers first"
    NEVER = "a topic of its own"

    @property
    def sentence(self) -> str:
        """Why, and what to do."""
        return _WHY[self]


_WHY = {
    Order.ANY: "Readers of today can read it, and readers of it what is in the topic: register it, then producers and "
    "consumers may take it up in any order.",
    Order.PRODUCERS: "Readers of today can read it, but a reader of it could not read all that is in the topic: "
    "register it and change the producers; no consumer may read as it does before the older records have gone.",
    Order.CONSUMERS: "Some readers of today cannot read it, and would set its records aside (UNREADABLE_SCHEMA): "
    "change those consumers first, all of them, and ask again before it is registered.",
    Order.NEVER: "Neither can readers of today read it nor readers of it what is in the topic: it is another schema, "
    "and needs a topic of its own.",
}


UNREAD: Final = frozenset({Order.CONSUMERS, Order.NEVER})
"""When somebody who reads the topic today could not read the new version."""


@dataclass(frozen=True, slots=True)
class Reader:
    """One who reads the topic.

    Attributes:
        name: Of the application.
        reads: Schema and version which it takes every record for.
        running: How many of its workers have partitions of the topic now; None for one that is in no group.
        problems: Why it could not read the new version; empty where it can.
    """

    name: str
    reads: str
    running: int | None
    problems: Sequence[str]


@dataclass(frozen=True, slots=True)
class SchemaPlan:
    """What comes of a new version.

    Attributes:
        topic: As the brokers know it.
        writers: Applications that write the topic: with a version of Touchline's own, never with the new one.
        readers: Of Touchline.
        others: Groups of others with partitions of the topic now, and by how many members; nobody knows how they read.
        older: Why a reader of the new version could not read each registered one; those which it can are left out.
        changes: What the new version says less, more or in another way than the newest, in sentences.
    """

    subject: str
    topic: str
    registered: Sequence[int]
    writers: Sequence[str]
    readers: Sequence[Reader]
    others: Mapping[str, int]
    older: Mapping[int, Sequence[str]]
    changes: Sequence[str]

    @property
    def order(self) -> Order:
        """Who goes first."""
        unread = any(reader.problems for reader in self.readers)
        if self.older:
            return Order.NEVER if unread else Order.PRODUCERS
        return Order.CONSUMERS if unread else Order.ANY


def plan_of(
    settings: Settings, topic: str, proposed: str, registered: Mapping[int, str], groups: Sequence[Group]
) -> SchemaPlan:
    """Return what *proposed* would change.

    Args:
        settings: Of the workers.
        topic: Without prefix, one of Touchline's that has a schema.
        proposed: The schema, as JSON.
        registered: Those of its subject, by their versions.
        groups: All that the brokers know.

    Raises:
        SchemaError: One of them is no Avro schema.
    """
    full = settings.topic(topic)
    running = {one.group: sum(full in member.partitions for member in one.members) for one in groups}
    name = topic_schemas()[topic]
    ours = {settings.group(role) for role in ACCESS}
    older = {version: incompatibilities(proposed, text) for version, text in registered.items()}
    newest = registered[max(registered)] if registered else schema_json(name)
    return SchemaPlan(
        f"{full}-value",
        full,
        sorted(registered),
        [role for role, access in ACCESS.items() if topic in access.writes and role not in _PEOPLE],
        list(_readers(settings, topic, name, proposed, running)),
        {group: count for group, count in running.items() if count and group not in ours},
        {version: problems for version, problems in older.items() if problems},
        list(_changes(topic, json.loads(newest), json.loads(proposed))),
    )


def _readers(settings: Settings, topic: str, name: str, proposed: str, running: Mapping[str, int]) -> Iterator[Reader]:
    version = settings.match_event_version if name == "match_event" else latest(name)
    problems = incompatibilities(schema_json(name, version), proposed)
    for role in ACCESS:
        if _reads(role, topic):
            members = running.get(settings.group(role), 0) if role in APPLICATIONS else None
            yield Reader(role, f"{name} v{version}", members, problems)


def _reads(role: str, topic: str) -> bool:
    """Tell whether *role* reads records of *topic*; some may read it for its partitions alone."""
    if role in _PEOPLE or topic not in ACCESS[role].reads:
        return False
    application = APPLICATIONS.get(role)
    return application is None or topic in {*application.inputs, *application.tails, "model-control"}


def _changes(topic: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    yield from changes(before, after)
    written = {one["name"] for one in after.get("fields", ())}
    gone = [one["name"] for one in before.get("fields", ()) if "default" in one and one["name"] not in written]
    if gone and topic in INPUTS["predict"]:
        yield f"features of every bundle come of {topic}: without {', '.join(gone)} they follow the defaults"


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each field of *after* that *before* has not, or the other way round, or that differs.

    >>> field = {"name": "minute", "type": "int", "default": 0}
    >>> list(changes({"fields": [field]}, {"fields": []}))
    ['minute is written no longer: readers take its default, 0']
    """
    old, new = ({one["name"]: one for one in schema.get("fields", ())} for schema in (before, after))
    for name, field in old.items():
        if name not in new:
            told = (
                f"readers take its default, {json.dumps(field['default'])}"
                if "default" in field
                else "it has no default"
            )
            yield f"{name} is written no longer: {told}"
        elif new[name]["type"] != field["type"]:
            yield f"{name} is {json.dumps(new[name]['type'])}, and was {json.dumps(field['type'])}"
    for name in new:
        if name not in old:
            yield f"{name} is new: readers of today pass it over"
