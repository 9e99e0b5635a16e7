from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.divisions import DivisionRates
from features.match_state import Held, Known, MatchState
from features.rating_book import BaseRating, Fixture, RatingClock
from features.remembered import Goal, Mark, Result, Scheduled, Tally
from features.team_ratings import TeamRating
from schemas.catalog import schema_json
from schemas.codec import Codec

longs = st.integers(-(2**63), 2**63 - 1)
ints = st.integers(-(2**31), 2**31 - 1)
floats = st.floats(allow_nan=False)
values: st.SearchStrategy[Mapping[str, float | None]] = st.dictionaries(st.text(), st.none() | floats)


held = st.builds(
    Held,
    occurred_at_ms=longs,
    minute=st.none() | ints,
    source_offset=longs,
    source_timestamp_ms=longs,
    received_at_us=longs,
)
ratings = st.builds(
    TeamRating, st.text(), *[floats] * 6, ints, st.none() | ints, st.none() | st.text(), ints, ints, *[floats] * 4
)
divisions = st.lists(st.builds(DivisionRates, st.text(), *[floats] * 3, ints)).map(tuple)
states = st.builds(
    MatchState,
    scheduled=st.lists(st.builds(Scheduled, occurred_at_ms=longs, kick_off_ms=longs), max_size=2).map(tuple),
    results=st.lists(st.builds(Result, occurred_at_ms=longs, home_score=ints, away_score=ints), max_size=2).map(tuple),
    kick_offs=st.lists(st.builds(Mark, occurred_at_ms=longs, minute=ints), max_size=2).map(tuple),
    home=st.builds(Tally, goals=st.lists(st.builds(Goal, minute=ints, event=longs)).map(tuple), shots=st.binary()),
    struck=st.binary(),
    features=st.dictionaries(st.text(), st.builds(Known, as_of_ms=longs, event=longs, values=values)),
    held=st.lists(held).map(tuple),
)
fixtures = st.builds(Fixture, kick_off_ms=longs, heard=st.lists(longs).map(tuple), values=values)
bases = st.builds(BaseRating, rating=ratings, base_day=ints, previous=st.none() | ratings)


@pytest.mark.parametrize(
    ("name", "record_type", "records"),
    [
        ("match_state", MatchState, states),
        ("fixture", Fixture, fixtures),
        ("base_rating", BaseRating, bases),
        ("rating_clock", RatingClock, st.builds(RatingClock, ints, ints, longs, longs, divisions)),
    ],
)
@given(data=st.data())
def test_what_is_written_is_read_back(
    name: str, record_type: type, records: st.SearchStrategy[object], data: st.DataObject
) -> None:
    codec: Codec[object] = Codec(name, record_type)
    codec.learn(1, schema_json(name))
    codec.use_for_writing(1)
    record = data.draw(records)

    assert record == codec.decode(codec.encode(record))


def test_a_rating_written_before_there_were_divisions_is_read() -> None:
    codec: Codec[BaseRating] = Codec("base_rating", BaseRating)
    codec.learn(1, schema_json("base_rating", 1))
    old: Codec[BaseRating] = Codec("base_rating", BaseRating, 1)
    old.learn(1, schema_json("base_rating", 1))
    old.use_for_writing(1, 1)
    record = BaseRating(TeamRating("Ajax", 1700.0, matches=9, last_match_day=5), 7)

    assert record == codec.decode(old.encode(record))


def test_a_rating_of_this_version_is_read_by_the_one_before() -> None:
    codec: Codec[BaseRating] = Codec("base_rating", BaseRating, 1)
    new: Codec[BaseRating] = Codec("base_rating", BaseRating)
    for one in (codec, new):
        one.learn(2, schema_json("base_rating", 2))
    new.use_for_writing(2)
    record = BaseRating(TeamRating("Ajax", 1700.0, matches=9, division="nl.1", settled=9), 7)

    assert BaseRating(TeamRating("Ajax", 1700.0, matches=9), 7) == codec.decode(new.encode(record))


def test_a_state_of_the_version_before_has_no_bundle_and_can_be_written_again() -> None:
    before: Codec[MatchState] = Codec("match_state", MatchState)
    before.use_for_writing(1, 1)
    codec: Codec[MatchState] = Codec("match_state", MatchState)
    codec.learn(1, schema_json("match_state", 1))
    codec.learn(2, schema_json("match_state", 2))
    codec.use_for_writing(2)
    state = MatchState("m", minute=7, struck=b"12345678")

    assert codec.decode(before.encode(state)) == state
    assert codec.decode(codec.encode(codec.decode(before.encode(state)))) == state


def test_a_worker_of_the_version_before_reads_a_state_with_a_bundle() -> None:
    before: Codec[MatchState] = Codec("match_state", MatchState, reader_version=1)
    before.learn(2, schema_json("match_state", 2))
    codec: Codec[MatchState] = Codec("match_state", MatchState)
    codec.use_for_writing(2)

    assert before.decode(codec.encode(MatchState("m", minute=7, bundle=b"12345678"))) == MatchState("m", minute=7)
