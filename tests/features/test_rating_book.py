from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.rating_book import DAY_MS, BaseRating, Changes, Fixture, RatingBook, RatingClock
from features.rating_window import WINDOW_DAYS
from features.ratings import Ratings
from features.team_ratings import FinishedMatch, TeamRating
from schemas.records import TeamEvent, TeamEventKind

HOUR_MS = 3_600_000
TEAMS = ["Ajax", "PSV", "Twente", "Utrecht"]
FIRST_DAY = 100


def told(
    match_id: str,
    day: int,
    *score: int,
    at: int,
    name: str = "",
    teams: tuple[str, str] = ("Ajax", "PSV"),
    competition: str = "nl.1",
) -> TeamEvent:
    """Say of a match on *day* what is known *at* some hour (since the epoch): nothing more, or its score."""
    kind = TeamEventKind.FULL_TIME if score else TeamEventKind.SCHEDULED
    return TeamEvent(
        name or f"{match_id}/{kind}",
        match_id,
        kind,
        at * HOUR_MS,
        day * DAY_MS + 12 * HOUR_MS,
        competition,
        *teams,
        neutral=False,
        home_score=score[0] if score else None,
        away_score=score[1] if score else None,
    )


def slowly(results: list[FinishedMatch], until: int) -> Ratings:
    ratings = Ratings()
    for result in sorted((one for one in results if one.day < until), key=lambda one: (one.day, one.match_id)):
        ratings.fold_day([result])
    return ratings


def as_result(event: TeamEvent) -> FinishedMatch:
    assert event.home_score is not None
    assert event.away_score is not None
    return FinishedMatch(
        event.match_id,
        event.kick_off_ms // DAY_MS,
        event.competition,
        event.home_team,
        event.away_team,
        event.neutral,
        event.home_score,
        event.away_score,
    )


@st.composite
def seasons(draw: st.DrawFn) -> list[list[TeamEvent]]:
    """For each match its team events in order: scheduled, a result within the window, perhaps a correction."""
    season = []
    for n in range(draw(st.integers(1, 12))):
        day = FIRST_DAY + draw(st.integers(0, 20))
        home, away, *_ = draw(st.permutations(TEAMS))
        pair = home, away
        goals = st.integers(0, 4)
        late = draw(st.integers(0, 9))
        facts = [told(f"m{n}", day, at=(day - 2) * 24, teams=pair)]
        facts.append(told(f"m{n}", day, draw(goals), draw(goals), at=(day + late) * 24 + 14, teams=pair))
        if draw(st.booleans()):
            facts.append(
                told(f"m{n}", day, draw(goals), draw(goals), at=(day + late) * 24 + 20, name=f"m{n}/again", teams=pair)
            )
        season.append(facts)
    return season


@st.composite
def arrivals(draw: st.DrawFn) -> list[TeamEvent]:
    """A season in an order which Kafka may give: any between matches, each match in its own."""
    season = draw(seasons())
    turns = draw(st.permutations([n for n, facts in enumerate(season) for _ in facts]))
    left = [iter(facts) for facts in season]
    return [next(left[n]) for n in turns]


def folded(events: list[TeamEvent], book: RatingBook | None = None) -> RatingBook:
    book = book or RatingBook()
    for event in events:
        book.after(event)
    return book


def ratings_of(book: RatingBook) -> dict[str, TeamRating]:
    return {team: book.rating(team) for team in TEAMS}


class Store:
    """What the role has written."""

    def __init__(self) -> None:
        self.bases: dict[str, BaseRating] = {}
        self.fixtures: dict[str, Fixture] = {}
        self.clock: RatingClock | None = None

    def write(self, changes: Changes, records: int = 10**9) -> None:
        """Write the first *records* of *changes*, in their order."""
        steps: list[object] = [*changes.bases, *changes.fixtures]
        steps += [changes.clock] if changes.clock is not None else []
        for step in [*steps, *changes.dropped][:records]:
            match step:
                case BaseRating():
                    self.bases[step.rating.team] = step
                case Fixture():
                    self.fixtures[step.match_id] = step
                case RatingClock():
                    self.clock = step
                case str():
                    self.fixtures.pop(step, None)

    def restored(self) -> RatingBook:
        return RatingBook.restore(self.bases.values(), self.fixtures.values(), self.clock)


