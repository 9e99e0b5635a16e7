"""What is read as a plain feature event is what the codec reads and the bounds let through; all usual ones are."""

import copy
import json
from dataclasses import asdict, replace

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.bounds import EARLIEST_MS, LARGEST_VALUE, LATEST_MS, MAX_AHEAD_MS, MAX_VALUES
from schemas.catalog import schema_json
from schemas.plain_layout import layout_of
from schemas.records import EventKind, FeatureEvent, MatchEvent
from tests.fuzz.changes import changed
from tests.schemas.plain_rows import CODEC, FEATURE_CODEC, accepted, codec_of, expected, rows_of, told
from tests.schemas.test_plain_events import KEYS, NAME_EDGES
from tests.schemas.written import FOREIGN, written

V1 = json.loads(schema_json("feature_event"))
LAYOUT = layout_of(FEATURE_CODEC.schema_of(1), "feature_event")
ODDS = FeatureEvent("e", "m", "odds", 0, {"home": 2.5, "away": None})
NUMBER_EDGES = [
    None,
    -0.0,
    0.0,
    LARGEST_VALUE,
    3.5e38,
    -LARGEST_VALUE,
    -3.5e38,
    5e-324,
    *map(float, ("nan", "inf", "-inf")),
]
EDGES = {
    "event_id": NAME_EDGES,
    "match_id": NAME_EDGES,
    "source": NAME_EDGES,
    "as_of_ms": [EARLIEST_MS - 1, EARLIEST_MS, LATEST_MS - 1, LATEST_MS, -(2**63), 2**63 - 1],
    "values": [
        {},
        *({name: 1.0} for name in NAME_EDGES),
        *({"home": number, "away": 1.0} for number in NUMBER_EDGES),
        *({f"v{number}": number for number in range(count)} for count in (63, 64, 65, MAX_VALUES, MAX_VALUES + 1)),
    ],
}


def names_of(event):
    return [event.event_id, event.match_id, event.source, *event.values]


def is_usual(event):
    return all(name.isascii() and name.isprintable() for name in names_of(event))


def value_of(event):
    codec = codec_of({}, "feature_event", FeatureEvent)
    codec.use_for_writing(1)
    return codec.encode(event)


@given(st.lists(told(), max_size=4), st.integers(0, MAX_AHEAD_MS))
def test_a_usual_feature_event_is_plain(events, ahead):
    keys = [event.match_id.encode() for event in events]
    timestamps = [event.as_of_ms - ahead for event in events]

    found = rows_of(list(map(value_of, events)), keys, timestamps, 1, LAYOUT)

    assert [expected(event) for event in events] == found


@pytest.mark.parametrize("name", EDGES)
def test_the_columns_draw_each_line_where_the_single_way_draws_it(name):
    events = [replace(ODDS, **{name: edge}) for edge in EDGES[name]]
    values, keys = list(map(value_of, events)), [event.match_id.encode() for event in events]
    stamps = [event.as_of_ms for event in events]
    let_through = [accepted(*each, FEATURE_CODEC) for each in zip(values, keys, stamps, strict=True)]

    found = rows_of(values, keys, stamps, 1, LAYOUT)

    assert [expected(event) if event and is_usual(event) else None for event in let_through] == found


@given(told(), st.sampled_from([0, MAX_AHEAD_MS, MAX_AHEAD_MS + 1]), st.sampled_from(KEYS))
def test_it_is_plain_at_its_key_and_at_most_a_day_ahead(event, ahead, key_of):
    value, key, timestamp = value_of(event), key_of(event.match_id.encode()), event.as_of_ms - ahead
    event = accepted(value, key, timestamp, FEATURE_CODEC)

    assert [expected(event) if event else None] == rows_of([value], [key], [timestamp], 1, LAYOUT)


