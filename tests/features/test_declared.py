"""Users' own columns: what is known at a moment, in declared order, and nothing from outside of its time."""

import json
from itertools import permutations
from math import isnan, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.declared import Column, Declaration, declared_set
from features.declaring import MAX_COLUMNS, DeclarationError, declaration_of, read_declaration
from features.feature_sets import FEATURE_SETS
from features.match_state import MatchState, after_feature_event
from schemas.records import FeatureEvent

COLUMNS = (
    Column("odds_home", "odds", "home", 60, age=True),
    Column("absent", "line-ups", "absent", 3600, 30),
    Column("odds_away", "odds", "away", 10),
)
SET = declared_set(Declaration("v2+odds", "v2", COLUMNS))
BASE = FEATURE_SETS["v2"]
NOW = 1_669_042_800_000


def told(source, as_of_ms, event_id="e", **values):
    return FeatureEvent(event_id, "m", source, as_of_ms, values)


def state_of(*events):
    state = MatchState("m")
    for event in events:
        state = after_feature_event(state, event)
    return state


def columns(state, moment=NOW):
    (row,) = SET.matrix([state], [moment])[:, len(BASE.names) :].tolist()
    return row


def is_like(found, wanted):
    return np.array_equal(np.array(found, np.float32), np.array(wanted, np.float32), equal_nan=True)


def test_declared_columns_come_after_those_of_the_base_in_declared_order():
    state = state_of(told("odds", NOW - 5000, home=2.5, away=3.0), told("line-ups", NOW, absent=2.0))
    matrix = SET.matrix([state], [NOW])

    assert (*BASE.names, "odds_home", "odds_home_age", "absent", "odds_away") == SET.names
    assert is_like([2.5, 5.0, 2.0, 3.0], columns(state))
    assert BASE.matrix([state]).tobytes() == matrix[:, : len(BASE.names)].tobytes()
    assert (np.float32, (0, len(SET.names))) == (matrix.dtype, SET.matrix([], []).shape)


@pytest.mark.parametrize(
    ("as_of", "known"),
    [(NOW - 60_001, False), (NOW - 60_000, True), (NOW, True), (NOW + 1, False)],
)
def test_a_value_is_known_from_its_as_of_until_it_is_as_old_as_it_may_be(as_of, known):
    home, age, *_ = columns(state_of(told("odds", as_of, home=2.5)))

    assert is_like([home, age], [2.5, (NOW - as_of) / 1000] if known else [nan, nan])


@pytest.mark.parametrize(("ahead", "known"), [(0, True), (30_000, True), (30_001, False)])
def test_a_value_may_be_ahead_of_the_moment_by_what_is_declared_and_no_more(ahead, known):
    assert known != isnan(columns(state_of(told("line-ups", NOW + ahead, absent=2.0)))[2])


def test_what_a_source_does_not_know_is_missing_and_so_is_its_age():
    for events in ([], [told("odds", NOW, home=None)], [told("odds", NOW, home=nan)], [told("odds", NOW, draw=3.0)]):
        assert all(map(isnan, columns(state_of(*events))))
    newest_says_nothing = state_of(told("odds", NOW - 9, "1", home=2.5), told("odds", NOW - 8, "2", away=1.5))
    assert is_like([nan, nan, nan, 1.5], columns(newest_says_nothing))


def test_the_moments_of_what_has_an_age_must_be_given():
    with pytest.raises(ValueError, match="the moment of each state must be given"):
        SET.matrix([MatchState("m")])


events = st.builds(
    FeatureEvent,
    event_id=st.sampled_from("abcd"),
    match_id=st.just("m"),
    source=st.sampled_from(["odds", "line-ups", "weather"]),
    as_of_ms=st.integers(NOW - 70_000, NOW + 40_000) | st.sampled_from([NOW - 10_000, NOW - 60_000, NOW]),
    values=st.dictionaries(
        st.sampled_from(["home", "away", "absent", "rain"]), st.none() | st.floats(-9, 9) | st.just(nan)
    ),
)


def slow_row(those, moment):
    """The columns by a loop over all events, without a state."""
    row = []
    for column in COLUMNS:
        newest = None
        for event in those:
            if event.source == column.source and (newest is None or event.as_of_ms > newest.as_of_ms):
                newest = event
        value = age = nan
        if newest is not None:
            seconds = (moment - newest.as_of_ms) / 1000
            got = newest.values.get(column.key)
            if -column.max_ahead_seconds <= seconds <= column.max_age_seconds and got is not None and not isnan(got):
                value, age = got, seconds
        row += [value, age] if column.age else [value]
    return row


@given(
    st.lists(
        st.tuples(st.lists(events, max_size=5, unique_by=lambda one: one.as_of_ms), st.integers(NOW - 9, NOW + 9)),
        max_size=6,
    )
)
def test_the_matrix_is_that_of_a_slow_loop_and_rows_do_not_know_their_neighbours(matches):
    states, moments = [state_of(*those) for those, _ in matches], [moment for _, moment in matches]
    matrix = SET.matrix(states, moments)

    wanted = np.array([slow_row(those, moment) for those, moment in matches], np.float32).reshape(len(matches), 4)
    assert np.array_equal(matrix[:, len(BASE.names) :], wanted, equal_nan=True)
    alone = [SET.matrix([state], [moment]) for state, moment in zip(states, moments, strict=True)]
    assert b"".join(one.tobytes() for one in alone) == matrix.tobytes()


