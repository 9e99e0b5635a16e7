"""Counts of partitions in any order give one total a window, once it is over."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.drift import DriftCounts
from monitors.latency import LatencyWindow
from schemas.records import MonitorPartial, PartialKind
from streams.monitoring.merging import Counts, Merging, Parsed
from streams.monitoring.parts import ModelKey

SIZE_MS, LATE_MS, PARTITIONS = 1_000, 100, 3
MODEL = ModelKey("m", "1", "CHAMPION", "d")


def drift(partition: int, start_ms: int, sequence: int, rows: int, *, closed: bool = False, late: int = 0) -> Parsed:
    counts = DriftCounts(rows, rows, (0,), ((rows, 0, 0),))
    payload = json.dumps({"late": late, "counts": counts.to_dict()}).encode()
    end_ms = start_ms + SIZE_MS
    return Parsed.of(
        MonitorPartial("m", "1", "CHAMPION", start_ms, end_ms, "d", partition, sequence, closed, payload)
    )  # fmt: skip


def test_what_was_set_aside_is_summed_by_cause_and_a_partial_of_an_earlier_version_has_none():
    said = [{"refused": {"TOO_SHORT": 2, "BAD_MAGIC": 1}}, {"refused": {"TOO_SHORT": 5}}, {}]
    merging = Merging(PARTITIONS, LATE_MS)
    for partition, more in enumerate(said):
        one = drift(partition, 0, 7, 3, closed=True).partial
        merging.take_in(Parsed.of(replace(one, payload=json.dumps(json.loads(one.payload) | more).encode())))
        merging.take_in(progress(partition, 8, 5_000))

    (found,) = merging.complete(0)
    assert {"TOO_SHORT": 7, "BAD_MAGIC": 1} == found.counts.refused
    assert found.counts == Counts.from_dict(PartialKind.DRIFT, found.counts.to_dict())


def progress(partition: int, sequence: int, mark_ms: int | None, *, idle: bool = False) -> Parsed:
    payload = json.dumps({"watermarks_ms": {"DRIFT": mark_ms, "LATENCY": mark_ms}, "idle": idle}).encode()
    kind = PartialKind.PROGRESS
    return Parsed.of(
        MonitorPartial("", "", "", 0, 0, "", partition, sequence, closed=False, payload=payload, kind=kind)
    )


def over(merging: Merging, now_ms: int = 0) -> list[tuple[int, int, int]]:
    """Return start, rows and late of the windows which are over."""
    return [(one.start_ms, one.counts.content.rows, one.counts.late) for one in merging.complete(now_ms)]


def told(*said: Parsed) -> Merging:
    merging = Merging(PARTITIONS, LATE_MS)
    for one in said:
        merging.take_in(one)
    return merging


def test_a_window_is_over_when_every_partition_has_passed_its_end():
    merging = told(drift(0, 0, 5, 2, late=1), drift(1, 0, 9, 3, late=2))
    for partition in (0, 1):
        merging.take_in(progress(partition, 9, 1_000))

    assert [] == over(merging, now_ms=10**9)

    merging.take_in(progress(2, 1, 999))
    assert [] == over(merging, now_ms=10**9)

    merging.take_in(progress(2, 2, 1_000))
    assert [(0, 5, 3)] == over(merging)
    assert [] == over(merging)


def test_the_newest_partial_of_a_partition_counts():
    merging = told(drift(0, 0, 9, 7), drift(0, 0, 5, 2), *(progress(one, 9, 5_000) for one in range(3)))

    assert [(0, 7, 0)] == over(merging)


def test_an_idle_partition_is_not_waited_for():
    merging = told(drift(0, 0, 5, 2), drift(1, 0, 3, 1), progress(0, 5, 1_500), progress(1, 3, 200, idle=True))
    assert [] == over(merging)

    merging.take_in(progress(2, 0, None, idle=True))
    assert [(0, 3, 0)] == over(merging)


def test_a_partition_that_wakes_up_is_waited_for_again():
    merging = told(drift(0, 0, 5, 2), progress(0, 5, 1_500), progress(2, 0, None, idle=True))
    merging.take_in(progress(1, 3, 200, idle=True))
    merging.take_in(progress(1, 4, 300))

    assert [] == over(merging)


def test_when_all_are_idle_the_wall_clock_ends_a_window_and_its_lateness():
    merging = told(drift(0, 0, 5, 2), *(progress(one, 5, 200, idle=True) for one in range(3)))

    assert [] == over(merging, now_ms=1_099)
    assert [(0, 2, 0)] == over(merging, now_ms=1_100)


def test_windows_are_over_in_the_order_of_time():
    merging = told(drift(0, 2_000, 7, 1), drift(0, 0, 5, 2), *(progress(one, 9, 2_999) for one in range(3)))
    assert [(0, 2, 0)] == over(merging)

    for one in range(3):
        merging.take_in(progress(one, 10, 3_000))
    assert [(2_000, 1, 0)] == over(merging)


def test_counts_of_a_window_that_is_reported_are_refused():
    merging = told(drift(0, 0, 5, 2), *(progress(one, 9, 1_000) for one in range(3)))
    over(merging)

    assert not merging.take_in(drift(1, 0, 12, 4))
    assert merging.take_in(drift(1, 1_000, 12, 4))
    assert [] == over(merging)


def test_latency_is_merged_beside_drift():
    window = LatencyWindow()
    window.update_many({"total": [0.1, 0.2]})
    payload = json.dumps({"late": 0, "counts": window.to_dict()}).encode()
    said = MonitorPartial("m", "1", "CHAMPION", 0, 1_000, "d", 0, 5, True, payload, PartialKind.LATENCY)  # noqa: FBT003 - a field
    merging = told(Parsed.of(said), drift(0, 0, 5, 2), *(progress(one, 9, 1_000) for one in range(3)))

    assert [PartialKind.DRIFT, PartialKind.LATENCY] == [one.series.kind for one in merging.complete(0)]


says = st.lists(
    st.one_of(
        st.tuples(st.just("counts"), st.integers(0, 2), st.integers(0, 3), st.integers(0, 20)),
        st.tuples(st.just("progress"), st.integers(0, 2), st.integers(0, 5), st.integers(0, 20)),
    ),
    max_size=40,
)


def parsed_of(kind: str, partition: int, window: int, sequence: int) -> Parsed:
    if kind == "counts":
        return drift(partition, window * SIZE_MS, sequence, sequence)
    return progress(partition, sequence, window * SIZE_MS, idle=window == 5)


@given(says, st.data())
def test_a_restored_reader_goes_on_as_if_it_had_not_fallen(said, data):
    calm, table = Merging(PARTITIONS, LATE_MS), {}
    fallen = Merging(PARTITIONS, LATE_MS)
    expected, found, at = [], [], 0
    for one in said:
        calm.take_in(parsed_of(*one))
        expected += over(calm)
    while at < len(said):
        size = data.draw(st.integers(1, 5))
        for one in said[at : at + size]:
            fallen.take_in(parsed_of(*one))
            reported = [one for one in over(fallen) if one not in found]  # as the tail of the reports tells
            found += reported
        entries = list(fallen.changed().items())
        falls = data.draw(st.booleans())
        lived = data.draw(st.integers(0, len(entries))) if falls else len(entries)
        for key, entry in entries[:lived]:
            if entry is None:
                table.pop(key, None)
            else:
                table[key] = entry
        if falls:
            fallen = Merging.restore(PARTITIONS, LATE_MS, dict(table))
        else:
            at += size

    assert expected == found


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b'{"late": 0, "counts": {}}', b'{"late": "x", "counts": 1}'])
def test_a_payload_that_is_no_counts_is_told(payload):
    with pytest.raises((LookupError, TypeError, ValueError, AttributeError)):
        Parsed.of(MonitorPartial("m", "1", "CHAMPION", 0, 1_000, "d", 0, 1, closed=False, payload=payload))


def test_notes_are_kept_with_a_series():
    merging = told(drift(0, 0, 5, 2), *(progress(one, 9, 1_000) for one in range(3)))
    for one in merging.complete(0):
        merging.notes[one.series] = {"a": [True]}
    restored = Merging.restore(PARTITIONS, LATE_MS, {k: v for k, v in merging.changed().items() if v is not None})

    assert [{"a": [True]}] == list(restored.notes.values())
    assert [MODEL] == [one.model for one in restored.notes]