@given(st.data(), st.binary(max_size=12))
def test_of_changed_bytes_nothing_is_plain_that_is_not_let_through(data, around):
    event = data.draw(told())
    value, key = data.draw(changed(value_of(event))), event.match_id.encode()

    (found,) = rows_of([value], [key], [event.as_of_ms], 1, LAYOUT)

    assert rows_of([value], [key], [event.as_of_ms], 1, LAYOUT, around=around) == [found]
    if found is not None:
        assert expected(accepted(value, key, event.as_of_ms, FEATURE_CODEC)) == found


@given(told(), st.binary(min_size=1, max_size=3))
def test_of_bytes_which_end_too_early_or_too_late_nothing_is_plain(event, more):
    value = value_of(event)
    values = [*(value[:end] for end in range(len(value))), value + more]

    found = rows_of(
        values, [event.match_id.encode()] * len(values), [event.as_of_ms] * len(values), 1, LAYOUT, around=value
    )

    assert [None] * len(values) == found


ODD_MAPS = {
    "as our codec writes it": (b"\4\2a\0\2b\0\0", True),
    "a name twice": (b"\4\2a\0\2a\0\0", False),
    "two blocks": (b"\2\2a\0\2\2b\0\0", False),
    "a block with its length": (b"\1\6\2a\0\0", False),
    "a count of two bytes": (b"\x82\0\2a\0\0", False),
    "a length of two bytes": (b"\2\x82\0a\0\0", False),
    "a branch of two bytes": (b"\2\2a\x80\0\0", False),
    "nothing": (b"\0", True),
    "nothing in two bytes": (b"\x80\0", False),
}


@pytest.mark.parametrize("case", ODD_MAPS)
def test_a_map_is_plain_when_a_state_can_hold_it_as_it_is(case):
    values, plain = ODD_MAPS[case]
    value = value_of(replace(ODDS, values={}))[:-1] + values
    event = accepted(value, b"m", 0, FEATURE_CODEC)

    assert event is not None
    assert [expected(event) if plain else None] == rows_of([value], [b"m"], [0], 1, LAYOUT)


def test_an_event_of_the_other_topic_is_not_plain():
    shot = codec_of({})
    shot.use_for_writing(1, 2)
    match_layout = layout_of(CODEC.schema_of(2))

    assert rows_of([shot.encode(MatchEvent("e", "m", EventKind.TICK, 0))], [b"m"], [0], 1, LAYOUT) == [None]
    assert rows_of([value_of(ODDS)], [b"m"], [0], 1, match_layout) == [None]


@given(told(), st.permutations(V1["fields"]), st.integers(-(2**31), 2**31 - 1))
def test_an_event_of_a_later_schema_is_read_as_the_codec_reads_it(event, fields, more):
    schema = {**V1, "fields": [*fields[:2], {"name": "more", "type": "int"}, *fields[2:]]}
    codec = codec_of({FOREIGN: json.dumps(schema)}, "feature_event", FeatureEvent)
    value = written(schema, {**asdict(event), "more": more})
    layout = layout_of(codec.schema_of(FOREIGN), "feature_event")

    found = rows_of([value], [event.match_id.encode()], [event.as_of_ms], FOREIGN, layout)

    assert [expected(event)] == found


def changed_field(name, kind):
    schema = copy.deepcopy(V1)
    for field in schema["fields"]:
        if field["name"] == name:
            field["type"] = kind
    return schema


@pytest.mark.parametrize(
    "schema",
    [
        changed_field("values", {"type": "map", "values": ["double", "null"]}),
        changed_field("values", {"type": "map", "values": "double"}),
        changed_field("values", ["null", {"type": "map", "values": ["null", "double"]}]),
        changed_field("as_of_ms", "int"),
        {**V1, "fields": [*V1["fields"], {"name": "more", "type": {"type": "map", "values": ["null", "double"]}}]},
        {**V1, "fields": V1["fields"][:-1]},
    ],
)
def test_what_is_not_ours_has_no_layout(schema):
    assert layout_of(fastavro.parse_schema(schema), "feature_event") is None
