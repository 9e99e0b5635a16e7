"""A bug in a role, or a flood of dead letters: one line which says where, nothing lost, nothing committed past it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from schemas.records import EventKind, MatchEvent
from streams.engine.murmur import partition_of
from streams.stopping import FAILED, REFUSED

pytestmark = pytest.mark.integration

KICK_OFF_MS = 1_668_960_000_000
PLANTED = Path(__file__).with_name("planted_bug.py")


def ticks(name: str, count: int) -> list[MatchEvent]:
    return [MatchEvent(f"{name}-{one}", name, EventKind.TICK, KICK_OFF_MS + one, one) for one in range(count)]


def committed(world) -> int:
    """Return the sum of the committed offsets of match-events."""
    topic = world.settings.topic("match-events")
    reader = Consumer(world.settings.librdkafka(group_id=world.settings.group("predict"), enable_auto_commit=False))
    places = [TopicPartition(topic, one) for one in range(world.settings.partitions)]
    found = sum(max(place.offset, 0) for place in reader.committed(places, timeout=10))
    reader.close()
    return found


def fall(world, bug: str, tmp_path: Path) -> list[dict]:
    """Return the errors which the role's process logs until it falls."""
    given = world.settings.environment() | {"TOUCHLINE_LOG_FORMAT": "json", "XDG_CACHE_HOME": str(tmp_path)}
    log = tmp_path / "log"
    process = subprocess.Popen(
        [sys.executable, "-P", PLANTED, bug, "predict", tmp_path / "predict.sock"],
        env=os.environ | given,
        stdin=subprocess.PIPE,  # its end would stop the process
        stderr=log.open("wb"),
    )
    try:
        assert FAILED == process.wait(60), log.read_text()
    finally:
        process.kill()
        process.communicate()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return [line for line in lines if line["level"] not in ("info", "warning")]


def test_a_bug_in_a_role_is_one_line_that_names_the_record_and_commits_nothing_past_it(world, tmp_path):
    poison = MatchEvent("poison", "a", EventKind.TICK, KICK_OFF_MS, 4)
    world.send("match-events", *ticks("a", 3), poison, *ticks("a", 2))
    for _ in range(2):  # it comes again until somebody has looked at it
        (line,) = fall(world, "fold", tmp_path)

        assert {
            "event": "worker.failed",
            "kind": "ZeroDivisionError",
            "error": "a bug that was planted",
            "role": "predict",
            "stage": "process",
            "topic": world.settings.topic("match-events"),
            "partition": partition_of(b"a", 4),
            "offset": 3,
        }.items() <= line.items()
        assert line["where"].endswith(f"{PLANTED.name}:13")
        assert "worker.failed: a bug that was planted" == (tmp_path / "predict.cause").read_text()
        assert committed(world) <= 3
    assert [] == world.read("dead-letters")


def test_a_bug_outside_of_the_role_is_one_line_too_and_commits_nothing(world, tmp_path):
    world.send("match-events", *ticks("a", 3))
    (line,) = fall(world, "commit", tmp_path)

    assert ("worker.failed", "ZeroDivisionError") == (line["event"], line["kind"])
    assert line["where"].endswith(f"{PLANTED.name}:18")
    assert 0 == committed(world)


def test_a_flood_stops_the_worker_again_after_a_restart_and_nothing_more_is_set_aside(world):
    bad = world.codec("match-events").encode(ticks("a", 1)[0])[:-1]
    worker = world.worker("predict")
    world.send_bytes("match-events", *[(b"a", bad)] * 99)
    world.wait_caught_up()
    world.send_bytes("match-events", (b"a", bad))

    assert REFUSED == worker.process.wait(60)
    assert "100 of the last 100 records" in worker.said()
    assert "flood.refused" in worker.said()
    assert (99, 99) == (len(world.read("dead-letters")), committed(world))

    again = world.worker("predict", wait=False)
    assert REFUSED == again.process.wait(60)
    assert (99, 99) == (len(world.read("dead-letters")), committed(world))
