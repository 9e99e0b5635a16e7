import dataclasses
import io
import json
import math
import struct
import tracemalloc

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.catalog import RECORD_TYPES, schema_json
from schemas.codec import Codec, DecodeCause, DecodeError, EncodeError, UnknownSchemaError
from schemas.records import (
    DriftReport,
    DriftVerdict,
    EventKind,
    FeatureDrift,
    FeatureEvent,
    MatchEvent,
    MonitorPartial,
    Side,
)

INT, LONG = st.integers(-(2**31), 2**31 - 1), st.integers(-(2**63), 2**63 - 1)
FLOAT32 = st.floats(width=32, allow_nan=False)
TEXT = st.text(max_size=30)
MATCH_EVENTS = st.builds(
    MatchEvent,
    event_id=TEXT,
    match_id=TEXT,
    kind=st.sampled_from(EventKind),
    occurred_at_ms=LONG,
    minute=INT,
    side=st.none() | st.sampled_from(Side),
    home_team=st.none() | TEXT,
    away_team=st.none() | TEXT,
    competition=st.none() | TEXT,
    neutral=st.none() | st.booleans(),
    kick_off_ms=st.none() | LONG,
    home_score=st.none() | INT,
    away_score=st.none() | INT,
    corrects=st.none() | TEXT,
    expected_goals=st.none() | FLOAT32,
)
FEATURE_EVENTS = st.builds(
    FeatureEvent,
    event_id=TEXT,
    match_id=TEXT,
    source=TEXT,
    as_of_ms=LONG,
    values=st.dictionaries(TEXT, st.none() | st.floats(allow_nan=False)),
)
GOAL = MatchEvent("e1", "m1", EventKind.GOAL, 1_671_375_600_000, 23, Side.HOME, expected_goals=0.5)


def match_codec(version: int = 2, reader_version: int | None = None) -> Codec[MatchEvent]:
    codec = Codec("match_event", MatchEvent, reader_version)
    for known in (1, 2):
        codec.learn(known, schema_json("match_event", known))
    codec.use_for_writing(version, version)
    return codec


def feature_codec() -> Codec[FeatureEvent]:
    codec = Codec("feature_event", FeatureEvent)
    codec.learn(7, schema_json("feature_event"))
    codec.use_for_writing(7)
    return codec


EVENTS, FEATURES = match_codec(), feature_codec()


def cause_of(codec: Codec[MatchEvent], data: bytes) -> DecodeCause:
    with pytest.raises(DecodeError) as caught:
        codec.decode(data)
    assert data == caught.value.data
    return caught.value.cause


def outcome(codec: Codec[MatchEvent] | Codec[FeatureEvent], data: bytes) -> MatchEvent | FeatureEvent | DecodeError:
    try:
        return codec.decode(data)
    except DecodeError as error:
        return error


@given(MATCH_EVENTS)
def test_every_match_event_survives_the_wire(event):
    assert event == EVENTS.decode(EVENTS.encode(event))


@given(FEATURE_EVENTS)
def test_every_feature_event_survives_the_wire(event):
    assert event == FEATURES.decode(FEATURES.encode(event))


@given(st.data())
@pytest.mark.parametrize("name", sorted(RECORD_TYPES))
def test_every_record_survives_the_wire(name, data):
    codec = Codec(name, RECORD_TYPES[name])
    codec.learn(1, schema_json(name))
    codec.use_for_writing(1)
    record = data.draw(st.builds(RECORD_TYPES[name], **_exact_fields(name)))

    decoded = codec.decode(codec.encode(record))

    assert codec.encode(record) == codec.encode(decoded)
    assert record == decoded


def _exact_fields(name: str) -> dict[str, st.SearchStrategy[object]]:
    """Strategies for what Avro holds less of than Python: sized numbers, and sequences, which come back as tuples."""
    simple: dict[object, st.SearchStrategy[object]] = {
        "int": INT,
        "long": LONG,
        "float": FLOAT32,
        "double": st.floats(allow_nan=False),
    }
    found: dict[str, st.SearchStrategy[object]] = {}
    for field in json.loads(schema_json(name))["fields"]:
        kind = field["type"]
        if isinstance(kind, list) and kind[1] in ("int", "long", "float", "double"):
            found[field["name"]] = st.none() | simple[kind[1]]
        elif isinstance(kind, str) and kind in simple:
            found[field["name"]] = simple[kind]
        elif isinstance(kind, dict) and kind["type"] == "array" and isinstance(kind["items"], str):
            found[field["name"]] = st.lists(simple.get(kind["items"], TEXT), max_size=3).map(tuple)
        elif isinstance(kind, dict) and kind["type"] == "array":
            inner = RECORD_TYPES[name].__module__
            record = getattr(__import__(inner, fromlist=["x"]), kind["items"]["name"])
            numbers = {
                one["name"]: simple[one["type"]]
                for one in kind["items"]["fields"]
                if one["type"] in ("int", "long", "double")
            }
            numbers |= {
                one["name"]: st.none() | simple["double"]
                for one in kind["items"]["fields"]
                if one["type"] == ["null", "double"]
            }
            lists = {
                one["name"]: st.lists(simple[one["type"]["items"]], max_size=3).map(tuple)
                for one in kind["items"]["fields"]
                if isinstance(one["type"], dict) and one["type"]["type"] == "array"
            }
            found[field["name"]] = st.lists(st.builds(record, **numbers, **lists), max_size=3).map(tuple)
        elif isinstance(kind, dict) and kind["type"] == "map":
            found[field["name"]] = st.dictionaries(
                TEXT, simple["long"] if kind["values"] == "long" else st.none() | simple["double"]
            )
    return found


