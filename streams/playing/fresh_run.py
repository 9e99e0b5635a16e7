"""A role under a new run id: state from nothing, offsets where a person wants them, outputs written again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from confluent_kafka import ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from schemas.codec import Codec
from schemas.records import Progress
from streams.admin import Admin
from streams.app import Inputs, describe_inputs
from streams.brokers import PATIENCE_SECONDS, one_sentence, quiet
from streams.engine.safety import InputError
from streams.engine.table import PROGRESS_KEY
from streams.learning import SchemaBook
from streams.patient_registry import patient_registry
from streams.playing.errors import PlayError
from streams.settings import Settings

Start = Literal["earliest", "latest"] | int
Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Resettable:
    """What a reset must know of a role.

    Attributes:
        inputs: Topics, without prefix.
        table: Name of its table.
        tail: Output which its workers read on assignment, to write nothing twice; None for none.
    """

    inputs: Sequence[str]
    table: str
    tail: str | None = None


RESETTABLE: Mapping[str, Resettable] = {
    "predict": Resettable(("match-events", "feature-events"), "matches", "predictions"),
    "rate": Resettable(("team-events",), "teams"),
}


@dataclass(frozen=True, slots=True)
class FreshRun:
    """Makes a new run of *role*; *settings* name the new run id."""

    settings: Settings
    role: str
    admin: Admin
    client: AdminClient

    def make(self, start: Start) -> dict[Place, int]:
        """Write the new group's offsets and the first records of its changelog; return the offsets.

        Raises:
            PlayError: The run id has been used, or the inputs are not as they must be.
            BrokerError: The brokers are away.
        """
        what = RESETTABLE[self.role]
        self._refuse_used(what)
        inputs = self._inputs(what)
        offsets = self._offsets(inputs, start)
        tails = {}
        if what.tail is not None:
            tail = self.settings.topic(what.tail)
            tails = self._ends([(tail, one) for one in range(inputs.partitions)], OffsetSpec.latest())
        # The changelog first: without the group's offsets a worker would begin at the start, but miss nothing.
        self._write_progress(what, inputs, offsets, tails)
        self._commit(offsets)
        return offsets

    def _refuse_used(self, what: Resettable) -> None:
        group = self.settings.group(self.role)
        state = self.admin.group(group)
        if state.alive:
            raise PlayError(f"group {group} has members: choose a --run-id which was never used")
        changelog = self.settings.changelog(self.role, what.table)
        if state.state != "DEAD" or self.admin.partition_counts([changelog]):
            raise PlayError(f"run id {self.settings.run_id!r} of {self.role} exists already: choose a new --run-id")

    def _inputs(self, what: Resettable) -> Inputs:
        try:
            return describe_inputs(self.admin, [self.settings.topic(name) for name in what.inputs])
        except InputError as error:
            raise PlayError(str(error)) from error

    def _offsets(self, inputs: Inputs, start: Start) -> dict[Place, int]:
        places = [(topic, one) for topic in inputs.ids for one in range(inputs.partitions)]
        if start == "earliest":
            return self._ends(places, OffsetSpec.earliest())
        ends = self._ends(places, OffsetSpec.latest())
        if isinstance(start, int):
            found = self._ends(places, OffsetSpec.for_timestamp(start))
            # -1 stands for: no record is as young as that.
            return {place: offset if offset >= 0 else ends[place] for place, offset in found.items()}
        return ends

    def _ends(self, places: Sequence[Place], spec: OffsetSpec) -> dict[Place, int]:
        with one_sentence(self.settings, "asking for offsets"):
            answers = self.client.list_offsets(
                {TopicPartition(*place): spec for place in places}, request_timeout=PATIENCE_SECONDS
            )
            return {(where.topic, where.partition): int(found.result().offset) for where, found in answers.items()}

    def _write_progress(
        self, what: Resettable, inputs: Inputs, offsets: Mapping[Place, int], tails: Mapping[Place, int]
    ) -> None:
        changelog = self.settings.changelog(self.role, what.table)
        codec = self._codec(changelog)
        self.admin.create_changelog(changelog, inputs.partitions)
        producer = Producer(quiet(self.settings, enable_idempotence=True))
        for one in range(inputs.partitions):
            known = {f"{topic}@{topic_id}": offsets[topic, one] for topic, topic_id in inputs.ids.items()}
            # With the end of the output in it, a worker does not take what an earlier run wrote for its own.
            written = {topic: offset for (topic, partition), offset in tails.items() if partition == one}
            producer.produce(changelog, codec.encode(Progress(known, written)), PROGRESS_KEY, partition=one)
        if producer.flush(self.settings.delivery_timeout):
            raise PlayError(f"{changelog} did not take its first records in time")

    def _codec(self, changelog: str) -> Codec[Progress]:
        schemas = SchemaBook(patient_registry(self.settings))
        codec = schemas.codec("progress", Progress)
        schemas.write(codec, f"{changelog}-progress-value")
        return codec

    def _commit(self, offsets: Mapping[Place, int]) -> None:
        group = self.settings.group(self.role)
        where = [TopicPartition(topic, one, offset) for (topic, one), offset in offsets.items()]
        with one_sentence(self.settings, f"setting the offsets of {group}"):
            asked = [ConsumerGroupTopicPartitions(group, where)]
            self.client.alter_consumer_group_offsets(asked, request_timeout=PATIENCE_SECONDS)[group].result()


def fresh_run(settings: Settings, role: str, run_id: str) -> FreshRun:
    """Return a new run of *role* under *run_id*."""
    renamed = settings.model_copy(update={"run_id": run_id})
    return FreshRun(renamed, role, Admin(renamed), AdminClient(quiet(renamed)))
