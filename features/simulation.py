"""Seasons of simulated matches: the same seed gives the same events, with the disorder that real feeds have.

Every day one round is played: each team of the league meets another, all at once or one match after the other. Goals
are Poisson with the rates of `goal_rates`; a match's events come in the order of their times, except for those which
are late or repeated.
"""

import heapq
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from random import Random

from features.simulated_match import Fixture, Team, played
from schemas.records import EventKind, MatchEvent

DAY_MS = 86_400_000
_HOUR_MS = 3_600_000
_KICK_OFF_MS = 15 * _HOUR_MS  # the first of its day
_ANNOUNCED_MS = DAY_MS + _HOUR_MS // 2  # before kick-off, while the round before is played or shortly before it
MOST_HOURS = 21.0
"""Over which a round may kick off: all matches of a day are over before the next round, late events too."""
_LATE_MS = (65_000, 600_000)  # a minute passes at least, so that a TICK overtakes
_AGAIN_MS = (0, 300_000)
_SPREAD = 0.3  # standard deviation of a team's attack and defence, in log goals
_FIRST = ("North", "South", "East", "West", "Old", "New", "Upper", "Lower", "Port", "Lake")
_LAST = ("Harbour", "Bridge", "Mill", "Castle", "Field", "Cross", "Hill", "Ferry", "Abbey", "Forge")


class Sending(StrEnum):
    """How an event is sent."""

    DISTINCT = "distinct"
    LATE = "late"
    REPEATED = "repeated"


@dataclass(frozen=True, slots=True)
class SimulatedEvent:
    """One event as a feed sends it.

    Attributes:
        sent_ms: When, in the simulation's time; the stream is in this order.
        sending: LATE when a later event of its match was sent before; REPEATED when it was itself.
    """

    sent_ms: int
    event: MatchEvent
    sending: Sending


@dataclass(frozen=True)
class Simulation:
    """A league and how its feed misbehaves.

    Attributes:
        matches: Played on a day; the league has twice as many teams.
        start_ms: The first round is played on this day.
        late: Share of a running match's events which are sent after later ones.
        repeated: Share of events which are sent twice.
        corrections: Share of goals and cards which are struck off.
        hours: Over which the matches of a day kick off, evenly; 0 for all at once. At most MOST_HOURS.
    """

    matches: int = 50
    start_ms: int = 0
    late: float = 0.1
    repeated: float = 0.1
    corrections: float = 0.02
    seed: int = 1
    hours: float = 0.0

    def __post_init__(self) -> None:
        if self.matches < 1:
            raise ValueError(f"{self.matches} matches at a time are too few: at least 1")
        for name in ("late", "repeated", "corrections"):
            share = getattr(self, name)
            if not 0 <= share <= 1:
                raise ValueError(f"{name} is a share from 0 to 1, not {share}")
        if not 0 <= self.hours <= MOST_HOURS:
            raise ValueError(f"matches kick off over 0 to {MOST_HOURS:g} hours of a day, not {self.hours}")

    @cached_property
    def teams(self) -> Sequence[Team]:
        """The league: strengths are log goals above the mean, with the deviation _SPREAD."""
        chance = Random(f"{self.seed} teams")  # noqa: S311 - a simulation, and repeatable on purpose
        return [
            Team(_name(number), chance.gauss(0, _SPREAD), chance.gauss(0, _SPREAD))
            for number in range(2 * self.matches)
        ]

    def fixtures(self, day: int) -> list[Fixture]:
        """Return the matches of round *day*: by the circle method, so that every team meets every other."""
        first = self.start_ms - self.start_ms % DAY_MS + day * DAY_MS + _KICK_OFF_MS
        apart_ms = self.hours * _HOUR_MS / self.matches
        found = []
        for number, (home, away) in enumerate(round_robin(len(self.teams), day)):
            name = f"sim-{self.seed}-{first // DAY_MS}-{home}-{away}"
            found.append(Fixture(name, self.teams[home], self.teams[away], first + int(number * apart_ms)))
        return found

    def events(self) -> Iterator[SimulatedEvent]:
        """Yield what the feed sends, for ever; each fixture is announced half an hour and a day before it is played.

        The next round is made ready match by match while this one is sent, so that no event waits for a whole round.
        """
        ready = list(self._matches(0))
        yield from self._announced(0)
        for day in itertools.count():
            parts = [self._announced(day + 1), *ready]
            making, ready = self._matches(day + 1), []
            pace = sum(map(len, parts)) // self.matches
            for place, each in enumerate(heapq.merge(*parts, key=lambda each: each.sent_ms)):
                if place % pace == 0:
                    ready += itertools.islice(making, 1)
                yield each
            ready += making

    def _announced(self, day: int) -> list[SimulatedEvent]:
        chance = Random(f"{self.seed} announced {day}")  # noqa: S311 - as above
        events = [
            SimulatedEvent(event.occurred_at_ms, event, Sending.DISTINCT)
            for event in (_scheduled(fixture) for fixture in self.fixtures(day))
        ]
        again = [replace(sent, sending=Sending.REPEATED) for sent in events if chance.random() < self.repeated]
        return sorted([*events, *again], key=lambda each: each.sent_ms)

    def _matches(self, day: int) -> Iterator[list[SimulatedEvent]]:
        for fixture in self.fixtures(day):
            chance = Random(f"{self.seed} {fixture.match_id}")  # noqa: S311 - as above
            yield _sent(played(fixture, self.corrections, chance), self.late, self.repeated, chance)


