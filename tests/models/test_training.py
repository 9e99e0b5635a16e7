"""Training is honest: it beats the prior only where there is something to learn, and never sees what comes later."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from features.feature_sets import FEATURE_SETS, NEWEST
from features.history import EPOCH
from models.fitting import Sizes
from models.predictors import GraphPredictor
from models.rows import PRE_MATCH, grid_minutes, history_rows, spread_minutes
from models.scores import scores
from models.training import steps_of, train
from models.walking import Fit, TooFewError, fold_days

SET = FEATURE_SETS[NEWEST]
SMALL = Sizes(xgboost_trees=30, lightgbm_trees=30, lightgbm_leaves=15, epochs=1, threads=1)


@pytest.fixture(scope="module")
def real(history):
    """Rows of 2010 to 2022, ratings from all history before, and the same judged from 2018 on."""
    first, last = ((day - EPOCH).days for day in (date(2010, 1, 1), date(2018, 1, 1)))
    return history_rows(history, SET, spread_minutes, first), history_rows(history, SET, grid_minutes, last)


def shuffled(rows, judged, seed=0):
    """Give every match the result of another one, the same in both, and hide the chances."""
    chance = np.random.default_rng(seed)
    matches = sorted({*rows.match_ids, *judged.match_ids})
    results = dict(zip(matches, chance.choice(3, len(matches), p=[0.48, 0.24, 0.28]), strict=True))
    return [replace(some, results=np.array([results[one] for one in some.match_ids])) for some in (rows, judged)]


def test_what_is_learned_beats_the_prior_but_not_belief(real):
    rows, judged = real
    metrics = train("mean", SET.names, rows, judged, sizes=SMALL).metrics

    assert metrics["pre_match"]["n"] >= 2000
    assert metrics["pre_match"]["log_loss"] < metrics["prior"]["log_loss"] - 0.12
    # Known: no honest forecast of a full list of matches reaches these; one which does has seen the result.
    assert metrics["pre_match"]["accuracy"] < 0.66
    assert metrics["pre_match"]["rps"] > 0.15
    assert metrics["minute_85"]["log_loss"] < metrics["minute_45"]["log_loss"] < metrics["minute_0"]["log_loss"]


@pytest.mark.parametrize("kind", ["tree", "forest"])
def test_shuffled_results_fall_to_the_prior(real, kind):
    rows, judged = (part.where(part.minutes == PRE_MATCH) for part in real)
    metrics = train(kind, SET.names, *shuffled(rows, judged), sizes=replace(SMALL, forest_trees=30)).metrics

    assert abs(metrics["pre_match"]["log_loss"] - metrics["prior"]["log_loss"]) < 0.02


@pytest.mark.parametrize("kind", ["xgboost", "lightgbm", "mlp"])
def test_shuffled_results_fall_to_the_prior_without_the_chances(real, kind):
    """Boosters and network start from the Poisson chances; under another name they are a feature like any other."""
    rows, judged = (part.where(part.minutes == PRE_MATCH) for part in real)
    names = [f"feature_{number}" for number in range(len(SET.names))]
    metrics = train(kind, names, *shuffled(rows, judged), sizes=SMALL).metrics

    assert abs(metrics["pre_match"]["log_loss"] - metrics["prior"]["log_loss"]) < 0.03


@pytest.mark.parametrize("kind", ["mean", "stack"])
def test_metrics_do_not_change_with_what_comes_after_they_were_earned(names, rows, judged, tiny, kind):
    """The judged model is fitted before the hold-out: other results in it change the scores, not the forecasts."""
    other = replace(rows, results=np.where(rows.days >= 240, 2 - rows.results, rows.results))
    first = train(kind, names, rows, judged, sizes=tiny)
    second = train(kind, names, other, judged, sizes=tiny)

    assert first.metrics == second.metrics
    assert first.graph != second.graph


def test_each_step_is_told_before_it_is_done(names, rows, judged, tiny):
    for kind in ("heuristic", "tree", "mean", "stack"):
        told = []
        train(kind, names, rows, judged, sizes=tiny, step=told.append)

        assert steps_of(kind) == len(told)


def test_folds_are_in_time_order_and_end_before_the_holdout():
    days = np.sort(np.random.default_rng(0).integers(0, 1000, 5000))
    starts = fold_days(days, 800)

    assert starts == sorted(set(starts))
    assert 800 > starts[-1]


def test_too_little_to_judge_by_or_to_learn_from_is_refused(names, rows, tiny):
    with pytest.raises(TooFewError, match="the hold-out has 10 rows; at least 50 are needed"):
        train("tree", names, rows, rows.where(np.arange(len(rows.days)) < 10), sizes=tiny)
    with pytest.raises(TooFewError, match="there are 0 rows before the hold-out"):
        train("tree", names, rows, rows, sizes=tiny)


def test_the_graph_is_fitted_on_all_rows(names, rows, judged, tiny):
    until = rows.where(rows.days < 240)
    full = GraphPredictor(train("tree", names, rows, judged, sizes=tiny).graph).predict_proba(rows.matrix)
    part = GraphPredictor(train("tree", names, until, until.where(until.days >= 200), sizes=tiny).graph).predict_proba(
        rows.matrix
    )

    assert np.abs(full - part).max() > 0


def test_the_folds_of_a_stack_are_those_of_members_fitted_before_them(rows, judged, tiny):
    """Against a loop that fits each member anew on the rows of earlier days."""
    names = FEATURE_SETS["v1"].names
    folds = train("stack", names, rows, judged, sizes=tiny).folds
    holdout = int(judged.days[0])
    starts = fold_days(rows.days, holdout)

    assert starts == [fold.first for fold in folds]
    for fold, end in zip(folds, [*starts[1:], holdout], strict=True):
        block = rows.where((rows.days >= fold.first) & (rows.days < end))
        for kind, measures in fold.metrics.items():
            (member,) = Fit(names, tiny, lambda _: None)([kind], rows.where(rows.days < fold.first))
            assert scores(member.predict_proba(block.matrix), block.results) == measures
    assert {"xgboost", "lightgbm", "mlp"} == folds[0].metrics.keys()
    assert () == tuple(train("tree", names, rows, judged, sizes=tiny).folds)


def test_the_model_before_the_holdout_is_the_one_that_the_metrics_are_of(rows, judged, tiny):
    found = train("mean", FEATURE_SETS["v1"].names, rows, judged, sizes=tiny)

    assert found.metrics["pre_match"] == scores(found.before.predict_proba(judged.matrix), judged.results)
