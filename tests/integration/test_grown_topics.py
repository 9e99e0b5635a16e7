"""Topics that get more partitions: a worker stops before it works with the wrong state."""

import os
import subprocess
import sys

import pytest
from confluent_kafka.admin import AdminClient, NewPartitions

from schemas.records import EventKind, MatchEvent
from streams.engine.murmur import partition_of
from streams.stopping import REFUSED

pytestmark = pytest.mark.integration

KICK_OFF_MS = 1_668_960_000_000
BEFORE, AFTER = 4, 6
STAYS = next(name for name in map(str, range(99)) if partition_of(name.encode(), 4) == partition_of(name.encode(), 6))
# Of this match the partition is another one, and it is one that the worker reads already.
MOVES = next(
    name
    for name in map(str, range(99))
    if partition_of(name.encode(), BEFORE) != partition_of(name.encode(), AFTER) < BEFORE
)


def opening(name: str) -> list[MatchEvent]:
    fixture = MatchEvent(
        f"{name}-scheduled", name, EventKind.SCHEDULED, KICK_OFF_MS, home_team="Qatar", away_team="Ecuador",
        competition="FIFA World Cup", neutral=False, kick_off_ms=KICK_OFF_MS,
    )  # fmt: skip
    return [fixture, *(tick(name, minute) for minute in range(1, 6))]


def tick(name: str, minute: int) -> MatchEvent:
    return MatchEvent(f"{name}-{minute}", name, EventKind.TICK, KICK_OFF_MS, minute)


def grow(world, *topics: str) -> None:
    admin = AdminClient(world.settings.librdkafka())
    for answer in admin.create_partitions([NewPartitions(world.settings.topic(one), AFTER) for one in topics]).values():
        answer.result(30)


def refusal(worker) -> str:
    assert REFUSED == worker.process.wait(60)
    return worker.said()


def run(world, *words: str, code: int = 0) -> str:
    """Run a command as a person does; return what it says."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "streams.cli", *words],
        env=os.environ | world.settings.environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (code, 0) == (done.returncode, done.stderr.count("Traceback")), done.stderr
    return done.stdout + done.stderr


def once(*matches: list[MatchEvent]) -> list[tuple[str, str]]:
    return sorted((event.match_id, event.event_id) for events in matches for event in events)


def predicted(world, count: int) -> list[tuple[str, str]]:
    return sorted((one.match_id, one.event_id) for one in world.wait_for_values("predictions", count))


def states(world) -> list[tuple[int, int, bytes]]:
    """Return what is in the changelog but its progress, record by record."""
    name = world.settings.changelog("predict", "matches")
    found = world.read(name, full_name=True)
    return sorted((one.partition(), one.offset(), one.value()) for one in found if one.key()[:1] != b"\0")


@pytest.mark.slow
def test_partitions_added_under_a_running_worker_stop_it_and_its_states_can_be_moved(world, world_of):
    worker = world.worker("predict")
    world.send("match-events", *opening(STAYS), *opening(MOVES))
    world.wait_caught_up()
    known = states(world)

    grow(world, "match-events", "feature-events")
    world.send("match-events", tick(MOVES, 6))
    said = refusal(worker)

    topic, changelog = world.settings.topic("match-events"), world.settings.changelog("predict", "matches")
    assert f"{topic} has 6 partitions, but the states in {changelog} are laid out for 4" in said
    assert "touchline topics repartition --partitions 6" in said
    assert "Traceback" not in said
    assert [] == world.read("dead-letters")
    assert known == states(world)

    assert f"are laid out for {BEFORE}" in refusal(world.worker("predict", wait=False))
    assert known == states(world)

    assert f"{topic} has 6, {changelog} is laid out for 4" in run(world, "doctor", "--role", "predict", code=1)

    # A feed that has not heard of the new partitions sends to the earlier one, which must be set aside and sent again.
    partition = partition_of(MOVES.encode(), BEFORE)
    late = (MOVES.encode(), world.codec("match-events").encode(tick(MOVES, 7)))
    world.send_bytes("match-events", late, partition=partition)
    words = ("topics", "repartition", "--partitions", str(AFTER), "--run-id", "moved")
    assert f"2 events are left to {world.settings.group('predict')}" in run(world, *words, code=2)
    assert "of 2 states have moved" in run(world, *words, "--leave-rest")
    after = world_of(world.settings.model_copy(update={"run_id": "moved", "partitions": AFTER}))
    after.worker("predict")
    after.wait_caught_up()

    (letter,) = world.read("dead-letters")
    assert (b"WRONG_PARTITION", *late) == (dict(letter.headers())["cause"], letter.key(), letter.value())
    run(after, "dead-letters", "replay", "--cause", "WRONG_PARTITION")
    assert once(opening(STAYS), opening(MOVES), [tick(MOVES, 6), tick(MOVES, 7)]) == predicted(after, 14)


def test_a_worker_without_new_records_notices_too(world):
    worker = world.worker("predict")

    grow(world, "predictions")

    assert f"{world.settings.topic('predictions')} has 6 partitions" in refusal(worker)
