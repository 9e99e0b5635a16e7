"""What the brokers know of topics and groups, and the topics that Touchline asks them for."""

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from confluent_kafka import ConsumerGroupState, KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic, ResourceType

from streams.brokers import PATIENCE_SECONDS, BrokerError, once_ready, one_sentence, quiet
from streams.settings import Settings
from streams.topics import DAY_MS, TOPICS, TopicSpec

_MOST_REPLICAS = 3
_POLL_SECONDS = 0.02
CHANGELOG_CONFIG: Mapping[str, str] = {
    "cleanup.policy": "compact",
    # A restore reads the states of a partition up to its end: what a day's slices left behind is still cheap to read,
    # and a record is never gone while a worker that is behind may still count with its offset.
    "min.compaction.lag.ms": str(DAY_MS),
}


@dataclass(frozen=True, slots=True)
class Cluster:
    """The brokers, as they name themselves."""

    cluster_id: str
    brokers: Sequence[str]


@dataclass(frozen=True, slots=True)
class TopicState:
    """One topic as it is.

    Attributes:
        topic_id: Kafka's id, in its own base64 letters; another one after the topic was recreated.
    """

    name: str
    topic_id: str
    partitions: int
    replicas: int


@dataclass(frozen=True, slots=True)
class TopicOutcome:
    """What came of asking for one topic.

    Attributes:
        outcome: "differs" when it is there with another number of partitions, which is left as it is.
        partitions: As it is now; wanted is what the settings say.
    """

    name: str
    outcome: Literal["created", "exists", "differs"]
    partitions: int
    wanted: int


@dataclass(frozen=True, slots=True)
class GroupState:
    """A consumer group: its state by Kafka's name, and the client ids of its members."""

    group: str
    state: str
    members: Sequence[str]

    @property
    def alive(self) -> bool:
        """Tell whether the group has members."""
        return bool(self.members)