def test_the_bytes_are_those_of_another_implementation_of_the_wire_format():
    header, body = EVENTS.encode(GOAL)[:5], EVENTS.encode(GOAL)[5:]
    writer = fastavro.parse_schema(json.loads(schema_json("match_event")))
    assert struct.pack(">bI", 0, 2) == header
    assert {**dataclasses.asdict(GOAL)} == fastavro.schemaless_reader(io.BytesIO(body), writer, None)


def test_bytes_of_version_1_are_read_by_version_2_with_its_default():
    event = dataclasses.replace(GOAL, expected_goals=None)

    assert event == match_codec().decode(match_codec(version=1).encode(GOAL))


def test_bytes_of_version_2_are_read_by_version_1_without_the_new_field():
    assert None is match_codec(reader_version=1).decode(match_codec(version=2).encode(GOAL)).expected_goals


def test_types_of_the_reader_count_when_the_writer_has_narrower_ones():
    writer = json.loads(schema_json("match_event"))
    kinds = {field["name"]: field for field in writer["fields"]}
    kinds["occurred_at_ms"]["type"] = "int"
    codec = match_codec()
    codec.learn(9, json.dumps(writer))
    data = codec.encode(dataclasses.replace(GOAL, occurred_at_ms=5))

    assert 5 == codec.decode(b"\x00\x00\x00\x00\x09" + data[5:]).occurred_at_ms


def test_nested_records_and_enums_come_back_as_ours():
    codec = Codec("drift_report", DriftReport)
    codec.learn(1, schema_json("drift_report"))
    codec.use_for_writing(1)
    drift = FeatureDrift("elo", 5, 10, None, None, None, 0.5, 0.25, 0.0, DriftVerdict.DRIFT)
    report = DriftReport("m", "1", "CHAMPION", 0, 1, "d", 1, 2, 0, (drift,), ("elo",))

    decoded = codec.decode(codec.encode(report))

    assert report == decoded
    assert isinstance(decoded.features[0].verdict, DriftVerdict)


def test_bytes_stay_bytes():
    codec = Codec("monitor_partial", MonitorPartial)
    codec.learn(1, schema_json("monitor_partial"))
    codec.use_for_writing(1)
    partial = MonitorPartial("m", "1", "CHAMPION", 0, 1, "d", 3, 4, True, b"\x00\xff")  # noqa: FBT003 - a field

    assert partial == codec.decode(codec.encode(partial))


def test_a_missing_value_is_nan_and_stays_nan():
    event = FEATURES.decode(FEATURES.encode(FeatureEvent("e", "m", "odds", 1, {"home": math.nan})))

    assert math.isnan(event.values["home"] or 0.0)


def test_an_id_which_has_not_been_learnt_is_told_from_bad_bytes():
    with pytest.raises(UnknownSchemaError, match="99") as caught:
        EVENTS.decode(b"\x00\x00\x00\x00\x63" + EVENTS.encode(GOAL)[5:])

    assert 99 == caught.value.schema_id


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x00\x00\x00\x00"])
def test_fewer_than_five_bytes_are_too_short(data):
    assert DecodeCause.TOO_SHORT == cause_of(EVENTS, data)


def test_another_first_byte_is_wrong_magic():
    assert DecodeCause.WRONG_MAGIC == cause_of(EVENTS, b"{" + EVENTS.encode(GOAL)[1:])


def test_every_truncation_is_told():
    data = EVENTS.encode(GOAL)

    assert {DecodeCause.TRUNCATED} == {cause_of(EVENTS, data[:end]) for end in range(5, len(data))}


def test_bytes_after_the_record_are_told():
    assert DecodeCause.TRAILING_BYTES == cause_of(EVENTS, EVENTS.encode(GOAL) + b"\x00")


