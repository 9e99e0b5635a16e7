"""The way of an event through a real worker on a real broker."""

import collections

import pytest

from schemas.records import EventKind, FeatureEvent, MatchEvent, Side
from streams.predicting.predictions import prediction_id

pytestmark = pytest.mark.integration

KICK_OFF_MS = 1_668_960_000_000


def scheduled(match: str, **more) -> MatchEvent:
    given = {"home_team": "Qatar", "away_team": "Ecuador", "competition": "FIFA World Cup", "neutral": False}
    return MatchEvent(
        f"{match}-scheduled",
        match,
        EventKind.SCHEDULED,
        KICK_OFF_MS - 36_000_000,
        kick_off_ms=KICK_OFF_MS,
        **(given | more),
    )


def goal(match: str, minute: int, side: Side = Side.HOME, event_id: str = "") -> MatchEvent:
    name = event_id or f"{match}-goal-{minute}"
    return MatchEvent(name, match, EventKind.GOAL, KICK_OFF_MS + minute * 60_000, minute, side)


def tick(match: str, minute: int) -> MatchEvent:
    return MatchEvent(f"{match}-tick-{minute}", match, EventKind.TICK, KICK_OFF_MS + minute * 60_000, minute)


def played(match: str, minutes: int = 20) -> list[MatchEvent]:
    """Return the events of a short match, each of which changes what is known."""
    kick_off = MatchEvent(f"{match}-kick-off", match, EventKind.KICK_OFF, KICK_OFF_MS)
    return [scheduled(match), kick_off, *(tick(match, minute) for minute in range(1, minutes)), goal(match, minutes)]


def dead_letters(world) -> dict[str, list]:
    found = collections.defaultdict(list)
    for record in world.read("dead-letters"):
        headers = dict(record.headers())
        found[headers["cause"].decode()].append((record, headers))
    return found


def test_each_event_that_changes_what_is_known_is_predicted_once(world):
    world.worker("predict")
    events = [event for match in ("a", "b", "c") for event in played(match)]
    world.send("match-events", *events)

    predictions = world.wait_for_values("predictions", len(events))

    assert {event.event_id for event in events} == {prediction.event_id for prediction in predictions}
    assert len(events) == len(predictions)
    for prediction in predictions:
        assert abs(prediction.home + prediction.draw + prediction.away - 1) < 1e-5
        identity = prediction_id(prediction.match_id, prediction.event_id, prediction.bundle_digest)
        assert identity == prediction.prediction_id


def test_a_prediction_stands_in_the_partition_of_its_cause(world):
    world.worker("predict")
    world.send("match-events", *played("a"), *played("b"))
    world.wait_for_values("predictions", 2 * len(played("a")))

    partition_of_match = {record.key(): record.partition() for record in world.read("match-events")}

    for record in world.read("predictions"):
        assert partition_of_match[record.key()] == record.partition()


def test_repeated_events_are_counted_and_not_predicted_again(world):
    worker = world.worker("predict")
    world.send("match-events", scheduled("a"), goal("a", 5), goal("a", 5), goal("a", 5), tick("a", 3))
    world.wait_caught_up()

    assert 2 == len(world.values("predictions"))
    assert 3 == worker.metric('touchline_events_total{kind="repeated"')


def test_events_before_their_fixture_are_held_and_predicted_once_it_is_known(world):
    worker = world.worker("predict")
    world.send("match-events", goal("a", 5), tick("a", 9))
    world.send("feature-events", FeatureEvent("f1", "a", "odds", KICK_OFF_MS, {"home": 2.0}))
    world.wait_caught_up()

    assert [] == world.values("predictions")
    assert 3 == worker.metric('touchline_events_total{kind="held"')

    world.send("match-events", scheduled("a"))
    found = world.wait_for_values("predictions", 4)
    assert {"a-goal-5", "a-tick-9", "f1", "a-scheduled"} == {prediction.event_id for prediction in found}
    assert {1} == {prediction.home_score for prediction in found}


