"""The view of the schemas: which versions are registered, and in which ones the newest records are written."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.catalog import versions
from schemas.codec import MAGIC
from streams.admin import Admin
from streams.brokers import PATIENCE_SECONDS, one_sentence, quiet
from streams.dashboard.parts import Shown, encoded
from streams.engine.consuming import assign, consume
from streams.following import WATCH_GROUP
from streams.log_ends import log_ends
from streams.registering import topic_schemas
from streams.registry import Registry
from streams.registry_errors import RegistryUnavailableError, SchemaNotFoundError
from streams.settings import Settings

LAST: Final = 10  # records of a partition
_HEADER_BYTES: Final = 5
_NO_SCHEMA: Final = -1


@dataclass(frozen=True, slots=True)
class Written:
    """By which schemas the newest records of a topic were written.

    Attributes:
        ids: Number of records by schema id; _NO_SCHEMA for those that name none.
        newest_ms: Timestamp of the newest of them; None without a record.
    """

    ids: Mapping[int, int]
    newest_ms: int | None


class Sampler:
    """Reads the last records of each partition of all topics with a schema; owns librdkafka clients, joins no group."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._admin, self._client = Admin(settings), AdminClient(quiet(settings))
        self._reader = Consumer(
            quiet(
                settings,
                group_id=f"{settings.topic_prefix}{WATCH_GROUP}",
                enable_auto_commit=False,
                enable_partition_eof=True,
                isolation_level="read_committed",
                auto_offset_reset="earliest",
                fetch_wait_max_ms=10,
            )
        )

    def __call__(self) -> dict[str, Written]:
        """Return what was written last, by topic without prefix; a topic that is not there is left out.

        Raises:
            BrokerError: The brokers are away.
        """
        names = {self._settings.topic(name): name for name in topic_schemas()}
        counts = self._admin.partition_counts(names)
        places = [(name, one) for name, partitions in counts.items() for one in range(partitions)]
        with one_sentence(self._settings, "reading the newest records"):
            ends = log_ends(self._client, places, PATIENCE_SECONDS)
            starts = [
                TopicPartition(*place, max(low, high - LAST)) for place, (low, high) in ends.items() if high > low
            ]
            ids: dict[str, Counter[int]] = {name: Counter() for name in counts}
            newest: dict[str, int] = {}
            for record in self._read(starts):
                ids[record.topic()][_schema_id(record.value())] += 1
                newest[record.topic()] = max(record.timestamp()[1], newest.get(record.topic(), 0))
        return {names[name]: Written(ids[name], newest.get(name)) for name in counts}

    def _read(self, starts: list[TopicPartition]) -> list[Any]:
        """Return the records from *starts* up to the present ends, or what came of them in time."""
        found: list[Any] = []
        left = {(one.topic, one.partition) for one in starts}
        assign(self._reader, starts)
        try:
            while left:
                some = consume(self._reader, 1000, PATIENCE_SECONDS if not found else 1.0)
                if not some:
                    break
                for record in some:
                    error = record.error()
                    if error is None:
                        found.append(record)
                    elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's name
                        left.discard((record.topic(), record.partition()))
                    else:
                        raise KafkaException(error)
        finally:
            self._reader.unassign()
        return found

    def close(self) -> None:
        """Give the reader back."""
        self._reader.close()


def _schema_id(value: bytes | None) -> int:
    if value is None or len(value) < _HEADER_BYTES or value[0] != MAGIC:
        return _NO_SCHEMA
    return int.from_bytes(value[1:_HEADER_BYTES], "big")


class Subjects:
    """Asks the registry for the versions of our subjects, and for their ids when there are new ones."""

    def __init__(self, settings: Settings, registry: Registry) -> None:
        self._settings, self._registry = settings, registry
        self._known: dict[str, dict[int, int]] = {}

    def __call__(self) -> dict[str, dict[int, int]]:
        """Return the schema ids of the registered versions by topic; none where the subject is not registered.

        Raises:
            RegistryUnavailableError: The registry does not answer.
        """
        return {topic: self._versions(f"{self._settings.topic(topic)}-value") for topic in topic_schemas()}

    def _versions(self, subject: str) -> dict[int, int]:
        try:
            found = self._registry.versions(subject)
            if found != list(self._known.get(subject, {})):
                self._known[subject] = dict(zip(found, self._registry.registered(subject), strict=False))
        except SchemaNotFoundError:
            self._known.pop(subject, None)
        return self._known.get(subject, {})


class SchemasView:
    """Owned by the event loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._registered: Mapping[str, Mapping[int, int]] = {}
        self._written: Mapping[str, Written] = {}
        self._registry: dict[str, object] = {"url": settings.registry_url, "as_of_ms": None, "problem": None}
        self._read: dict[str, object] = {"as_of_ms": None, "problem": None}

    def registered(self, found: Mapping[str, Mapping[int, int]] | RegistryUnavailableError, at_ms: int) -> None:
        """Take what the registry has said, or why it has said nothing."""
        if isinstance(found, RegistryUnavailableError):
            self._registry |= {"problem": str(found)}
        else:
            self._registered = found
            self._registry |= {"as_of_ms": at_ms, "problem": None}

    def written(self, found: Mapping[str, Written] | ConnectionError, at_ms: int) -> None:
        """Take by which schemas records are written, or why that could not be read."""
        if isinstance(found, ConnectionError):
            self._read |= {"problem": str(found)}
        else:
            self._written = found
            self._read = {"as_of_ms": at_ms, "problem": None}

    def shown(self, refused: Mapping[str, Mapping[str, int]]) -> Shown:
        """Return a part a subject; *refused* are dead letters by topic and cause."""
        parts = {"registry": encoded(self._registry), "read": encoded(self._read)}
        for topic, name in topic_schemas().items():
            ids = self._registered.get(topic, {})
            written = self._written.get(topic)
            parts[f"subject:{topic}"] = encoded(
                {
                    "subject": f"{self._settings.topic(topic)}-value",
                    "schema": name,
                    "shipped": list(versions(name)),
                    "registered": sorted(ids),
                    "written": None if written is None else _by_version(written.ids, ids),
                    "newest_ms": written.newest_ms if written else None,
                    "refused": refused.get(topic, {}),
                }
            )
        return parts


def _by_version(found: Mapping[int, int], ids: Mapping[int, int]) -> list[dict[str, int | None]]:
    """Return version, schema id and number of records, the most first; the version is None where it is not known."""
    version_of = {schema_id: version for version, schema_id in ids.items()}
    ordered = sorted(found.items(), key=lambda item: -item[1])
    return [
        {"version": version_of.get(one), "schema_id": None if one == _NO_SCHEMA else one, "records": count}
        for one, count in ordered
    ]
