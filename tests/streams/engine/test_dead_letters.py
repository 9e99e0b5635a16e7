"""A dead letter keeps the bytes and tells where they came from and why they are here."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from schemas.codec import DecodeCause
from streams.engine.dead_letters import Cause, cause_of, dead_letter
from streams.engine.slices import Slice


@dataclass(frozen=True)
class FakeRecord:
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int = 17
    headers: tuple[tuple[str, bytes], ...] = ()


def letter_of(value: bytes | None):
    record = FakeRecord(9, b"key", value)
    return dead_letter("dead", Slice("in", 4, 1, [record], 0), record, cause=Cause.TRUNCATED, reason="why", worker="w1")


def test_key_and_bytes_are_unchanged_and_the_origin_is_told():
    letter = letter_of(b"\x00\x00\x00\x00\x2arest")

    assert ("dead", b"key", b"\x00\x00\x00\x00\x2arest") == (letter.topic, letter.key, letter.value)
    assert {
        "cause": b"TRUNCATED",
        "exception": b"why",
        "source_topic": b"in",
        "source_partition": b"4",
        "source_offset": b"9",
        "source_timestamp_ms": b"17",
        "schema_id": b"42",
        "worker": b"w1",
    } == dict(letter.headers)


@pytest.mark.parametrize("value", [None, b"", b"\x00\x00", b"\x07\x00\x00\x00\x01x"])
def test_without_a_schema_id_none_is_made_up(value):
    assert b"" == dict(letter_of(value).headers)["schema_id"]


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_has_a_sentence(cause):
    assert cause.sentence.endswith(".")


def test_the_page_about_dead_letters_lists_every_cause_with_its_sentence():
    page = (Path(__file__).parents[3] / "docs/dead-letters.md").read_text()
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.*) \|$", page, re.MULTILINE)

    assert [(cause.value, cause.sentence) for cause in Cause] == rows


def test_the_page_about_dead_letters_lists_every_header():
    page = (Path(__file__).parents[3] / "docs/dead-letters.md").read_text()

    assert [] == [name for name, _ in letter_of(b"v").headers if f"`{name}`" not in page]


def test_the_headers_of_the_record_come_after_ours_by_prefixed_names():
    record = FakeRecord(9, b"key", b"v", headers=(("cause", b"theirs"), ("trace", b"t1")))
    letter = dead_letter("dead", Slice("in", 4, 1, [record], 0), record, cause=Cause.TRUNCATED, reason="", worker="w")

    assert [("source_header:cause", b"theirs"), ("source_header:trace", b"t1")] == letter.headers[-2:]
    assert Cause.TRUNCATED is cause_of(letter)


def test_every_cause_of_the_codec_is_one_of_ours():
    assert {cause.value for cause in DecodeCause} <= {cause.value for cause in Cause}
