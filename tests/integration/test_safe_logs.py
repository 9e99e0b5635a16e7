"""A worker stops, and says how many events are at stake, rather than skip any in silence."""

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions

from schemas.records import EventKind, MatchEvent
from streams.admin import Admin
from streams.stopping import REFUSED
from streams.topics import TOPICS

pytestmark = pytest.mark.integration

KICK_OFF_MS = 1_668_960_000_000


def match_of(name: str) -> list[MatchEvent]:
    fixture = MatchEvent(
        f"{name}-scheduled",
        name,
        EventKind.SCHEDULED,
        KICK_OFF_MS,
        home_team="Qatar",
        away_team="Ecuador",
        competition="FIFA World Cup",
        neutral=False,
        kick_off_ms=KICK_OFF_MS,
    )
    return [fixture, *(MatchEvent(f"{name}-{one}", name, EventKind.TICK, KICK_OFF_MS, one) for one in range(1, 6))]


@pytest.fixture(name="admin")
def _admin(world):
    return AdminClient(world.settings.librdkafka())


def refused(worker) -> str:
    """Return what a worker says which ends by itself with the code of a refusal."""
    assert REFUSED == worker.process.wait(60)
    return worker.said()


def predicted(world) -> None:
    """Let a worker predict one match and stop."""
    worker = world.worker("predict")
    world.send("match-events", *match_of("a"))
    world.wait_caught_up()
    worker.stop()


def test_inputs_with_unequal_partition_counts_are_refused(world, admin):
    name = world.settings.topic("feature-events")
    admin.create_partitions([NewPartitions(name, 6)])[name].result()

    said = refused(world.worker("predict", wait=False))

    assert f"{world.settings.topic('match-events')} has 4, {name} has 6" in said
    assert "Traceback" not in said


def test_a_missing_topic_is_refused_with_the_command_that_helps(world, admin):
    name = world.settings.topic("feature-events")
    admin.delete_topics([name])[name].result()

    assert "touchline topics create" in refused(world.worker("predict", wait=False))


def test_a_topic_made_anew_is_noticed(world, admin):
    predicted(world)
    name = world.settings.topic("match-events")
    admin.delete_topics([name])[name].result()
    while Admin(world.settings).topics([name]):
        pass
    Admin(world.settings).create_topics([TOPICS["match-events"]])

    said = refused(world.worker("predict", wait=False))

    assert f"{name} was deleted and made anew" in said
    assert "touchline reset" in said


def test_events_that_retention_deleted_before_they_were_predicted_are_counted(world, admin):
    predicted(world)
    world.send("match-events", *match_of("a")[1:], *match_of("a")[1:])
    name = world.settings.topic("match-events")
    record = world.read("match-events")[-1]
    before = TopicPartition(name, record.partition(), record.offset())
    admin.delete_records([before])[before].result()

    said = refused(world.worker("predict", wait=False))

    assert f"9 events of {name}[{record.partition()}] are gone" in said


def test_a_bundle_that_cannot_be_read_is_refused_in_one_sentence(world, tmp_path):
    said = refused(world.worker("predict", wait=False, bundle=tmp_path / "nothing"))

    assert "manifest.json cannot be read" in said
    assert "Traceback" not in said
