import pytest

from schemas.records import EventKind, MatchEvent, Prediction, Variant
from streams.playing.scoreboard import RoleLag, Scoreboard
from streams.playing.watching import Stopwatch

CHANCES = {"home": 0.5, "draw": 0.3, "away": 0.2}


def scheduled(match_id="m", home="Ghana", away="Togo"):
    return MatchEvent(
        f"{match_id}/s", match_id, EventKind.SCHEDULED, 0, home_team=home, away_team=away, competition="Cup",
        neutral=True, kick_off_ms=0,
    )  # fmt: skip


def predicted(cause, minute=0, score=(0, 0), match_id="m"):
    return Prediction(
        "p", match_id, f"{cause}-{minute}", cause, 0, "Cup", minute, *score, **CHANCES, variant=Variant.CHAMPION,
        model="m", model_version="1", bundle_digest="d", feature_set="v1", features=(), source_topic="match-events",
        source_partition=0, source_offset=0, source_timestamp_ms=0, received_at_us=0, decoded_at_us=0, scored_at_us=0,
    )  # fmt: skip


@pytest.fixture
def board():
    made = Scoreboard(Stopwatch())
    made.take(scheduled())
    return made


def only(board):
    (match,) = board.snapshot().matches
    return match


def test_a_match_shows_its_teams_before_and_its_score_after_kick_off(board):
    assert (only(board).home_team, only(board).away_team, only(board).clock) == ("Ghana", "Togo", "")

    board.take(predicted("GOAL", 63, (0, 1)))

    match = only(board)
    assert (match.home_score, match.away_score, match.clock) == (0, 1, "63'")
    assert (match.home, match.draw, match.away) == (0.5, 0.3, 0.2)


def test_the_last_event_says_for_whom_a_goal_counts(board):
    board.take(predicted("GOAL", 10, (1, 0)))
    assert only(board).last_event == "10' goal Ghana"

    board.take(predicted("OWN_GOAL", 20, (1, 1)))
    assert only(board).last_event == "20' own goal Togo"

    board.take(predicted("TICK", 21, (1, 1)))
    assert only(board).last_event == "20' own goal Togo"

    board.take(predicted("RED_CARD", 22, (1, 1)))
    assert only(board).last_event == "22' red card"


def test_a_match_is_over_after_full_time_also_when_something_comes_late(board):
    board.take(predicted("FULL_TIME", 90))
    board.take(predicted("GOAL", 90, (1, 0)))

    assert only(board).clock == "FT"
    assert only(board).home_score == 1


def test_another_day_clears_the_matches_and_counts_go_on(board):
    board.take(predicted("KICK_OFF"))
    board.begin_day("Tuesday")

    shown = board.snapshot()
    assert (shown.title, shown.matches, shown.sent, shown.predictions) == ("Tuesday", (), 1, 1)


def test_a_match_announced_on_an_earlier_day_keeps_its_teams(board):
    board.begin_day("Tuesday")
    board.take(predicted("KICK_OFF"))

    assert (only(board).home_team, only(board).away_team) == ("Ghana", "Togo")


def test_memory_is_bounded_and_finished_matches_go_first(board):
    board.take(scheduled("over"))
    board.take(predicted("FULL_TIME", 90, match_id="over"))
    for number in range(63):
        board.take(scheduled(f"n{number}"))

    names = {match.match_id for match in board.snapshot().matches}
    assert len(names) == 64
    assert "over" not in names
    assert "m" in names


def test_a_snapshot_has_lags_and_words_as_they_were_told(board):
    lags = (RoleLag("predict", 3.0, 0.5), RoleLag("rate", None, None))
    board.lagging(lags)
    board.say(note="hello", links={"metrics": "http://127.0.0.1:1/metrics"})
    shown = board.snapshot()

    assert shown.lags == lags
    assert (shown.note, shown.links) == ("hello", {"metrics": "http://127.0.0.1:1/metrics"})
