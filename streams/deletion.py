"""All that stands under one prefix, found and deleted: topics of the design, and what follows from them."""

from collections.abc import Sequence
from dataclasses import dataclass

from streams.admin import Admin
from streams.brokers import BrokerError
from streams.patient_registry import PatientRegistry
from streams.prefixes import prefix_of_group, prefix_of_subject, prefix_of_topic
from streams.topics import TOPICS


@dataclass(frozen=True, slots=True)
class Remains:
    """What there is under a prefix."""

    topics: Sequence[str]
    groups: Sequence[str] = ()
    subjects: Sequence[str] = ()

    def __bool__(self) -> bool:
        return bool(self.topics or self.groups or self.subjects)


@dataclass(frozen=True, slots=True)
class Deletion:
    """Deletes what stands under *prefix*; every method raises BrokerError or RegistryUnavailableError."""

    prefix: str
    admin: Admin
    registry: PatientRegistry

    def find(self, *, everything: bool) -> Remains:
        """Return what there is: topics of the design, or also changelogs, groups and subjects.

        Raises:
            BrokerError: A group has members.
        """
        groups = [name for name in self.admin.group_names() if prefix_of_group(name) == self.prefix]
        alive = [name for name in groups if self.admin.group(name).alive]
        if alive:
            raise BrokerError(f"{', '.join(alive)} has members: stop the workers and consumers of this prefix first")
        topics = [name for name in self.admin.topic_names() if prefix_of_topic(name) == self.prefix]
        if not everything:
            return Remains([name for name in topics if name.removeprefix(self.prefix) in TOPICS])
        subjects = [name for name in self.registry.subjects() if prefix_of_subject(name) == self.prefix]
        return Remains(topics, groups, subjects)

    def carry_out(self, remains: Remains) -> None:
        """Delete *remains*; what has gone meanwhile is no matter."""
        self.admin.delete_topics(remains.topics)
        self.admin.delete_groups(remains.groups)
        for subject in remains.subjects:
            self.registry.delete(subject)
