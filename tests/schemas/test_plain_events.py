"""What is read as plain is what the codec reads and the bounds let through; all that is usual is plain."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.bounds import EARLIEST_MS, LATEST_MS, MAX_AHEAD_MS, MAX_MINUTE, MAX_SCORE
from schemas.catalog import versions
from schemas.codec import Codec
from schemas.flat_texts import starts_of
from schemas.plain_events import EVENT_ROW, read_plain_events
from schemas.plain_layout import PLAIN_KINDS, layout_of
from schemas.records import EventKind, MatchEvent, Side
from streams.engine.murmur import partition_of
from tests.fuzz.changes import changed
from tests.schemas.plain_rows import CODEC, SIDES, TEAMS, accepted, expected, rows_of, usual

WRITERS = {}
for _version in versions("match_event"):
    WRITERS[_version] = Codec("match_event", MatchEvent)
    WRITERS[_version].use_for_writing(_version, _version)
FIXTURE = {"home_team": "Home", "away_team": "Away", "competition": "Cup", "neutral": None, "kick_off_ms": 0}
LAYOUTS = {version: layout_of(CODEC.schema_of(version)) for version in WRITERS}

TITLE_EDGES = [
    None, "", " ", "\t", "\x1c", "\x85", "\u2003", "\u3000", "A", "a\u2003", "~", "é" * 200, "é" * 201,
    "\U0001f3c6" * 200, "あ", "Ж", "\u2028 x", "x" * 201, "Away",
]  # fmt: skip
NAME_EDGES = ["", " ", "  ", "a b", "~" * 200, "x" * 201, "\x1f", "a\x1f", "a\x7f", "\u00e9", "\u00e9" * 200, "a\u2028"]
EDGES = {
    "event_id": NAME_EDGES,
    "match_id": NAME_EDGES,
    "kind": [*EventKind],
    "occurred_at_ms": [EARLIEST_MS - 1, EARLIEST_MS, LATEST_MS - 1, LATEST_MS, -(2**63), 2**63 - 1],
    "minute": [-1, 0, MAX_MINUTE, MAX_MINUTE + 1, 2**31 - 1, -(2**31)],
    "side": [*SIDES],
    "home_team": TITLE_EDGES,
    "away_team": TITLE_EDGES,
    "competition": TITLE_EDGES,
    "neutral": [None, True, False],
    "kick_off_ms": [None, 0, EARLIEST_MS - 1, EARLIEST_MS, LATEST_MS - 1, LATEST_MS],
    "home_score": [None, -(2**31), -1, 0, MAX_SCORE, MAX_SCORE + 1, 2**31 - 1],
    "away_score": [None, -(2**31), -1, 0, MAX_SCORE, MAX_SCORE + 1, 2**31 - 1],
    "corrects": ["", "e"],
    "expected_goals": [-0.0, 0.0, 1e-45, 0.5, 1.0, 1.0000001, -0.5, float("nan"), float("inf"), float("-inf")],
}
LONGER = {EventKind.FULL_TIME, EventKind.SCHEDULED}
PLAIN_ONES = [MatchEvent("e", "m", kind, 0, 3, Side.AWAY) for kind in sorted(PLAIN_KINDS - LONGER)]
PLAIN_ONES += [replace(MatchEvent("e", "m", EventKind.SCHEDULED, 0), **FIXTURE)]
PLAIN_ONES += [MatchEvent("e", "m", EventKind.FULL_TIME, 0, 90, home_score=3, away_score=0)]
EDGE_EVENTS = [replace(one, **{name: edge}) for one in PLAIN_ONES for name in EDGES for edge in EDGES[name]]


@st.composite
def odd(draw):
    """A usual event but for one or two fields."""
    names = draw(st.lists(st.sampled_from(sorted(EDGES)), min_size=1, max_size=2, unique=True))
    return replace(draw(usual()), **{name: draw(st.sampled_from(EDGES[name])) for name in names})


KEYS = [bytes, bytes, lambda key: key[:-1], lambda key: key + b"x", lambda key: b"x" + key[1:]]


def surely_no_blank(title):
    """Whether any character is neither a blank nor one of those near them; one such is enough."""
    return any("!" <= one <= "~" or (one >= "\u00c0" and not "\u1000" <= one <= "\u3fff") for one in title)


def is_usual(event):
    names = (event.event_id, event.match_id)
    return (
        event.kind in PLAIN_KINDS
        and all(name.isascii() and name.isprintable() for name in names)
        and event.corrects is None
        and (
            all(surely_no_blank(getattr(event, name)) for name in TEAMS)
            if event.kind is EventKind.SCHEDULED
            else all(getattr(event, name) is None for name in FIXTURE)
        )
        and (event.kind is EventKind.FULL_TIME or event.home_score is event.away_score is None)
        and str(event.expected_goals) != "-0.0"
    )


@pytest.mark.parametrize("version", WRITERS)
@given(st.lists(usual(), max_size=4), st.integers(0, MAX_AHEAD_MS))
def test_a_usual_event_is_plain(version, events, ahead):
    values = [WRITERS[version].encode(event) for event in events]
    keys = [event.match_id.encode() for event in events]
    timestamps = [event.occurred_at_ms - ahead for event in events]

    found = rows_of(values, keys, timestamps, version, LAYOUTS[version])

    assert [expected(event) for event in events] == found


@pytest.mark.parametrize("version", WRITERS)
def test_the_columns_draw_each_line_where_the_single_way_draws_it(version):
    values = [WRITERS[version].encode(event) for event in EDGE_EVENTS]
    keys = [event.match_id.encode() for event in EDGE_EVENTS]
    stamps = [event.occurred_at_ms for event in EDGE_EVENTS]
    events = [accepted(*each) for each in zip(values, keys, stamps, strict=True)]

    found = rows_of(values, keys, stamps, version, LAYOUTS[version])

    assert [expected(event) if event and is_usual(event) else None for event in events] == found


def test_an_event_is_plain_at_its_key_and_at_most_a_day_ahead():
    event = MatchEvent("e", "match-1", EventKind.TICK, 0)
    keys = [b"match-1", b"match-2", b"match-", b"match-11", b"", b"e"]
    stamps = [-MAX_AHEAD_MS, -MAX_AHEAD_MS - 1, 0, 2**63 - 1, -(2**63)]

    by_key = rows_of([WRITERS[2].encode(event)] * len(keys), keys, [0] * len(keys), 2, LAYOUTS[2])
    by_time = rows_of([WRITERS[2].encode(event)] * len(stamps), [b"match-1"] * len(stamps), stamps, 2, LAYOUTS[2])

    assert [expected(event)] + [None] * 5 == by_key
    assert [expected(event), None, expected(event), expected(event), None] == by_time


@pytest.mark.parametrize("version", WRITERS)
@given(odd() | usual(), st.sampled_from([0, MAX_AHEAD_MS, MAX_AHEAD_MS + 1]), st.sampled_from(KEYS))
def test_an_event_is_plain_when_it_is_usual_and_let_through(version, event, ahead, key_of):
    value = WRITERS[version].encode(event)
    key = key_of(event.match_id.encode())
    timestamp = max(event.occurred_at_ms - ahead, -(2**63))
    event = accepted(value, key, timestamp)

    (found,) = rows_of([value], [key], [timestamp], version, LAYOUTS[version])

    assert (expected(event) if event and is_usual(event) else None) == found


@pytest.mark.parametrize("version", WRITERS)
@given(st.data(), st.binary(max_size=12))
def test_of_changed_bytes_nothing_is_plain_that_is_not_let_through(version, data, around):
    event = data.draw(usual())
    value = data.draw(changed(WRITERS[version].encode(event)))
    key = event.match_id.encode()

    (found,) = rows_of([value], [key], [event.occurred_at_ms], version, LAYOUTS[version])

    assert rows_of([value], [key], [event.occurred_at_ms], version, LAYOUTS[version], around=around) == [found]
    if found is not None:
        assert expected(accepted(value, key, event.occurred_at_ms)) == found


@pytest.mark.parametrize("version", WRITERS)
@given(usual(), st.binary(max_size=3))
def test_of_bytes_which_end_too_early_or_too_late_nothing_is_plain(version, event, more):
    value = WRITERS[version].encode(event)
    cut = [value[:end] for end in range(len(value))]
    longer = [value + more] if more else []
    values = [*cut, *longer]
    keys = [event.match_id.encode()] * len(values)

    found = rows_of(values, keys, [event.occurred_at_ms] * len(values), version, LAYOUTS[version], around=value)

    assert [None] * len(values) == found


@pytest.mark.parametrize("version", WRITERS)
@given(st.lists(st.tuples(st.binary(max_size=60), st.binary(max_size=9)), max_size=5))
def test_random_bytes_are_not_plain(version, pairs):
    header = b"\0" + version.to_bytes(4, "big")
    values, keys = [header + body for body, _ in pairs], [key for _, key in pairs]

    found = rows_of(values, keys, [LATEST_MS] * len(pairs), version, LAYOUTS[version])

    for value, key, row in zip(values, keys, found, strict=True):
        assert row is None or expected(accepted(value, key, LATEST_MS)) == row


def test_an_event_of_another_schema_is_not_plain():
    event = MatchEvent("e", "m", EventKind.TICK, 0)
    value = WRITERS[1].encode(event)

    assert rows_of([value], [b"m"], [0], 2, LAYOUTS[1]) == [None]
    assert rows_of([b"\1" + value[1:]], [b"m"], [0], 1, LAYOUTS[1]) == [None]


@pytest.mark.parametrize("starts", [[0, 99], [-5, 20], [20, 0], [2**62, 2**62 + 40]])
def test_places_outside_of_the_bytes_are_not_looked_at(starts):
    value = WRITERS[2].encode(MatchEvent("e", "m", EventKind.TICK, 0))
    data, places = np.frombuffer(value, np.uint8), np.array(starts, np.int64)
    whole, stamps, out = np.array([0, len(value)]), np.zeros(1, np.int64), np.zeros(1, EVENT_ROW)

    assert read_plain_events(data, places, data, whole, stamps, 1, stamps, 2, LAYOUTS[2], out) == 0
    assert read_plain_events(data, whole, data, places, stamps, 1, stamps, 2, LAYOUTS[2], out) == 0

    assert not out["plain"][0]


def test_an_event_in_another_partition_than_its_keys_is_not_plain():
    key = b"2022-12-18 Argentina France"
    value = WRITERS[2].encode(MatchEvent("e", key.decode(), EventKind.TICK, 0))
    homes, stamps, out = np.arange(6), np.zeros(6, np.int64), np.zeros(6, EVENT_ROW)
    values, keys = np.frombuffer(6 * value, np.uint8), np.frombuffer(6 * key, np.uint8)
    starts, key_starts = starts_of([value] * 6), starts_of([key] * 6)

    found = read_plain_events(values, starts, keys, key_starts, homes, 6, stamps, 2, LAYOUTS[2], out)

    assert (1, [partition_of(key, 6)]) == (found, np.flatnonzero(out["plain"]).tolist())


def test_arrays_which_do_not_fit_are_refused():
    data, two, none = np.frombuffer(b"abc", np.uint8), np.zeros(2, np.int64), np.zeros(0, np.int64)

    with pytest.raises(ValueError, match=r"1 rows of .* do not fit to values, keys, .* of \(1, 1, 0, 0\)"):
        read_plain_events(data, two, data, two, none, 1, none, 2, LAYOUTS[2], np.zeros(1, EVENT_ROW))
