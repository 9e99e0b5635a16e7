"""What is counted of a partition is the same in whatever slices it comes, and whenever its worker falls."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records import PartialKind
from streams.monitoring.partition import HEAD_KEY, KINDS, PartitionWindows, WindowSizes
from streams.monitoring.parts import Parts, Row, stage_seconds
from streams.monitoring.remembered import SEGMENT, SEGMENTS, RememberedIds

SIZES = WindowSizes(drift_ms=10_000, latency_ms=7_000, lateness_ms=3_000)
MANY = 30


@pytest.fixture(name="parts", scope="session")
def _parts(reference):
    return Parts({"d": reference})


def rows_of(predicted, seconds: list[int]) -> list[Row]:
    """Return a row for each second; equal seconds of one match are repeats of one prediction."""
    return [Row(5 + place, 1_000 * at + 9, predicted(f"m{at % 5}", at)) for place, at in enumerate(seconds)]


def end_of(windows: PartitionWindows) -> dict:
    """Return all that a partition has counted and will ever say of it."""
    return {
        "open": {
            part.key: part.content.counts()
            for kind in KINDS
            for content in windows._windows[kind].open.values()
            for part in content.values()
        },
        "late": {kind: windows.late(kind) for kind in KINDS},
        "marks": {kind: windows.watermark_ms(kind) for kind in KINDS},
        "applied": windows.applied,
        "refused": windows.refused,
    }


def closed_of(windows: PartitionWindows) -> dict:
    return {
        one.part.key: (one.part.content.counts(), one.late, one.refused if one.part.kind is PartialKind.DRIFT else {})
        for one in windows.closed
    }


def fold(windows: PartitionWindows, rows: list[Row]) -> None:
    """Fold *rows*, of which each one of a fifth match was set aside; even offsets for another cause than odd ones."""
    sound = [row for row in rows if not is_refused(row)]
    refused = [(row.offset, ("TOO_SHORT", "BAD_MAGIC")[row.offset % 2]) for row in rows if is_refused(row)]
    windows.fold(sound, rows[-1].offset + 1, refused)


def is_refused(row: Row) -> bool:
    return row.prediction.match_id == "m4"


seconds = st.lists(st.integers(0, 60), min_size=1, max_size=MANY)
cuts = st.lists(st.integers(1, MANY), max_size=6)


def slices(rows: list[Row], places: list[int]) -> list[list[Row]]:
    bounds = [0, *sorted({place for place in places if place < len(rows)}), len(rows)]
    return [rows[first:end] for first, end in itertools.pairwise(bounds)]


@settings(deadline=None)
@given(seconds, cuts)
def test_slices_make_no_difference(parts, predicted, times, places):
    rows = rows_of(predicted, times)
    whole = PartitionWindows(SIZES, parts)
    fold(whole, rows)
    cut = PartitionWindows(SIZES, parts)
    for piece in slices(rows, places):
        fold(cut, piece)

    assert end_of(whole) == end_of(cut)
    assert closed_of(whole) == closed_of(cut)


@settings(max_examples=500, deadline=None)
@given(seconds, cuts, st.data())
def test_a_fall_at_any_moment_of_any_writing_makes_no_difference(parts, predicted, times, places, data):
    rows = rows_of(predicted, times)
    calm = PartitionWindows(SIZES, parts)
    fold(calm, rows)
    said, table, committed = {}, {}, 0
    windows = PartitionWindows.restore(SIZES, parts, table)
    for piece in slices(rows, places):
        pending = [row for row in rows if committed <= row.offset <= piece[-1].offset]
        fold(windows, pending)
        said |= closed_of(windows)
        entries = list(windows.write(table).entries.items())
        falls = data.draw(st.booleans())
        lived = data.draw(st.integers(0, len(entries))) if falls else len(entries)
        for key, entry in entries[:lived]:
            if entry is None:
                table.pop(key, None)
            else:
                table[key] = entry
        if falls:
            windows = PartitionWindows.restore(SIZES, parts, dict(table))
        else:
            committed = windows.written
    rest = [row for row in rows if row.offset >= committed]
    if rest:
        fold(windows, rest)
    said |= closed_of(windows)

    assert end_of(calm) == end_of(windows)
    assert closed_of(calm) == said


def test_only_what_was_touched_is_written_and_the_head_comes_before_the_ends(parts, predicted):
    windows = PartitionWindows(SIZES, parts)
    windows.fold(rows_of(predicted, [1, 8, 16]), 8)
    first = windows.write({})
    table = dict(first.entries)
    windows.fold([Row(8, 40_000, predicted("m", 40))], 9)
    second = windows.write(table)

    keys = [key.split(b"/")[0] for key in second.entries]
    assert [b"part", b"part", b"ids", b"head"] == keys[:4]
    assert {None} == set(list(second.entries.values())[4:])
    assert len(first.touched) == len(second.closed) == len(keys) - 4
    assert not windows.changed
    assert 9 == second.entries[HEAD_KEY].applied


def test_what_was_set_aside_is_counted_up_to_the_record_that_closed_the_window(parts, predicted):
    windows = PartitionWindows(SIZES, parts)
    rows = [Row(offset, 9, predicted("m", at)) for offset, at in ((0, 1), (3, 30), (7, 50))]
    windows.fold(rows, 10, [(1, "TOO_SHORT"), (2, "BAD_MAGIC"), (4, "TOO_SHORT"), (9, "TOO_SHORT")])

    drift = [one.refused for one in windows.closed if one.part.kind is PartialKind.DRIFT]
    assert [{"TOO_SHORT": 1, "BAD_MAGIC": 1}, {"TOO_SHORT": 2, "BAD_MAGIC": 1}] == drift
    assert {"TOO_SHORT": 3, "BAD_MAGIC": 1} == windows.refused


def test_repeats_are_counted_once_and_late_ones_not_at_all(parts, predicted):
    windows = PartitionWindows(SIZES, parts)
    rows = rows_of(predicted, [1, 2, 1, 30, 2, 3])
    folded = windows.fold(rows, 11)

    assert (4, 2) == (folded.counted, folded.repeated)
    assert {PartialKind.DRIFT: 1, PartialKind.LATENCY: 1} == folded.late
    drift, latency = windows.closed
    assert 2 == drift.part.content.counts()["rows"] == latency.part.content.window["total"].count


def test_drift_of_an_unknown_bundle_is_not_counted_but_its_latency_is(parts, predicted):
    windows = PartitionWindows(SIZES, parts)
    folded = windows.fold([Row(0, 9, predicted("m", 1, bundle_digest="other"))], 1)

    assert {"other": 1} == folded.unknown
    assert [PartialKind.LATENCY] == [part.kind for part in windows.write({}).touched]


def test_a_window_of_a_bundle_which_is_gone_leaves_the_table(parts, predicted):
    windows = PartitionWindows(SIZES, parts)
    windows.fold(rows_of(predicted, [1]), 6)
    table = dict(windows.write({}).entries)
    restored = PartitionWindows.restore(SIZES, Parts({}), table)
    (gone,) = [key for key in table if b"DRIFT" in key]

    assert {gone: None} == {key: entry for key, entry in restored.write(table).entries.items() if entry is None}


def test_stages_are_differences_of_the_times_and_a_delivery_within_the_millisecond_took_none(predicted):
    one = predicted("m", 1)
    same = replace(one, scored_at_us=1_009_900)
    found = {
        stage: values.tolist() for stage, values in stage_seconds([Row(0, 1_011, one), Row(1, 1_009, same)]).items()
    }

    assert found == {
        "received": [0.002, 0.002],
        "decoded": [0.001, 0.001],
        "scored": [0.0025, 0.0049],
        "delivered": [0.004, 0.0],
        "total": [0.009, 0.007],
    }


def test_the_ids_last_seen_are_remembered_and_the_oldest_forgotten():
    ids = RememberedIds()
    total = SEGMENT * SEGMENTS
    assert not any(ids.is_repeat(f"id{one}", one) for one in range(total + 1))

    assert ids.is_repeat(f"id{total}", total + 1)
    assert ids.is_repeat("id1", total + 1)
    assert not ids.is_repeat("id0", total + 1)


def test_ids_are_written_by_segments_and_read_back():
    ids = RememberedIds()
    for one in range(SEGMENT + 3):
        ids.is_repeat(f"id{one}", one)
    written = dict(ids.touched())
    again = RememberedIds(ids.count)
    for number, payload in written.items():
        again.restore(number, payload)
    ids.is_repeat("new", 9_999)

    assert [0, 1] == list(written)
    assert [1] == [number for number, _ in ids.touched()]
    assert all(again.is_repeat(f"id{one}", 10_000) for one in range(SEGMENT + 3))
    assert not again.is_repeat("new", 10_000)
