"""What must come out of a log: a slow and obvious fold of the events of one match, written from the documents alone.

It shares no code with what it checks. A match is a set of events: an event counts once by its id, a CORRECTION strikes
one off for ever, a TICK only raises the clock. An event which changes none of this is a repeat.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

DAY_MS = 86_400_000
GOALS = ("GOAL", "OWN_GOAL", "PENALTY_GOAL")
COUNTED = {
    "RED_CARD": "red_cards",
    "YELLOW_CARD": "yellow_cards",
    "SHOT": "shots",
    "CORNER": "corners",
    "SUBSTITUTION": "substitutions",
}
MARKS = {"KICK_OFF": "kick_offs", "HALF_TIME": "half_times", "CANCELLED": "cancellations"}
ABOUT_TEAMS = ("SCHEDULED", "FULL_TIME", "CANCELLED", "CORRECTION")
FIXTURE = ("occurred_at_ms", "event_id", "home_team", "away_team", "competition", "neutral", "kick_off_ms")

Source = tuple[str, int, int]  # topic without prefix, partition, offset
Said = tuple[int, int, int]  # what a prediction says of the match: minute (-1 before it), home goals, away goals


def digest(event_id: str) -> bytes:
    return blake2b(event_id.encode(), digest_size=8).digest()


def number(event_id: str) -> int:
    return int.from_bytes(digest(event_id), "big", signed=True)


@dataclass
class Match:
    """One match, as far as its log has been read."""

    events: dict[str, dict[str, Any]] = field(default_factory=dict)  # all but TICKs and CORRECTIONs, by id
    struck: set[str] = field(default_factory=set)
    minute: int = 0
    last_event_ms: int = 0
    known: dict[str, dict[str, Any]] = field(default_factory=dict)  # newest feature event by source
    applied_match: int = -1
    applied_feature: int = -1
    waiting: dict[Source, dict[str, Any]] = field(default_factory=dict)

    def counting(self, *kinds: str, side: str | None = None) -> list[dict[str, Any]]:
        """Return the events of *kinds* which have not been struck off."""
        found = [event for event_id, event in self.events.items() if event_id not in self.struck]
        return [event for event in found if event["kind"] in kinds and side in (None, event.get("side"))]

    def newest(self, kind: str) -> dict[str, Any] | None:
        return max(self.counting(kind), key=lambda event: (event["occurred_at_ms"], event["event_id"]), default=None)

    def takes(self, event: dict[str, Any]) -> bool:
        """Take a match event in; return whether it changed anything."""
        if event["kind"] == "TICK":
            higher = event["minute"] > self.minute
            self.minute = max(self.minute, event["minute"])
            return higher
        new = event["minute"] > self.minute or event["occurred_at_ms"] > self.last_event_ms
        self.minute = max(self.minute, event["minute"])
        self.last_event_ms = max(self.last_event_ms, event["occurred_at_ms"])
        if event["kind"] == "CORRECTION":
            new |= event["corrects"] not in self.struck
            self.struck.add(event["corrects"])
        elif event["event_id"] not in self.struck and event["event_id"] not in self.events:
            new = True
            self.events[event["event_id"]] = event
        return new

    def takes_feature(self, event: dict[str, Any]) -> bool:
        """Take a feature event in; of each source the highest as_of_ms wins, then the higher digest."""
        before = self.known.get(event["source"])
        order = (event["as_of_ms"], number(event["event_id"]))
        if before is not None and (before["as_of_ms"], number(before["event_id"])) >= order:
            return False
        self.known[event["source"]] = event
        return True

    def says(self) -> Said:
        """Return what a prediction made now says of the match."""
        started = self.minute or self.counting("KICK_OFF", "HALF_TIME", "FULL_TIME")
        home, away = (len(self.counting(*GOALS, side=side)) for side in ("HOME", "AWAY"))
        return (self.minute if started else -1, home, away)

    def about_teams(self) -> tuple[object, ...]:
        """Return what the rating fold hears of: fixture, result, whether it is cancelled."""
        fixture, result = self.newest("SCHEDULED"), self.newest("FULL_TIME")
        return (
            fixture and tuple(fixture[name] for name in FIXTURE[2:]),
            result and (result["home_score"], result["away_score"]),
            bool(self.counting("CANCELLED")),
        )

    def expires_at_ms(self) -> int:
        """Return the event time after which it may leave the table."""
        ends = [event["occurred_at_ms"] for kind in ("FULL_TIME", "CANCELLED") if (event := self.newest(kind))]
        if ends:
            return max(ends) + DAY_MS
        fixture = self.newest("SCHEDULED")
        if fixture and self.says()[0] == -1:
            return int(fixture["kick_off_ms"]) + 7 * DAY_MS
        heard = [event["as_of_ms"] for event in self.known.values()]
        heard += [event.get("occurred_at_ms", event.get("as_of_ms", 0)) for event in self.waiting.values()]
        heard += [fixture["kick_off_ms"]] if fixture else []
        return max(self.last_event_ms, *heard, 0) + 7 * DAY_MS

    def record(self, match_id: str) -> dict[str, Any]:
        """Return the state record this match must have; ``held`` as the sorted (topic, offset) of what waits."""
        return {
            "match_id": match_id,
            "minute": self.minute,
            "last_event_ms": self.last_event_ms,
            "scheduled": self._sorted("SCHEDULED", FIXTURE),
            "results": self._sorted("FULL_TIME", ("occurred_at_ms", "event_id", "home_score", "away_score")),
            **{name: self._sorted(kind, ("occurred_at_ms", "event_id", "minute")) for kind, name in MARKS.items()},
            "home": self._tally("HOME"),
            "away": self._tally("AWAY"),
            "struck": b"".join(sorted(digest(event_id) for event_id in self.struck)),
            "features": {
                source: {"as_of_ms": event["as_of_ms"], "event": number(event["event_id"]), "values": event["values"]}
                for source, event in self.known.items()
            },
            "applied_match": self.applied_match,
            "applied_feature": self.applied_feature,
            "held": sorted((topic, offset) for topic, _, offset in self.waiting),
        }

    def _sorted(self, kind: str, names: tuple[str, ...]) -> list[dict[str, Any]]:
        rows = sorted(tuple(event[name] for name in names) for event in self.counting(kind))
        return [dict(zip(names, row, strict=True)) for row in rows]

    def _tally(self, side: str) -> dict[str, Any]:
        goals = sorted((event["minute"], number(event["event_id"])) for event in self.counting(*GOALS, side=side))
        cards = {
            name: b"".join(sorted(digest(event["event_id"]) for event in self.counting(kind, side=side)))
            for kind, name in COUNTED.items()
        }
        return {"goals": [{"minute": minute, "event": event} for minute, event in goals], **cards}


@dataclass
class Reference:
    """What a log must lead to, over all matches.

    Attributes:
        predicted: What each prediction must say, by its source; None where it depends on which topic was read first.
        repeats: Records which change nothing.
        team_events: Ids of the events which the rating fold must hear of, as (match_id, event_id).
        watermarks: Highest event time by partition.
    """

    matches: dict[tuple[int, str], Match] = field(default_factory=lambda: defaultdict(Match))
    predicted: dict[Source, Said | None] = field(default_factory=dict)
    repeats: set[Source] = field(default_factory=set)
    team_events: set[tuple[str, str]] = field(default_factory=set)
    watermarks: dict[int, int] = field(default_factory=lambda: defaultdict(int))

    def take_match_event(self, source: Source, event: dict[str, Any]) -> None:
        """Take the next record of match-events of its partition."""
        match = self.matches[source[1], event["match_id"]]
        about_teams = match.about_teams() if event["kind"] in ABOUT_TEAMS else ()
        if not match.takes(event):
            self.repeats.add(source)
            return
        match.applied_match = source[2]
        self._note_time(source, event["occurred_at_ms"])
        self._predict(match, source, event)
        fixture = match.newest("SCHEDULED")
        if fixture and event["kind"] in ABOUT_TEAMS and about_teams != match.about_teams():
            self.team_events.add((event["match_id"], event["event_id"]))

    def take_feature_event(self, source: Source, event: dict[str, Any]) -> None:
        """Take the next record of feature-events of its partition, after all match events."""
        match = self.matches[source[1], event["match_id"]]
        if not match.takes_feature(event):
            self.repeats.add(source)
            return
        match.applied_feature = source[2]
        self._note_time(source, event["as_of_ms"])
        if match.newest("SCHEDULED"):
            self.predicted[source] = None
        else:
            match.waiting[source] = event

    def _note_time(self, source: Source, at_ms: int) -> None:
        self.watermarks[source[1]] = max(self.watermarks[source[1]], at_ms)

    def _predict(self, match: Match, source: Source, event: dict[str, Any]) -> None:
        match.waiting[source] = event
        if match.newest("SCHEDULED"):
            says = match.says()
            self.predicted |= dict.fromkeys(match.waiting, says)
            match.waiting.clear()
