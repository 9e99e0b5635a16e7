"""What a tool writes of a run before its workers start: where each partition of its table stands, and its offsets."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import OFFSET_INVALID, ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.codec import Codec
from schemas.records import Progress
from streams.admin import Admin
from streams.applications import APPLICATIONS, Application
from streams.brokers import PATIENCE_SECONDS, once_ready, one_sentence, quiet
from streams.engine.table import PROGRESS_KEY
from streams.learning import SchemaBook
from streams.log_ends import Place
from streams.patient_registry import patient_registry
from streams.sending import Sender
from streams.settings import Settings


@dataclass(frozen=True, slots=True)
class Run:
    """One application under the run id of *settings*, as a tool sees it; every method raises BrokerError.

    Attributes:
        name: Of the application.
    """

    settings: Settings
    name: str
    admin: Admin
    client: AdminClient

    @property
    def application(self) -> Application:
        """Return what tools must know of it."""
        return APPLICATIONS[self.name]

    @property
    def group(self) -> str:
        """Return its consumer group."""
        return self.settings.group(self.name)

    @property
    def changelog(self) -> str:
        """Return the changelog of its table."""
        return self.application.changelog(self.settings, self.name)

    @property
    def inputs(self) -> list[str]:
        """Return the names of its inputs on the brokers."""
        return [self.settings.topic(one) for one in self.application.inputs]

    def exists(self) -> bool:
        """Tell whether there is anything of it."""
        return self.admin.group(self.group).state != "DEAD" or bool(self.admin.partition_counts([self.changelog]))

    def write_progress(self, by_partition: Mapping[int, Progress]) -> None:
        """Write where each partition of the table stands."""
        codec = self._progress_codec()
        sender = Sender(self.settings, self.changelog, just_created=True)
        for partition, progress in by_partition.items():
            sender.send(PROGRESS_KEY, codec.encode(progress), partition=partition)
        sender.finish()

    def _progress_codec(self) -> Codec[Progress]:
        schemas = SchemaBook(patient_registry(self.settings))
        codec = schemas.codec("progress", Progress)
        schemas.write(codec, f"{self.changelog}-progress-value")
        return codec

    def committed(self, places: Collection[Place]) -> dict[Place, int]:
        """Return the offsets of its group where it has some."""
        with one_sentence(self.settings, f"reading the offsets of {self.group}"):
            found = once_ready(lambda: self._committed([TopicPartition(*place) for place in places]), PATIENCE_SECONDS)
        return {(one.topic, one.partition): int(one.offset) for one in found if one.offset != OFFSET_INVALID}

    def _committed(self, where: Sequence[TopicPartition]) -> Sequence[Any]:
        asked = [ConsumerGroupTopicPartitions(self.group, list(where))]
        answers = self.client.list_consumer_group_offsets(asked, require_stable=True, request_timeout=PATIENCE_SECONDS)
        found: Sequence[Any] = answers[self.group].result().topic_partitions
        return found

    def commit(self, offsets: Mapping[Place, int]) -> None:
        """Set the offsets of its group, which has no members."""
        where = [TopicPartition(*place, offset) for place, offset in offsets.items()]
        with one_sentence(self.settings, f"setting the offsets of {self.group}"):
            once_ready(lambda: self._commit(where), PATIENCE_SECONDS)

    def _commit(self, where: Sequence[TopicPartition]) -> None:
        asked = [ConsumerGroupTopicPartitions(self.group, list(where))]
        self.client.alter_consumer_group_offsets(asked, request_timeout=PATIENCE_SECONDS)[self.group].result()


def runs(settings: Settings, names: Collection[str]) -> list[Run]:
    """Return the applications of *names* under the run id of *settings*, with clients which they share."""
    admin, client = Admin(settings), AdminClient(quiet(settings))
    return [Run(settings, name, admin, client) for name in names]
