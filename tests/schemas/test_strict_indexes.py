import json
import struct
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.catalog import schema_json
from schemas.codec import Codec, DecodeCause, DecodeError
from schemas.plain_values import plain_reader
from schemas.records import DriftReport, DriftVerdict, EventKind, FeatureDrift, MatchEvent, Side

HEADER = b"\x00\x00\x00\x00\x02"
MASK = 2**64 - 1


class NoRecordError(ValueError):
    """Raised by the slow reader for bytes which no writer of the schema can have made."""


class SlowReader:
    """Reads Avro as the specification has it: each index must be one of the schema's."""

    def __init__(self, schema: Any) -> None:
        self.schema, self.named = schema, {}

    def read(self, data: bytes) -> Any:
        self.data, self.at = data, 0
        found = self.value(self.schema)
        if self.at != len(data):
            raise NoRecordError("bytes are left")
        return found

    def take(self, count: int) -> bytes:
        if count < 0 or self.at + count > len(self.data):
            raise NoRecordError("the bytes end")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self) -> int:
        raw = shift = 0
        while True:
            (byte,) = self.take(1)
            raw |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
            if shift > 63:
                raise NoRecordError("a number of more than 64 bits")
        raw &= MASK
        return (raw >> 1) ^ -(raw & 1)

    def one_of(self, choices: list[Any]) -> Any:
        index = self.number()
        if not 0 <= index < len(choices):
            raise NoRecordError(f"index {index} of {len(choices)}")
        return choices[index]

    def value(self, schema: Any) -> Any:
        if isinstance(schema, list):
            return self.value(self.one_of(schema))
        if isinstance(schema, str) and schema in self.named:
            schema = self.named[schema]
        kind = schema["type"] if isinstance(schema, Mapping) else schema
        if isinstance(schema, Mapping) and "name" in schema:
            self.named[schema["name"]] = schema
        return getattr(self, f"_{kind}")(schema)

    def _null(self, _schema: Any) -> None:
        return None

    def _boolean(self, _schema: Any) -> bool:
        return self.take(1) != b"\x00"

    def _int(self, _schema: Any) -> int:
        return self.number()

    _long = _int

    def _float(self, _schema: Any) -> float:
        return struct.unpack("<f", self.take(4))[0]

    def _double(self, _schema: Any) -> float:
        return struct.unpack("<d", self.take(8))[0]

    def _bytes(self, _schema: Any) -> bytes:
        return self.take(self.number())

    def _string(self, _schema: Any) -> str:
        return self.take(self.number()).decode()

    def _enum(self, schema: Any) -> str:
        return self.one_of(schema["symbols"])

    def _record(self, schema: Any) -> dict[str, Any]:
        return {field["name"]: self.value(field["type"]) for field in schema["fields"]}


EVENT = MatchEvent("e1", "m1", EventKind.GOAL, 5, 3, Side.HOME, "A", "B", "C", True, 5, 1, 2, "e0", 0.5)  # noqa: FBT003 - a field


def codec(name: str, record_type: type) -> Codec[Any]:
    made = Codec(name, record_type)
    made.learn(2, schema_json(name))
    made.use_for_writing(2)
    return made


EVENTS = codec("match_event", MatchEvent)


def said_by_codec(data: bytes) -> MatchEvent | None:
    try:
        return EVENTS.decode(HEADER + data)
    except DecodeError:
        return None


def said_by_slow_reader(data: bytes) -> MatchEvent | None:
    try:
        values = SlowReader(json.loads(schema_json("match_event"))).read(data)
    except ValueError:
        return None
    side = values.pop("side")
    return MatchEvent(**{**values, "kind": EventKind(values["kind"]), "side": None if side is None else Side(side)})


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 255)), max_size=3))
def test_bytes_are_a_record_exactly_when_a_strict_reader_says_so(changes):
    data = bytearray(EVENTS.encode(EVENT)[len(HEADER) :])
    for place, byte in changes:
        data[place % len(data)] = byte

    assert repr(said_by_slow_reader(bytes(data))) == repr(said_by_codec(bytes(data)))


@given(st.integers(-(2**63), 2**63 - 1))
def test_no_index_but_those_of_the_schema_names_a_kind(index):
    data = EVENTS.encode(EVENT)
    before, after = data[: len(HEADER) + 6], data[len(HEADER) + 7 :]
    changed = before + varint(index) + after

    if index in range(len(EventKind)):
        assert list(EventKind)[index] is EVENTS.decode(changed).kind
    else:
        with pytest.raises(DecodeError, match=rf"index {index}$") as caught:
            EVENTS.decode(changed)
        assert DecodeCause.UNDECODABLE == caught.value.cause


def test_an_enum_in_an_array_is_as_strict():
    reports = codec("drift_report", DriftReport)
    drift = FeatureDrift("elo", 5, 10, None, None, None, None, None, 0.0, DriftVerdict.TOO_FEW)
    data = reports.encode(DriftReport("m", "1", "C", 0, 1, "d", 1, 2, 0, (drift,), ()))
    place = len(data) - 5  # of the verdict: two nulls and the ends of two arrays follow

    assert reports.decode(data).features[0].verdict is DriftVerdict.TOO_FEW
    with pytest.raises(DecodeError, match=r"index -1$"):
        reports.decode(data[:place] + varint(-1) + data[place + 1 :])


def test_it_holds_too_where_fields_are_resolved():
    writer = json.loads(schema_json("match_event"))
    next(field for field in writer["fields"] if field["name"] == "occurred_at_ms")["type"] = "int"
    events = codec("match_event", MatchEvent)
    events.learn(2, json.dumps(writer))
    data = events.encode(EVENT)
    place = len(HEADER) + 6

    assert EVENT == events.decode(data)
    with pytest.raises(DecodeError, match=r"index -1$"):
        events.decode(data[:place] + varint(-1) + data[place + 1 :])


def test_it_holds_too_for_those_who_only_look():
    data = EVENTS.encode(EVENT)
    place = len(HEADER) + 6

    with pytest.raises(ValueError, match=r"-1$"):
        plain_reader(schema_json("match_event"))(data[:place] + varint(-1) + data[place + 1 :])


def varint(value: int) -> bytes:
    left = (value << 1) ^ (value >> 63)
    found = bytearray()
    while left > 127:
        found.append(left & 127 | 128)
        left >>= 7
    return bytes([*found, left])
