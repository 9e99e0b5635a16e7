"""Event-time windows, and the merging of partial counts."""

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.windows import PartialMerge, TumblingWindows

SIZE, LATENESS = 100, 30
TIMES = st.lists(st.integers(-150, 600), max_size=60)


def windows() -> TumblingWindows[list[int]]:
    return TumblingWindows(SIZE, LATENESS, lambda _: [])


def slow(times: list[int]) -> tuple[dict[int, list[int]], int]:
    found: dict[int, list[int]] = {}
    late = 0
    for place, time in enumerate(times):
        start = time // SIZE * SIZE
        if place and start + SIZE <= max(times[:place]) - LATENESS:
            late += 1
        else:
            found.setdefault(start, []).append(time)
    return found, late


def run(times: list[int], slice_size: int) -> tuple[dict[int, list[int]], int]:
    made, found = windows(), {}
    for at in range(0, len(times), slice_size):
        piece = times[at : at + slice_size]
        for content, places in made.split(piece):
            content.extend(piece[place] for place in places)
        for closed in made.close():
            assert closed.start_ms not in found
            assert closed.end_ms == closed.start_ms + SIZE
            found[closed.start_ms] = closed.content
    return found | made.open, made.late


@given(TIMES, st.integers(1, 70))
def test_every_event_is_in_its_window_or_counted_as_late_in_whatever_slices_they_come(
    times: list[int], slice_size: int
) -> None:
    assert slow(times) == run(times, slice_size)


@given(TIMES, st.integers(1, 7))
def test_no_event_is_lost(times: list[int], slice_size: int) -> None:
    found, late = run(times, slice_size)

    assert len(times) == sum(map(len, found.values())) + late


def test_a_window_closes_once_and_late_events_are_counted() -> None:
    made = windows()
    for time in (10, 99, 129):
        content = made.at(time)
        assert content is not None
        content.append(time)

    assert made.close() == []
    assert made.at(130) == [129]
    assert [(closed.start_ms, closed.content) for closed in made.close()] == [(0, [10, 99])]
    assert made.close() == []
    assert made.at(50) is None
    assert made.late == 1
    assert made.watermark_ms == 100


def test_windows_without_events_close_nothing() -> None:
    assert windows().close() == []
    assert windows().split([]) == []
    assert windows().watermark_ms is None


@given(TIMES, st.integers(0, 60))
def test_windows_go_on_after_a_restart(times: list[int], cut: int) -> None:
    first, undisturbed = windows(), windows()
    for made, part in ((first, times[:cut]), (undisturbed, times[:cut])):
        for content, places in made.split(part):
            content.extend(part[place] for place in places)
    restarted = windows()
    restarted.restore(json.loads(json.dumps(first.to_dict(list))), list)
    for made in (restarted, undisturbed):
        for content, places in made.split(times[cut:]):
            content.extend(times[cut:][place] for place in places)

    assert undisturbed.to_dict(list) == restarted.to_dict(list)


@pytest.mark.parametrize(("size", "lateness"), [(0, 0), (10, -1)])
def test_impossible_windows_are_refused(size: int, lateness: int) -> None:
    with pytest.raises(ValueError, match=f"windows of {size} ms with {lateness} ms of lateness"):
        TumblingWindows(size, lateness, int)


Partial = tuple[int, int, int]  # start, partition, records counted, which is its sequence too
PARTIALS = st.lists(st.tuples(st.sampled_from([0, 100]), st.integers(0, 3), st.integers(1, 5)), max_size=20)


def merged(partials: list[Partial]) -> PartialMerge[Counter[str]]:
    made: PartialMerge[Counter[str]] = PartialMerge()
    for start, partition, sequence in partials:
        made.add(start, partition, sequence, Counter(n=sequence))
    return made


def state(made: PartialMerge[Counter[str]]) -> list[tuple[int, Counter[str]]]:
    return [(start, made.total(start)) for start in made.windows]


@given(st.data(), PARTIALS)
def test_partials_in_any_order_and_however_often_sent_give_one_total(
    data: st.DataObject, partials: list[Partial]
) -> None:
    again = data.draw(st.permutations(partials + partials))

    assert state(merged(partials)) == state(merged(again))


@given(PARTIALS)
def test_the_total_is_the_sum_of_the_newest_of_each_partition(partials: list[Partial]) -> None:
    newest: dict[tuple[int, int], int] = {}
    for start, partition, sequence in partials:
        newest[start, partition] = max(sequence, newest.get((start, partition), 0))

    for start, total in state(merged(partials)):
        assert sum(count for (other, _), count in newest.items() if other == start) == total["n"]


@given(PARTIALS)
def test_a_merge_survives_json(partials: list[Partial]) -> None:
    made = merged(partials)
    if made.windows:
        made.take(made.windows[0])
    again = PartialMerge.from_dict(json.loads(json.dumps(made.to_dict(dict))), Counter[str])

    assert made.to_dict(dict) == again.to_dict(dict)
    assert made.add(0, 0, 99, Counter(n=99)) == again.add(0, 0, 99, Counter(n=99))


def test_a_window_is_closed_when_every_partition_says_so() -> None:
    made: PartialMerge[Counter[str]] = PartialMerge()
    made.add(0, 0, 5, Counter(n=5), closed=True)
    made.add(0, 1, 5, Counter(n=5))

    assert not made.is_closed(0, [0, 1])
    assert made.add(0, 1, 5, Counter(n=5), closed=True)
    assert made.is_closed(0, [0, 1])
    assert not made.is_closed(0, [0, 1, 2])
    assert not made.is_closed(100, [0])


def test_a_partial_for_a_window_already_taken_is_counted_as_late() -> None:
    made = merged([(0, 0, 1), (100, 0, 2), (200, 0, 3)])

    assert made.take(100) == Counter(n=2)
    assert made.windows == [200]
    assert not made.add(0, 0, 9, Counter(n=9))
    assert made.late == 1
