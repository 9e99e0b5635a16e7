"""Accuracy through real workers on a real broker: what an offline recomputation gives, whoever is killed."""

import json
import time

import numpy as np
import pytest
from click.testing import CliRunner

from schemas.records import EventKind, MatchEvent
from streams.cli import main
from streams.engine.murmur import partition_of
from tests.integration.world import wait_for
from tests.streams.performance.offline import DAY_MS, check, prediction, story

pytestmark = pytest.mark.integration

PARTITIONS = 4
DAY = int(time.time() * 1000) // DAY_MS - 5
# The matches of both days come in any order.
SETTINGS = {"allowed_lateness_seconds": 86_400, "monitor_interval_seconds": 0.2, "cost_matrix": "zero-one"}


def sentinels(day: int, chance: np.random.Generator) -> tuple[list[MatchEvent], list]:
    """Return for each partition an event and a prediction at noon of *day*, which close the days before."""
    names: dict[int, str] = {}
    for one in range(1000):
        names.setdefault(partition_of(f"next-{one}".encode(), PARTITIONS), f"next-{one}")
    noon = day * DAY_MS + DAY_MS // 2
    events = [MatchEvent("tick", name, EventKind.TICK, noon, 1) for name in names.values()]
    return events, [prediction(name, "tick", "TICK", noon, 1, chance) for name in names.values()]


def test_reports_are_what_an_offline_recomputation_gives_although_workers_are_killed_in_mid_stream(world):
    chance = np.random.default_rng(11)
    told = [story(number, DAY + number % 2, chance) for number in range(36)]
    first, second = told[:18], told[18:]
    worker = world.worker("performance", **SETTINGS)
    for part, victim in ((first, "performance"), (second, "performance-merge")):
        world.send("predictions", *(one for _, said in part for one in said))
        world.send("match-events", *(one for events, _ in part[::2] for one in events))
        world.wait_for_values("performance-partials", 1)
        worker.kill_child(victim)
        world.send("match-events", *(one for events, _ in part[1::2] for one in events))
    for topic, last in zip(("match-events", "predictions"), sentinels(DAY + 3, chance), strict=True):
        world.send(topic, *last)
    reports = world.wait_for_values("performance-reports", 4, seconds=90)
    predictions, events = world.values("predictions"), world.values("match-events")

    assert [(DAY + 1, 7), (DAY + 1, 30), (DAY + 2, 7), (DAY + 2, 30)] == [
        (one.window_end_ms // DAY_MS, (one.window_end_ms - one.window_start_ms) // DAY_MS) for one in reports
    ]
    for report in reports:
        check(report, predictions, events)
    assert [(0, 6, 0), (0, 6, 0), (6, 6, 6), (6, 6, 6)] == [
        (one.n_cancelled, one.n_pending, one.n_missing) for one in reports
    ]
    world.wait_caught_up("performance-merge")
    assert 4 == len(world.values("performance-reports"))

    wait_for(lambda: "touchline_log_loss_nats{" in worker.get("/metrics")[1], 30)
    figures = worker.get("/metrics")[1]

    assert 'touchline_log_loss_nats{minute="all",model="m"' in figures
    assert not any(f'"match-{number}"' in figures for number in range(36))
    done = CliRunner(env=world.settings.environment()).invoke(main, ["accuracy", "--days", "7", "--json"])
    (shown,) = json.loads(done.stdout)
    assert (reports[2].log_loss, reports[2].n_matches) == (shown["log_loss"], shown["n_matches"])
