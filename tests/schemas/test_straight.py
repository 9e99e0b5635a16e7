"""The short way between bytes and records never says anything else than the long one."""

import dataclasses
import json
import types
from typing import get_args, get_type_hints

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.catalog import RECORD_TYPES, schema_json
from schemas.codec import Codec, DecodeError, EncodeError
from schemas.records import EventKind, MatchEvent
from schemas.resolution import parsed
from schemas.straight import UnfitError
from schemas.straight_reader import straight_reader
from schemas.straight_writer import straight_writer

NAMES = sorted(RECORD_TYPES)
NUMBERS = {"int": st.integers(-(2**31), 2**31 - 1), "long": st.integers(-(2**63), 2**63 - 1)}
PLAIN = {
    **NUMBERS,
    "float": st.floats(width=32, allow_nan=False),
    "double": st.floats(allow_nan=False),
    "string": st.text(max_size=70),
    "bytes": st.binary(max_size=70),
    "boolean": st.booleans(),
}


def values(schema, hint, named):
    """A strategy for values of *hint* which *schema* can hold."""
    if isinstance(schema, str):
        schema = named.get(schema, schema)
    if isinstance(schema, list):
        (inner,) = (one for one in schema if one != "null")
        (kind,) = (one for one in get_args(hint) if one is not types.NoneType)
        return st.none() | values(inner, kind, named)
    kind = schema["type"] if isinstance(schema, dict) else schema
    if isinstance(schema, dict) and "name" in schema:
        named[schema["name"]] = schema
    if kind == "enum":
        return st.sampled_from([hint[symbol] for symbol in schema["symbols"]])
    if kind == "record":
        hints = get_type_hints(hint)
        return st.builds(
            hint, **{one["name"]: values(one["type"], hints[one["name"]], named) for one in schema["fields"]}
        )
    if kind == "array":
        return st.lists(values(schema["items"], get_args(hint)[0], named), max_size=4).map(tuple)
    if kind == "map":
        return st.dictionaries(st.text(max_size=9), values(schema["values"], get_args(hint)[1], named), max_size=4)
    return PLAIN[kind]


def codec_of(name):
    codec = Codec(name, RECORD_TYPES[name])
    codec.learn(1, schema_json(name))
    codec.use_for_writing(1)
    return codec


CODECS = {name: codec_of(name) for name in NAMES}


def without_short_ways(name):
    codec = codec_of(name)
    codec._straight.clear()
    codec._writing = dataclasses.replace(codec._writing, straight=None)
    return codec


LONG_WAYS = {name: without_short_ways(name) for name in NAMES}
RECORDS = {name: values(parsed(schema_json(name)), RECORD_TYPES[name], {}) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_every_record_of_ours_has_a_short_way_out_and_those_without_records_inside_one_in(name):
    flat = not any("fields" in json.dumps(one["type"]) for one in parsed(schema_json(name))["fields"])

    assert CODECS[name]._writing.straight is not None
    assert flat == (1 in CODECS[name]._straight)


def test_what_every_event_takes_is_short():
    assert all(1 in CODECS[name]._straight for name in ("match_event", "feature_event", "team_event", "prediction"))


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_both_ways_write_the_same_bytes_and_read_the_same_record(name, data):
    record = data.draw(RECORDS[name])
    short, far = CODECS[name], LONG_WAYS[name]
    written = far.encode(record)
    out = bytearray()
    short._writing.straight(out, record)

    assert written[5:] == bytes(out)
    assert record == short.decode(written)
    assert record == far.decode(written)


def told(codec, data):
    """What *codec* makes of bytes: the record, or cause and sentence."""
    try:
        return codec.decode(data)
    except DecodeError as error:
        return error.cause, str(error)


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_of_changed_bytes_both_ways_say_the_same(name, data):
    changed = bytearray(LONG_WAYS[name].encode(data.draw(RECORDS[name])))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(5, len(changed)))
        kind = data.draw(st.sampled_from(["cut", "flip", "insert", "many"]))
        if kind == "cut":
            del changed[place:]
        elif kind == "flip" and place < len(changed):
            changed[place] ^= 1 << data.draw(st.integers(0, 7))
        elif kind == "insert":
            changed[place:place] = data.draw(st.binary(max_size=3))
        else:
            changed[place:place] = b"\xff" * data.draw(st.integers(1, 12))

    found, expected = told(CODECS[name], bytes(changed)), told(LONG_WAYS[name], bytes(changed))

    assert repr(expected) == repr(found)  # NaN is not itself


