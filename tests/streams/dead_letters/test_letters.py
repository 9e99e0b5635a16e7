"""What a dead letter says of itself, which are meant, and that a file keeps every byte."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.commands.letter_views import hex_lines, printable
from streams.dead_letters.files import LetterFileError, read_lines, to_line
from streams.dead_letters.letter import Letter, mark_of, sentence_of
from streams.dead_letters.replaying import obstacle, replay_headers
from streams.dead_letters.selection import Selection
from streams.engine.dead_letters import Cause, dead_letter
from streams.engine.reading_back import ReadBack
from streams.engine.slices import Slice

CONTENT = st.none() | st.binary(max_size=40)
HEADERS = st.lists(st.tuples(st.text(max_size=20), CONTENT), max_size=6).map(tuple)
COUNT = st.integers(0, 2**40)


def letter_of(record: ReadBack, *, topic: str = "match-events", cause: Cause = Cause.TRUNCATED) -> Letter:
    """Return what the topic of dead letters holds once *record* was set aside."""
    piece = Slice(topic, 3, 1, [record], 0)
    made = dead_letter("dead", piece, record, cause=cause, reason="why", worker="w1")
    return Letter("dead", 1, 17, 5000, made.key, made.value, tuple(made.headers))


LETTER = letter_of(ReadBack(b"m1", 9, 4000, b"\x00\x00\x00\x00\x2arest", (("trace", b"t1"),)))


@given(st.builds(Letter, st.text(), COUNT, COUNT, COUNT, CONTENT, CONTENT, HEADERS))
def test_a_letter_survives_the_file_byte_for_byte(letter):
    assert [letter] == list(read_lines([to_line(letter), "\n"]))


@given(CONTENT, st.binary(), HEADERS)
def test_what_is_replayed_is_the_source_record_whatever_it_was(key, value, headers):
    source = ReadBack(key, 9, 4000, value, headers)
    letter = letter_of(source)
    (kept,) = read_lines([to_line(letter)])

    assert (source.key, source.value) == (kept.key, kept.value)
    ours = {"replayed_from", "replayed_source", "replays"}
    assert [one for one in headers if one[0] not in ours] == replay_headers(kept)[:-3]
    assert ours == {name for name, _ in replay_headers(kept)[-3:]}


@pytest.mark.parametrize("line", ["{", "[]", '{"topic": 1}', to_line(LETTER).replace('"value": "', '"value": "!')])
def test_a_line_that_is_no_letter_is_named(line):
    with pytest.raises(LetterFileError, match=r"^line 2 is no dead letter"):
        list(read_lines([to_line(LETTER), line]))


def test_a_letter_says_where_it_comes_from():
    assert ("match-events/3/9", 42, "TRUNCATED", "why") == (
        LETTER.source_place,
        LETTER.schema_id,
        LETTER.cause,
        LETTER.reason,
    )
    assert (("trace", b"t1"),) == LETTER.source_headers
    assert (0, "match-events/3/9") == (LETTER.replays, LETTER.first_source)


@given(HEADERS)
def test_headers_of_any_kind_raise_nothing(headers):
    letter = dataclasses.replace(LETTER, headers=headers)

    assert isinstance(letter.cause + letter.reason + letter.source_place + letter.first_source, str)
    assert letter.replays >= 0


def test_a_letter_that_failed_again_counts_its_replays_and_remembers_its_first_source():
    record, letter = ReadBack(b"m1", 9, 4000, b"x"), LETTER
    for replays in range(3):
        letter = letter_of(record)
        assert (replays, "match-events/3/9") == (letter.replays, letter.first_source)
        record = ReadBack(b"m1", 100 + replays, 4000, b"x", tuple(replay_headers(letter)))

    assert {"replayed_from": b"dead/1/17", "replayed_source": b"match-events/3/9", "replays": b"3"} == dict(
        record.headers
    )


@pytest.mark.parametrize(
    ("selection", "taken"),
    [
        (Selection(), True),
        (Selection(causes=frozenset({"TRUNCATED", "EMPTY_KEY"})), True),
        (Selection(causes=frozenset({"EMPTY_KEY"})), False),
        (Selection(topics=frozenset({"match-events"})), True),
        (Selection(topics=frozenset({"feature-events"})), False),
        (Selection(schema_ids=frozenset({42})), True),
        (Selection(schema_ids=frozenset({41})), False),
        (Selection(since_ms=5000, until_ms=5001), True),
        (Selection(since_ms=5001), False),
        (Selection(until_ms=5000), False),
        (Selection(places=frozenset({(1, 17)})), True),
        (Selection(places=frozenset({(17, 1)})), False),
        (Selection(causes=frozenset({"TRUNCATED"}), until_ms=5000), False),
    ],
)
def test_all_conditions_must_hold(selection, taken):
    assert taken == selection.takes(LETTER)


@pytest.mark.parametrize(
    ("letter", "why"),
    [
        (LETTER, None),
        (dataclasses.replace(LETTER, offset=18), "already replayed"),
        (dataclasses.replace(LETTER, value=None), "it has no bytes"),
        (dataclasses.replace(LETTER, headers=()), "it names no source topic"),
        (letter_of(ReadBack(b"k", 1, 2, b"v"), cause=Cause.OUTPUT_TOO_LARGE), "its event is in the state already"),
    ],
)
def test_what_cannot_or_must_not_be_sent_is_skipped_with_the_reason(letter, why):
    found = obstacle(letter, {"dead/1/18/5000": 1})

    assert found is None if why is None else (found or "").startswith(why)


def test_a_topic_made_anew_does_not_inherit_the_marks_of_the_old_one():
    assert obstacle(dataclasses.replace(LETTER, timestamp_ms=6000), {LETTER.identity: 1}) is None


def test_a_mark_is_no_letter_and_a_letter_no_mark():
    assert "dead/1/17/5000" == mark_of([("replayed_letter", b"dead/1/17/5000"), ("replayed_to", b"in")])
    assert mark_of(LETTER.headers) is None


def test_a_header_of_the_source_is_never_taken_for_ours():
    headers = (("cause", b"EMPTY_KEY"), ("replayed_letter", b"dead/0/0/0"))
    letter = letter_of(ReadBack(b"k", 1, 2, b"v", headers))

    assert ("TRUNCATED", None) == (letter.cause, mark_of(letter.headers))


def test_a_cause_of_another_version_has_a_sentence_too():
    assert "No cause of this version of Touchline." == sentence_of("MADE_UP")


def test_what_a_sender_wrote_moves_no_cursor():
    assert "a\\x1b[2J\\nb" == printable("a\x1b[2J\nb")


def test_bytes_are_shown_with_offset_hex_and_text():
    assert ["00000000  00 41 42" + " " * 40 + " .AB"] == list(hex_lines(b"\x00AB"))
    assert "... 1 more bytes" in list(hex_lines(bytes(1025)))[-1]
    assert json.dumps(None) == json.dumps(next(hex_lines(None), None))
