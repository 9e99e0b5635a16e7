"""Where the systems compete: one broker, and for each run topics of its own with the same records in them."""

import hashlib
import itertools
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from confluent_kafka import Consumer, TopicPartition

from benchmarks.model_files import write_model
from benchmarks.play import EVENTS_OF_A_MATCH, Play, Record, make_play, save
from benchmarks.running import FailedError, Running, running
from benchmarks.systems import Measure, Place, System
from schemas.catalog import schema_json
from schemas.codec import Codec
from schemas.records import FeatureEvent, MatchEvent
from streams.admin import Admin
from streams.local.cluster import LocalCluster
from streams.patient_registry import patient_registry
from streams.sending import Sender
from streams.settings import Settings
from streams.topics import TOPICS

USED: Final = (
    "match-events",
    "feature-events",
    "predictions",
    "team-events",
    "dead-letters",
    "model-control",
    "model-status",
    "shadow-predictions",
)
WRITTEN: Final = {"match-events": "match_event", "feature-events": "feature_event", "predictions": "prediction"}
FOLDER: Final = Path("build/bench")
FITTED_ROWS: Final = 25_000
# A broker's heap as Kafka comes with it; the half of it that our own has is collected four times a second at this load,
# for 10 to 20 ms each, and on two cores this collector is done soonest.
JAVA: Final = ("-XX:-UseSerialGC", "-XX:+UseParallelGC", "-Xms1g", "-Xmx1g", "-Xmn640m")
Step = Callable[[str], None]
_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Arena:
    """One broker and what all systems get.

    Attributes:
        ids: Of the schemas by topic; the registry gives equal schemas equal ids under every subject.
        folder: For what the systems keep on disk; their logs are beside it.
    """

    cluster: LocalCluster
    partitions: int
    ids: dict[str, int]
    play: Play
    model: Path
    folder: Path

    @contextmanager
    def place(self, system: System, measure: Measure) -> Iterator[Place]:
        """Yield new topics for *system*, with the announcements and ratings of all matches in them."""
        bundle, prefix = {"bundle": str(self.model / "bundle")}, f"bench{next(_NUMBERS)}-"
        settings = settings_of(self.cluster, self.partitions, prefix, **bundle, **system.settings)
        admin = Admin(settings)
        admin.create_topics([TOPICS[name] for name in USED])
        try:
            if register(settings) != self.ids:
                raise RuntimeError("the registry gives the same schema several ids: records would be of none")
            send(settings, "match-events", self.play.scheduled)
            send(settings, "feature-events", self.play.rated)
            with tempfile.TemporaryDirectory(prefix="state-", dir=self.folder) as state:
                yield Place(settings, self.model, Path(state), self.ids["predictions"], measure)
        finally:
            admin.delete_topics([name for name in admin.topic_names() if prefix in name])

    @contextmanager
    def run(self, system: System, place: Place) -> Iterator[Running]:
        """Run *system* at *place*."""
        if system.peer and not Path(system.command()[0]).exists():
            raise FailedError(f"there is no {system.command()[0]}; make bench makes the peers' environment")
        log = self.folder.parent / "logs" / f"{system.name}-{place.measure}.log"
        with running(system.command(), system.environment(place), log) as found:
            yield found


def settings_of(cluster: LocalCluster, partitions: int, prefix: str, **more: object) -> Settings:
    """Return Touchline's settings for topics with *prefix*."""
    where = {"bootstrap_servers": cluster.bootstrap_servers, "registry_url": cluster.registry_url}
    given = {"topic_prefix": prefix, "partitions": partitions, "http_port": 0, "log_level": "WARNING"}
    return Settings.model_validate({**where, **given, **more})


def register(settings: Settings) -> dict[str, int]:
    """Register what the benchmark writes; return the ids by topic."""
    registry = patient_registry(settings)
    return {
        topic: registry.register(f"{settings.topic(topic)}-value", schema_json(schema))
        for topic, schema in WRITTEN.items()
    }


def encoded_play(matches: int, count: int, ids: dict[str, int]) -> Play:
    """Return *count* events of *matches* matches, written under *ids*."""
    events: Codec[MatchEvent] = Codec("match_event", MatchEvent)
    features: Codec[FeatureEvent] = Codec("feature_event", FeatureEvent)
    events.use_for_writing(ids["match-events"])
    features.use_for_writing(ids["feature-events"])
    return make_play(matches, count, events, features)


def send(settings: Settings, topic: str, records: Sequence[Record]) -> None:
    """Send *records* to *topic*, and wait until all are there."""
    sender = Sender(settings, settings.topic(topic))
    for number, (key, value) in enumerate(records):
        sender.send(key, value)
        if number % 1000 == 0:
            sender.serve()
    sender.finish()


@contextmanager
def predictions_of(settings: Settings) -> Iterator[Consumer]:
    """Read committed predictions from the first one on."""
    given = {"group_id": "benchmark", "isolation_level": "read_committed", "enable_auto_commit": False}
    # What is there is handed on at once in any case; this is how long the broker waits where there is nothing.
    reader = Consumer(settings.librdkafka(fetch_wait_max_ms=10, **given))
    topic = settings.topic("predictions")
    reader.assign([TopicPartition(topic, partition, 0) for partition in range(settings.partitions)])
    try:
        yield reader
    finally:
        reader.close()


def model_folder() -> Path:
    """Return where the ensemble is kept: another place for other code."""
    here = Path(__file__).parent
    text = b"".join(
        (here / name).read_bytes() for name in ("reference.py", "model_files.py", "play.py", "peers/job.py")
    )
    return FOLDER / f"model-{hashlib.sha256(text).hexdigest()[:8]}"


@contextmanager
def made_arena(events: int, partitions: int, step: Step) -> Iterator[Arena]:
    """Yield a broker, and what all systems get: *events* live events, in topics of *partitions*."""
    step("starting a broker")
    with LocalCluster(ephemeral=True, java=JAVA) as cluster:
        ids = register(settings_of(cluster, partitions, "bench-"))
        step("making the events")
        play = encoded_play(-(-events // EVENTS_OF_A_MATCH), events, ids)
        model = model_folder().resolve()
        if not (model / "network.npz").exists():
            write_model(model, list(play.live[:FITTED_ROWS]), lambda kind: step(f"fitting {kind}, once"))
        FOLDER.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="run-", dir=FOLDER) as folder:
            save(play.live, Path(folder, "live"))
            yield Arena(cluster, partitions, ids, play, model, Path(folder).resolve())
