"""RatingBook: the state of the ``rate`` role, from team events to ratings features."""

from collections.abc import Iterable
from dataclasses import replace
from hashlib import blake2b
from itertools import groupby

from features.divisions import DivisionRates
from features.rating_records import DAY_MS, BaseRating, Changes, Fixture, RatingClock
from features.rating_window import RatingWindow
from features.ratings import Ratings
from features.remembered import digest, signed
from features.team_ratings import FinishedMatch, TeamRating
from schemas.records import FeatureEvent, TeamEvent

__all__ = ["DAY_MS", "SOURCE", "BaseRating", "Changes", "Fixture", "RatingBook", "RatingClock"]

OPEN_DAYS = 7  # after its kick-off a match without a result hears no more of its teams
SOURCE = "ratings"


class RatingBook:
    """Ratings of all teams and what is open; one owner, who calls ``after`` for each team event in log order.

    What it holds is a function of the newest team event of each match and of the highest event time, not of the order
    in which matches are heard. A repeated event id changes nothing (but the clock, if that was not written).
    """

    def __init__(self, base: Iterable[TeamRating] = (), clock: RatingClock | None = None) -> None:
        self._clock = clock or RatingClock()
        known = Ratings.of(base, self._clock.divisions)
        self._window = RatingWindow(known, self._clock.base_day, self._clock.base_day)
        self._fixtures: dict[str, Fixture] = {}
        self._open: dict[str, set[str]] = {}
        self._written_base: dict[str, TeamRating | None] = {}
        self._touched: set[str] = set()
        self._dropped: set[str] = set()
        self._written_clock: RatingClock | None = clock

    @classmethod
    def restore(
        cls, bases: Iterable[BaseRating], fixtures: Iterable[Fixture], clock: RatingClock | None
    ) -> "RatingBook":
        """Return the book whose written records these are, also when its last ``Changes`` were written in part."""
        clock = clock or RatingClock()
        ratings = [base.rating if base.base_day <= clock.base_day else base.previous for base in bases]
        book = cls([rating for rating in ratings if rating is not None], clock)
        for fixture in fixtures:
            if book._outlived(fixture):
                book._dropped.add(fixture.match_id)
            else:
                book._put(fixture)
        book._window.advance(clock.day)
        book._touched.clear()
        return book

    @classmethod
    def seeded(cls, results: Iterable[FinishedMatch], day: int) -> "RatingBook":
        """Return a book that begins on *day* with all *results* of earlier days in its base."""
        base = Ratings()
        earlier = sorted((result for result in results if result.day < day), key=lambda result: result.day)
        for _, those in groupby(earlier, lambda result: result.day):
            base.fold_day(those)
        book = cls(base.teams.values(), RatingClock(day, day, day * DAY_MS, divisions=_sorted(base)))
        book._written_clock = None
        book._written_base = dict.fromkeys(base.teams)
        return book

    @property
    def clock(self) -> RatingClock:
        """How far the book is."""
        return self._clock

    def rating(self, team: str) -> TeamRating:
        """Return the team's rating after all closed days."""
        return self._window.rating(team, self._clock.day)

    def ratings(self) -> list[TeamRating]:
        """Return the rating of every team that has played, after all closed days."""
        return self._window.ratings()

    def has_heard(self, event: TeamEvent) -> bool:
        """Tell whether *event* is a repeat."""
        fixture = self._fixtures.get(event.match_id)
        return fixture is not None and signed(digest(event.event_id)) in fixture.heard

    def after(self, event: TeamEvent) -> list[FeatureEvent]:
        """Fold *event*; return a feature event for each open fixture that is new or whose teams moved."""
        moved = self._advance(event.occurred_at_ms)
        news: set[str] = set()
        if not self.has_heard(event):
            new = _fixture(event, self._fixtures.get(event.match_id))
            moved |= self._ignore(new) if self._outlived(new) else self._put(new)
            news |= {new.match_id} & self._fixtures.keys()
        for name in moved:
            news |= self._open.get(name, set())
        return [said for match_id in sorted(news) if (said := self._say(self._fixtures[match_id])) is not None]

    def changed(self) -> Changes:
        """Return what has changed since the last call, and forget it."""
        base_day = self._clock.base_day
        changes = Changes(
            [
                BaseRating(self._window.base.teams[team], base_day, was)
                for team, was in sorted(self._written_base.items())
            ],
            [self._fixtures[match_id] for match_id in sorted(self._touched)],
            self._clock if self._clock != self._written_clock else None,
            sorted(self._dropped),
        )
        self._written_base.clear()
        self._touched.clear()
        self._dropped.clear()
        self._written_clock = self._clock
        return changes

    def _advance(self, occurred_at_ms: int) -> set[str]:
        clock = self._clock
        if occurred_at_ms <= clock.occurred_at_ms:
            return set()
        day = occurred_at_ms // DAY_MS
        self._clock = replace(clock, occurred_at_ms=occurred_at_ms, day=max(day, clock.day))
        if day <= clock.day:
            return set()
        moved, was = self._window.advance(day)
        for team, rating in was.teams.items():
            self._written_base.setdefault(team, rating if rating.matches else None)
        self._clock = replace(self._clock, base_day=self._window.base_day)
        if was.divisions:
            self._clock = replace(self._clock, divisions=_sorted(self._window.base))
        for fixture in [one for one in self._fixtures.values() if self._outlived(one)]:
            self._drop(fixture)
        return moved

    def _outlived(self, fixture: Fixture) -> bool:
        return fixture.day < self._clock.base_day

    def _put(self, new: Fixture) -> set[str]:
        old = self._fixtures.get(new.match_id)
        if old is not None:
            self._close(old)
        self._fixtures[new.match_id] = new
        self._touched.add(new.match_id)
        self._dropped.discard(new.match_id)
        if new.open:
            for name in _names(new):
                self._open.setdefault(name, set()).add(new.match_id)
        return self._window.replace(old.result if old is not None else None, new.result)

    def _ignore(self, new: Fixture) -> set[str]:
        if new.result is not None:
            self._clock = replace(self._clock, too_late=self._clock.too_late + 1)
        old = self._fixtures.get(new.match_id)
        if old is None:
            return set()
        self._drop(old)  # its kick-off has moved out of the window
        return self._window.replace(old.result, None)

    def _drop(self, fixture: Fixture) -> None:
        self._close(fixture)
        del self._fixtures[fixture.match_id]
        self._touched.discard(fixture.match_id)
        self._dropped.add(fixture.match_id)

    def _close(self, fixture: Fixture) -> None:
        for name in _names(fixture):
            open_ones = self._open.get(name, set())
            open_ones.discard(fixture.match_id)
            if not open_ones:
                self._open.pop(name, None)

    def _say(self, fixture: Fixture) -> FeatureEvent | None:
        if not fixture.open or fixture.kick_off_ms + OPEN_DAYS * DAY_MS < self._clock.occurred_at_ms:
            return None
        values = self._window.values(fixture)
        if values == fixture.values:
            return None
        as_of_ms = max(fixture.as_of_ms + 1, self._clock.occurred_at_ms)
        self._fixtures[fixture.match_id] = replace(fixture, as_of_ms=as_of_ms, values=values)
        self._touched.add(fixture.match_id)
        return FeatureEvent(_event_id(fixture.match_id, as_of_ms), fixture.match_id, SOURCE, as_of_ms, values)


def _fixture(event: TeamEvent, old: Fixture | None) -> Fixture:
    heard = signed(digest(event.event_id))
    return Fixture(
        event.match_id,
        event.kick_off_ms,
        event.competition,
        event.home_team,
        event.away_team,
        event.neutral,
        event.home_score,
        event.away_score,
        event.cancelled,
        (*old.heard, heard) if old else (heard,),
        old.as_of_ms if old else 0,
        old.values if old else {},
    )


def _names(fixture: Fixture) -> tuple[str, str, str]:
    """Return those on whose ratings the values of *fixture* depend."""
    return fixture.home_team, fixture.away_team, fixture.competition


def _sorted(ratings: Ratings) -> tuple[DivisionRates, ...]:
    return tuple(ratings.divisions[name] for name in sorted(ratings.divisions))


def _event_id(match_id: str, as_of_ms: int) -> str:
    return blake2b(f"{SOURCE}/{as_of_ms}/{match_id}".encode(), digest_size=16).hexdigest()
