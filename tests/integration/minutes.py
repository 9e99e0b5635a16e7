"""Matches whose minutes come as fast as they are taken, and what must be known of them in the end."""

import collections
import threading

from features.match_state import MatchState, after_feature_event, after_match_event
from schemas.catalog import schema_json
from schemas.codec import Codec
from schemas.records import EventKind, FeatureEvent, MatchEvent, Side

KICK_OFF_MS = 1_668_960_000_000
MATCHES = 40


def minute_of_all(minute: int) -> list[MatchEvent | FeatureEvent]:
    """Return what a minute brings in every match; the odds come on the other topic, in no order with the rest."""
    events: list[MatchEvent | FeatureEvent] = []
    for name in (f"m{number}" for number in range(MATCHES)):
        if minute == 0:
            fixture = {"home_team": f"{name} home", "away_team": f"{name} away", "competition": "Friendly"}
            events.append(
                MatchEvent(f"{name}-scheduled", name, EventKind.SCHEDULED, KICK_OFF_MS, neutral=False,
                           kick_off_ms=KICK_OFF_MS, **fixture)
            )  # fmt: skip
        events.append(
            MatchEvent(f"{name}-{minute}", name, EventKind.SHOT, KICK_OFF_MS + minute, min(minute, 90), Side.HOME)
        )
        odds = {"home": 1.5 + minute / 100}
        events.append(FeatureEvent(f"{name}-odds-{minute}", name, "odds", KICK_OFF_MS + minute, odds))
    return events


class Feed(threading.Thread):
    """Sends minute after minute, some twenty a second, until it is told to end."""

    def __init__(self, world) -> None:
        super().__init__()
        self.world, self.minutes, self.over = world, 0, threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.05):
            events = minute_of_all(self.minutes)
            for topic, kind in (("match-events", MatchEvent), ("feature-events", FeatureEvent)):
                self.world.send(topic, *(event for event in events if isinstance(event, kind)))
            self.minutes += 1


def states(world) -> dict[bytes, MatchState]:
    """Return the table as a reader of the changelog has it who knows of epochs."""
    codec: Codec[MatchState] = Codec("match_state", MatchState)
    found: dict[bytes, MatchState] = {}
    epochs: collections.Counter[int] = collections.Counter()
    name = f"{world.settings.topic_prefix}predict-1-matches-changelog"
    for record in sorted(world.read(name, full_name=True), key=lambda one: (one.partition(), one.offset())):
        epoch = int.from_bytes(dict(record.headers())["epoch"])
        if epoch < epochs[record.partition()]:
            continue
        epochs[record.partition()] = epoch
        if not record.key().startswith(b"\x00"):
            codec.learn(int.from_bytes(record.value()[1:5]), schema_json("match_state"))
            found[record.key()] = codec.decode(record.value())
    return found


def folded(minutes: int) -> dict[bytes, dict[str, object]]:
    """Return what the states must say after so many minutes."""
    found: dict[str, MatchState] = {}
    for minute in range(minutes):
        for event in minute_of_all(minute):
            before = found.get(event.match_id, MatchState(event.match_id))
            fold = after_match_event if isinstance(event, MatchEvent) else after_feature_event
            found[event.match_id] = fold(before, event)
    return {name.encode(): told(state) for name, state in found.items()}


def told(state: MatchState) -> dict[str, object]:
    return {name: getattr(state, name) for name in ("minute", "scheduled", "home", "away", "features")}


def expected(minutes: int) -> set[str]:
    """Return the ids of the events of so many minutes."""
    return {event.event_id for minute in range(minutes) for event in minute_of_all(minute)}
