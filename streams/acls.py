"""The least that each role must be allowed: topics, groups and changelogs, by the names they have on the brokers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from confluent_kafka.admin import AclBinding, AclOperation, AclPermissionType, ResourcePatternType, ResourceType

from streams.applications import APPLICATIONS, READERS, ROLES
from streams.dead_letters.replaying import TRANSACTIONAL_ID as REPLAY_ID
from streams.following import WATCH_GROUP
from streams.settings import Settings
from streams.tailing import TAIL_GROUP
from streams.topics import TOPICS


@dataclass(frozen=True, slots=True)
class Access:
    """What a role reads and writes, by names of topics without prefix.

    Attributes:
        tables: Names of its tables, each with a changelog.
        group: Of its readers, without prefix, where that is not its own.
        grouped: Whether it reads as a consumer group.
        transactional_id: Of its producer, without prefix, where that is not a matter of the guarantee.
        describes: Applications whose groups it asks for.
    """

    reads: Sequence[str] = ()
    writes: Sequence[str] = ()
    tables: Sequence[str] = ()
    group: str = ""
    grouped: bool = True
    transactional_id: str = ""
    describes: Sequence[str] = ()


ACCESS: Mapping[str, Access] = {
    "predict": Access(
        ("match-events", "feature-events", "predictions", "model-control"),
        ("predictions", "team-events", "dead-letters", "model-status", "shadow-predictions"),
        ("matches",),
    ),
    "shadow": Access(
        ("match-events", "feature-events", "shadow-predictions", "model-control"),
        ("shadow-predictions", "dead-letters", "model-status"),  # dead letters of what its topic does not take
        ("matches",),
    ),
    "rate": Access(("team-events",), ("feature-events", "dead-letters"), ("teams",)),
    "monitor": Access(("predictions",), ("monitor-partials", "dead-letters"), ("windows",)),
    "monitor-merge": Access(
        ("monitor-partials", "predictions", "drift-reports", "latency-reports"),  # of predictions the partitions only
        ("drift-reports", "latency-reports", "dead-letters"),
        ("windows",),
    ),
    "performance": Access(("predictions", "match-events"), ("performance-partials", "dead-letters"), ("judged",)),
    "performance-merge": Access(
        ("performance-partials", "predictions", "performance-reports"),  # of predictions the partitions only
        ("performance-reports", "dead-letters"),
        ("sums",),
    ),
    "materialize": Access(("predictions",), ("dead-letters",), ("shelf",)),
    "api": Access(("predictions", "team-events"), group=WATCH_GROUP),
    "dashboard": Access(tuple(TOPICS), group=WATCH_GROUP, describes=tuple(APPLICATIONS)),
    "feed": Access(writes=("match-events", "feature-events"), grouped=False),
    "consumer": Access(reads=("predictions",)),
    "rollout": Access(  # `touchline rollout`; `touchline model` needs of match-events the partitions only
        ("model-control", "model-status", "match-events", "predictions", "shadow-predictions", "shadow-comparisons"),
        ("model-control", "shadow-comparisons"),
        group=WATCH_GROUP,
    ),
    "operator": Access(  # `touchline tail`, and `dead-letters`, whose replay goes back to where a letter came from
        tuple(TOPICS),
        (
            "match-events",
            "feature-events",
            "team-events",
            "predictions",
            "monitor-partials",
            "performance-partials",
            "dead-letters",
        ),
        group=TAIL_GROUP,
        transactional_id=REPLAY_ID,
    ),
}


# Whom one grants something, and what they run: a role may be several applications.
ACTORS: Mapping[str, Sequence[str]] = {
    **ROLES,
    **{name: (name,) for name in (*READERS, "dashboard", "feed", "consumer", "rollout", "operator")},
}


@dataclass(frozen=True, slots=True)
class Acl:
    """One permission, from any host; READ and WRITE include DESCRIBE.

    Attributes:
        resource: "topic", "group" or "transactional_id".
        operation: "Read", "Write", "Create" or "Describe".
        pattern: "literal", or "prefixed" where the name goes on with a worker's.
    """

    role: str
    resource: str
    name: str
    operation: str
    pattern: str = "literal"

    def command(self, bootstrap_servers: str, principal: str) -> str:
        """Return Kafka's own command which grants it."""
        pattern = "" if self.pattern == "literal" else f" --resource-pattern-type {self.pattern}"
        return (
            f"kafka-acls.sh --bootstrap-server {bootstrap_servers} --add --allow-principal {principal} "
            f"--operation {self.operation} --{self.resource.replace('_', '-')} {self.name}{pattern}"
        )

    def binding(self, principal: str) -> AclBinding:
        """Return what an admin client's create_acls takes."""
        return AclBinding(
            ResourceType[self.resource.upper()],
            self.name,
            ResourcePatternType[self.pattern.upper()],
            principal,
            "*",
            AclOperation[self.operation.upper()],
            AclPermissionType.ALLOW,
        )


def topics_used(roles: Iterable[str]) -> set[str]:
    """Return the topics of the design which *roles* use, without prefix."""
    access = [ACCESS[application] for role in roles for application in ACTORS[role]]
    return {topic for one in access for topic in (*one.reads, *one.writes)}


def role_acls(settings: Settings, role: str) -> list[Acl]:
    """Return what *role* must be allowed, each once.

    A writer of a topic may use an idempotent producer without more. CREATE is for a changelog that is not there yet.
    """
    return list(dict.fromkeys(acl for application in ACTORS[role] for acl in _acls(settings, role, application)))


def _acls(settings: Settings, role: str, application: str) -> Iterator[Acl]:
    access = ACCESS[application]
    for topic in access.reads:
        yield Acl(role, "topic", settings.topic(topic), "Read")
    for topic in access.writes:
        yield Acl(role, "topic", settings.topic(topic), "Write")
    if access.grouped:
        group = f"{settings.topic_prefix}{access.group}" if access.group else settings.group(application)
        yield Acl(role, "group", group, "Read")
    for described in access.describes:
        yield Acl(role, "group", settings.group(described), "Describe")
    for table in access.tables:
        changelog = settings.changelog(application, table)
        for operation in ("Create", "Read", "Write"):
            yield Acl(role, "topic", changelog, operation)
        yield Acl(role, "group", f"{changelog}-restore", "Read")
    if access.transactional_id:
        yield Acl(role, "transactional_id", f"{settings.topic_prefix}{access.transactional_id}", "Write")
    if access.tables and settings.guarantee == "exactly-once":
        yield Acl(role, "transactional_id", f"{settings.group(application)}-", "Write", "prefixed")
