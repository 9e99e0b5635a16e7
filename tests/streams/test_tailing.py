"""Records as people read them."""

import json

import pytest

from schemas.catalog import schema_json
from schemas.codec import Codec
from schemas.records import EventKind, MatchEvent
from streams.registry_errors import SchemaNotFoundError
from streams.tailing import Decoder, seen


class FakeRegistry:
    def __init__(self) -> None:
        self.asked: list[int] = []

    def fetch(self, schema_id: int) -> str:
        self.asked.append(schema_id)
        if schema_id != 7:
            raise SchemaNotFoundError(str(schema_id))
        return schema_json("match_event")


class FakeMessage:
    def __init__(self, key, value, headers=None) -> None:
        self._key, self._value, self._headers = key, value, headers

    def topic(self):
        return "t"

    def partition(self):
        return 2

    def offset(self):
        return 30

    def timestamp(self):
        return (1, 1000)

    def key(self):
        return self._key

    def value(self):
        return self._value

    def headers(self):
        return self._headers


@pytest.fixture
def goal() -> bytes:
    codec = Codec("match_event", MatchEvent)
    codec.use_for_writing(7)
    return codec.encode(MatchEvent("g", "m", EventKind.GOAL, 5))


def test_a_value_is_decoded_by_its_schema_which_is_asked_for_once(goal):
    registry = FakeRegistry()
    decode = Decoder(registry)

    assert decode(goal)["kind"] == "GOAL"
    assert decode(goal)["match_id"] == "m"
    assert [7] == registry.asked


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"hello", "5 bytes without magic byte and schema id"),
        (b"\x00", "1 bytes without magic byte and schema id"),
        (b"\x00\x00\x00\x00\x09abc", "the registry knows no schema 9"),
        (b"\x00\x00\x00\x00\x07\x02", "not a MatchEvent"),
    ],
)
def test_what_cannot_be_decoded_is_shown_with_the_reason_and_its_bytes(data, problem):
    record = seen(FakeMessage(b"k", data), Decoder(FakeRegistry()))

    assert record.value is None
    assert record.raw == data
    assert problem in (record.problem or "")
    assert "bytes" in json.loads(record.as_json())


def test_an_unknown_id_is_asked_for_once():
    registry = FakeRegistry()
    decode = Decoder(registry)
    for _ in range(3):
        seen(FakeMessage(b"k", b"\x00\x00\x00\x00\x09abc"), decode)

    assert [9] == registry.asked


def test_a_tombstone_has_no_value_and_no_problem():
    record = seen(FakeMessage(b"\x00\xffk", None), Decoder(FakeRegistry()))

    assert (record.value, record.problem) == (None, None)
    assert record.key == "\x00\\xffk"


def test_json_has_key_value_headers_and_place(goal):
    record = seen(FakeMessage(b"m", goal, [("cause", b"EMPTY_KEY"), ("none", None)]), Decoder(FakeRegistry()))
    shown = json.loads(record.as_json())

    assert ("t", 2, 30, 1000, "m") == tuple(
        shown[name] for name in ("topic", "partition", "offset", "timestamp_ms", "key")
    )
    assert shown["headers"] == {"cause": "EMPTY_KEY", "none": ""}
    assert shown["value"]["event_id"] == "g"
