"""A record is an event, or there is a reason why it is none."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.bounds import MAX_AHEAD_MS, check_match_event
from schemas.codec import Codec
from schemas.records import EventKind, MatchEvent
from streams.engine.dead_letters import Cause
from streams.engine.murmur import partition_of
from streams.engine.slices import Slice
from streams.intake import Intake, Reader, Refused

AT_MS = 1_668_960_000_000
EVENT = MatchEvent("e1", "m1", EventKind.TICK, AT_MS, 5)


@dataclass(frozen=True)
class FakeRecord:
    key: bytes | None
    value: bytes | None
    offset: int = 0
    timestamp: int = AT_MS
    headers: tuple[tuple[str, bytes], ...] = ()


@pytest.fixture(name="codec", scope="module")
def _codec():
    from schemas.catalog import schema_json  # noqa: PLC0415 - only here

    codec = Codec("match_event", MatchEvent)
    codec.use_for_writing(1)
    codec.learn(1, schema_json("match_event"))
    return codec


@pytest.fixture(name="intake", scope="module")
def _intake(codec):
    return Intake({"in": Reader(codec.decode, check_match_event, lambda event: event.occurred_at_ms)}, 12)


def only(intake, record, partition: int | None = None):
    where = partition_of(b"m1", 12) if partition is None else partition
    (entry,) = intake.decode(Slice("in", where, 1, [record], 0)).entries
    assert record is entry.record
    return entry.event


def test_a_good_record_is_its_event(intake, codec):
    assert EVENT == only(intake, FakeRecord(b"m1", codec.encode(EVENT)))


@pytest.mark.parametrize(("key", "cause"), [(None, "EMPTY_KEY"), (b"", "EMPTY_KEY"), (b"m2", "KEY_MISMATCH")])
def test_a_key_that_is_not_the_match_id_is_refused(intake, codec, key, cause):
    assert cause == only(intake, FakeRecord(key, codec.encode(EVENT))).cause


def test_a_partition_that_is_not_murmur2_of_the_key_is_refused(intake, codec):
    wrong = (partition_of(b"m1", 12) + 1) % 12

    assert Cause.WRONG_PARTITION is only(intake, FakeRecord(b"m1", codec.encode(EVENT)), wrong).cause


@pytest.mark.parametrize(("ahead", "refused"), [(0, False), (MAX_AHEAD_MS, False), (MAX_AHEAD_MS + 1, True)])
def test_an_event_more_than_a_day_ahead_of_its_record_is_refused(intake, codec, ahead, refused):
    event = only(intake, FakeRecord(b"m1", codec.encode(EVENT), timestamp=AT_MS - ahead))

    assert refused == isinstance(event, Refused)


def test_no_value_is_refused(intake):
    assert Cause.TOO_SHORT is only(intake, FakeRecord(b"m1", None)).cause


@given(st.binary(max_size=60))
def test_whatever_follows_the_header_is_an_event_or_refused(intake, body):
    event = only(intake, FakeRecord(b"m1", b"\x00\x00\x00\x00\x01" + body))

    assert isinstance(event, Refused | MatchEvent)
