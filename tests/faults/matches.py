"""Simple matches, event by event, the same for the same seed: what a feed would say, retries and lateness included."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice
from random import Random
from typing import Any

from tests.faults.place import FEATURE_EVENTS, MATCH_EVENTS

FIRST_KICK_OFF_MS = 1_668_960_000_000
MINUTE_MS = 60_000
DAY_MS = 86_400_000
LIVE_MATCHES = 300
KICK_OFFS_MINUTES = 300  # all kick-offs within five hours, so that no match has had its time while the load runs
LATE_PLACES, REPEAT_PLACES, HELD_PLACES = 12, 20, 25
PER_MINUTE = {"GOAL": 0.015, "YELLOW_CARD": 0.02, "RED_CARD": 0.002, "SHOT": 0.12, "CORNER": 0.05, "SUBSTITUTION": 0.04}
ENDING_SHARE = 0.3
CORRECTABLE = ("GOAL", "YELLOW_CARD", "RED_CARD")

Event = tuple[str, dict[str, Any]]  # topic without prefix, and the record's fields


@dataclass(frozen=True)
class Shares:
    """What is unusual about the load, as shares.

    Attributes:
        repeated: Of events which the feed sends again later, with the same event_id.
        late: Of events which come up to LATE_PLACES events late.
        corrected: Of goals and cards which are struck off minutes later.
        held: Of matches whose SCHEDULED comes after other events.
        unscheduled: Of matches whose SCHEDULED never comes.
    """

    repeated: float = 0.02
    late: float = 0.02
    corrected: float = 0.05
    held: float = 0.05
    unscheduled: float = 0.005


def feed(seed: int, shares: Shares) -> Iterator[Event]:
    """Yield events without end; LIVE_MATCHES are played at the same time."""
    chance = Random(seed)
    number = 0
    live: list[Iterator[Event]] = []
    while True:
        while len(live) < LIVE_MATCHES:
            live.append(iter(match(f"s{seed}-{number}", number, shares, chance)))
            number += 1
        place = chance.randrange(LIVE_MATCHES)
        event = next(live[place], None)
        if event is None:
            live[place] = iter(match(f"s{seed}-{number}", number, shares, chance))
            number += 1
        else:
            yield event


def match(name: str, number: int, shares: Shares, chance: Random) -> list[Event]:
    """Return the events of one match in the order in which they are sent."""
    events = [*before(name, number, chance), *played(name, number, shares, chance)]
    if chance.random() < shares.unscheduled:
        del events[0]
    elif chance.random() < shares.held:
        events.insert(chance.randint(1, HELD_PLACES), events.pop(0))
    return list(disturbed(events, shares, chance))


def kick_off_ms(number: int) -> int:
    return FIRST_KICK_OFF_MS + number % KICK_OFFS_MINUTES * MINUTE_MS


def before(name: str, number: int, chance: Random) -> Iterator[Event]:
    start = kick_off_ms(number)
    yield (
        MATCH_EVENTS,
        {
            "event_id": f"{name}-scheduled", "match_id": name, "kind": "SCHEDULED",
            "occurred_at_ms": start - 600 * MINUTE_MS, "minute": 0, "home_team": f"{name} home",
            "away_team": f"{name} away",
            "competition": "Friendly", "neutral": chance.random() < 0.2, "kick_off_ms": start,
        },
    )  # fmt: skip
    expected = {"expected_home_goals": chance.uniform(0.5, 2.5), "expected_away_goals": chance.uniform(0.5, 2.5)}
    yield said(name, "ratings", start - 500 * MINUTE_MS, {**expected, "elo_difference": chance.uniform(-300, 300)})
    yield said(name, "weather", start - 60 * MINUTE_MS, {"wind": chance.random(), "rain": None})


def played(name: str, number: int, shares: Shares, chance: Random) -> Iterator[Event]:
    start = kick_off_ms(number)
    goals = {"HOME": 0, "AWAY": 0}
    struck: list[tuple[int, dict[str, Any]]] = []  # minute, and the event taken back in it
    numbers = count(1)

    def at(kind: str, minute: int, **more: Any) -> Event:
        one = next(numbers)
        when = start + minute * MINUTE_MS + one
        return MATCH_EVENTS, {"event_id": f"{name}-{one}", "match_id": name, "kind": kind, "occurred_at_ms": when,
                              "minute": minute, **more}  # fmt: skip

    yield at("KICK_OFF", 0)
    for minute in range(1, 91):
        yield at("TICK", minute)
        for kind, share in PER_MINUTE.items():
            if chance.random() < 2 * share:
                side = chance.choice(("HOME", "AWAY"))
                event = at(kind, minute, side=side)
                yield event
                goals[side] += kind == "GOAL"
                if kind in CORRECTABLE and chance.random() < shares.corrected:
                    struck.append((min(minute + 2, 90), event[1]))
        for when, event in struck:
            if when == minute:
                yield at("CORRECTION", minute, corrects=event["event_id"])
                goals[event["side"]] -= event["kind"] == "GOAL"
        if minute % 30 == 0:
            yield said(name, "odds", start + minute * MINUTE_MS, {"home": chance.random(), "away": chance.random()})
        if minute == 45:
            yield at("HALF_TIME", minute)
    yield at("FULL_TIME", 90, home_score=goals["HOME"], away_score=goals["AWAY"])


def endings(seed: int, shares: Shares, events: int) -> Iterator[Event]:
    """Yield a FULL_TIME for 30 % of the matches of a load, among events of matches of two days later.

    Those two days are over for a match which has ended, so that it may leave the table.

    Args:
        seed: Of the load; so for shares.
        shares: As seed.
        events: How many the load has sent.
    """
    last = {}  # the last match event of each match; FULL_TIME stays
    for topic, event in islice(feed(seed, shares), events):
        if topic == MATCH_EVENTS and last.get(event["match_id"]) != "FULL_TIME":
            last[event["match_id"]] = event["kind"]
    ending = [name for name, kind in last.items() if kind != "FULL_TIME"][: int(len(last) * ENDING_SHARE)]
    chance, quiet = Random(seed), Shares(repeated=0, late=0, corrected=0, held=0, unscheduled=0)
    for number in count():
        for place, (topic, event) in enumerate(match(f"e{seed}-{number}", number, quiet, chance)):
            if place % 4 == 0 and ending:
                name = ending.pop(0)
                yield full_time(name, int(name.rpartition("-")[2]))
            yield topic, two_days_later(event)


def two_days_later(event: dict[str, Any]) -> dict[str, Any]:
    return event | {
        name: event[name] + 2 * DAY_MS for name in ("occurred_at_ms", "kick_off_ms", "as_of_ms") if name in event
    }


def full_time(name: str, number: int) -> Event:
    when = kick_off_ms(number) + 120 * MINUTE_MS
    event = {"event_id": f"{name}-ended", "match_id": name, "kind": "FULL_TIME", "occurred_at_ms": when, "minute": 90}
    return MATCH_EVENTS, {**event, "home_score": 1, "away_score": 1}


def said(name: str, source: str, as_of_ms: int, values: dict[str, float | None]) -> Event:
    event = {"event_id": f"{name}-{source}-{as_of_ms}", "match_id": name, "source": source, "as_of_ms": as_of_ms}
    return FEATURE_EVENTS, {**event, "values": values}


def disturbed(events: list[Event], shares: Shares, chance: Random) -> list[Event]:
    """Return *events* with some late and some repeated."""
    placed = []
    for place, event in enumerate(events):
        late = chance.uniform(1, LATE_PLACES) if chance.random() < shares.late else 0.0
        placed.append((place + late, len(placed), event))
        if chance.random() < shares.repeated:
            placed.append((place + late + chance.uniform(0, REPEAT_PLACES), len(placed), event))
    return [event for _, _, event in sorted(placed, key=lambda one: one[:2])]
