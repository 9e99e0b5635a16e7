import asyncio
import json
from dataclasses import replace
from statistics import mean

import numpy as np
import pytest

from models.reliability import wilson
from schemas.records import Variant
from streams.dashboard.models import ModelsView
from streams.performance.merging import Parsed
from tests.streams.api.matches import predicted
from tests.streams.performance.conftest import PARTIALS, World
from tests.streams.performance.offline import DAY_MS, figures, judged_rows, story

DAY, DAYS, MATCHES = 20_000, 8, 32
CHANCE = np.random.default_rng(3)
STORIES = [story(number, DAY + number % DAYS, CHANCE) for number in range(MATCHES)]
EVENTS = [one for events, _ in STORIES for one in events]
PREDICTIONS = [one for _, said in STORIES for one in said]
NAME = "m/1/CHAMPION/d"


def parts(view: ModelsView, now_ms: int = (DAY + 30) * DAY_MS) -> dict[str, object]:
    return {name: json.loads(text) for name, text in view.shown(now_ms).items()}


@pytest.fixture(scope="module")
def world() -> World:
    made = World(2)
    made.put([*PREDICTIONS, *EVENTS])
    asyncio.run(made.run(1, kills=0.2))
    return made


@pytest.fixture(scope="module")
def view(world) -> ModelsView:
    made = ModelsView("1")
    made.count([Parsed.of(PARTIALS.decode(one.value)) for one in world.partials])
    return made


@pytest.fixture(scope="module")
def rows() -> list:
    return [row for row in judged_rows(PREDICTIONS, EVENTS) if row.segment == "all"]


def test_the_sums_say_what_an_offline_recomputation_gives_although_workers_were_killed(view, rows):
    found, expected = parts(view)[f"sums:{NAME}"], figures(rows)

    assert (expected["n_matches"], expected["n_predictions"]) == (found["n_matches"], found["n_predictions"])
    assert pytest.approx(expected["log_loss"], abs=1e-12) == found["log_loss"]
    assert pytest.approx(expected["e_log_loss"], abs=1e-12) == found["estimated_log_loss"]
    assert pytest.approx(mean(expected["ece"]), abs=1e-12) == found["ece"]
    low, high = found["log_loss_interval"]
    assert low < found["log_loss"] < high
    assert len({row.day for row in rows}) == found["n_days"]


def test_the_interval_of_the_log_loss_is_that_of_leaving_out_a_day_at_a_time(view, rows):
    low, high = parts(view)[f"sums:{NAME}"]["log_loss_interval"]

    days = sorted({row.day for row in rows})
    without = [figures([row for row in rows if row.day != day])["log_loss"] for day in days]
    error = ((len(days) - 1) / len(days) * sum((one - mean(without)) ** 2 for one in without)) ** 0.5
    assert 2.364624 == pytest.approx(
        (high - low) / 2 / error, abs=1e-6
    )  # Student's t, 7 degrees of freedom, from a table


@pytest.mark.parametrize(("place", "name"), list(enumerate(("home", "draw", "away"))))
def test_reliability_is_counted_by_tenths_and_its_intervals_count_a_match_once(view, rows, place, name):
    found = parts(view)[f"sums:{NAME}"]["reliability"][name]

    share = len({row.match for row in rows}) / len(rows)
    for bin_ in found:
        tenth = min(int(bin_["forecast"] * 10), 9)
        inside = [row for row in rows if min(int(row.said[place] * 10), 9) == tenth]
        came = sum(row.came == place for row in inside)
        assert (len(inside), pytest.approx(mean(row.said[place] for row in inside))) == (bin_["n"], bin_["forecast"])
        assert pytest.approx(came / len(inside)) == bin_["frequency"]
        assert pytest.approx(wilson(came * share, len(inside) * share)) == (bin_["low"], bin_["high"])
    assert len(rows) == sum(bin_["n"] for bin_ in found)


def test_sums_of_another_run_are_passed_over(world):
    other = ModelsView("2")
    other.count([Parsed.of(PARTIALS.decode(one.value)) for one in world.partials])

    assert {"seen"} == set(parts(other))


def test_of_reports_the_newest_is_shown_in_full_and_all_in_a_line(world):
    view = ModelsView("1")
    view.report(world.reports)
    found = parts(view)

    of_seven = [one for one in world.reports if one.window_end_ms - one.window_start_ms == 7 * DAY_MS]
    assert max(one.window_end_ms for one in of_seven) == found[f"report:7:{NAME}"]["window_end_ms"]
    assert [one.log_loss for one in sorted(of_seven, key=lambda one: one.window_end_ms)] == [
        one["log_loss"] for one in found[f"history:7:{NAME}"]
    ]


def test_who_predicts_is_told_with_the_one_that_was_asked_last_first():
    view = ModelsView("1")
    view.predicted([predicted("a", 1, model="old"), predicted("a", 3), predicted("a", 2, model="old")])
    view.predicted([replace(predicted("a", 9, model="tried"), variant=Variant.SHADOW)])

    assert [("tried", 1), ("m", 1), ("old", 2)] == [
        (one["model"]["model"], one["predictions"]) for one in parts(view)["seen"]
    ]