def test_a_correction_takes_the_goal_back(world):
    world.worker("predict")
    struck = MatchEvent("var", "a", EventKind.CORRECTION, KICK_OFF_MS + 400_000, 7, corrects="a-goal-5")
    world.send("match-events", scheduled("a"), goal("a", 5), struck)

    found = {prediction.event_id: prediction for prediction in world.wait_for_values("predictions", 3)}

    assert 1 == found["a-goal-5"].home_score
    assert 0 == found["var"].home_score


def test_a_final_score_that_contradicts_the_goals_is_counted(world):
    worker = world.worker("predict")
    end = MatchEvent("a-end", "a", EventKind.FULL_TIME, KICK_OFF_MS + 6_000_000, 90, home_score=4, away_score=0)
    world.send("match-events", scheduled("a"), goal("a", 5), end)
    world.wait_for_values("predictions", 3)

    assert 1 == worker.metric("touchline_contradicted_results_total")
    assert [(4, 0)] == [
        (event.home_score, event.away_score) for event in world.values("team-events") if event.home_score is not None
    ]


def test_what_cannot_be_used_is_set_aside_with_its_cause_and_the_rest_goes_on(world):
    worker = world.worker("predict")
    good = world.codec("match-events").encode(goal("a", 5))
    header, body = good[:5], good[5:]
    late = MatchEvent("x", "a", EventKind.KICK_OFF, 4_000_000_000_000)
    encode = world.codec("match-events").encode
    other_partition = next(one for one in range(4) if one not in _partitions_of(world, b"a"))
    cases = {
        "TOO_SHORT": (b"a", b"\x00\x00"),
        "WRONG_MAGIC": (b"a", b"\x07" + good[1:]),
        "TRUNCATED": (b"a", good[:-6]),
        "TRAILING_BYTES": (b"a", good + b"more"),
        "UNREGISTERED_SCHEMA": (b"a", b"\x00\x7f\xff\xff\xff" + body),
        "IMPOSSIBLE_VALUE": (b"a", encode(tick("a", -5))),
        "EMPTY_KEY": (b"", good),
        "KEY_MISMATCH": (b"another", good),
        "FUTURE_EVENT": (b"a", encode(late)),
    }
    world.send("match-events", scheduled("a"))
    for pair in cases.values():
        world.send_bytes("match-events", pair)
    world.send_bytes("match-events", (b"a", good), partition=other_partition)
    world.send_bytes("match-events", (b"a", header + b"\x02"), (None, good))
    world.send("match-events", goal("a", 44))
    world.wait_caught_up()

    letters = dead_letters(world)
    assert {*cases, "WRONG_PARTITION"} == set(letters)
    for cause, (key, value) in cases.items():
        assert (key, value) in [(record.key() or b"", record.value()) for record, _ in letters[cause]]
        assert all(
            headers["source_topic"].decode() == world.settings.topic("match-events") for _, headers in letters[cause]
        )
    assert {"a-scheduled", "a-goal-44"} == {prediction.event_id for prediction in world.values("predictions")}
    assert 12 == worker.metric("touchline_dead_letters_total")


def _partitions_of(world, key: bytes) -> set[int]:
    from streams.engine.murmur import partition_of  # noqa: PLC0415 - only here

    return {partition_of(key, world.settings.partitions)}


def test_an_absurd_score_is_set_aside(world):
    world.worker("predict")
    absurd = MatchEvent("end", "a", EventKind.FULL_TIME, KICK_OFF_MS, 90, home_score=400, away_score=0)
    world.send("match-events", scheduled("a"), absurd)
    world.wait_caught_up()

    (_, headers) = dead_letters(world)["IMPOSSIBLE_VALUE"][0]
    assert b"400" in headers["exception"]
    assert 1 == len(world.values("predictions"))
