"""A forecast knows strictly earlier days alone, and a backtest says what training says of its hold-out."""

from dataclasses import replace

import numpy as np
import pytest

from models.evaluation import evaluate, moments
from models.rows import PRE_MATCH
from models.training import train
from models.walk_forward import Plan, forecasts
from models.walking import Fit, TooFewError

KINDS = ("heuristic", "xgboost", "lightgbm", "mlp", "mean", "stack")
FIRST, LAST, SWITCH = 240, 299, 270


@pytest.fixture(name="fit", scope="module")
def _fit(names, tiny):
    return Fit(names, tiny, lambda _: None)


@pytest.fixture(name="found", scope="module")
def _found(rows, fit):
    return forecasts(Plan(KINDS, FIRST, LAST, 30), rows, rows, fit)


def test_each_row_of_the_days_is_forecast_once_by_each_kind_and_baseline(found, rows):
    days = rows.days[rows.days >= FIRST]

    assert days.tolist() == found.rows.days.tolist()
    assert {*KINDS, "prior", "elo"} == found.probabilities.keys()
    for said in found.probabilities.values():
        assert (len(days), 3) == said.shape
        assert np.allclose(said.sum(axis=1), 1, atol=1e-5)


def test_results_from_a_day_on_change_no_forecast_before_it_nor_of_its_block(found, rows, fit):
    spoilt = replace(rows, results=np.where(rows.days >= SWITCH, (rows.results + 1) % 3, rows.results))

    again = forecasts(Plan(KINDS, FIRST, LAST, 30), spoilt, spoilt, fit)

    for name, said in found.probabilities.items():
        assert np.array_equal(said, again.probabilities[name]), name


def test_results_of_a_block_move_the_next_one(found, rows, fit):
    spoilt = replace(rows, results=np.where(rows.days == SWITCH - 1, (rows.results + 1) % 3, rows.results))

    again = forecasts(Plan(KINDS, FIRST, LAST, 30), spoilt, spoilt, fit)

    later = found.rows.days >= SWITCH
    for name in ("xgboost", "mean", "stack", "prior", "elo"):
        said, now = found.probabilities[name], again.probabilities[name]
        assert np.array_equal(said[~later], now[~later])
        assert not np.array_equal(said[later], now[later])


@pytest.mark.parametrize("kind", ["lightgbm", "mean", "stack"])
def test_one_block_is_worth_what_training_says_of_its_hold_out(kind, rows, judged, fit):
    one_block = forecasts(Plan((kind,), FIRST, LAST, LAST), rows, judged, fit)

    found = evaluate(one_block).kinds[kind]

    told = train(kind, fit.names, rows, judged, sizes=fit.sizes).metrics["pre_match"]
    assert {name: pytest.approx(told[name]) for name in ("log_loss", "rps", "brier", "accuracy", "ece")} == {
        name: found[name] for name in ("log_loss", "rps", "brier", "accuracy", "ece")
    }


def test_a_block_without_a_match_is_passed_over(rows, fit):
    gap = rows.where((rows.days < 250) | (rows.days >= 290))

    found = forecasts(Plan(("heuristic", "lightgbm"), FIRST, LAST, 20), rows, gap, fit)

    assert int((gap.days >= FIRST).sum()) == len(found.rows.days) == len(found.probabilities["lightgbm"])


def test_intervals_are_of_the_difference_to_elo_and_to_the_mean(found):
    judged = evaluate(found)

    assert [PRE_MATCH] == list(moments(found))
    assert len(found.rows.days) == judged.n
    assert "versus_elo" not in judged.kinds["elo"]
    assert "versus_mean" not in judged.kinds["mean"]
    low, high = judged.kinds["prior"]["versus_elo"]
    difference = judged.kinds["prior"]["log_loss"] - judged.kinds["elo"]["log_loss"]
    assert low < difference < high


def test_a_plan_knows_how_much_is_fitted(rows, names, tiny):
    steps: list[str] = []
    plan = Plan(KINDS, FIRST, LAST, 30)

    forecasts(plan, rows, rows, Fit(names, tiny, steps.append))

    assert len(steps) == plan.fits


@pytest.mark.parametrize(("plan", "words"), [
    (Plan(("xgboost",), 0, 10, 5), "there are 0 rows before the first day; at least 50"),
    (Plan(("xgboost",), 900, 910, 5), "no match was played on the days"),
])  # fmt: skip
def test_too_little_is_told_in_one_sentence(plan, words, rows, fit):
    with pytest.raises(TooFewError, match=words):
        forecasts(plan, rows, rows, fit)