def test_text_which_is_no_utf8_is_undecodable():
    assert DecodeCause.UNDECODABLE == cause_of(EVENTS, EVENTS.encode(GOAL).replace(b"e1", b"\xff\xfe"))


def test_a_schema_which_cannot_be_read_as_ours_is_remembered_with_its_reason():
    codec = match_codec()
    codec.learn(11, schema_json("feature_event"))

    with pytest.raises(DecodeError, match="FeatureEvent") as caught:
        codec.decode(b"\x00\x00\x00\x00\x0b" + b"\x00")
    assert DecodeCause.UNREADABLE_SCHEMA == caught.value.cause


@pytest.mark.parametrize("text", ["", "{", "{}", '"string"', '{"type": "record"}', "[]", "7"])
def test_a_text_which_is_no_schema_is_unreadable_and_no_crash(text):
    codec = match_codec()
    codec.learn(11, text)

    assert DecodeCause.UNREADABLE_SCHEMA == cause_of(codec, b"\x00\x00\x00\x00\x0b\x00")


@given(st.binary(max_size=200))
def test_random_bytes_make_a_decode_error_or_an_event_and_nothing_else(body):
    assert isinstance(outcome(EVENTS, b"\x00\x00\x00\x00\x02" + body), MatchEvent | DecodeError)
    assert isinstance(outcome(EVENTS, b"\x00\x00\x00\x00\x01" + body), MatchEvent | DecodeError)
    assert isinstance(outcome(FEATURES, b"\x00\x00\x00\x00\x07" + body), FeatureEvent | DecodeError)


@given(MATCH_EVENTS, st.integers(5, 400), st.binary(min_size=1, max_size=12))
def test_a_changed_record_makes_a_decode_error_or_an_event_and_nothing_else(event, place, change):
    data = EVENTS.encode(event)
    at = min(place, len(data) - 1)

    assert isinstance(outcome(EVENTS, data[:at] + change + data[at + len(change) :]), MatchEvent | DecodeError)


@given(FEATURE_EVENTS, st.integers(-(2**63), 2**63 - 1))
def test_an_absurd_block_count_ends_with_the_bytes(event, count):
    start = FEATURES.encode(dataclasses.replace(event, values={}))[:-1]

    assert isinstance(outcome(FEATURES, start + _varint(count) + b"\x00" * 50), FeatureEvent | DecodeError)


@pytest.mark.parametrize("length", [2**31, 2**62, 2**63 - 1, -1, -(2**63)])
def test_an_absurd_length_takes_no_memory(length):
    data = b"\x00\x00\x00\x00\x02" + _varint(length) + b"ab"
    tracemalloc.start()

    assert cause_of(EVENTS, data) in {DecodeCause.TRUNCATED, DecodeCause.UNDECODABLE}
    assert 1_000_000 > tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


def _varint(value: int) -> bytes:
    left = (value << 1) ^ (value >> 63)
    found = bytearray()
    while left > 127:
        found.append(left & 127 | 128)
        left >>= 7
    return bytes([*found, left])


def test_a_writer_version_without_a_field_leaves_it_out():
    assert len(match_codec(version=1).encode(GOAL)) < len(match_codec(version=2).encode(GOAL))


@pytest.mark.parametrize(
    "wrong",
    [
        dataclasses.replace(GOAL, event_id=None),
        dataclasses.replace(GOAL, minute="soon"),
        dataclasses.replace(GOAL, kind="KICKOFF"),
        dataclasses.replace(GOAL, home_score="two"),
        dataclasses.replace(GOAL, occurred_at_ms=2**70),
    ],
)
def test_a_record_which_does_not_fit_is_refused(wrong):
    with pytest.raises(EncodeError, match="MatchEvent") as caught:
        EVENTS.encode(wrong)

    assert wrong is caught.value.record


def test_writing_needs_a_schema_id():
    with pytest.raises(RuntimeError, match="use_for_writing"):
        Codec("match_event", MatchEvent).encode(GOAL)


def test_a_codec_tells_what_it_knows():
    assert EVENTS.knows(2)
    assert not EVENTS.knows(3)


def test_a_codec_shows_the_schemas_which_it_can_read_and_the_one_it_writes():
    codec = Codec("match_event", MatchEvent)
    codec.learn(1, schema_json("match_event", 1))
    codec.learn(11, schema_json("feature_event"))
    codec.use_for_writing(258, 1)

    assert "touchline.MatchEvent" == codec.schema_of(1)["name"]
    assert [None, None] == [codec.schema_of(schema_id) for schema_id in (3, 11)]
    assert (b"\0\0\0\1\2", codec.schema_of(1)) == codec.writes


def test_before_a_codec_can_write_it_shows_no_schema():
    with pytest.raises(RuntimeError, match="use_for_writing"):
        _ = Codec("match_event", MatchEvent).writes
