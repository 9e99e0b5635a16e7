"""Compiled trees answer like the runtime and like the libraries, above all where values stand on thresholds."""

import lightgbm
import numpy as np
import onnx
import pytest
import xgboost
from hypothesis import given
from hypothesis import strategies as st

from models.bundle import default_bundle_path
from models.compiled import CompiledPredictor, cut_graph, fast_predictor
from models.fitting import fit_member
from models.graph import GraphBuilder, probe_rows
from models.predictors import GraphPredictor
from models.trees import LightGBMMember, NodeTable, XGBoostMember

EDGES = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-40, -1e-40, 3.4e38, -3.4e38, 1.0], np.float32)


def graph_of(member, n_features):
    builder = GraphBuilder(n_features)
    return builder.serialised(member.add_to(builder))


def compiled(graph, n_features):
    found = fast_predictor(graph, n_features)
    assert isinstance(found, CompiledPredictor)
    return found


@pytest.mark.parametrize("kind", ["xgboost", "lightgbm"])
def test_a_member_is_compiled_and_answers_like_its_library(kind, examples, tiny):
    member = fit_member(kind, examples, tiny)
    width = examples.matrix.shape[1]
    graph = graph_of(member, width)
    rows = probe_rows(graph, examples.matrix, np.random.default_rng(0))

    assert np.abs(compiled(graph, width).predict_proba(rows) - member.predict_proba(rows)).max() <= 1e-6


def random_rows(chance, count, width):
    """Return rows of which a third are plain, a third hold edges, and a third small whole numbers."""
    rows = chance.normal(size=(count, width)).astype(np.float32)
    third = count // 3
    rows[:third] = chance.choice(EDGES, (third, width))
    rows[third : 2 * third] = chance.integers(-2, 3, (third, width))
    return rows


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("leaves", [2, 7, 32])
def test_lightgbm_of_any_size_with_gaps_and_without(leaves, missing):
    chance = np.random.default_rng(leaves)
    matrix = np.round(chance.normal(size=(900, 5)), 1).astype(np.float32)  # many values stand on thresholds
    matrix[chance.random(matrix.shape) < 0.2 * missing] = np.nan
    settings = {"objective": "multiclass", "num_class": 3, "num_leaves": leaves, "min_data_in_leaf": 3, "verbosity": -1}
    labels = lightgbm.Dataset(matrix, label=chance.integers(0, 3, 900))
    member = LightGBMMember(lightgbm.train(settings, labels, num_boost_round=9))
    rows = np.concatenate([matrix, np.nextafter(matrix, np.float32(np.inf)), random_rows(chance, 300, 5)])

    found = compiled(graph_of(member, 5), 5).predict_proba(rows)

    assert np.abs(found - member.predict_proba(rows)).max() <= 1e-6


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("depth", [1, 3, 5])
def test_xgboost_of_any_depth_with_gaps_and_without(depth, missing):
    chance = np.random.default_rng(depth)
    matrix = np.round(chance.normal(size=(900, 5)), 1).astype(np.float32)
    matrix[chance.random(matrix.shape) < 0.2 * missing] = np.nan
    settings = {"objective": "multi:softprob", "num_class": 3, "max_depth": depth, "verbosity": 0}
    booster = xgboost.train(settings, xgboost.DMatrix(matrix, chance.integers(0, 3, 900)), num_boost_round=9)
    rows = np.concatenate([matrix, np.nextafter(matrix, np.float32(np.inf)), random_rows(chance, 300, 5)])
    rows[np.isinf(rows)] = np.nan  # XGBoost takes none

    found = compiled(graph_of(XGBoostMember(booster), 5), 5).predict_proba(rows)

    assert np.abs(found - XGBoostMember(booster).predict_proba(rows)).max() <= 1e-6


numbers = st.floats(width=32) | st.sampled_from(EDGES.tolist())


@st.composite
def trees(draw):
    """A NodeTable of a few trees with any thresholds, and rows to try."""
    table = NodeTable(draw(st.sampled_from(["BRANCH_LT", "BRANCH_LEQ"])))
    for _ in range(draw(st.integers(1, 4))):
        _grow(draw, table, 0, iter(range(1, 200)), draw(st.integers(1, 32)))
        table.trees += 1
    rows = draw(st.lists(st.lists(numbers, min_size=2, max_size=2), min_size=1, max_size=90))
    return table, np.array(rows, np.float32)


