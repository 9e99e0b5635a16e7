"""Events of a later schema, or of another team's, are read as the codec reads them, or not plainly."""

import copy
import json
from dataclasses import asdict

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.catalog import schema_json
from schemas.plain_layout import layout_of
from schemas.records import EventKind, MatchEvent
from tests.fuzz.changes import changed
from tests.schemas.plain_rows import accepted, codec_of, expected, rows_of, usual
from tests.schemas.written import FOREIGN, written

TICK = MatchEvent("e", "m", EventKind.TICK, 0)
EXTRA = {
    "string": "Wembley é",
    "int": -70_000,
    "long": 2**62,
    "float": float("nan"),
    "double": 0.1,
    "boolean": True,
    "bytes": b"\xff\0",
}
EXTRA_ENUM = {"type": "enum", "name": "Weather", "symbols": ["SUN", "RAIN", "FOG"]}
V2 = json.loads(schema_json("match_event", 2))


@st.composite
def writers(draw):
    """A later schema as another team could write it, and the values of its new fields."""
    schema = copy.deepcopy(V2)
    needed, others = schema["fields"][:4], schema["fields"][4:]
    kept = [*needed, *(field for field in others if draw(st.booleans()))]
    more = {}
    for number in range(draw(st.integers(0, 4))):
        kind, value = draw(st.sampled_from([*EXTRA.items(), ("enum", "FOG")]))
        if kind == "string" and draw(st.booleans()):
            value = "Wembley"
        inner = {**EXTRA_ENUM, "name": f"Weather{number}"} if kind == "enum" else kind
        null = draw(st.booleans())
        kept.append({"name": f"more{number}", "type": draw(st.permutations(["null", inner])) if null else inner})
        more[f"more{number}"] = None if null and draw(st.booleans()) else value
    for field in kept:
        if isinstance(field["type"], list):
            field["type"] = draw(st.permutations(field["type"]))
            field.pop("default", None)
        for branch in field["type"] if isinstance(field["type"], list) else [field["type"]]:
            if isinstance(branch, dict):
                branch["symbols"] = draw(st.permutations(branch["symbols"]))
        if field["type"] == "string" and draw(st.booleans()):
            field["type"] = {"type": "string", "avro.java.string": "String"}
    schema["fields"] = draw(st.permutations(kept))
    return schema, more


@given(writers(), usual(), st.data())
def test_an_event_of_a_later_schema_is_read_as_the_codec_reads_it(writer, event, data):
    schema, more = writer
    names = [field["name"] for field in schema["fields"]]
    codec = codec_of({FOREIGN: json.dumps(schema)})
    value = written(schema, {name: value for name, value in {**asdict(event), **more}.items() if name in names})
    values = [value, data.draw(changed(value))]
    keys, stamps = [event.match_id.encode()] * 2, [event.occurred_at_ms] * 2
    single, other = (accepted(one, keys[0], stamps[0], codec) for one in values)

    found = rows_of(values, keys, stamps, FOREIGN, layout_of(codec.schema_of(FOREIGN)))

    assert (expected(single) if single else None) == found[0]
    assert found[1] is None or expected(other) == found[1]


# What Python decodes and what it does not, around each edge of Unicode's table 3-7.
_EDGES = [
    "7f", "80", "c180", "c27f", "c280", "dfbf", "dfc0", "e09fbf", "e0a080", "e0bfbf", "e18080", "e180c0", "ed9fbf",
    "eda080", "ee8080", "efbfbf", "f08fbfbf", "f0908080", "f0bfbfbf", "f1808080", "f48fbfbf", "f4908080", "f5808080",
    "c2", "e0a0", "f09080", "f0908041", "efbf41", "c3a9e28882f09f8f86", "c3a9e282",
]  # fmt: skip
TEXTS = [bytes.fromhex(one) for one in _EDGES]
UTF8 = [[], []]
for _text in TEXTS:
    UTF8[_text.decode(errors="replace").encode() != _text].append(bytes([2 * len(_text)]) + _text)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("boolean", [b"\0", b"\1"], [b"\2", b""]),
        ("string", [b"\0", b"\2a", b"\4\xc3\xa9"], [b"\2\xff", b"\3a", b"\1", b"\4a"]),
        ("string", *UTF8),
        ("bytes", [b"\0", b"\2\xff"], [b"\3\xff", b"\1", b"\4\xff"]),
        ("int", [b"\x80\1"], [b"\x80", b""]),
        ("long", [b"\xff" * 9 + b"\1"], [b"\xff" * 9 + b"\2", b"\xff" * 10 + b"\1"]),
        ("float", [b"\xff" * 4], [b"\xff" * 3, b"\xff" * 5]),
        ("double", [b"\xff" * 8], [b"\xff" * 7, b"\xff" * 9]),
        (EXTRA_ENUM, [b"\0", b"\4"], [b"\1", b"\6", b"\xff\1", b""]),
        (["null", "boolean"], [b"\0", b"\2\1"], [b"\1\1", b"\4\1", b"\2", b""]),
        (["boolean", "null"], [b"\2", b"\0\1"], [b"\1\1", b"\4\1", b"\0", b""]),
    ],
)
def test_what_is_read_over_is_looked_at_too(kind, good, bad):
    layout = layout_of(fastavro.parse_schema(with_field(kind)))
    values = [written(V2, asdict(TICK)) + more for more in (*good, *bad)]

    found = rows_of(values, [b"m"] * len(values), [0] * len(values), FOREIGN, layout)

    assert [expected(TICK)] * len(good) + [None] * len(bad) == found


def changed_field(name, kind):
    schema = copy.deepcopy(V2)
    for field in schema["fields"]:
        if field["name"] == name:
            field["type"] = kind
            field.pop("default", None)
    return schema


def with_field(kind):
    return {**V2, "fields": [*V2["fields"], {"name": "more", "type": kind}]}


MANY = {"type": "enum", "name": "Many", "symbols": [f"S{number}" for number in range(65)]}


@pytest.mark.parametrize(
    "schema",
    [
        changed_field("occurred_at_ms", "int"),
        changed_field("occurred_at_ms", {"type": "long", "logicalType": "timestamp-millis"}),
        changed_field("minute", ["null", "int"]),
        changed_field("home_team", "bytes"),
        changed_field("expected_goals", ["null", "double"]),
        changed_field("side", ["null", {"type": "enum", "name": "Half", "symbols": ["HOME", "AWAY"]}]),
        with_field({"type": "array", "items": "int"}),
        with_field({"type": "record", "name": "Inner", "fields": []}),
        with_field(["null", "int", "string"]),
        with_field("touchline.Side"),
        with_field("null"),
        with_field({"type": "fixed", "name": "Four", "size": 4}),
        with_field({"type": "bytes", "logicalType": "decimal", "precision": 4}),
        with_field(MANY),
        {**V2, "fields": V2["fields"][1:]},
    ],
)
def test_what_is_not_flat_or_not_ours_has_no_layout(schema):
    assert layout_of(fastavro.parse_schema(schema)) is None
