import gzip
import os
from dataclasses import replace
from datetime import date
from itertools import groupby, pairwise
from math import log
from pathlib import Path

import pytest

from features.history import (
    HistoricGoal,
    HistoricMatch,
    HistoryError,
    as_result,
    club_matches,
    international_matches,
)
from features.match_state import MatchState, after_match_event
from features.narrative import kick_off_of, narrate
from features.rating_book import RatingBook
from features.team_events import team_event
from features.team_ratings import FinishedMatch, TeamRating, after_result, expected_score
from schemas.records import EventKind

DATA = Path(__file__).parents[3] / "shared" / "data"
MATCHES = "match_id,date,home_team,away_team,home_score,away_score,tournament,neutral,goals_timed\n"
GOALS = "match_id,minute,side,kind\n"
CLUBS = "date,league,home_team,away_team,home_goals,away_goals,ht_home,ht_away\n"


@pytest.fixture(scope="session")
def history() -> list[HistoricMatch]:
    if not DATA.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail(f"no match history in {DATA}")
        pytest.skip(f"no match history in {DATA}")
    return list(international_matches(DATA))


def write(folder: Path, matches: str = "", goals: str = "", clubs: str = "") -> Path:
    for name, text in (
        ("international_matches", MATCHES + matches),
        ("international_goals", GOALS + goals),
        ("club_matches", CLUBS + clubs),
    ):
        (folder / f"{name}.csv.gz").write_bytes(gzip.compress(text.encode()))
    return folder


def test_a_match_comes_with_its_goals_in_order(tmp_path: Path) -> None:
    write(tmp_path, "7,2022-01-02,Ajax,PSV,1,1,Gold Cup,1,0\n", "7,80,A,own\n7,3,H,pen\n7,,H,goal\n")

    (match,) = international_matches(tmp_path)
    goals = (HistoricGoal(3, home=True, kind="pen"), HistoricGoal(80, home=False, kind="own"))
    assert HistoricMatch("7", date(2022, 1, 2), "Ajax", "PSV", 1, 1, "Gold Cup", True, goals, True) == match  # noqa: FBT003 # in the order of the file


def test_goals_are_timed_by_tournament_and_never_by_what_is_recorded(tmp_path: Path) -> None:
    write(tmp_path, "7,2022-01-02,Ajax,PSV,0,0,Friendly,1,1\n8,2022-01-02,Ajax,PSV,3,0,UEFA Euro,1,0\n")

    assert [False, True] == [match.goals_timed for match in international_matches(tmp_path)]


