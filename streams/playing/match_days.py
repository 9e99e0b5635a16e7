"""Which matches are played, and their events by match day."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from difflib import get_close_matches
from itertools import groupby
from pathlib import Path

from features.history import EPOCH, HistoricMatch
from features.narrative import DAY_MS, kick_off_of, narrate
from schemas.records import EventKind, MatchEvent
from streams.playing.errors import PlayError
from streams.records_io import BadLine, read_lines, spec_of

KickOff = Callable[[HistoricMatch], int]


@dataclass(frozen=True, slots=True)
class MatchDay:
    """The events of one day.

    Attributes:
        day: Days since the epoch, UTC.
        fixtures: Every SCHEDULED; played first, since ratings follow them.
        course: All other events, in the order in which they are sent.
    """

    day: int
    fixtures: Sequence[MatchEvent]
    course: Sequence[MatchEvent]

    @property
    def date(self) -> date:
        """The day in the calendar."""
        return EPOCH + timedelta(days=self.day)

    @property
    def events(self) -> int:
        """Number of events."""
        return len(self.fixtures) + len(self.course)


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
    found: list[MatchEvent] = []
    try:
        with file.open(encoding="utf-8") as text:
            for line in read_lines((_unwrapped(line) for line in text), spec_of("match-events")):
                if isinstance(line, BadLine):
                    raise PlayError(f"{file}: {line.reason}")
                found.append(line.record)
    except (OSError, UnicodeDecodeError) as error:
        raise PlayError(f"{file} cannot be read: {error}") from error
    if not found:
        raise PlayError(f"{file} holds no events")
    return found


def _unwrapped(line: str) -> str:
    try:
        fields = json.loads(line)
        wrapped = isinstance(fields, dict) and isinstance(fields.get("value"), dict)
        return json.dumps(fields["value"]) if wrapped else line
    except (ValueError, RecursionError):
        return line  # read_lines says what is wrong with it, and where


def _match_day(day: int, events: Sequence[MatchEvent]) -> MatchDay:
    return _split(day, sorted(events, key=lambda event: event.occurred_at_ms))


def _split(day: int, events: Sequence[MatchEvent]) -> MatchDay:
    fixtures = [event for event in events if event.kind is EventKind.SCHEDULED]
    return MatchDay(day, fixtures, [event for event in events if event.kind is not EventKind.SCHEDULED])
