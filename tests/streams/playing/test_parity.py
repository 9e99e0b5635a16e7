import copy
from dataclasses import replace
from datetime import date
from itertools import accumulate
from random import Random

import numpy as np
import pytest

from features.declared import Column, Declaration, declared_set
from features.feature_sets import FEATURE_SETS, NEWEST
from features.match_state import MatchState, after_feature_event, after_match_event
from features.narrative import kick_off_of
from features.rating_book import RatingBook
from features.rating_values import rating_values
from features.team_ratings import TeamRating
from models.bundle import open_bundle
from schemas.records import FeatureEvent, Prediction, Variant
from streams.playing.match_days import MatchDay, historic_days, with_told
from streams.playing.parity import Parity, Seen, compare, expected, misscored, vector_bytes
from streams.playing.seeding import seeded_book

SET = FEATURE_SETS[NEWEST]


def seen(matches, book=None):
    return list(expected(historic_days(matches), book or RatingBook(), SET))


def test_every_event_and_the_ratings_of_every_fixture_are_expected_once(matches):
    found = seen(matches)

    told = sum(day.events for day in historic_days(matches))
    assert len(found) == told + len(matches)
    assert len({one.cause for one in found}) == len(found)


def test_the_vectors_are_those_of_a_plain_fold_with_the_ratings_after_the_fixture(matches):
    match = matches[0]
    (day,) = historic_days([match])
    found = list(expected([day], RatingBook(), SET))

    state = after_match_event(MatchState(match.match_id), day.fixtures[0])
    wanted = [state]
    values = rating_values(TeamRating("Ghana"), TeamRating("Togo"), neutral=True, day=day.day)
    as_of = day.fixtures[0].occurred_at_ms
    state = after_feature_event(state, FeatureEvent("e", match.match_id, "ratings", as_of, values))
    wanted.append(state)
    wanted += list(accumulate(day.course, after_match_event, initial=state))[1:]
    assert [SET.matrix([one])[0].tobytes() for one in wanted] == [one.features for one in found]


def test_ratings_follow_the_results_of_earlier_days_and_of_the_history_before(matches):
    earlier = replace(matches[0], match_id="0", day=date(2022, 1, 1))

    plain, seeded = seen(matches), seen(matches, seeded_book([earlier], date(2022, 11, 20)))

    assert [one.match_id for one in plain] == [one.match_id for one in seeded]
    assert plain != seeded


def test_repeats_change_nothing_and_events_before_their_fixture_wait_for_it(matches):
    (day,) = historic_days([matches[0]])
    again = MatchDay(day.day, [], [*day.course[:3], *day.course[:3], *day.fixtures, *day.course[3:]])

    found = list(expected([again], RatingBook(), SET))

    assert len(found) == day.events + 1
    after_fixture = [one.features for one in found[:4]]
    assert len(set(after_fixture)) == 1


def test_the_book_is_advanced_only_in_the_copy_that_is_given(matches):
    book = RatingBook()
    before = copy.deepcopy(book.clock)

    list(expected(historic_days(matches), copy.deepcopy(book), SET))

    assert book.clock == before


def test_the_same_predictions_in_another_order_have_no_mismatch(matches):
    wanted = seen(matches)
    shuffled = Random(1).sample(wanted, len(wanted))

    assert compare(wanted, shuffled) == Parity()


@pytest.mark.parametrize(
    ("change", "parity"),
    [
        (lambda found: found[:-2], Parity(missing=2)),
        (lambda found: [*found, found[0], found[0]], Parity(repeated=2)),
        (lambda found: [*found, Seen("9", "9", b"")], Parity(unexpected=1)),
        (lambda found: [replace(found[0], features=b"\0"), *found[1:]], Parity(different=1)),
    ],
)
def test_each_kind_of_difference_is_counted(matches, change, parity):
    wanted = seen(matches)

    assert compare(wanted, change(wanted)) == parity
    assert parity.mismatches > 0


def test_one_bit_of_a_float32_is_a_difference_and_a_missing_value_is_none():
    value = np.float32(0.1)

    assert vector_bytes([float(value), float("nan")]) == vector_bytes([float(value), float("nan")])
    assert vector_bytes([float(value)]) != vector_bytes([float(np.nextafter(value, np.float32(1)))])


def test_a_probability_which_is_not_the_bundle_s_is_counted():
    bundle = open_bundle(None, "heuristic")
    rows = np.random.default_rng(0).random((3, len(bundle.feature_names))).astype(np.float32)
    told = bundle.score(rows, bundle.feature_set).astype(float)
    told[1, 2] += 2e-6
    told[2, 0] = np.nan
    made = [
        Prediction(
            "p", "m", "e", "TICK", 0, "Cup", 1, 0, 0, *answer, Variant.CHAMPION, bundle.model, bundle.version,
            bundle.digest, bundle.feature_set, row, "match-events", 0, 0, 0, 0, 0, 0,
        )
        for answer, row in zip(told.tolist(), rows.tolist(), strict=True)
    ]  # fmt: skip

    assert (2, 0) == (misscored(made, bundle), misscored(made[:1], bundle))


def test_what_users_told_is_expected_in_its_place_with_its_age(matches):
    declared = declared_set(Declaration("mine", "v2", (Column("odds", "odds", "home", 600, age=True),)))
    match = matches[0]
    said = FeatureEvent("o", match.match_id, "odds", kick_off_of(match) + 300_000, {"home": 2.5})
    days = with_told(historic_days([match]), [said])

    found = list(expected(days, RatingBook(), declared))
    rows = {one.event_id: np.frombuffer(one.features, np.float32)[-2:].tolist() for one in found}

    known = {event_id: row for event_id, row in rows.items() if row[0] == 2.5}
    assert len(found) == days[0].events + 2
    assert [2.5, 0.0] == known["o"]
    ticks = {f"{match.match_id}/tick/{minute}": [2.5, 60.0 * (minute - 5)] for minute in range(6, 16)}
    assert ticks == {event_id: row for event_id, row in known.items() if "tick" in event_id}
    assert all(np.isnan(row).all() for event_id, row in rows.items() if event_id not in known)