@given(arrivals())
def test_the_ratings_are_the_slow_fold_of_the_newest_results(events: list[TeamEvent]) -> None:
    book = folded(events)

    newest = {event.match_id: event for event in events}
    results = [as_result(event) for event in newest.values() if event.home_score is not None]
    slow = slowly(results, book.clock.day)
    assert {team: slow.team(team) for team in TEAMS} == ratings_of(book)


@given(arrivals())
def test_the_last_values_of_an_open_fixture_read_strictly_earlier_days(events: list[TeamEvent]) -> None:
    probes = [told(f"p{day}", day, at=(FIRST_DAY - 3) * 24) for day in range(FIRST_DAY, FIRST_DAY + 40, 3)]
    values = {}
    book = RatingBook()
    for event in [*probes, *events]:
        values.update({said.match_id: said.values for said in book.after(event)})

    newest = {event.match_id: event for event in events}
    results = [as_result(event) for event in newest.values() if event.home_score is not None]
    now_ms = book.clock.occurred_at_ms
    for probe in probes:
        day = probe.kick_off_ms // DAY_MS
        before = slowly(results, min(day, book.clock.day))
        if probe.kick_off_ms + 7 * DAY_MS >= now_ms:
            fixture = Fixture(probe.match_id, probe.kick_off_ms, "nl.1", "Ajax", "PSV", neutral=False)
            assert before.values(fixture) == values[probe.match_id]