@pytest.mark.parametrize(
    "wrong",
    [
        {"event_id": None}, {"event_id": 3}, {"event_id": "\ud800"}, {"minute": 2**31}, {"minute": -(2**31) - 1},
        {"minute": 1.5}, {"occurred_at_ms": 2**63}, {"occurred_at_ms": -(2**63) - 1}, {"kind": "NOTHING"},
        {"side": 3}, {"neutral": "yes"}, {"expected_goals": "many"}, {"home_score": 2**40},
    ],
)  # fmt: skip
def test_of_what_does_not_fit_both_ways_say_the_same(wrong):
    record = dataclasses.replace(MatchEvent("e", "m", EventKind.TICK, 0), **wrong)

    def outcome(codec):
        try:
            return codec.encode(record)
        except EncodeError as error:
            return str(error)

    assert outcome(LONG_WAYS["match_event"]) == outcome(CODECS["match_event"])


@dataclasses.dataclass(frozen=True)
class Odd:
    value: object


@pytest.mark.parametrize(
    ("kind", "hint"),
    [
        (["null", "int", "string"], int | str | None),
        ({"type": "fixed", "name": "f", "size": 3}, bytes),
        ({"type": "array", "items": "int"}, int),
        ({"type": "map", "values": "int"}, int),
        ({"type": "enum", "name": "e", "symbols": [f"S{number}" for number in range(70)]}, EventKind),
        ({"type": "enum", "name": "e", "symbols": ["NEVER"]}, EventKind),
        ("int", str),
        ("int", int | None),
    ],
)
def test_what_is_not_ours_has_none(kind, hint):
    schema = fastavro.parse_schema({"type": "record", "name": "Odd", "fields": [{"name": "value", "type": kind}]})
    Odd.__annotations__["value"] = hint

    with pytest.raises(UnfitError):
        straight_reader(schema, Odd, {}, ())
    with pytest.raises(UnfitError):
        straight_writer(schema, Odd)


@dataclasses.dataclass(slots=True)
class SomeOfAPrediction:
    """Texts, a number and what lies behind an array."""

    match_id: str
    draw: float
    feature_set: str
    scored_at_us: int


@dataclasses.dataclass(slots=True)
class SomeOfAnEvent:
    """What lies between an enumeration and unions which are left out."""

    occurred_at_ms: int
    home_team: str | None
    away_score: int | None


def refused(codec, data):
    try:
        codec.decode(data)
    except DecodeError:
        return True
    return False


@pytest.mark.parametrize(("name", "part"), [("prediction", SomeOfAPrediction), ("match_event", SomeOfAnEvent)])
@given(st.data())
def test_who_wants_some_fields_gets_those_of_the_whole_record(name, part, data):
    some = Codec(name, part)
    some.learn(1, schema_json(name))
    record = data.draw(RECORDS[name])
    written = CODECS[name].encode(record)

    assert 1 in some._straight
    names = [one.name for one in dataclasses.fields(part)]
    whole = CODECS[name].decode(written)
    assert [getattr(whole, one) for one in names] == [getattr(some.decode(written), one) for one in names]
    changed = bytearray(written)
    changed[data.draw(st.integers(5, len(written) - 1))] = data.draw(st.integers(0, 255))
    for other in (written[: data.draw(st.integers(5, len(written) - 1))], bytes(changed)):
        assert refused(some, other) == refused(CODECS[name], other)
    with pytest.raises(TypeError, match="has no field"):
        some.use_for_writing(1)
