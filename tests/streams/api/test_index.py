"""Whatever comes in whatever order, the index holds the newest, and no more than it may."""

import gc
import json
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.api.index import SWING_MINUTES, Fixture, Limits, MatchIndex
from streams.api.queries import Listing
from tests.streams.api.matches import LIMITS, known, predicted

CAUSES = ("TICK", "GOAL", "FULL_TIME", "CORRECTION")


@st.composite
def records(draw):
    """Records of some matches with repeats, in any order; a match moves to another partition at most once."""
    found = []
    for match in "abc"[: draw(st.integers(1, 3))]:
        causes = draw(st.lists(st.sampled_from(CAUSES), min_size=1, max_size=12))
        moves_at = draw(st.integers(0, len(causes)))
        for number, cause in enumerate(causes):
            partition, offset = (0, number) if number < moves_at else (1, number - moves_at)
            one = predicted(match, number, cause=cause, source_offset=offset)
            found.append(known(one, partition))
            if draw(st.booleans()):  # an at-least-once repeat: the same prediction at a later place
                found.append(known(predicted(match, number, cause=cause, source_offset=offset + 100), partition))
    return found


def answers(index, matches):
    return {match: (index.match(match), index.course(match)) for match in matches}


@settings(max_examples=50)
@given(records(), st.randoms(use_true_random=False))
def test_the_index_is_the_same_whatever_the_order_and_the_repeats(found, chance):
    first, second = MatchIndex(LIMITS), MatchIndex(LIMITS)
    shuffled = [*found, *found]
    chance.shuffle(shuffled)
    for one in found:
        first.take(one)
    for one in shuffled:
        second.take(one)

    matches = {one.match_id for one in found}
    assert answers(first, matches) == answers(second, matches)
    assert (first.size, first.predictions) == (second.size, second.predictions)


@settings(max_examples=50)
@given(records(), st.integers(1, 5), st.randoms(use_true_random=False))
def test_of_a_match_the_newest_are_kept_in_the_order_in_which_they_were_made(found, most, chance):
    index = MatchIndex(Limits(100, most, 10**9))
    chance.shuffle(found)
    for one in found:
        index.take(one)

    for match in {one.match_id for one in found}:
        numbers = sorted({int(one.prediction_id.partition("-")[2]) for one in found if one.match_id == match})
        course = json.loads(index.course(match))
        if len(numbers) <= most:  # a repeat of one that had to leave cannot be told from a new one
            assert [f"{match}-{number}" for number in numbers] == [one["prediction_id"] for one in course]
        assert course[-1] == json.loads(index.match(match))["prediction"]
        assert len(course) == min(most, len(numbers))


@given(
    st.lists(st.tuples(st.integers(0, 20), st.sampled_from(CAUSES)), max_size=40),
    st.integers(1, 6),
    st.integers(1, 6),
    st.integers(2_000, 40_000),
)
def test_no_bound_is_ever_passed_and_what_is_counted_is_what_is_there(given_, matches, most, memory):
    index = MatchIndex(Limits(matches, most, memory))
    for offset, (match, cause) in enumerate(given_):
        index.take(known(predicted(f"m{match}", offset, cause=cause)))

        assert index.matches <= matches
        assert index.size <= memory
        left = json.loads(index.listing(Listing(limit=1000)))
        assert index.matches == len(left)
        courses = [json.loads(index.course(one["match_id"])) for one in left]
        assert all(len(course) <= most for course in courses)
        assert index.predictions == sum(map(len, courses))
    if not index.matches:
        assert 0 == index.size


def test_finished_matches_leave_first_and_of_those_the_one_that_was_silent_for_longest():
    index = MatchIndex(Limits(3, 10, 10**9))
    for offset, (match, cause) in enumerate(
        [("open", "TICK"), ("a", "FULL_TIME"), ("b", "FULL_TIME"), ("a", "CORRECTION"), ("c", "TICK"), ("d", "TICK")]
    ):
        index.take(known(predicted(match, offset, cause=cause)))

    assert {"open", "c", "d"} == {one["match_id"] for one in json.loads(index.listing(Listing()))}
    assert 2 == index.evicted
    index.take(known(predicted("e", 9)))
    assert index.match("open") is None  # no finished one is left


@given(st.permutations(range(60)), st.integers(1, 7))
@settings(max_examples=30)
def test_once_history_is_read_the_newest_matches_are_there_with_all_of_their_course(order, most):
    index = MatchIndex(Limits(most, 10, 10**9), settled=False)
    for offset in order:
        index.take(known(predicted(f"m{offset % 6}", offset)))
    index.settle()

    left = {one["match_id"]: one["predictions"] for one in json.loads(index.listing(Listing()))}
    assert {f"m{number}": 10 for number in range(6)[-most:]} == left


