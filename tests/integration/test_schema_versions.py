"""Schemas change while workers run."""

import json

import pytest

from schemas.catalog import schema_json
from schemas.records import EventKind, MatchEvent, Side
from streams.registry import registry_of
from streams.registry_errors import IncompatibleSchemaError

pytestmark = pytest.mark.integration

KICK_OFF_MS = 1_668_960_000_000


def fixture_of(name: str) -> MatchEvent:
    return MatchEvent(
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


def shot(name: str, event_id: str) -> MatchEvent:
    return MatchEvent(event_id, name, EventKind.SHOT, KICK_OFF_MS, 5, Side.HOME, expected_goals=0.25)


@pytest.mark.parametrize("reads_as", [1, 2])
def test_producers_of_both_versions_are_read_by_workers_of_either(world, reads_as):
    world.worker("predict", match_event_version=reads_as)
    world.send("match-events", fixture_of("a"), shot("a", "old"), version=1)
    world.wait_for_values("predictions", 2)
    world.send("match-events", shot("a", "new"), fixture_of("b"), version=2)
    world.send("match-events", shot("a", "old again"), version=1)

    found = world.wait_for_values("predictions", 5)

    assert {"a-scheduled", "old", "new", "b-scheduled", "old again"} == {one.event_id for one in found}
    assert [] == world.read("dead-letters")


def test_all_versions_of_a_subject_are_told_with_their_ids(world):
    registry = registry_of(world.settings)
    subject = f"{world.settings.topic('match-events')}-value"
    ids = [registry.register(subject, schema_json("match_event", version)) for version in (1, 2)]

    found = registry.registered(subject)

    assert ids == list(found)
    assert [json.loads(schema_json("match_event", version)) for version in (1, 2)] == list(
        map(json.loads, found.values())
    )


def test_an_incompatible_version_is_refused_at_registration_with_its_reason(world):
    registry = registry_of(world.settings)
    subject = f"{world.settings.topic('match-events')}-value"
    registry.register(subject, schema_json("match_event", 1))
    third = json.loads(schema_json("match_event", 2))
    third["fields"].append({"name": "referee", "type": "string"})

    with pytest.raises(IncompatibleSchemaError, match="referee"):
        registry.register(subject, json.dumps(third))


def test_an_unreadable_schema_is_set_aside_with_its_reason(world):
    world.worker("predict")
    other = {"type": "record", "name": "MatchEvent", "namespace": "touchline",
             "fields": [{"name": "match_id", "type": "int"}]}  # fmt: skip
    schema_id = registry_of(world.settings).register(f"{world.settings.topic_prefix}other-value", json.dumps(other))
    world.send_bytes("match-events", (b"a", b"\x00" + schema_id.to_bytes(4, "big") + b"\x02"))
    world.wait_caught_up()

    (letter,) = world.read("dead-letters")
    assert b"UNREADABLE_SCHEMA" == dict(letter.headers())["cause"]
    assert b"match_id" in dict(letter.headers())["exception"]


def test_without_the_registry_known_schemas_go_on_and_an_unknown_one_waits(world, cluster):
    world.worker("predict")
    world.send("match-events", fixture_of("a"), version=1)
    world.wait_for_values("predictions", 1)
    encode_new = world.codec("match-events", 2).encode
    other = next(f"m{number}" for number in range(100) if _partition(world, f"m{number}") != _partition(world, "a"))
    known = world.codec("match-events", 1).encode

    cluster.stop_registry()
    try:
        world.send_bytes("match-events", (b"a", encode_new(shot("a", "waits"))))
        world.send_bytes("match-events", (b"a", known(shot("a", "behind it"))))
        world.send_bytes("match-events", (other.encode(), known(fixture_of(other))))
        while_away = _event_ids(world, 2)
    finally:
        cluster.start_registry()

    assert {"a-scheduled", f"{other}-scheduled"} == while_away
    assert {"a-scheduled", f"{other}-scheduled", "waits", "behind it"} == _event_ids(world, 4)
    assert [] == world.read("dead-letters")


def _event_ids(world, count: int) -> set[str]:
    from schemas.codec import Codec  # noqa: PLC0415 - reads without the registry
    from schemas.records import Prediction  # noqa: PLC0415

    codec: Codec[Prediction] = Codec("prediction", Prediction)
    found: set[str] = set()
    for _ in range(600):
        for record in world.read("predictions"):
            codec.learn(int.from_bytes(record.value()[1:5], "big"), schema_json("prediction"))
            found.add(codec.decode(record.value()).event_id)
        if len(found) >= count:
            break
    return found


def _partition(world, match_id: str) -> int:
    from streams.engine.murmur import partition_of  # noqa: PLC0415

    return partition_of(match_id.encode(), world.settings.partitions)