@pytest.mark.parametrize(
    ("matches", "goals", "said"),
    [
        ("7,2022-01-32,Ajax,PSV,1,1,Cup,1,0\n", "", "international_matches.csv.gz, line 2: .*"),
        (
            "7,2022-01-02,Ajax,PSV,1,1,Cup,1,0\n8,2022-01-02,Ajax,PSV,-1,1,Cup,1,0\n",
            "",
            "international_matches.csv.gz, line 3: home_score is '-1', not a whole number from 0 to 99",
        ),
        ("7,2022-01-02,Ajax,,1,1,Cup,1,0\n", "", "line 2: away_team is empty"),
        ("7,2022-01-02,Ajax,PSV,1\n", "", "line 2: 9 columns were expected"),
        ("7,2022-01-02,Ajax,PSV,1,1,Cup,yes,0\n", "", "line 2: neutral is 'yes', not one of 0, 1"),
        ("", "7,200,H,goal\n", "international_goals.csv.gz, line 2: minute is '200', not a whole number from 1 to 150"),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, matches: str, goals: str, said: str) -> None:
    write(tmp_path, matches, goals)

    with pytest.raises(HistoryError, match=said):
        list(international_matches(tmp_path))


def test_a_file_of_another_shape_or_a_damaged_one_is_named(tmp_path: Path) -> None:
    write(tmp_path)
    file = tmp_path / "club_matches.csv.gz"
    file.write_bytes(gzip.compress(b"a,b\n1,2\n"))
    with pytest.raises(HistoryError, match=r"club_matches\.csv\.gz has no column 'home_team'"):
        list(club_matches(tmp_path))
    file.write_bytes(gzip.compress(CLUBS.encode())[:-9])
    with pytest.raises(HistoryError, match=r"club_matches.csv.gz is damaged"):
        list(club_matches(tmp_path))


def test_a_kick_off_may_be_known_and_is_on_the_day(tmp_path: Path) -> None:
    def read(kick_off: str, day: str = "2022-01-02") -> list[HistoricMatch]:
        text = f"{CLUBS.strip()},kick_off\n{day},nl.1,Ajax,PSV,2,1,,,{kick_off}\n"
        (tmp_path / "club_matches.csv.gz").write_bytes(gzip.compress(text.encode()))
        return list(club_matches(tmp_path))

    (known,), (unknown,) = read("2022-01-02T18:45:00+01:00"), read("")
    assert (1_641_145_500_000, None) == (known.kick_off_ms, unknown.kick_off_ms)
    assert known.kick_off_ms == kick_off_of(known)
    assert kick_off_of(unknown) == kick_off_of(replace(known, kick_off_ms=None))
    for wrong in ("2022-01-03T00:30:00+00:00", "2022-01-02T18:45:00", "2022-01-02T00:30:00+01:00"):
        with pytest.raises(HistoryError, match=r"line 2: kick_off is '.*', not a time of 2022-01-02 \(UTC\) such as "):
            read(wrong)
    for wrong in ("tonight", "0001-01-01T00:00:00+09:00"):
        with pytest.raises(HistoryError, match="line 2: "):
            read(wrong)


def test_a_club_match_is_named_by_date_league_and_teams(tmp_path: Path) -> None:
    write(tmp_path, clubs="2022-01-02,nl.1,Ajax,PSV,2,1,,\n")

    (match,) = club_matches(tmp_path)
    assert ("2022-01-02/nl.1/Ajax/PSV", 2, 1) == (match.match_id, match.home_score, match.away_score)


def test_the_real_history_reads_whole(history: list[HistoricMatch]) -> None:
    assert (48_501, 15_784) == (len(history), sum(match.goals_timed for match in history))
    assert all(one.day <= other.day for one, other in pairwise(history))


def elo_log_loss(history: list[HistoricMatch], *, update_first: bool = False) -> float:
    """Return the mean log loss of Elo's expected score on decided matches 2010 to 2021, forecast day by day."""
    ratings: dict[str, TeamRating] = {}

    def pair(match: HistoricMatch) -> tuple[TeamRating, TeamRating]:
        names = match.home_team, match.away_team
        return ratings.get(names[0], TeamRating(names[0])), ratings.get(names[1], TeamRating(names[1]))

    def update(match: HistoricMatch) -> None:
        ratings[match.home_team], ratings[match.away_team] = after_result(*pair(match), as_result(match))

    losses = []
    for day, group in groupby((one for one in history if one.day < date(2022, 1, 1)), lambda match: match.day):
        those = list(group)
        if update_first:
            for match in those:
                update(match)
        for match in those:
            if day >= date(2010, 1, 1) and match.home_score != match.away_score:
                chance = expected_score(*pair(match), neutral=match.neutral)
                losses.append(-log(chance if match.home_score > match.away_score else 1 - chance))
        if not update_first:
            for match in those:
                update(match)
    return sum(losses) / len(losses)


def test_elo_forecasts_well_and_a_planted_off_by_one_is_caught(history: list[HistoricMatch]) -> None:
    honest = elo_log_loss(history)

    assert 0.40 < honest < 0.50
    assert elo_log_loss(history, update_first=True) < honest - 0.02


def test_the_book_s_values_are_those_of_the_plain_walk(history: list[HistoricMatch]) -> None:
    split, until = date(2022, 11, 20), date(2022, 12, 19)
    day = (split - date(1970, 1, 1)).days
    book = RatingBook.seeded((as_result(match) for match in history), day)
    cup = [match for match in history if split <= match.day < until and match.competition == "FIFA World Cup"]
    told = book_values(book, cup)

    ratings = {rating.team: rating for rating in RatingBook.seeded(map(as_result, history), day).ratings()}
    for _, group in groupby(cup, lambda match: match.day):
        those = sorted(group, key=lambda match: match.match_id)
        for match in those:
            assert (ratings[match.home_team].elo, ratings[match.away_team].elo) == told[match.match_id]
        for match in those:
            pair = after_result(ratings[match.home_team], ratings[match.away_team], as_result(match))
            ratings[match.home_team], ratings[match.away_team] = pair
    assert 64 == len(told)


def book_values(book: RatingBook, matches: list[HistoricMatch]) -> dict[str, tuple[float | None, float | None]]:
    """Return both sides' Elo as the book last told it of each match, from the matches' own events."""
    states = {match.match_id: MatchState(match.match_id) for match in matches}
    events = [event for match in matches for event in narrate(match, kick_off_of(match))]
    told = {}
    for event in sorted(events, key=lambda event: (event.occurred_at_ms, event.match_id)):
        before = states[event.match_id]
        states[event.match_id] = after_match_event(before, event)
        team = team_event(before, states[event.match_id], event)
        for said in book.after(team) if team is not None else []:
            told[said.match_id] = said.values["home_elo"], said.values["away_elo"]
    return told


def test_the_narrative_of_every_timed_match_ends_in_its_score(history: list[HistoricMatch]) -> None:
    contradict = 0
    timed = [match for match in history if match.goals_timed and match.day.year >= 2015]
    for match in timed:
        state = MatchState(match.match_id)
        for event in narrate(match, kick_off_of(match)):
            if event.kind is not EventKind.TICK:
                state = after_match_event(state, event)
        contradict += state.goals_contradict_result
        assert (match.home_score, match.away_score) == (state.results[-1].home_score, state.results[-1].away_score)
    assert contradict < 0.01 * len(timed)  # those decided at a table


def test_a_result_is_what_the_history_says() -> None:
    match = HistoricMatch("m", date(1970, 1, 11), "Ajax", "PSV", 3, 1, "nl.1", neutral=True)

    assert FinishedMatch("m", 10, "nl.1", "Ajax", "PSV", True, 3, 1) == as_result(match)  # noqa: FBT003 - a field