def round_robin(teams: int, day: int) -> list[tuple[int, int]]:
    """Return who meets whom on *day*; after teams - 1 days everyone has met everyone, then sides change.

    >>> round_robin(4, 0), round_robin(4, 1)
    ([(0, 3), (2, 1)], [(1, 3), (0, 2)])
    """
    others = teams - 1
    season, turn = divmod(day, others)
    pairs = [(turn % others, others)] + [
        ((turn + step) % others, (turn - step) % others) for step in range(1, teams // 2)
    ]
    return [(away, home) if (season + step) % 2 else (home, away) for step, (home, away) in enumerate(pairs)]


def _scheduled(fixture: Fixture) -> MatchEvent:
    return MatchEvent(
        event_id=f"{fixture.match_id}-scheduled",
        match_id=fixture.match_id,
        kind=EventKind.SCHEDULED,
        occurred_at_ms=fixture.kick_off_ms - _ANNOUNCED_MS,
        home_team=fixture.home.name,
        away_team=fixture.away.name,
        competition="Simulated League",
        neutral=False,
        kick_off_ms=fixture.kick_off_ms,
    )


def _sent(events: Sequence[MatchEvent], late: float, repeated: float, chance: Random) -> list[SimulatedEvent]:
    """Return one match's events in the order in which they are sent, each with what that makes of it."""
    sendings: list[tuple[int, MatchEvent]] = []
    for event in events:
        delay = chance.randint(*_LATE_MS) if chance.random() < late else 0
        sendings.append((event.occurred_at_ms + delay, event))
        if chance.random() < repeated:
            sendings.append((event.occurred_at_ms + delay + chance.randint(*_AGAIN_MS), event))
    sendings.sort(key=lambda sending: sending[0])
    newest, seen = -math.inf, set()
    found = []
    for sent_ms, event in sendings:
        again, behind = event.event_id in seen, event.occurred_at_ms < newest
        sending = Sending.REPEATED if again else Sending.LATE if behind else Sending.DISTINCT
        found.append(SimulatedEvent(sent_ms, event, sending))
        newest = max(newest, event.occurred_at_ms)
        seen.add(event.event_id)
    return found


def _name(number: int) -> str:
    """Return a team's name.

    >>> _name(0), _name(101)
    ('North Harbour', 'South Harbour 2')
    """
    cycle, place = divmod(number, len(_FIRST) * len(_LAST))
    name = f"{_FIRST[place % len(_FIRST)]} {_LAST[place // len(_FIRST)]}"
    return name if cycle == 0 else f"{name} {cycle + 1}"