def _grow(draw, table, node, numbers_left, leaves):
    if leaves == 1:
        table.leaf(node, {target: draw(st.integers(-8, 8)) / 8 for target in range(3)})
        return
    left, right = next(numbers_left), next(numbers_left)
    threshold = draw(st.floats(allow_nan=False) | st.sampled_from(EDGES[1:].tolist()))
    table.branch(node, draw(st.integers(0, 1)), threshold, left, right, missing_left=draw(st.booleans()))
    share = draw(st.integers(1, leaves - 1))
    _grow(draw, table, left, numbers_left, share)
    _grow(draw, table, right, numbers_left, leaves - share)


@given(trees())
def test_any_trees_and_any_values_as_the_runtime_has_it(drawn):
    table, rows = drawn
    builder = GraphBuilder(2)
    graph = builder.serialised(builder.node("Softmax", table.add_to(builder), axis=1))

    expected = GraphPredictor(graph).predict_proba(rows)

    assert np.abs(compiled(graph, 2).predict_proba(rows) - expected).max() <= 1e-6


def two_leaves():
    """Return the node of one tree which splits once, and the graph around it."""
    table = NodeTable("BRANCH_LEQ")
    table.branch(0, 1, 0.5, 1, 2, missing_left=True)
    for leaf in (1, 2):
        table.leaf(leaf, dict.fromkeys(range(3), 1.0))
    table.trees += 1
    builder = GraphBuilder(2)
    model = onnx.load_from_string(builder.serialised(builder.node("Softmax", table.add_to(builder), axis=1)))
    (node,) = (node for node in model.graph.node if node.op_type == "TreeEnsembleRegressor")
    return node, model


@pytest.mark.parametrize(
    ("column", "numbers", "reason"),
    [
        ("nodes_featureids", [2, 0, 0], "read feature 2, where there are 0 to 1"),
        ("nodes_featureids", [-1, 0, 0], "read feature -1, where there are 0 to 1"),
        ("target_ids", [0, 1, 2, 0, 1, 3], "add to target 3, where there are 0 to 2"),
        ("nodes_truenodeids", [1, 0], "with 3 values, but 2 truenodeids"),
        ("target_nodeids", [1], "with 6 values, but 1 nodeids"),
    ],
)
def test_trees_which_would_be_read_beyond_their_bounds_are_refused(column, numbers, reason):
    node, model = two_leaves()
    assert cut_graph(model.SerializeToString(), 2) is not None
    (attribute,) = (one for one in node.attribute if one.name == column)
    attribute.ints[:] = numbers

    with pytest.raises(ValueError, match=f"has trees .*{reason}"):
        cut_graph(model.SerializeToString(), 2)


@pytest.mark.parametrize(
    ("column", "numbers"),
    [
        ("nodes_falsenodeids", [9, 0, 0]),  # there is none
        ("nodes_falsenodeids", [0, 0, 0]),  # round and round
        ("nodes_nodeids", [0, 1, 1]),
    ],
)
def test_what_is_no_tree_stays_with_the_runtime(column, numbers):
    node, model = two_leaves()
    (attribute,) = (one for one in node.attribute if one.name == column)
    attribute.ints[:] = numbers

    assert cut_graph(model.SerializeToString(), 2) is None


def test_trees_of_more_leaves_than_the_kernel_has_bits_stay_with_the_runtime(examples, tiny):
    member = fit_member("forest", examples, tiny)
    graph = graph_of(member, examples.matrix.shape[1])

    assert cut_graph(graph, examples.matrix.shape[1]) is None or tiny.forest_leaves <= 32


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 63, 64, 65, 80, 81, 200])
def test_every_number_of_rows(count):
    graph = (default_bundle_path() / "model.onnx").read_bytes()
    width = GraphPredictor(graph).n_features
    rows = random_rows(np.random.default_rng(count), count, width)
    rows[np.isinf(rows)] = np.nan

    found, expected = (one.predict_proba(rows) for one in (compiled(graph, width), GraphPredictor(graph)))

    assert (count, 3) == found.shape
    assert np.allclose(found, expected, rtol=0, atol=1e-6)


def test_rows_of_another_order_in_memory_or_of_another_kind():
    graph = (default_bundle_path() / "model.onnx").read_bytes()
    width = GraphPredictor(graph).n_features
    rows = np.random.default_rng(0).normal(size=(40, width)).astype(np.float32)
    model = compiled(graph, width)

    assert np.array_equal(model.predict_proba(rows), model.predict_proba(np.asfortranarray(rows)))
    with pytest.raises(ValueError, match=f"takes float32 rows of {width} features, not float64"):
        model.predict_proba(rows.astype(np.float64))
