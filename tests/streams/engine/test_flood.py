"""How many of the last records were set aside, and when that is too much."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.engine.dead_letters import Cause, dead_letter
from streams.engine.flood import FloodError, FloodLimits, Recent, Watch
from streams.engine.slices import Slice


@dataclass(frozen=True)
class FakeRecord:
    offset: int
    key: bytes = b"k"
    value: bytes = b"v"
    timestamp: int = 0
    headers: tuple[tuple[str, bytes], ...] = ()


def taken(watch: Watch, causes: list[Cause | None], first: int = 0) -> None:
    """Let *watch* count records, one for each of *causes*."""
    records = [FakeRecord(first + number) for number in range(len(causes))]
    piece = Slice("in", 2, 1, records, 0)
    letters = [
        dead_letter("dead", piece, record, cause=cause, reason="", worker="w")
        for record, cause in zip(records, causes, strict=True)
        if cause is not None
    ]
    watch.take(piece, letters)


@given(st.lists(st.lists(st.sampled_from([None, Cause.TRUNCATED]), min_size=1, max_size=400), max_size=12))
def test_share_and_count_are_those_of_the_last_thousand_records(slices):
    watch = Watch(FloodLimits(stop=1.0))
    for causes in slices:
        taken(watch, causes)
    last = [cause for causes in slices for cause in causes][-1000:]

    recent = watch.recent.get("in", Recent())
    assert (len(last), sum(cause is not None for cause in last)) == (len(recent), recent.letters)
    assert pytest.approx(recent.letters / len(last) if last else 0.0) == recent.share


def test_a_flood_names_place_commonest_cause_and_what_to_do():
    watch = Watch(FloodLimits(stop=0.5))
    taken(watch, [None] * 100)
    with pytest.raises(FloodError) as flood:
        taken(watch, [Cause.TRUNCATED] * 60 + [Cause.WRONG_MAGIC] * 80, first=100)

    assert {"topic": "in", "partition": 2, "offsets": (100, 239), "cause": "WRONG_MAGIC"} == flood.value.keys()
    text = str(flood.value)
    assert text.startswith(
        "140 of the last 240 records of in are dead letters, most of them WRONG_MAGIC: The first byte"
    )
    assert "TOUCHLINE_DEAD_LETTER_FLOOD_SHARE=1" in text


@pytest.mark.parametrize(("good", "bad"), [(0, 99), (100, 100), (900, 499)])
def test_less_than_a_hundred_or_not_more_than_the_share_is_no_flood(good, bad):
    watch = Watch(FloodLimits(stop=0.5))
    taken(watch, [None] * good + [Cause.TRUNCATED] * bad)

    assert bad == watch.recent["in"].letters


def test_a_share_of_one_lets_everything_through():
    watch = Watch(FloodLimits(stop=1.0))
    taken(watch, [Cause.TRUNCATED] * 1000)

    assert 1.0 == watch.recent["in"].share


def test_outputs_that_are_refused_count_as_dead_letters_in_place_of_the_records():
    watch = Watch(FloodLimits(stop=0.5))
    taken(watch, [None] * 150)
    piece = Slice("in", 0, 1, [FakeRecord(1)], 0)
    letter = dead_letter("dead", piece, FakeRecord(1), cause=Cause.OUTPUT_TOO_LARGE, reason="", worker="w")
    watch.refused([letter] * 75)
    assert (75, 150) == (watch.recent["in"].letters, len(watch.recent["in"]))

    with pytest.raises(FloodError):
        watch.refused([letter] * 30)


def test_the_mark_of_a_flood_goes_on_where_it_stopped():
    first, second = (Watch(FloodLimits(stop=0.5)) for _ in range(2))
    with pytest.raises(FloodError):
        taken(first, [None] * 50 + [Cause.TRUNCATED] * 100)
    second.recall("in", first.mark("in"))

    assert (100, 150, Cause.TRUNCATED) == (
        second.recent["in"].letters,
        len(second.recent["in"]),
        second.recent["in"].commonest,
    )
    taken(second, [None] * 20)  # good ones go on
    with pytest.raises(FloodError):
        taken(second, [Cause.TRUNCATED])


@pytest.mark.parametrize("mark", [None, "", "something else", "flood 1/2"])
def test_other_notes_beside_an_offset_are_none_of_ours(mark):
    watch = Watch(FloodLimits())
    watch.recall("in", mark)

    assert {} == watch.recent


@pytest.mark.parametrize(("bad", "alarm"), [(9, False), (10, True)])
def test_the_alarm_needs_ten_letters_and_the_share(bad, alarm):
    watch = Watch(FloodLimits(stop=1.0, alarm=0.05))
    taken(watch, [Cause.TRUNCATED] * bad + [None] * 100)

    assert alarm == watch.alarm("in")
