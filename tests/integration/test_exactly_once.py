"""With transactions a reader of committed records sees each prediction once, wherever a worker falls."""

import asyncio
import random
import time
from pathlib import Path

import pytest
from confluent_kafka import Producer

from streams.admin import Admin
from streams.engine.outbox import Message
from streams.engine.transactions import FencedError, TransactionalOutbox, transactional
from tests.integration.minutes import Feed, expected, folded, states, told
from tests.integration.world import wait_for

pytestmark = [pytest.mark.integration, pytest.mark.slow]
KILLS = 3  # the supervisor waits longer each time


@pytest.fixture(name="feed")
def _feed(world):
    feed = Feed(world)
    feed.start()
    yield feed
    feed.over.set()
    feed.join()


def events_predicted(world) -> list[str]:
    return [one.event_id for one in world.values("predictions")]


def check_all_once(world, feed) -> None:
    feed.over.set()
    feed.join()
    world.wait_caught_up(seconds=90)
    found = events_predicted(world)
    assert expected(feed.minutes) == set(found)
    assert len(found) == len(set(found))
    assert folded(feed.minutes) == {key: told(state) for key, state in states(world).items()}


def test_workers_killed_at_any_moment_of_a_transaction_repeat_nothing(world, feed):
    worker = world.worker("predict", guarantee="exactly-once", transaction_seconds=0.02)
    chance = random.Random(7)
    for _ in range(KILLS):
        world.wait_for_values("predictions", len(world.read("predictions")) + 100)
        time.sleep(chance.uniform(0, 0.1))
        worker.kill_child("predict")
    check_all_once(world, feed)


def test_workers_that_join_leave_and_die_for_good_repeat_nothing(world, feed):
    admin, group = Admin(world.settings), world.settings.group("predict")
    first = world.worker("predict", guarantee="exactly-once")
    second = world.worker("predict", guarantee="exactly-once")
    wait_for(lambda: len(admin.group(group).members) == 2, 30)
    world.wait_for_values("predictions", 500)
    assert first.stop() == 0
    third = world.worker("predict", guarantee="exactly-once")
    wait_for(lambda: len(admin.group(group).members) == 2, 30)
    pid = second.child("predict")
    second.process.kill()
    wait_for(lambda: not alive(pid), 10)
    wait_for(lambda: len(admin.group(group).members) == 1, 30, third.said)
    world.wait_for_values("predictions", len(world.read("predictions")) + 500)
    check_all_once(world, feed)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def test_a_run_may_change_its_guarantee_and_change_it_back(world, feed):
    for guarantee in ("at-least-once", "exactly-once", "at-least-once"):
        worker = world.worker("predict", guarantee=guarantee)
        world.wait_for_values("predictions", len(world.read("predictions")) + 300)
        if guarantee == "exactly-once":
            worker.kill_child("predict")
            world.wait_for_values("predictions", len(world.read("predictions")) + 300)
        assert worker.stop() == 0
    world.worker("predict", guarantee="exactly-once")
    check_all_once(world, feed)


async def test_a_producer_that_is_fenced_with_records_under_way_says_so_and_does_not_wait_for_ever(world):
    config = transactional(world.settings.librdkafka(), f"{world.settings.topic_prefix}fenced")
    outbox = TransactionalOutbox(config, asyncio.get_running_loop())
    topic = world.settings.topic("predictions")
    try:
        await outbox.open()
        await outbox.begin()
        await outbox.deliver([Message(topic, b"m", b"v", 0)])
        successor = Producer(config)
        await asyncio.to_thread(successor.init_transactions, 30)

        delivery = await outbox.deliver([Message(topic, b"m", b"v", 1)])

        assert delivery.broken
        with pytest.raises(FencedError, match="the brokers let nobody else commit"):
            await outbox.abort()
    finally:
        await outbox.close()
