from itertools import count

import numpy as np
import pytest

from features.facts import PLAYED
from features.feature_sets import FEATURE_SETS, NEWEST
from models.ablation import ALL, Ablation, Variant, cheapest, cost_per_1000, groups, micros_of
from models.heuristic import heuristic_member
from models.walk_forward import Plan

NAMES = FEATURE_SETS[NEWEST].names


def variant(without, log_loss, micros):
    return Variant(without, log_loss, 0.0, (0.0, 0.0), micros)


def test_each_feature_is_in_one_group_but_those_from_which_all_start():
    grouped = [name for those in groups(NAMES).values() for name in those]

    assert len(grouped) == len(set(grouped))
    assert {f"poisson_{one}" for one in ("home", "draw", "away")} == set(NAMES) - set(grouped)
    assert set(grouped) <= set(NAMES)
    assert set(PLAYED) <= {*grouped, "poisson_home", "poisson_draw", "poisson_away"}


def test_features_and_members_are_left_out_one_after_the_other(rows, names, tiny):
    told = []
    ablation = Ablation(Plan(["mean"], 240, 299, 60), names, tiny, told.append)
    found = {one.without: one for one in ablation.variants(rows, rows)}

    assert [
        ALL,
        "elo",
        "goal rates",
        "form",
        "rest",
        "certainty",
        "fixture",
        "course",
        "xgboost",
        "lightgbm",
        "mlp",
    ] == [*found]
    assert [f"without {name}" for name in found] == told
    assert (0.0, (0.0, 0.0)) == (found[ALL].change, found[ALL].interval)
    assert found["mlp"].change == pytest.approx(found["mlp"].log_loss - found[ALL].log_loss)
    assert all(one.interval[0] <= one.change <= one.interval[1] for one in found.values())
    assert all(one.micros > 0 for one in found.values())
    assert len({one.log_loss for one in found.values()}) == len(found)


def test_the_fastest_of_about_the_best_is_recommended():
    some = [variant(ALL, 0.870, 90.0), variant("mlp", 0.8705, 80.0), variant("xgboost", 0.8712, 20.0)]

    assert "mlp" == cheapest(some, 0.001).without
    assert ALL == cheapest(some, 0.0).without
    assert "xgboost" == cheapest(some, 0.01).without


def test_time_is_that_of_the_best_repeat(names, rows):
    ticks = count()
    member = heuristic_member(names)

    assert pytest.approx(1e6 / 200) == micros_of(member, rows.matrix, lambda: float(next(ticks)))
    assert cost_per_1000(3600.0, 0.5) == pytest.approx(0.0005)
    assert np.isfinite(micros_of(member, rows.matrix))
