"""From predictions and match events to reports: the same figures in any order, on any partitions, after falls."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.rows import GRID, PRE_MATCH
from schemas.records import EventKind, MatchEvent
from streams.engine.murmur import partition_of
from streams.engine.slices import Slice
from streams.engine.table import TablePartition
from streams.monitoring.parts import ModelKey
from streams.performance.contents import BANDS, STARTS, contents
from streams.performance.days import KEPT_DAYS
from streams.performance.match import PRE_MATCH as BEFORE
from streams.performance.match import JudgedMatch, after_event, after_predictions
from tests.streams.performance.offline import DAY_MS, check, prediction, story

DAY = 20_000
MATCHES = 14
CHANCE = np.random.default_rng(2)
STORIES = [story(number, DAY + number % 2, CHANCE) for number in range(MATCHES)]
EVENTS = [one for events, _ in STORIES for one in events]
PREDICTIONS = [one for _, said in STORIES for one in said]


def ends(partitions: int) -> list:
    """Return what closes the two days in each partition."""
    names: dict[int, str] = {}
    for one in range(1000):
        names.setdefault(partition_of(f"next-{one}".encode(), partitions), f"next-{one}")
    at_ms = (DAY + 3) * DAY_MS + 1
    chance = np.random.default_rng(0)
    events = [MatchEvent("tick", name, EventKind.TICK, at_ms, 1) for name in names.values()]
    return [*events, *(prediction(name, "tick", "TICK", at_ms, 1, chance) for name in names.values())]


def timeless(reports: list) -> list:
    """Return *reports* without what is a matter of the order in which records came."""
    return [replace(one, n_late=0) for one in reports]


@pytest.fixture
async def plain(world_of):
    world = world_of(1)
    world.put([*PREDICTIONS, *EVENTS, *ends(1)])
    return await world.run(0)


async def test_reports_are_what_an_offline_recomputation_gives(plain):
    assert [(DAY + 1, 7), (DAY + 1, 30), (DAY + 2, 7), (DAY + 2, 30)] == [
        (one.window_end_ms // DAY_MS, (one.window_end_ms - one.window_start_ms) // DAY_MS) for one in plain
    ]
    for report in plain:
        check(report, PREDICTIONS, EVENTS)
    assert plain[2].n_matches > plain[0].n_matches > 0
    assert plain[2].n_cancelled == sum(number % 6 == 3 for number in range(MATCHES))
    assert plain[2].n_pending == sum(number % 6 == 4 for number in range(MATCHES))
    assert (0, plain[0].n_pending) == (plain[0].n_missing, plain[2].n_missing)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 5), st.sampled_from([0.0, 0.1]), st.integers(0, 2**32))
async def test_order_partitions_repeats_and_falls_change_no_figure(world_of, plain, partitions, kills, seed):
    events = list(np.random.default_rng(seed).permutation(np.array(EVENTS, object)))
    world = world_of(partitions)
    world.put([*PREDICTIONS, *PREDICTIONS[::5], *events, *events[::4], *ends(partitions)])

    assert timeless(plain) == timeless(await world.run(seed, kills))


async def test_a_late_result_and_a_correction_change_the_figures_of_the_days_to_come(world_of, plain):
    world = world_of(1)
    world.put([*PREDICTIONS, *EVENTS, *ends(1)])
    await world.run(0)
    late = MatchEvent("late", "match-4", EventKind.FULL_TIME, (DAY + 1) * DAY_MS - 9, 90, home_score=3, away_score=0)
    better = MatchEvent("no", "match-0", EventKind.CORRECTION, DAY * DAY_MS + 9, 90, corrects="end")
    world.put([late, better])
    world.put([replace(one, match_id="then", occurred_at_ms=(DAY + 5) * DAY_MS) for one in ends(1)[:1]])
    world.put([replace(ends(1)[1], match_id="then", prediction_id="then", occurred_at_ms=(DAY + 5) * DAY_MS)])
    reports = await world.run(0)

    assert timeless(plain) == timeless(reports[: len(plain)])
    newest = reports[-1]
    check(newest, PREDICTIONS, [*EVENTS, late, better])
    assert 1 == newest.n_late
    assert newest.log_loss != plain[-1].log_loss


async def test_a_match_leaves_a_month_after_its_day_and_a_missing_result_is_counted(world_of):
    world = world_of(1)
    world.put([*STORIES[4][0], *STORIES[4][1]])
    job, table = world.job(), TablePartition()
    for topic in ("match-events", "predictions"):
        await job.process([job.decode(Slice(topic, 0, 1, world.logs[topic, 0], 0))], {0: table})
    world.now += 2
    job.expire(table, {})
    assert [b"match-4"] == list(table.states)

    month = [replace(one, occurred_at_ms=(DAY + KEPT_DAYS + 1) * DAY_MS) for one in ends(1)]
    world.put(month)
    for topic in ("match-events", "predictions"):
        await job.process([job.decode(Slice(topic, 0, 1, world.logs[topic, 0][-1:], 0))], {0: table})
    world.now += 2
    step = job.expire(table, {})

    assert step.changed[b"match-4"] is None
    assert 1 == world.registry.get_sample_value("touchline_outcomes_total", {"kind": "missing"})
    assert {DAY + KEPT_DAYS + 1} == {account.day for account in job._live[0].days.sums}


async def test_offsets_wait_for_what_is_before_them_and_a_restore_within_a_process_forgets_nothing(world_of):
    world = world_of(1)
    world.put(STORIES[0][1])
    job, table = world.job(), TablePartition()
    piece = Slice("predictions", 0, 1, world.logs["predictions", 0], 0)
    (step,) = await job.process([job.decode(piece)], {0: table})
    assert ({}, {}, {}) == (step.reached, step.changed, table.states)

    again = TablePartition(states=table.states)
    await job.process([job.decode(piece)], {0: again})
    world.now += 2
    step = job.expire(again, {})
    assert {"predictions": piece.next_offset} == step.reached
    assert [b"match-0"] == list(step.changed)


async def test_what_cannot_be_a_prediction_is_set_aside_and_a_bad_event_is_left_to_predict(world_of):
    world = world_of(1)
    bad = replace(PREDICTIONS[0], home=5.0)
    world.put([bad, replace(EVENTS[0], minute=999)])
    job, table = world.job(), TablePartition()
    steps = [
        (await job.process([job.decode(Slice(topic, 0, 1, world.logs[topic, 0], 0))], {0: table}))[0]
        for topic in ("predictions", "match-events")
    ]

    assert [1, 0] == [len(step.outputs) for step in steps]
    assert b"IMPOSSIBLE_VALUE" == dict(steps[0].outputs[0].headers)["cause"]


def test_the_minutes_are_those_of_the_backtest():
    assert (GRID, PRE_MATCH) == (STARTS, BEFORE)
    assert ("pre-match", "0-14", "15-29", "30-44", "45-59", "60-74", "75-84", "85+") == BANDS


def test_predictions_behind_a_result_are_not_judged_nor_those_which_waited_with_it_for_the_fixture():
    chance = np.random.default_rng(1)
    of = [(cause, prediction("m", cause, cause, 5, 3, chance)) for cause in ("GOAL", "FULL_TIME", "SCHEDULED", "TICK")]
    said = dict(of)
    end = MatchEvent("end", "m", EventKind.FULL_TIME, 9, 90, home_score=1, away_score=0)
    model = ModelKey("m", "1", "CHAMPION", "d")

    def judged(*causes: str) -> tuple[int, int]:
        match = after_event(after_predictions(JudgedMatch("m"), [said[one] for one in causes]), end)
        whole = contents(match)[model, "all"]
        return whole.judged.predictions, whole.informed

    assert (2, 2) == judged("SCHEDULED", "GOAL", "FULL_TIME", "TICK")
    assert (0, 4) == judged("GOAL", "FULL_TIME", "SCHEDULED", "TICK")
    assert (2, 0) == judged("GOAL", "TICK")


def test_a_minute_that_no_match_has_is_cut_to_what_is_kept():
    chance = np.random.default_rng(1)
    match = after_predictions(JudgedMatch("m"), [prediction("m", "x", "TICK", 5, 10**6, chance)])

    assert [150] == match.rows()["minute"].tolist()
