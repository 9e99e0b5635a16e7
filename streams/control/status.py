"""What workers report of the bundles that they serve, and what it says together."""

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import structlog
from confluent_kafka import KafkaException, Producer

from models.bundle import Bundle
from models.serving import Serving
from schemas.records import ModelStatus
from streams.learning import SchemaBook
from streams.settings import Settings

log = structlog.get_logger(__name__)

STATUS = "model-status"
REPORT_SECONDS = 600.0
"""So often a worker reports though nothing has changed."""

_GONE_MS = 2.5 * REPORT_SECONDS * 1000


class StatusWriter:
    """Writes reports; one that cannot be written is no reason to stop."""

    def __init__(self, settings: Settings, role: str, book: SchemaBook) -> None:
        self._topic, self._worker, self._role = settings.topic(STATUS), settings.worker_name, role
        self._codec = book.codec("model_status", ModelStatus)
        book.write(self._codec, f"{self._topic}-value")
        self._producer = Producer(settings.librdkafka(partitioner="murmur2_random"))

    def write(self, serving: Serving, champion: Bundle, partitions: Collection[int], refused: str | None) -> None:
        """Report what is served on *partitions*, and why a later change is not carried out."""
        status = ModelStatus(
            worker=self._worker,
            role=self._role,
            model=champion.model,
            model_version=champion.version,
            bundle_digest=champion.digest,
            partitions=tuple(partitions),
            at_ms=int(time.time() * 1000),
            refused=refused,
            revision=serving.revision,
            challenger=serving.challenger,
        )
        try:
            self._producer.produce(self._topic, self._codec.encode(status), self._worker.encode())
            self._producer.poll(0)
        except (BufferError, KafkaException) as error:
            log.warning("status.failed", error=str(error))


@dataclass(frozen=True, slots=True)
class Standing:
    """What all predict workers serve together, and what those of the role shadow say.

    Attributes:
        by_partition: The newest report for each partition.
        missing: Partitions of which no predict worker has said anything.
        shadows: The newest report of each shadow worker that still reports, by name; nobody waits for them.
    """

    by_partition: Mapping[int, ModelStatus]
    missing: Collection[int]
    shadows: Sequence[ModelStatus] = ()

    @property
    def refusals(self) -> list[str]:
        """Why workers do not carry a change out, each reason once."""
        return sorted({one.refused for one in self.by_partition.values() if one.refused is not None})

    def carries_out(self, revision: int) -> bool:
        """Tell whether every partition is served by what change *revision* asks for, or a later one."""
        return not self.missing and all(one.revision >= revision for one in self.by_partition.values())


def standing(reports: Iterable[ModelStatus], partitions: int) -> Standing:
    """Return what *reports* say together of a topic with so many *partitions*, whatever order they come in."""
    newest: dict[int, ModelStatus] = {}
    last: dict[tuple[str, str], ModelStatus] = {}
    for report in sorted(reports, key=lambda one: one.at_ms):
        last[report.role, report.worker] = report
    in_order = sorted(last.values(), key=lambda one: one.at_ms)
    for report in in_order:
        if report.role == "predict":
            newest |= {one: report for one in report.partitions if one < partitions}
    shadows = [one for one in in_order if one.role == "shadow" and one.at_ms >= in_order[-1].at_ms - _GONE_MS]
    missing = sorted(set(range(partitions)) - set(newest))
    return Standing(newest, missing, sorted(shadows, key=lambda one: one.worker))
