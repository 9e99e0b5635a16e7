"""A worker writes only while its place in the group is sure, and commits only what it did in that place."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from aiokafka.errors import CommitFailedError

from streams.engine.lease import Lease, LeaseError, LeaseWatch, Member, RebalancedError


class Clock:
    """Seconds which the test lets pass."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(name="clock")
def _clock():
    return Clock()


@pytest.fixture(name="lease")
def _lease(clock):
    return Lease(10, clock)


class Coordinator:
    """Answers as the test says, after as long as it says; the names are aiokafka's."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.generation, self.answer, self.takes = clock, 5, True, 0.0
        self.member_id, self.refuses, self.joins, self.asks_to_join = "w1", False, False, False
        self.committed: list[object] = []
        self._closing, self._rejoin_needed_fut = asyncio.Future(), asyncio.Future()

    async def _do_heartbeat(self) -> bool:
        self.clock.now += self.takes
        self._meanwhile()
        return self.answer

    def _meanwhile(self) -> None:
        self.generation += self.joins
        if self.asks_to_join:
            self._rejoin_needed_fut.set_result(None)
        if self.refuses:
            self.reset_generation()

    async def _do_commit_offsets(self, _assignment, offsets) -> None:
        self._meanwhile()
        self.committed.append(offsets)

    def reset_generation(self) -> None:
        self.generation = -1


@dataclass
class Place:
    coordinator: Coordinator
    member: Member
    lease: Lease
    worked: list[int] = field(default_factory=lambda: [5])


@pytest.fixture(name="place")
async def _place(clock, lease):
    coordinator = Coordinator(clock)
    worked = [5]
    return Place(coordinator, Member(coordinator, lease, lambda: worked[-1]), lease, worked)


def test_nothing_is_written_before_the_lease_begins_nor_after_the_partitions_were_given_back(lease, clock):
    with pytest.raises(RebalancedError, match="has given back its partitions, or has not got them yet"):
        lease.check()
    lease.begin(clock.now)
    lease.check()
    lease.release()
    clock.now += 100

    with pytest.raises(RebalancedError):
        lease.check()
    assert lease.over is None  # it has nothing, so nothing must stop it


def test_it_ends_before_the_session_does_counted_from_the_sending_of_a_heartbeat(lease, clock):
    lease.begin(clock.now)
    clock.now += 8
    lease.renew(clock.now - 1)
    clock.now += 7.9
    lease.check()
    clock.now += 0.2

    with pytest.raises(LeaseError, match="within the session time-out of 10 s"):
        lease.check()


async def test_a_heartbeat_that_took_its_time_counts_from_when_it_was_sent(place, clock):
    assert await place.member.confirm(5)
    place.coordinator.takes = 8.0
    assert await place.coordinator._do_heartbeat()
    clock.now += 1.5

    assert place.lease.over is not None


async def test_one_that_fails_or_asks_to_join_anew_renews_nothing(place, clock):
    assert await place.member.confirm(5)
    place.coordinator.answer = False
    clock.now += 8
    assert not await place.coordinator._do_heartbeat()
    place.coordinator.answer = True
    place.coordinator._rejoin_needed_fut.set_result(None)
    assert await place.coordinator._do_heartbeat()
    clock.now += 2

    assert place.lease.over is not None


async def test_the_lease_does_not_begin_in_another_generation(place):
    with pytest.raises(RebalancedError):
        await place.member.confirm(4)
    place.coordinator.answer = False
    assert not await place.member.confirm(5)

    with pytest.raises(RebalancedError):
        place.lease.check()


async def test_the_lease_does_not_begin_while_the_partitions_are_dealt_out_anew(place):
    place.coordinator._rejoin_needed_fut.set_result(None)  # and aiokafka calls the heartbeat a success
    with pytest.raises(RebalancedError, match="generation 5 of the group is over"):
        await place.member.confirm(5)

    place.coordinator._rejoin_needed_fut = asyncio.Future()
    place.coordinator.asks_to_join = True
    with pytest.raises(RebalancedError, match="generation 5 of the group is over"):
        await place.member.confirm(5)
    assert place.lease.over is None
    with pytest.raises(RebalancedError):
        place.lease.check()


async def test_a_worker_that_is_thrown_out_must_stop_but_not_one_that_leaves(place):
    assert await place.member.confirm(5)
    place.coordinator.reset_generation()

    assert "the group no longer knows the worker" == place.lease.over
    assert -1 == place.coordinator.generation


async def ask_beside(place):
    await place.coordinator._do_heartbeat()


async def ask_to_begin(place):
    with suppress(RebalancedError):
        await place.member.confirm(place.coordinator.generation)


async def ask_to_commit(place):
    await place.coordinator._do_commit_offsets(None, {"in": 7})


@pytest.mark.parametrize("ask", [ask_beside, ask_to_begin, ask_to_commit])
async def test_a_refusal_of_the_generation_before_is_none_of_the_present_one(place, ask):
    assert await place.member.confirm(5)
    place.coordinator.answer, place.coordinator.refuses, place.coordinator.joins = False, True, True
    await ask(place)

    assert (6, None) == (place.coordinator.generation, place.lease.over)
    place.coordinator.joins = False
    place.worked.append(6)
    await ask(place)
    assert -1 == place.coordinator.generation
    assert "the group no longer knows the worker" == place.lease.over


async def test_one_that_leaves_or_holds_nothing_need_not_stop(place):
    place.coordinator.reset_generation()
    assert place.lease.over is None

    place.coordinator.generation = 5
    assert await place.member.confirm(5)
    place.coordinator._closing.set_result(None)
    place.coordinator.reset_generation()
    assert place.lease.over is None


@pytest.mark.parametrize("generation", [-1, 4, 6])
async def test_nothing_is_committed_but_in_the_generation_of_the_work(place, generation):
    place.coordinator.generation = generation
    with pytest.raises(CommitFailedError, match="already rebalanced"):
        await place.coordinator._do_commit_offsets(None, {"in": 7})
    assert [] == place.coordinator.committed

    place.coordinator.generation = 5
    await place.coordinator._do_commit_offsets(None, {"in": 7})
    assert [{"in": 7}] == place.coordinator.committed


async def test_the_watch_says_so_once(lease, clock):
    failures: asyncio.Queue[LeaseError] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    watch = LeaseWatch(lease, lambda error: loop.call_soon_threadsafe(failures.put_nowait, error))
    lease.begin(clock.now)
    await watch.start()
    clock.now += 10

    assert "another worker's" in str(await asyncio.wait_for(failures.get(), 5))
    await watch.stop()
    assert failures.empty()
