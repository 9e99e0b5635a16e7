"""A worker is stopped for longer than its session lasts, wakes up with work in its hands, and does no harm."""

import collections
import os
import signal

import pytest

from streams.admin import Admin
from tests.integration.minutes import Feed, expected, folded, states, told
from tests.integration.world import wait_for

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def processes(worker) -> list[int]:
    return [worker.child("predict"), worker.process.pid]


def test_a_worker_that_wakes_up_after_its_session_writes_nothing_more_and_comes_back(world):
    admin, group = Admin(world.settings), world.settings.group("predict")
    world.worker("predict")
    zombie = world.worker("predict")
    wait_for(lambda: len(admin.group(group).members) == 2, 30)
    feed = Feed(world)
    feed.start()
    try:
        world.wait_for_values("predictions", 1000)
        stopped = processes(zombie)
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        wait_for(lambda: len(admin.group(group).members) == 1, 30)
        world.wait_for_values("predictions", len(world.read("predictions")) + 1000)
        for pid in reversed(stopped):
            os.kill(pid, signal.SIGCONT)
        wait_for(lambda: "lease.lost" in zombie.said(), 30, zombie.said)
        wait_for(lambda: len(admin.group(group).members) == 2, 60, zombie.said)
    finally:
        feed.over.set()
        feed.join()
    world.wait_caught_up(seconds=90)

    found = collections.defaultdict(set)
    for one in world.values("predictions"):
        found[one.event_id].add((tuple(one.features), one.home, one.draw, one.away, one.home_score, one.minute))
    assert expected(feed.minutes) == set(found)
    assert [] == [event_id for event_id, contents in found.items() if len(contents) > 1]
    assert folded(feed.minutes) == {key: told(state) for key, state in states(world).items()}
