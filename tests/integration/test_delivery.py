"""Nothing missing and nothing twice while workers come, go and fall."""

import collections
import threading

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from features.match_state import MatchState
from schemas.catalog import schema_json
from schemas.codec import Codec
from schemas.records import EventKind, MatchEvent, Side

pytestmark = pytest.mark.integration

KICK_OFF_MS = 1_668_960_000_000
MATCHES, MINUTES = 60, 60


def match_of(name: str) -> list[MatchEvent]:
    fixture = MatchEvent(
        f"{name}-scheduled",
        name,
        EventKind.SCHEDULED,
        KICK_OFF_MS,
        home_team=f"{name} home",
        away_team=f"{name} away",
        competition="Friendly",
        neutral=False,
        kick_off_ms=KICK_OFF_MS,
    )
    ticks = [MatchEvent(f"{name}-{one}", name, EventKind.TICK, KICK_OFF_MS + one, one) for one in range(1, MINUTES)]
    goals = [
        MatchEvent(f"{name}-goal-{one}", name, EventKind.GOAL, KICK_OFF_MS + one, one, Side.HOME)
        for one in range(5, MINUTES, 20)
    ]
    return [fixture, *sorted((*ticks, *goals), key=lambda event: event.minute)]


def states(world, run: str = "1") -> dict[bytes, MatchState]:
    """Return the table as its changelog has it."""
    name = f"{world.settings.topic_prefix}predict-{run}-matches-changelog"
    codec: Codec[MatchState] = Codec("match_state", MatchState)
    found: dict[bytes, MatchState] = {}
    for record in world.read(name, full_name=True):
        if record.key().startswith(b"\x00"):
            continue
        codec.learn(int.from_bytes(record.value()[1:5], "big"), schema_json("match_state"))
        found[record.key()] = codec.decode(record.value())
    return found


def expected_score(events: list[MatchEvent]) -> tuple[int, int]:
    return max(event.minute for event in events), sum(event.kind is EventKind.GOAL for event in events)


def check_nothing_lost_or_repeated(world, events: list[MatchEvent]) -> None:
    ids = collections.Counter(prediction.event_id for prediction in world.values("predictions"))

    assert {event.event_id for event in events} == set(ids)
    assert [] == [one for one, count in ids.items() if count > 1]
    by_match = collections.defaultdict(list)
    for event in events:
        by_match[event.match_id.encode()].append(event)
    final = {key: (state.minute, state.home_goals) for key, state in states(world).items()}
    assert {key: expected_score(found) for key, found in by_match.items()} == final


def interleaved() -> list[MatchEvent]:
    matches = [match_of(f"m{number}") for number in range(MATCHES)]
    return [event for same in zip(*matches, strict=True) for event in same]


@pytest.mark.slow
def test_workers_that_join_and_leave_lose_nothing_and_repeat_nothing(world):
    world.worker("predict")
    events = interleaved()
    feeding = threading.Thread(target=lambda: [world.send("match-events", *events[start : start + 40])
                                               for start in range(0, len(events), 40)])  # fmt: skip
    feeding.start()
    for _ in range(2):
        world.worker("predict").stop()
    feeding.join()
    world.wait_caught_up()

    check_nothing_lost_or_repeated(world, events)


@pytest.mark.slow
def test_a_killed_worker_goes_on_where_its_outputs_ended(world):
    worker = world.worker("predict")
    events = interleaved()
    third = len(events) // 3
    for start in (0, third, 2 * third):
        world.send("match-events", *events[start : start + third])
        world.wait_for_values("predictions", start + 1)
        worker.kill_child("predict")
    world.wait_caught_up(seconds=90)

    check_nothing_lost_or_repeated(world, events)


@pytest.mark.slow
def test_a_restore_begins_where_the_states_were_last_written_again(world):
    events = interleaved()
    worker = world.worker("predict", restore_records=50)
    for start in range(0, len(events), 180):  # of what is written together a changelog has one record
        world.send("match-events", *events[start : start + 180])
        world.wait_for_values("predictions", min(start + 180, len(events)))
    changelog = world.read(world.settings.changelog("predict", "matches"), full_name=True)
    assert worker.metric("touchline_restore_records") < len(changelog) / 2

    worker.kill_child("predict")
    world.send("match-events", events[-1])  # told again
    world.wait_caught_up(seconds=90)

    assert worker.metric("touchline_restore_records") < len(changelog) / 2
    check_nothing_lost_or_repeated(world, events)


def set_largest_record(world, topic: str, size: int) -> None:
    resource = ConfigResource(
        ResourceType.TOPIC,
        world.settings.topic(topic),
        incremental_configs=[ConfigEntry("max.message.bytes", str(size), incremental_operation=AlterConfigOpType.SET)],
    )
    admin = AdminClient(world.settings.librdkafka())
    admin.incremental_alter_configs([resource])[resource].result()


def causes(world) -> list[bytes]:
    return [dict(record.headers())["cause"] for record in world.read("dead-letters")]


@pytest.mark.parametrize("guarantee", ["at-least-once", "exactly-once"])
def test_an_output_larger_than_its_topic_takes_becomes_a_dead_letter(world, guarantee):
    set_largest_record(world, "predictions", 150)
    world.worker("predict", guarantee=guarantee)
    events = match_of("a")[:3]
    world.send("match-events", *events)
    world.wait_caught_up()

    assert [b"OUTPUT_TOO_LARGE"] * 3 == causes(world)
    assert [] == world.read("predictions")


def test_a_record_of_two_megabytes_is_set_aside_whole(world):
    set_largest_record(world, "match-events", 5_000_000)
    world.worker("predict")
    fixture = match_of("a")[0]
    large = MatchEvent("x" * 2_000_000, "a", EventKind.TICK, KICK_OFF_MS, 3)
    world.send("match-events", fixture, large, match_of("a")[4])
    world.wait_caught_up()

    (letter,) = world.read("dead-letters")
    assert b"IMPOSSIBLE_VALUE" == dict(letter.headers())["cause"]
    assert world.codec("match-events").encode(large) == letter.value()
    assert 2 == len(world.read("predictions"))