@pytest.mark.parametrize("topic_id", ["a", "z"])
def test_what_was_taken_for_a_record_of_the_topic_before_is_the_latest_once_it_is_read_as_what_it_is(topic_id):
    index = MatchIndex(LIMITS)
    newest = predicted("m", 8, source_offset=0)
    for one in (predicted("m", 7), newest):
        index.take(known(one, topic_id="t"))
    assert "m-7" == json.loads(index.match("m"))["prediction"]["prediction_id"]
    index.take(known(newest, topic_id=topic_id))

    assert ["m-7", "m-8"] == [one["prediction_id"] for one in json.loads(index.course("m"))]


def test_many_changes_of_few_matches_are_no_memory():
    index = MatchIndex(Limits(2, 2, 10**9))
    for offset in range(5_000):
        index.take(known(predicted(f"m{offset % 2}", offset)))

    assert len(index._open._silent) <= 1_004


def test_memory_that_is_counted_is_about_what_is_used():
    index = MatchIndex(Limits(1000, 300, 10**9))
    batch = [(f"m{number % 10}", number) for number in range(1000)]
    gc.collect()
    tracemalloc.start()
    for match, offset in batch:
        index.take(known(predicted(match, offset)))
    for number in range(10):
        index.match(f"m{number}")
    gc.collect()
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()

    assert 0.8 * used < index.size < 1.5 * used


def test_a_swing_is_the_largest_change_of_one_probability_in_the_last_minutes_of_play():
    index = MatchIndex(LIMITS)
    course = [(-1, 0.4, 0.3, 0.3), (5, 0.5, 0.3, 0.2), (12, 0.2, 0.3, 0.5), (SWING_MINUTES + 5, 0.3, 0.25, 0.45)]
    swings = []
    for offset, (minute, home, draw, away) in enumerate(course):
        index.take(known(predicted("m", offset, minute=minute, home=home, draw=draw, away=away)))
        swings.append(round(json.loads(index.match("m"))["swing"], 6))

    # Against: itself; the first, as nothing is ten minutes old; the first; the one of minute 5.
    assert [0.0, 0.1, 0.2, 0.25] == swings


def test_listings_are_filtered_sorted_and_cut():
    index = MatchIndex(LIMITS)
    index.take(known(predicted("old", 1, minute=80)))
    index.take(known(predicted("calm", 2, competition="Cup")))
    index.take(known(predicted("over", 3, cause="FULL_TIME", minute=90)))
    index.take(known(predicted("early", 4, minute=-1)))
    index.take(known(predicted("wild", 5, minute=10)))
    index.take(known(predicted("wild", 6, minute=11, home=0.9, draw=0.05, away=0.05)))
    index.take(known(predicted("calm", 7, competition="Cup")))

    def ids(**wanted):
        return [one["match_id"] for one in json.loads(index.listing(Listing(**wanted)))]

    assert ["calm", "wild", "early", "over", "old"] == ids()
    assert ["calm", "wild", "old"] == ids(live=True)
    assert ["early", "over"] == ids(live=False)
    assert ["calm"] == ids(competition="Cup")
    assert ["wild", "calm"] == ids(sort="swing", limit=2)


def test_who_plays_is_told_once_it_is_known_before_or_after_the_first_prediction():
    index = MatchIndex(LIMITS)
    index.announce("before", Fixture("A", "B", 1))
    index.take(known(predicted("before", 1)))
    index.take(known(predicted("after", 2)))
    index.listing(Listing())
    index.match("after")
    index.announce("after", Fixture("C", "D", 2))

    found = {one["match_id"]: one for one in json.loads(index.listing(Listing()))}
    assert ("A", "B", 1) == tuple(found["before"][name] for name in ("home_team", "away_team", "kick_off_ms"))
    assert ("C", "D", 2) == tuple(found["after"][name] for name in ("home_team", "away_team", "kick_off_ms"))
    assert found["after"] == json.loads(index.match("after"))


def test_announcements_are_bounded_too():
    index = MatchIndex(Limits(2, 10, 10**9))
    for number in range(100):
        index.announce(f"m{number}", Fixture("A", "B", number))

    assert [None] * 84 + [*range(84, 100)] == [
        fixture and fixture.kick_off_ms for fixture in (index.fixture(f"m{number}") for number in range(100))
    ]
