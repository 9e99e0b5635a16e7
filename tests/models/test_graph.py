"""A graph answers like the library whose model it holds, above all where exports go wrong."""

from dataclasses import dataclass, replace

import lightgbm
import numpy as np
import pytest
import xgboost

from models.fitting import fit_member
from models.graph import ExportError, GraphBuilder, export, probe_rows
from models.heuristic import heuristic_member
from models.network import fit_scaling
from models.predictors import GraphPredictor
from models.trees import LightGBMMember, XGBoostMember

KINDS = ("tree", "forest", "xgboost", "lightgbm", "mlp")


def difference(member, matrix, graph=None):
    graph = graph or export(member, matrix)
    return np.abs(member.predict_proba(matrix) - GraphPredictor(graph).predict_proba(matrix)).max()


@pytest.mark.parametrize("started", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_graph_and_library_agree(kind, started, examples, tiny):
    member = fit_member(kind, examples if started else replace(examples, start=None), tiny)

    assert difference(member, examples.matrix) <= 1e-6


@pytest.mark.parametrize("kind", KINDS)
def test_a_gap_where_training_had_none_goes_the_librarys_way(kind, examples, tiny):
    full = replace(examples, matrix=np.nan_to_num(examples.matrix, nan=0.5))
    member = fit_member(kind, full, tiny)

    assert difference(member, examples.matrix, export(member, full.matrix)) <= 1e-6


@pytest.mark.parametrize("kind", KINDS[:-1])
def test_half_of_the_proof_stands_on_thresholds(kind, examples, tiny):
    member = fit_member(kind, examples, tiny)
    builder = GraphBuilder(examples.matrix.shape[1])
    graph = builder.serialised(member.add_to(builder))
    rows = probe_rows(graph, examples.matrix, np.random.default_rng(0))
    found = np.abs(member.predict_proba(rows) - GraphPredictor(graph).predict_proba(rows)).max(axis=1)

    assert np.isnan(rows).all(axis=1).any()
    assert found.max() <= 1e-6


def test_a_graph_which_answers_otherwise_is_not_exported(examples, tiny):
    @dataclass
    class Skewed:
        member: object

        def predict_proba(self, matrix):
            return self.member.predict_proba(matrix)[:, ::-1]

        def add_to(self, graph):
            return self.member.add_to(graph)

    with pytest.raises(ExportError, match=r"differ from the library's by [01].*, more than 1e-06"):
        export(Skewed(fit_member("xgboost", examples, tiny)), examples.matrix)


def test_an_unknown_way_of_lightgbm_is_refused(examples):
    settings = {"objective": "multiclass", "num_class": 3, "zero_as_missing": True, "verbosity": -1, "num_threads": 1}
    booster = lightgbm.train(settings, lightgbm.Dataset(examples.matrix, examples.results), 2)

    with pytest.raises(ExportError, match="with missing Zero is not supported"):
        export(LightGBMMember(booster), examples.matrix)


def test_lightgbms_random_forest_is_refused(examples):
    settings = {"objective": "multiclass", "num_class": 3, "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}
    booster = lightgbm.train(
        settings | {"verbosity": -1, "num_threads": 1}, lightgbm.Dataset(examples.matrix, examples.results), 2
    )

    with pytest.raises(ExportError, match="random forest mode"):
        export(LightGBMMember(booster), examples.matrix)


def test_categories_of_xgboost_are_refused(examples):
    codes = np.nan_to_num(np.abs(examples.matrix[:, :2].round())).astype(np.float32)
    data = xgboost.DMatrix(codes, examples.results, feature_types=["c", "c"], enable_categorical=True)
    booster = xgboost.train(
        {"objective": "multi:softprob", "num_class": 3, "nthread": 1, "max_cat_to_onehot": 1}, data, 1
    )

    with pytest.raises(ExportError, match="splits on categories"):
        XGBoostMember(booster).add_to(GraphBuilder(2))


def test_the_smallest_numbers_go_lightgbms_way():
    tiny = np.float32(1e-35)
    matrix = np.array([[-1.0], [-tiny], [0.0], [tiny], [1.0]] * 40, dtype=np.float32)
    results = np.tile([0, 1, 1, 1, 2], 40)
    settings = {"objective": "multiclass", "num_class": 3, "min_data_in_leaf": 1, "verbosity": -1, "num_threads": 1}
    member = LightGBMMember(lightgbm.train(settings, lightgbm.Dataset(matrix, results), 5))

    assert difference(member, matrix) <= 1e-6


def test_a_constant_or_unknown_feature_scales_to_zero():
    scaling = fit_scaling(np.array([[1.0, np.nan], [1.0, np.nan]], dtype=np.float32))

    assert [[0.0, 0.0]] == scaling(np.array([[1.0, 7.0]], dtype=np.float32))[:, :1].repeat(2, axis=1).tolist()
    assert [1.0, 1.0] == scaling.scale.tolist()


def test_a_kind_which_is_no_member_and_a_result_that_never_comes_are_refused(examples, tiny):
    with pytest.raises(ValueError, match="'stack' is not a member which can be fitted"):
        fit_member("stack", examples, tiny)
    with pytest.raises(ValueError, match="without one 'away'"):
        fit_member("tree", replace(examples, results=examples.results % 2), tiny)


def test_the_heuristic_names_what_it_needs():
    with pytest.raises(ValueError, match="needs the feature 'poisson_home', which is not among minute"):
        heuristic_member(["minute"])
