"""Sums of partitions: whose count, and when a day is over."""

import json
from dataclasses import replace

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from monitors.performance import judged
from schemas.records import PerformancePartial
from streams.engine.slices import Slice
from streams.engine.table import TablePartition
from streams.monitoring.parts import ModelKey, compact
from streams.performance.contents import Content
from streams.performance.days import Account
from streams.performance.figures import PerformanceFigures
from streams.performance.merging import Merging, Parsed
from streams.performance.reports import segment_performance
from tests.streams.performance.conftest import PARTIALS, Logged

DAY, DAY_MS = 100, 86_400_000
MODEL = ModelKey("m", "1", "CHAMPION", "d")
ALL = Account(MODEL, DAY, "all")
ONE, TWO = (Content(judged=judged(np.full((n, 3), 1 / 3), 0)) for n in (1, 2))


def sums(content: Content, sequence: int, *, epoch: int = 1, partition: int = 0, day: int = DAY, run: str = "1"):
    payload = compact(content.to_dict())
    return Parsed.of(
        PerformancePartial(run, partition, epoch, sequence, "m", "1", "CHAMPION", "d", day, "all", payload)
    )


def progress(day: float | None, sequence: int, *, epoch: int = 1, partition: int = 0, idle: bool = False):
    mark = None if day is None else int(day * DAY_MS)
    payload = json.dumps({"watermark_ms": mark, "idle": idle}).encode()
    return Parsed.of(PerformancePartial("1", partition, epoch, sequence, "", "", "", "", 0, "", payload))


def merged(*parsed: Parsed, partitions: int = 1) -> Merging:
    found = Merging("1", partitions, 0)
    for one in parsed:
        found.take_in(one)
    return found


def table_of(found: Merging) -> dict:
    """Return what is in the table once all changes are written."""
    return {key: entry for key, entry in found.changed().items() if entry is not None}


def test_the_newest_sum_of_each_partition_counts():
    found = merged(sums(ONE, 5), sums(TWO, 9), sums(ONE, 7), sums(ONE, 3, partition=1))

    assert {ALL: TWO + ONE} == found.totals


def test_what_an_earlier_owner_said_is_void_once_a_new_one_begins():
    found = merged(sums(TWO, 90), sums(ONE, 91, day=DAY + 1), progress(DAY + 5, 91), sums(ONE, 4, epoch=2))

    assert {ALL: ONE} == found.totals
    assert [] == list(found.complete(0))
    assert not found.take_in(sums(TWO, 95))
    assert found.take_in(progress(DAY + 1, 4, epoch=2))
    assert [DAY] == list(found.complete(0))


def test_sums_of_another_run_are_passed_over_and_leave_the_table():
    found = merged(sums(ONE, 1))
    table = table_of(found)

    assert not found.take_in(sums(TWO, 9, run="2"))
    assert {ALL: ONE} == Merging.restore("1", 1, 0, table).totals
    other = Merging.restore("2", 1, 0, table)
    assert ({}, dict.fromkeys(table)) == (other.totals, other.changed())


def test_what_a_fall_has_left_of_an_earlier_owner_does_not_count_after_a_restore():
    before, after = merged(sums(TWO, 9, day=DAY + 1), progress(DAY + 1, 9)), merged(sums(ONE, 4, epoch=2))
    restored = Merging.restore("1", 1, 0, table_of(before) | table_of(after))

    assert {ALL: ONE} == restored.totals
    assert [] == list(restored.complete(10**15))


def test_the_progress_is_written_behind_the_sums_for_which_it_stands():
    found = merged(progress(DAY, 1), sums(ONE, 5), progress(DAY + 1, 5))

    assert b"progress/0" == list(found.changed())[-1]


def test_no_day_closes_before_the_word_that_stands_for_all_sums():
    found = merged(sums(ONE, 5), progress(DAY + 1, 5), sums(TWO, 8))

    assert [] == list(found.complete(0))
    found.take_in(progress(DAY + 1, 8))
    assert [DAY] == list(found.complete(0))
    assert [] == list(found.complete(0))


@pytest.mark.parametrize(
    ("others", "now_ms", "closed"),
    [
        ([], 10**15, []),  # a partition of which nothing is known is waited for
        ([progress(DAY + 0.9, 1, partition=1)], 10**15, []),
        ([progress(DAY + 0.9, 1, partition=1, idle=True)], 0, [DAY]),
        ([progress(None, 0, partition=1, idle=True)], 0, [DAY]),
    ],
)
def test_a_day_waits_for_every_partition_that_is_not_idle(others, now_ms, closed):
    found = merged(sums(ONE, 1), progress(DAY + 1, 1), *others, partitions=2)

    assert closed == list(found.complete(now_ms))


def test_the_wall_clock_closes_a_day_when_all_are_idle():
    found = merged(sums(ONE, 1), progress(DAY + 0.9, 1, idle=True))

    assert [] == list(found.complete((DAY + 1) * DAY_MS - 1))
    assert [DAY] == list(found.complete((DAY + 1) * DAY_MS))


def test_a_restored_merging_closes_no_day_again_and_goes_on_with_the_sums():
    found = merged(sums(ONE, 1), sums(TWO, 1, day=DAY + 1), progress(DAY + 1, 1))
    assert [DAY] == list(found.complete(0))
    again = Merging.restore("1", 1, 0, table_of(found))

    assert found.totals == again.totals
    assert [] == list(again.complete(0))
    again.take_in(progress(DAY + 2, 2))
    assert [DAY + 1] == list(again.complete(0))


def test_days_which_no_window_holds_any_more_are_forgotten():
    found = merged(*(sums(ONE, 1, day=day) for day in range(DAY, DAY + 40)), progress(DAY + 40, 1))

    assert list(range(DAY, DAY + 40)) == list(found.complete(0))
    assert set(range(DAY + 10, DAY + 40)) == {account.day for account in found.totals}
    assert found.take_in(sums(TWO, 2, day=DAY))
    assert Account(MODEL, DAY, "all") not in found.totals


async def test_what_is_no_partial_is_set_aside_and_figures_have_closed_labels(world_of):
    world = world_of(1)
    job, table = world.report_job(), TablePartition()
    good = [sums(ONE, 1).partial, progress(DAY + 0.5, 1).partial]
    bad = [
        replace(good[0], payload=b"[]"),
        replace(good[0], payload=b'{"counts": []}'),
        replace(good[1], payload=b"{}"),
    ]
    values = [b"\x07", None, *map(PARTIALS.encode, (*bad, *good))]
    piece = Slice("partials", 0, 1, [Logged(place, b"m", value) for place, value in enumerate(values)], 0)
    (step,) = await job.process([job.decode(piece)], {0: table})
    job.expire(table, {})

    assert ["dead"] * 5 == [one.topic for one in step.outputs]
    labels = {"model": "m", "version": "1", "variant": "CHAMPION", "window": "7d", "minute": "all"}
    assert np.log(3) == pytest.approx(world.registry.get_sample_value("touchline_log_loss_nats", labels))
    assert 1 == world.registry.get_sample_value("touchline_judged_matches", labels)


def test_competitions_are_not_shown_to_prometheus():
    registry = CollectorRegistry()
    figures = PerformanceFigures(registry)
    figures.show(MODEL, 7, [segment_performance("competition=Cup", ONE, None)], 0)

    assert not [one for family in registry.collect() for one in family.samples if "Cup" in one.labels.values()]
