import asyncio
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.engine.slices import Slice
from streams.engine.waiting import Waiting


@dataclass(frozen=True)
class FakeRecord:
    offset: int
    key: bytes | None = b"k"
    value: bytes | None = b"v"
    timestamp: int = 0
    headers: tuple[tuple[str, bytes], ...] = ()


def piece(partition: int, first: int, size: int = 2) -> Slice:
    return Slice("in", partition, 1, [FakeRecord(first + number) for number in range(size)], 0)


async def test_lanes_are_handed_out_in_turn_and_each_in_its_order():
    waiting = Waiting(capacity=100)
    for one in (piece(0, 0), piece(0, 2), piece(1, 0), piece(1, 2)):
        await waiting.put(one)

    taken = await waiting.take(100)

    assert [(0, 2), (1, 2), (0, 4), (1, 4)] == [(one.partition, one.next_offset) for one in taken]


async def test_no_more_is_taken_once_there_are_rows_enough():
    waiting = Waiting(capacity=100)
    for first in range(0, 20, 2):
        await waiting.put(piece(0, first))

    assert 2 == len(await waiting.take(4))


async def test_a_slice_is_divided_where_it_is_more_than_is_wanted_and_lanes_share_alike():
    waiting = Waiting(capacity=100)
    for one in (piece(0, 0, 50), piece(1, 0, 3), piece(0, 50, 2)):
        await waiting.put(one)

    taken = [[(one.partition, one.records[0].offset, len(one.records)) for one in await waiting.take(8)]]
    taken.append([(one.partition, one.records[0].offset, len(one.records)) for one in await waiting.take(100)])

    assert taken == [[(0, 0, 4), (1, 0, 3), (0, 4, 1)], [(0, 5, 45), (0, 50, 2)]]


async def test_no_lane_gives_an_empty_slice_when_others_have_given_enough():
    waiting = Waiting(capacity=100)
    for lane in range(3):
        await waiting.put(piece(lane, 0, 5))

    assert [(one.partition, len(one.records)) for one in await waiting.take(4)] == [(0, 2), (1, 2)]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9)), min_size=1, max_size=30), st.integers(1, 20))
async def test_no_more_is_taken_than_wanted_and_all_of_it_in_the_order_of_its_lane(sizes, rows):
    waiting = Waiting(capacity=10_000)
    ends = dict.fromkeys(range(4), 0)
    for lane, size in sizes:
        await waiting.put(piece(lane, ends[lane], size))
        ends[lane] += size

    found = dict.fromkeys(range(4), 0)
    while found != ends:
        taken = await asyncio.wait_for(waiting.take(rows), 1)
        assert 1 <= sum(len(one.records) for one in taken) <= rows
        for one in taken:
            assert one.records
            for record in one.records:
                assert record.offset == found[one.partition]
                found[one.partition] += 1


async def test_a_held_lane_keeps_its_order_and_holds_up_no_other():
    waiting = Waiting(capacity=100)
    await waiting.put(piece(0, 2))
    waiting.hold(0, [piece(0, 0)])
    await waiting.put(piece(1, 0))

    others = await waiting.take(100)
    waiting.release(0)
    held = await waiting.take(100)

    assert [1] == [one.partition for one in others]
    assert [2, 4] == [one.next_offset for one in held]


async def test_a_full_room_makes_the_next_slice_wait_until_some_is_taken():
    waiting = Waiting(capacity=2)
    await waiting.put(piece(0, 0))
    blocked = asyncio.create_task(waiting.put(piece(0, 2)))
    await asyncio.sleep(0)

    assert not blocked.done()

    await waiting.take(1)
    await asyncio.wait_for(blocked, 1)
    assert [2, 4] == [one.next_offset for one in await waiting.take(10)]


async def test_a_held_lane_does_not_fill_the_room():
    waiting = Waiting(capacity=2)
    waiting.hold(0, [piece(0, 0, size=50)])

    await asyncio.wait_for(waiting.put(piece(1, 0)), 1)

    assert [1] == [one.partition for one in await waiting.take(10)]


async def test_what_is_cleared_is_never_handed_out():
    waiting = Waiting(capacity=100)
    await waiting.put(piece(0, 0))
    waiting.hold(1, [piece(1, 0)])
    waiting.clear()
    waiting.release(1)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(waiting.take(10), 0.01)
