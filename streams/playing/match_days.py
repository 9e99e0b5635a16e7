"""Which matches are played, and their events by match day."""

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from difflib import get_close_matches
from itertools import groupby
from math import inf
from pathlib import Path
from typing import Any

from features.history import EPOCH, HistoricMatch
from features.match_state import event_time_ms
from features.narrative import DAY_MS, kick_off_of, narrate
from features.rating_book import SOURCE
from schemas.records import EventKind, FeatureEvent, MatchEvent
from streams.playing.errors import PlayError
from streams.records_io import RecordsFileError, read_file

KickOff = Callable[[HistoricMatch], int]


@dataclass(frozen=True, slots=True)
class MatchDay:
    """The events of one day.

    Attributes:
        day: Days since the epoch, UTC.
        fixtures: Every SCHEDULED; played first, since ratings follow them.
        course: All other events, in the order in which they are sent.
        told: Users' feature events, by their time.
    """

    day: int
    fixtures: Sequence[MatchEvent]
    course: Sequence[MatchEvent]
    told: Sequence[FeatureEvent] = ()

    @property
    def date(self) -> date:
        """The day in the calendar."""
        return EPOCH + timedelta(days=self.day)

    @property
    def events(self) -> int:
        """Number of events of its matches."""
        return len(self.fixtures) + len(self.course)

    @property
    def waves(self) -> Sequence[Sequence[MatchEvent | FeatureEvent]]:
        """Its events in waves, each of one kind, which follow one another.

        Two topics have no order between them. So what a source says of a match is a wave after the events of that
        match before it, and before those after it; at the same time it comes last. Matches do not wait for each other.
        """
        found: list[list[MatchEvent | FeatureEvent]] = [[*self.fixtures]]
        place: dict[str, int] = {}
        for event in _merged(self.course, self.told):
            wave, odd = place.get(event.match_id, 1), isinstance(event, MatchEvent)
            wave += wave % 2 != odd
            found += [[] for _ in range(wave + 1 - len(found))]
            found[wave].append(event)
            place[event.match_id] = wave
        return [wave for wave in found if wave]


def _merged(course: Sequence[MatchEvent], told: Sequence[FeatureEvent]) -> Iterator[MatchEvent | FeatureEvent]:
    rest = deque(told)
    for event in course:
        while rest and rest[0].as_of_ms < event.occurred_at_ms:
            yield rest.popleft()
        yield event
    yield from rest


@dataclass(frozen=True, slots=True)
class Choice:
    """Which matches of the history are wanted; None does not restrict."""

    first: date | None = None
    last: date | None = None
    tournament: str | None = None

    def takes(self, match: HistoricMatch) -> bool:
        """Tell whether *match* is wanted."""
        return (
            (self.first is None or self.first <= match.day)
            and (self.last is None or match.day <= self.last)
            and (self.tournament is None or match.competition == self.tournament)
        )


def chosen(matches: Iterable[HistoricMatch], choice: Choice) -> list[HistoricMatch]:
    """Return the matches which *choice* takes.

    Raises:
        PlayError: There are none.
    """
    known = list(matches)
    found = [match for match in known if choice.takes(match)]
    if not found:
        raise PlayError(_why_none(known, choice))
    return found


def _why_none(known: Sequence[HistoricMatch], choice: Choice) -> str:
    names = sorted({match.competition for match in known})
    if choice.tournament is not None and choice.tournament not in names:
        near = get_close_matches(choice.tournament, names, n=3, cutoff=0.4)
        return f"no tournament is called {choice.tournament!r}" + (f"; near it are {', '.join(near)}" if near else "")
    days = f"from {choice.first or 'the beginning'} until {choice.last or 'the end'}"
    return f"no match of {choice.tournament or 'any tournament'} was played {days}"


def historic_days(matches: Iterable[HistoricMatch], kick_off: KickOff = kick_off_of) -> list[MatchDay]:
    """Return the days of *matches*, each match narrated from its kick-off, events of a day by event time."""
    ordered = sorted(matches, key=lambda match: (match.day, match.match_id))
    return [
        _match_day((day - EPOCH).days, [event for match in those for event in narrate(match, kick_off(match))])
        for day, those in groupby(ordered, lambda match: match.day)
    ]


def recorded_days(events: Iterable[MatchEvent]) -> list[MatchDay]:
    """Return the days of *events* by event time; within a day they keep their order."""
    days: dict[int, list[MatchEvent]] = {}
    for event in events:
        days.setdefault(event.occurred_at_ms // DAY_MS, []).append(event)
    return [_split(day, those) for day, those in sorted(days.items())]


def read_events(file: Path) -> list[MatchEvent]:
    """Return the match events in *file*: lines as `touchline produce` takes them, or as `touchline tail --json` prints.

    Raises:
        PlayError: A line is none, or there are no lines.
    """
    return _read(file, "match-events")


def read_told(file: Path) -> list[FeatureEvent]:
    """Return the feature events in *file*, but for those which the rate role tells anew; see `read_events`.

    Raises:
        PlayError: A line is none, or there are no lines.
    """
    return [event for event in _read(file, "feature-events") if event.source != SOURCE]


def _read(file: Path, topic: str) -> list[Any]:
    try:
        return read_file(file, topic)
    except RecordsFileError as error:
        raise PlayError(str(error)) from error


def with_told(days: Sequence[MatchDay], told: Iterable[FeatureEvent]) -> list[MatchDay]:
    """Return *days*, and on each what of *told* is of a match that has a fixture by then, and no later than its end.

    An event of before the fixture's day is told on that day.
    """
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for place, day in enumerate(days):
        for event in day.fixtures:
            first.setdefault(event.match_id, place)
        for event in day.course:
            last[event.match_id] = max(event.occurred_at_ms, last.get(event.match_id, event.occurred_at_ms))
    found: list[list[FeatureEvent]] = [[] for _ in days]
    numbers = [day.day for day in days]
    for one in sorted(told, key=event_time_ms):
        if one.match_id in first and one.as_of_ms <= last.get(one.match_id, -inf):
            place = max(first[one.match_id], bisect_left(numbers, one.as_of_ms // DAY_MS))
            found[min(place, len(days) - 1)].append(one)
    return [replace(day, told=those) for day, those in zip(days, found, strict=True)]


def _match_day(day: int, events: Sequence[MatchEvent]) -> MatchDay:
    return _split(day, sorted(events, key=lambda event: event.occurred_at_ms))


def _split(day: int, events: Sequence[MatchEvent]) -> MatchDay:
    fixtures = [event for event in events if event.kind is EventKind.SCHEDULED]
    return MatchDay(day, fixtures, [event for event in events if event.kind is not EventKind.SCHEDULED])
