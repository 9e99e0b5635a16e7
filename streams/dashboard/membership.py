"""Who works in the groups of the roles, on which partitions, and when that changed."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import ConsumerGroupState, KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from streams.brokers import one_sentence, quiet
from streams.settings import Settings

CHANGES: Final = 50
_PATIENCE_SECONDS = 5.0
_MOVING = frozenset({"PREPARING_REBALANCING", "COMPLETING_REBALANCING"})


@dataclass(frozen=True, slots=True)
class Member:
    """One consumer of a group.

    Attributes:
        host: Where it is, as the brokers see it.
        partitions: Of each topic, by its name on the brokers.
    """

    name: str
    host: str
    partitions: Mapping[str, Sequence[int]]


@dataclass(frozen=True, slots=True)
class Group:
    """A group, in Kafka's words; DEAD when nobody ever used it, None when we are not told."""

    group: str
    state: str | None
    members: Sequence[Member]


class Membership:
    """Asks for groups; owns one librdkafka client."""

    def __init__(self, settings: Settings, groups: Sequence[str]) -> None:
        self._settings, self._groups = settings, groups
        self._client = AdminClient(quiet(settings))

    def groups(self) -> list[Group]:
        """Return the groups as they are now; raises BrokerError."""
        if not self._groups:
            return []
        with one_sentence(self._settings, "asking for groups"):
            answers = self._client.describe_consumer_groups(list(self._groups), request_timeout=_PATIENCE_SECONDS)
            return [_group(name, answers[name]) for name in self._groups]


def _group(name: str, answer: Any) -> Group:
    try:
        found = answer.result()
    except KafkaException as error:
        code = error.args[0].code()
        if code == KafkaError.GROUP_ID_NOT_FOUND:
            return Group(name, ConsumerGroupState.DEAD.name, [])
        if code in {KafkaError.GROUP_AUTHORIZATION_FAILED, KafkaError.COORDINATOR_NOT_AVAILABLE}:
            return Group(name, None, [])
        raise
    members = sorted((_member(one) for one in found.members), key=lambda one: (one.name, str(one.partitions)))
    return Group(name, found.state.name, members)


def _member(found: Any) -> Member:
    partitions: dict[str, list[int]] = {}
    for one in found.assignment.topic_partitions if found.assignment else ():
        partitions.setdefault(one.topic, []).append(one.partition)
    return Member(found.client_id, found.host, {topic: sorted(partitions[topic]) for topic in sorted(partitions)})


@dataclass(frozen=True, slots=True)
class Change:
    """A rebalance: somebody else works on some partitions than at the look before.

    Attributes:
        at_ms: When it was seen, milliseconds since the epoch.
        before: Number of members; so for after.
    """

    at_ms: int
    group: str
    before: int
    after: int


class Changes:
    """The last changes that were seen; what happens between two looks and is undone is not."""

    def __init__(self) -> None:
        self._known: dict[str, Group] = {}
        self._seen: deque[Change] = deque(maxlen=CHANGES)

    def look(self, groups: Sequence[Group], at_ms: int) -> None:
        """Compare *groups* with what was seen before; those of which nothing is known, or that move, are left."""
        for one in groups:
            if one.state is None or one.state in _MOVING:
                continue
            before = self._known.get(one.group)
            if before is not None and before.members != one.members:
                self._seen.append(Change(at_ms, one.group, len(before.members), len(one.members)))
            self._known[one.group] = one

    @property
    def newest_first(self) -> list[Change]:
        """What was seen."""
        return list(reversed(self._seen))
