"""Lag in seconds against what is true: a paused consumer under steady input, and brokers that are away."""

import math
import time
from contextlib import ExitStack, closing

import pytest

from benchmarks.lag import Feed, Reading, look, looks
from streams.admin import Admin
from streams.lag import LagReader
from streams.lag_metrics import LagCollector
from streams.settings import Settings
from tests.faults.network import Relay
from tests.integration.world import wait_for

pytestmark = pytest.mark.integration

PAUSE_SECONDS = 8  # benchmarks/lag.py does it for a minute
PARTITIONS, RATE = 3, 60.0


def test_the_lag_of_a_paused_consumer_is_the_age_of_its_oldest_record_and_nothing_is_known_of_it_without_brokers(
    cluster, prefix
):
    settings = Settings(bootstrap_servers=cluster.bootstrap_servers, registry_url=cluster.registry_url)
    group, topic = f"{prefix}paused", f"{prefix}steady"
    Admin(settings).create_topic(topic, PARTITIONS, {})
    with ExitStack() as stack:
        relay = stack.enter_context(closing(Relay([int(cluster.bootstrap_servers.rpartition(":")[2])], kafka=True)))
        feed = stack.enter_context(closing(Feed(settings, topic, PARTITIONS, RATE)))
        reading = stack.enter_context(closing(Reading(settings, group, topic, PARTITIONS)))
        watched = settings.model_copy(update={"bootstrap_servers": relay.bootstrap_servers})
        collector = LagCollector([LagReader(watched, group, [topic], patience=2)])
        collector.start()
        stack.callback(collector.stop)
        began = time.time()

        def at():
            return look(began, collector, feed, reading)

        wait_for(lambda: at().known, 30)
        reading.pause()
        wait_for(lambda: at().shown > PAUSE_SECONDS / 2, 30)  # measured twice since, it ages between two measures
        paused = list(looks(at, lambda one: one.true >= PAUSE_SECONDS, 60))
        relay.cut()
        going = list(looks(at, lambda one: not one.known, 60))
        away = [at() for _ in range(3)]

    assert all(one.known for one in paused)
    assert paused[-1].shown >= PAUSE_SECONDS - 1
    assert max(one.difference for one in paused + going[:-1]) < 1
    assert all(math.isnan(one.shown) and not one.known for one in away)