@given(arrivals(), st.integers(0, 30))
def test_restoring_is_continuing(events: list[TeamEvent], cut: int) -> None:
    store = Store()
    book = folded(events[:cut])
    store.write(book.changed())
    restored = store.restored()

    later = [[(said.event_id, said.values) for said in one.after(e)] for one in (book, restored) for e in events[cut:]]
    assert later[: len(later) // 2] == later[len(later) // 2 :]
    assert ratings_of(book) == ratings_of(restored)
    assert book.clock == restored.clock
    assert book.changed() == restored.changed()


@given(arrivals())
def test_the_same_events_again_after_a_restore_change_nothing(events: list[TeamEvent]) -> None:
    store = Store()
    store.write(folded(events).changed())
    restored = store.restored()

    assert all(restored.has_heard(event) for event in events)
    assert [] == [said for event in events for said in restored.after(event)]
    assert Changes([], [], None, []) == restored.changed()


@given(arrivals(), st.integers(0, 12), st.integers(0, 25), st.integers(0, 60))
def test_changes_written_in_part_and_folded_again_give_the_same(
    events: list[TeamEvent], cut: int, records: int, jump: int
) -> None:
    far = told("far", FIRST_DAY + 20 + jump, at=(FIRST_DAY + 19 + jump) * 24)
    store = Store()
    book = folded(events[:cut])
    store.write(book.changed())
    store.write(folded([*events[cut:], far], book).changed(), records)

    again = folded([*events[cut:], far], store.restored())
    assert ratings_of(book) == ratings_of(again)
    store.write(again.changed())
    assert ratings_of(book) == ratings_of(store.restored())


def test_a_day_is_closed_by_an_event_of_a_later_day() -> None:
    book = RatingBook()
    book.after(told("m", 100, 2, 0, at=2414))
    same_day = book.rating("Ajax").elo
    book.after(told("n", 101, at=2424))

    assert 1500.0 == same_day
    assert book.rating("Ajax").elo > 1500


def test_a_new_fixture_and_those_whose_teams_or_division_moved_are_told_and_no_other() -> None:
    book = RatingBook()
    first = book.after(told("m", 100, at=2390))
    book.after(told("next", 103, at=2391, teams=("Twente", "Ajax")))
    book.after(told("other", 103, at=2392, teams=("Twente", "Utrecht")))
    book.after(told("cup", 103, at=2392, teams=("Twente", "Utrecht"), competition="Cup"))
    none = book.after(told("m", 100, 2, 0, at=2414))
    moved = book.after(told("far", 300, at=2424, teams=("Twente", "Utrecht")))

    assert ["m"] == [said.match_id for said in first]
    assert [] == none
    assert ["far", "next", "other"] == [said.match_id for said in moved]
    assert {"ratings"} == {said.source for said in moved}


def test_as_of_rises_strictly_and_the_ids_repeat() -> None:
    events = [told("next", 120, at=2390)]
    events += [told("m", 100, n, 0, at=2430, name=f"m/{n}") for n in range(5)]
    book, again = RatingBook(), RatingBook()
    said = [one for event in events for one in book.after(event)]

    assert len(said) > 2
    assert all(one.as_of_ms < other.as_of_ms for one, other in pairwise(said))
    assert said == [one for event in events for one in again.after(event)]


def test_a_result_that_is_corrected_or_struck_off_is_refolded() -> None:
    book = folded([told("m", 100, 2, 0, at=2414), told("n", 101, at=2424)])
    assert book.rating("Ajax").elo > 1500
    book.after(told("m", 100, 0, 2, at=2426, name="better"))
    assert book.rating("Ajax").elo < 1500
    book.after(told("m", 100, at=2427, name="struck"))
    assert book.rating("Ajax").elo == 1500


def test_a_cancelled_match_is_neither_open_nor_rated() -> None:
    book = RatingBook()
    cancelled = replace(told("m", 100, 2, 0, at=2414), cancelled=True, kind=TeamEventKind.CANCELLED)
    assert [] == book.after(cancelled)
    book.after(told("n", 101, at=2424))
    assert 1500 == book.rating("Ajax").elo


def test_a_result_older_than_the_window_is_counted_and_ignored() -> None:
    book = folded([told("n", 200, at=200 * 24)])
    book.after(told("m", 199 - WINDOW_DAYS, 5, 0, at=200 * 24))
    assert (1500, 1) == (book.rating("Ajax").elo, book.clock.too_late)
    book.after(told("m", 200 - WINDOW_DAYS, 5, 0, at=200 * 24, name="in time"))
    assert 1 == book.clock.too_late
    assert book.rating("Ajax").elo > 1500


def test_what_is_over_is_dropped_from_the_book() -> None:
    book = folded([told("m", 100, 1, 0, at=2414), told("open", 100, at=2390)])
    book.changed()
    book.after(told("n", 180, at=179 * 24))

    changes = book.changed()
    assert ["m", "open"] == changes.dropped
    assert ["Ajax", "PSV"] == [base.rating.team for base in changes.bases]
    assert 179 - WINDOW_DAYS == book.clock.base_day


def test_an_open_fixture_hears_no_more_a_week_after_its_kick_off() -> None:
    book = folded([told("open", 100, at=2390)])
    book.after(told("m", 107, 3, 0, at=107 * 24 + 14))
    book.after(told("late", 100, 3, 0, at=107 * 24 + 15))

    assert [] == [
        said for said in book.after(told("n", 130, at=109 * 24, teams=("Twente", "Utrecht"))) if said.match_id == "open"
    ]


def test_a_kick_off_moved_out_of_the_window_takes_the_match_away() -> None:
    book = folded([told("m", 150, 3, 0, at=151 * 24), told("n", 152, at=152 * 24, teams=("Twente", "Utrecht"))])
    assert book.rating("Ajax").elo > 1500
    book.after(told("m", 10, at=152 * 24, name="moved"))
    assert 1500 == book.rating("Ajax").elo


def test_a_seeded_book_is_the_slow_fold_and_is_written_whole() -> None:
    results = [as_result(told(f"m{day}", day, day % 4, day % 3, at=1)) for day in range(50, 120)]
    book = RatingBook.seeded(reversed(results), 100)
    store = Store()
    store.write(book.changed())

    slow = slowly(results, 100)
    assert {team: slow.team(team) for team in TEAMS} == ratings_of(book) == ratings_of(store.restored())
    assert {"Ajax", "PSV"} == {rating.team for rating in store.restored().ratings()}
    assert RatingClock(100, 100, 100 * DAY_MS, divisions=(slow.divisions["nl.1"],)) == store.clock


@pytest.mark.parametrize("records", [0, 1, 2])
def test_a_seed_written_in_part_is_no_seed(records: int) -> None:
    book = RatingBook.seeded([as_result(told("m", 90, 3, 0, at=1))], 100)
    store = Store()
    store.write(book.changed(), records)

    assert 1500 == store.restored().rating("Ajax").elo
