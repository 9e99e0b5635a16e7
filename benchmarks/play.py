"""What all systems of the benchmark work on: matches played at the same time, and what is known before them."""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Final

from benchmarks.peers.job import RATED, ratings
from features.simulated_match import Fixture, Team, played
from schemas.codec import Codec
from schemas.records import EventKind, FeatureEvent, MatchEvent

KICK_OFF_MS: Final = 1_668_960_000_000
EVENTS_OF_A_MATCH: Final = 95  # about; of which each changes what is known
LENGTHS: Final = struct.Struct("<HH")
Record = tuple[bytes, bytes]


@dataclass(frozen=True)
class Play:
    """Records, encoded, as (key, value).

    Attributes:
        scheduled: One a match, for match-events.
        rated: One a match, for feature-events.
        live: The events of all matches by their times; the n-th has event id ``str(n)``.
    """

    scheduled: Sequence[Record]
    rated: Sequence[Record]
    live: Sequence[Record]


def fixtures(count: int) -> Iterator[Fixture]:
    """Yield *count* matches with the same kick-off."""
    for number in range(count):
        home, away = Team(f"Home {number}", 0.0, 0.0), Team(f"Away {number}", 0.0, 0.0)
        yield Fixture(f"2022-11-20 Home {number} - Away {number}", home, away, KICK_OFF_MS)


def scheduled(fixture: Fixture) -> MatchEvent:
    """Return the announcement of *fixture*."""
    return MatchEvent(
        f"{fixture.match_id}-scheduled",
        fixture.match_id,
        EventKind.SCHEDULED,
        KICK_OFF_MS - 86_400_000,
        home_team=fixture.home.name,
        away_team=fixture.away.name,
        competition="Simulated League",
        neutral=False,
        kick_off_ms=KICK_OFF_MS,
    )


def rated(fixture: Fixture) -> FeatureEvent:
    """Return what the ratings say of *fixture*."""
    known = dict(zip(RATED, ratings(fixture.match_id), strict=True))
    return FeatureEvent(f"{fixture.match_id}-rated", fixture.match_id, "ratings", KICK_OFF_MS - 86_400_000, known)


def live(matches: Sequence[Fixture], count: int) -> list[MatchEvent]:
    """Return the first *count* events of *matches*: those which change something, so that each is predicted."""
    found: list[MatchEvent] = []
    for fixture in matches:
        latest = -1
        for event in played(fixture, 0.0, Random(fixture.match_id)):  # noqa: S311 - repeatable on purpose
            if event.kind is not EventKind.TICK or event.minute > latest:
                found.append(event)
            latest = max(latest, event.minute)
    found.sort(key=lambda event: event.occurred_at_ms)
    if len(found) < count:
        raise ValueError(f"{len(matches)} matches have {len(found)} events, fewer than {count}")
    return [replace(event, event_id=str(number)) for number, event in enumerate(found[:count])]


def make_play(matches: int, count: int, events: Codec[MatchEvent], features: Codec[FeatureEvent]) -> Play:
    """Return the first *count* events of *matches* matches, encoded."""
    given = list(fixtures(matches))
    return Play(
        [(one.match_id.encode(), events.encode(scheduled(one))) for one in given],
        [(one.match_id.encode(), features.encode(rated(one))) for one in given],
        [(one.match_id.encode(), events.encode(one)) for one in live(given, count)],
    )


def save(records: Sequence[Record], path: Path) -> None:
    """Write *records* to *path* for a feed in a process of its own."""
    with path.open("wb") as file:
        for key, value in records:
            file.write(LENGTHS.pack(len(key), len(value)) + key + value)


def load(path: Path) -> list[Record]:
    """Return the records of *path*."""
    content, place, found = path.read_bytes(), 0, []
    while place < len(content):
        key, value = LENGTHS.unpack_from(content, place)
        place += LENGTHS.size
        found.append((content[place : place + key], content[place + key : place + key + value]))
        place += key + value
    return found