class Admin:
    """Asks the brokers; owns one librdkafka client. Every method raises BrokerError with one sentence."""

    def __init__(self, settings: Settings, patience: float = PATIENCE_SECONDS) -> None:
        self._settings = settings
        self._patience = patience
        self._client = AdminClient(quiet(settings))

    def cluster(self) -> Cluster:
        """Return who the brokers are."""
        with one_sentence(self._settings, "asking for the cluster"):
            found = self._client.describe_cluster(request_timeout=self._patience).result()
        return Cluster(found.cluster_id, [f"{node.host}:{node.port}" for node in found.nodes])

    def topics(self, names: Iterable[str]) -> dict[str, TopicState]:
        """Return the topics of *names* that exist, by name."""
        asked = list(names)
        if not asked:
            return {}
        found = {}
        with one_sentence(self._settings, "describing topics"):
            answers = self._client.describe_topics(TopicCollection(asked), request_timeout=self._patience)
            for name, answer in answers.items():
                state = _present(answer)
                if state is not None:
                    replicas = len(state.partitions[0].replicas)
                    found[name] = TopicState(name, str(state.topic_id), len(state.partitions), replicas)
        return found

    def topic_ids(self, names: Iterable[str]) -> dict[str, str]:
        """Return the ids of the topics that exist, by name."""
        return {name: state.topic_id for name, state in self.topics(names).items()}

    def partition_counts(self, names: Iterable[str]) -> dict[str, int]:
        """Return the numbers of partitions of the topics that exist, by name."""
        return {name: state.partitions for name, state in self.topics(names).items()}

    def topic_names(self) -> list[str]:
        """Return the names of all topics this user may see, sorted."""
        with one_sentence(self._settings, "listing topics"):
            return sorted(self._client.list_topics(timeout=self._patience).topics)

    def topic_config(self, names: Iterable[str]) -> dict[str, dict[str, str]]:
        """Return the configuration of each topic of *names*, which must exist."""
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
        with one_sentence(self._settings, "reading the configuration of topics"):
            answers = self._client.describe_configs(resources, request_timeout=self._patience) if resources else {}
            return {
                resource.name: {name: entry.value for name, entry in answer.result().items()}
                for resource, answer in answers.items()
            }

    def group(self, group: str) -> GroupState:
        """Return the state of *group*; a group nobody ever used is DEAD and without members."""
        with one_sentence(self._settings, f"asking for group {group}"):
            try:
                found = once_ready(lambda: self._described(group), self._patience)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.GROUP_ID_NOT_FOUND:
                    raise
                return GroupState(group, ConsumerGroupState.DEAD.name, [])
        return GroupState(group, found.state.name, [member.client_id for member in found.members])

    def _described(self, group: str) -> Any:
        return self._client.describe_consumer_groups([group], request_timeout=self._patience)[group].result()

    def create_topics(self, specs: Iterable[TopicSpec] = tuple(TOPICS.values())) -> list[TopicOutcome]:
        """Create each of *specs* that is not there yet; what is there is left as it is, and reported."""
        wanted = {
            self._settings.topic(spec.name): (spec.partitions or self._settings.partitions, spec.config())
            for spec in specs
        }
        return self._create(wanted)

    def create_topic(self, name: str, partitions: int, config: Mapping[str, str]) -> TopicOutcome:
        """Create the topic called *name* on the brokers, prefix included, unless it is there."""
        return self._create({name: (partitions, dict(config))})[0]

    def create_changelog(self, name: str, partitions: int) -> TopicOutcome:
        """Create the compacted changelog called *name* on the brokers, unless it is there."""
        return self.create_topic(name, partitions, CHANGELOG_CONFIG)

    def grow_topics(self, names: Collection[str], partitions: int) -> None:
        """Give each of *names*, which have fewer, so many *partitions*; return when the brokers know them."""
        asked = [NewPartitions(name, partitions) for name in names]
        if not asked:
            return
        with one_sentence(self._settings, "adding partitions"):
            for answer in self._client.create_partitions(asked, request_timeout=self._patience).values():
                answer.result()
        deadline = time.monotonic() + self._patience
        while set(self.partition_counts(names).values()) != {partitions}:
            if time.monotonic() > deadline:
                raise BrokerError(f"partitions were added, but no broker knows them after {self._patience:.0f} s")
            time.sleep(_POLL_SECONDS)

    def delete_topics(self, names: Iterable[str]) -> list[str]:
        """Delete the topics of *names* that exist; return which."""
        present = sorted(self.topics(names))
        with one_sentence(self._settings, "deleting topics"):
            answers = self._client.delete_topics(present, request_timeout=self._patience) if present else {}
            return [name for name, answer in answers.items() if _present(answer, ()) is None]

    def group_names(self) -> list[str]:
        """Return the names of all consumer groups this user may see, sorted."""
        with one_sentence(self._settings, "listing groups"):
            found = self._client.list_consumer_groups(request_timeout=self._patience).result()
            for error in found.errors:
                raise KafkaException(error)
            return sorted(group.group_id for group in found.valid)

    def delete_groups(self, names: Collection[str]) -> None:
        """Delete the groups of *names*, which have no members; one that is not there is no matter."""
        with one_sentence(self._settings, "deleting groups"):
            answers = self._client.delete_consumer_groups(list(names), request_timeout=self._patience) if names else {}
            for answer in answers.values():
                try:
                    answer.result()
                except KafkaException as error:
                    if error.args[0].code() != KafkaError.GROUP_ID_NOT_FOUND:
                        raise

    def _create(self, wanted: Mapping[str, tuple[int, dict[str, str]]]) -> list[TopicOutcome]:
        there = self.partition_counts(wanted)
        created = self._create_missing({name: asked for name, asked in wanted.items() if name not in there})
        if len(there) < len(wanted):
            there = self._awaited(wanted)
        outcomes = []
        for name, (partitions, _config) in wanted.items():
            outcome: Literal["created", "exists", "differs"] = "exists" if there[name] == partitions else "differs"
            outcomes.append(TopicOutcome(name, "created" if name in created else outcome, there[name], partitions))
        return outcomes

    def _awaited(self, names: Collection[str]) -> dict[str, int]:
        """Return the numbers of partitions once every broker that we ask knows all *names*: a moment after creation."""
        deadline = time.monotonic() + self._patience
        while len(there := self.partition_counts(names)) < len(names):
            if time.monotonic() > deadline:
                missing = sorted(set(names) - set(there))
                raise BrokerError(f"{missing[0]} was created, but no broker knows it after {self._patience:.0f} s")
            time.sleep(_POLL_SECONDS)
        return there

    def _create_missing(self, missing: Mapping[str, tuple[int, dict[str, str]]]) -> set[str]:
        if not missing:
            return set()
        replicas = self._settings.replication_factor or min(_MOST_REPLICAS, len(self.cluster().brokers))
        topics = [
            NewTopic(name, num_partitions=count, replication_factor=replicas, config=config)
            for name, (count, config) in missing.items()
        ]
        created = set()
        with one_sentence(self._settings, "creating topics"):
            answers = self._client.create_topics(topics, request_timeout=self._patience)
            for name, answer in answers.items():
                try:
                    answer.result()
                except KafkaException as error:
                    if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                        raise
                else:
                    created.add(name)
        return created


def _present(answer: Any, absent: Any = None) -> Any:
    """Return the result of *answer*, or *absent* when the brokers know no such topic."""
    try:
        return answer.result()
    except KafkaException as error:
        if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise
        return absent