@given(st.lists(events, max_size=4, unique_by=lambda one: (one.event_id, one.source)))
def test_the_order_of_feature_events_does_not_matter(those):
    rows = {SET.matrix([state_of(*order)], [NOW]).tobytes() for order in permutations(those)}

    assert 1 == len(rows)


GOOD = {
    "version": "v2+odds",
    "base": "v2",
    "columns": [{"name": "odds_home", "source": "odds", "key": "home", "max_age_seconds": 60}],
}


def with_column(**changed):
    return GOOD | {"columns": [GOOD["columns"][0] | changed]}


def twice(**changed):
    return GOOD | {"columns": [GOOD["columns"][0], GOOD["columns"][0] | changed]}


@pytest.mark.parametrize(
    ("declared", "sentence"),
    [
        (GOOD | {"base": "v9"}, "f: base is 'v9', not one of v1, v2"),
        (GOOD | {"version": "v1"}, "f: version is 'v1', which is a published feature set; choose another"),
        (GOOD | {"version": "v 3"}, "f: version is 'v 3', not 1 to 64 letters, digits"),
        (GOOD | {"version": 3}, "f: version is 3, not a text"),
        (GOOD | {"colums": []}, "f has 'colums', which is not one of version, base, columns"),
        ({"version": "x", "base": "v1"}, "f has no 'columns'; it needs version, base, columns"),
        (GOOD | {"columns": []}, f"f: columns is a list of 0, not a list of 1 to {MAX_COLUMNS}"),
        (GOOD | {"columns": "odds"}, f"f: columns is 'odds', not a list of 1 to {MAX_COLUMNS}"),
        (GOOD | {"columns": GOOD["columns"] * 101}, "f: columns is a list of 101, not a list of 1 to 100"),
        (GOOD | {"columns": ["odds"]}, "f: column 1 is str, not a table of name, source, key"),
        (with_column(max_age=1), "f: column 1 has 'max_age', which is not one of name, source, key, max_age_seconds"),
        (with_column(name="home_elo"), "f: the name 'home_elo' is one of the features of v2 already"),
        (with_column(name="probability_home"), "f: column 1: name is 'probability_home', not 1 to 64 letters"),
        (with_column(name="odds home"), "f: column 1: name is 'odds home', not 1 to 64 letters"),
        (with_column(source="ratings"), "f: column 1 (odds_home): source 'ratings' is Touchline's own"),
        (with_column(source=" "), "f: column 1: source is ' ', not 1 to 200 characters"),
        (with_column(max_age_seconds=0), "f: column 1: max_age_seconds is 0, not 1 to 31622400 (a year)"),
        (with_column(max_age_seconds=-1), "f: column 1: max_age_seconds is -1, not 1 to"),
        (with_column(max_age_seconds=1.5), "f: column 1: max_age_seconds is 1.5, not a whole number"),
        (with_column(max_age_seconds=True), "f: column 1: max_age_seconds is True, not a whole number"),
        (with_column(max_ahead_seconds=-1), "f: column 1: max_ahead_seconds is -1, not 0 to"),
        (with_column(age=1), "f: column 1: age is 1, not true or false"),
        (twice(key="away"), "f: the name 'odds_home' is there 2 times; each feature has its own"),
        (twice(name="other"), "f: value 'home' of source 'odds' is declared 2 times, not once"),
        (
            GOOD | {"columns": [GOOD["columns"][0] | {"age": True}, GOOD["columns"][0] | {"name": "odds_home_age"}]},
            "f: the name 'odds_home_age' is there 2 times",
        ),
    ],
)
def test_what_cannot_be_declared_is_one_sentence(declared, sentence):
    with pytest.raises(DeclarationError) as caught:
        declaration_of(declared, "f")

    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)


def test_a_toml_file_declares_what_it_says(tmp_path):
    file = tmp_path / "odds.toml"
    file.write_text(
        'version = "v1+odds"\nbase = "v1"\n[[columns]]\nname = "odds"\nsource = "bookie"\nkey = "1"\n'
        "max_age_seconds = 9\nmax_ahead_seconds = 2\nage = true\n"
    )

    assert Declaration("v1+odds", "v1", (Column("odds", "bookie", "1", 9, 2, age=True),)) == read_declaration(file)


@pytest.mark.parametrize(
    ("content", "words"), [(b"version = ", "is not TOML: "), (b"\xff", "is not TOML: "), (None, "cannot be read: ")]
)
def test_what_is_no_toml_is_one_sentence(tmp_path, content, words):
    file = tmp_path / "odds.toml"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(DeclarationError, match=words) as caught:
        read_declaration(file)
    assert str(file) in str(caught.value)


def test_a_declaration_survives_its_json_and_its_digest_is_of_all_it_says():
    first = declaration_of(GOOD, "f")
    told_again = json.loads(json.dumps(first.as_json()))
    digest = told_again.pop("digest")
    others = [
        GOOD | {"version": "x"},
        GOOD | {"base": "v1"},
        *(with_column(**one) for one in ({"name": "x"}, {"source": "x"}, {"key": "x"}, {"max_age_seconds": 61})),
        *(with_column(**one) for one in ({"max_ahead_seconds": 1}, {"age": True})),
    ]

    assert first == declaration_of({"version": first.version, **told_again}, "f")
    assert 1 + len(others) == len({digest, *(declaration_of(one, "f").digest for one in others)})
