"""Tree ensembles, fitted by three libraries, as one table of nodes which a graph can hold."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import lightgbm
import numpy as np
import xgboost
from numpy.typing import NDArray
from onnx import numpy_helper
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

from models.graph import ExportError, GraphBuilder
from models.heuristic import HeuristicMember
from models.predictors import CLASSES, INPUT, Matrix, Probabilities, softmax

ML: Final = "ai.onnx.ml"
THREE: Final = range(len(CLASSES))
ZERO: Final = float(np.float32(1e-35))
DUMPED_INFINITY: Final = 1e300  # so LightGBM's dump writes what its booster compares with


@dataclass(slots=True)
class NodeTable:
    """The nodes of many trees in the columns of ONNX's TreeEnsembleRegressor.

    Attributes:
        mode: How a row goes on: ``BRANCH_LT`` is "left if x < threshold", ``BRANCH_LEQ`` "left if x <= threshold".
    """

    mode: str
    trees: int = 0
    nodes: list[tuple[int, int, int, str, float, int, int, int]] = field(default_factory=list)
    weights: list[tuple[int, int, int, float]] = field(default_factory=list)

    def branch(self, node: int, feature: int, threshold: float, left: int, right: int, *, missing_left: bool) -> None:
        """Add a node of the current tree which splits on *feature*."""
        self.nodes.append((self.trees, node, feature, self.mode, threshold, left, right, int(missing_left)))

    def leaf(self, node: int, weights: Mapping[int, float]) -> None:
        """Add a leaf of the current tree, with what it adds to each class."""
        self.nodes.append((self.trees, node, 0, "LEAF", 0.0, 0, 0, 0))
        self.weights.extend((self.trees, node, target, weight) for target, weight in weights.items())

    def add_to(self, graph: GraphBuilder) -> str:
        """Return the name of the summed leaves, float64 ``(n, 3)``.

        Thresholds are float64: LightGBM's and scikit-learn's are, and a float32 row has to fall on the same side.
        """
        tree, node, feature, mode, threshold, left, right, missing = zip(*self.nodes, strict=True)
        weight_tree, weight_node, target, weight = zip(*self.weights, strict=True)
        sums = graph.node(
            "TreeEnsembleRegressor",
            graph.double(INPUT),
            domain=ML,
            nodes_treeids=tree,
            nodes_nodeids=node,
            nodes_featureids=feature,
            nodes_modes=mode,
            nodes_values_as_tensor=numpy_helper.from_array(np.array(threshold, np.float64)),
            nodes_truenodeids=left,
            nodes_falsenodeids=right,
            nodes_missing_value_tracks_true=missing,
            target_treeids=weight_tree,
            target_nodeids=weight_node,
            target_ids=target,
            target_weights_as_tensor=numpy_helper.from_array(np.array(weight, np.float64)),
            n_targets=len(CLASSES),
            aggregate_function="SUM",
            post_transform="NONE",
        )
        return graph.double(sums)


@dataclass(frozen=True, slots=True)
class XGBoostMember:
    """Gradient boosted trees of XGBoost, objective ``multi:softprob``.

    Attributes:
        start: The margins to which the trees add; None for XGBoost's base score.
    """

    booster: xgboost.Booster
    start: HeuristicMember | None = None

    def predict_proba(self, matrix: Matrix) -> Probabilities:
        """Return XGBoost's own answer."""
        margins = None if self.start is None else self.start.logs(matrix).astype(np.float32)
        found: Probabilities = self.booster.predict(xgboost.DMatrix(matrix, base_margin=margins, nthread=1))
        return found

    def add_to(self, graph: GraphBuilder) -> str:
        """Add the trees, the base score and the softmax: x < threshold goes left, in float32."""
        learner = json.loads(bytes(self.booster.save_raw("json")))["learner"]
        base = json.loads(learner["learner_model_param"]["base_score"])
        model = learner["gradient_booster"]["model"]
        table = NodeTable("BRANCH_LT")
        for tree, target in zip(model["trees"], model["tree_info"], strict=True):
            _add_xgboost_tree(table, tree, target)
        # One margin a class, which given margins replace.
        margins = np.array(base, dtype=np.float64).reshape(1, len(CLASSES))
        start = graph.constant(margins) if self.start is None else self.start.add_logs_to(graph)
        return graph.node("Softmax", graph.node("Add", table.add_to(graph), start), axis=1)


def _add_xgboost_tree(table: NodeTable, tree: Mapping[str, Any], target: int) -> None:
    if any(tree["split_type"]):
        raise ExportError("an XGBoost tree splits on categories; only numbers can be exported")
    columns = (tree[name] for name in ("left_children", "right_children", "split_indices", "default_left"))
    values = np.array(tree["split_conditions"], dtype=np.float32).tolist()
    for node, (left, right, feature, missing_left, value) in enumerate(zip(*columns, values, strict=True)):
        if left < 0:
            table.leaf(node, {target: value})
        else:
            table.branch(node, feature, value, left, right, missing_left=bool(missing_left))
    table.trees += 1


@dataclass(frozen=True, slots=True)
class LightGBMMember:
    """Gradient boosted trees of LightGBM, objective ``multiclass``.

    Attributes:
        start: The margins to which the trees add; None for LightGBM's own.
    """

    booster: lightgbm.Booster
    start: HeuristicMember | None = None

    def predict_proba(self, matrix: Matrix) -> Probabilities:
        """Return LightGBM's own answer; it leaves adding the start to its callers."""
        if self.start is None:
            return np.asarray(self.booster.predict(matrix, num_threads=1), dtype=np.float32)
        margins = self.booster.predict(matrix, num_threads=1, raw_score=True) + self.start.logs(matrix)
        return softmax(margins).astype(np.float32)

    def gains(self) -> NDArray[np.float64]:
        """Return how much each feature's splits have lowered the loss, as shares of all, shape ``(k,)``."""
        gains = np.asarray(self.booster.feature_importance("gain"), np.float64)
        shares: NDArray[np.float64] = gains / max(gains.sum(), 1e-300)
        return shares

    def add_to(self, graph: GraphBuilder) -> str:
        """Add the trees and the softmax: x <= threshold goes left."""
        dump = self.booster.dump_model()
        if dump["average_output"]:
            raise ExportError("LightGBM's random forest mode cannot be exported")
        table = NodeTable("BRANCH_LEQ")
        for tree in dump["tree_info"]:
            numbers = iter(range(2 * int(tree["num_leaves"])))
            _add_lightgbm_node(table, tree["tree_structure"], next(numbers), numbers, tree["tree_index"] % len(CLASSES))
            table.trees += 1
        margins = table.add_to(graph)
        if self.start is not None:
            margins = graph.node("Add", margins, self.start.add_logs_to(graph))
        return graph.node("Softmax", margins, axis=1)


def _add_lightgbm_node(
    table: NodeTable, node: Mapping[str, Any], number: int, numbers: Iterator[int], target: int
) -> None:
    if "leaf_value" in node:
        table.leaf(number, {target: node["leaf_value"]})
        return
    if node["decision_type"] != "<=" or node["missing_type"] == "Zero":
        raise ExportError(
            f"LightGBM split {node['decision_type']} with missing {node['missing_type']} is not supported"
        )
    left, right = next(numbers), next(numbers)
    threshold = float(node["threshold"])
    if threshold == DUMPED_INFINITY:
        threshold = np.inf
    if threshold == -ZERO:  # LightGBM reads -ZERO itself as zero, so it goes right
        threshold = float(np.nextafter(threshold, -np.inf))
    # Without gaps in training LightGBM reads a missing value as zero.
    missing_left = bool(node["default_left"]) if node["missing_type"] == "NaN" else threshold >= 0
    table.branch(number, node["split_feature"], threshold, left, right, missing_left=missing_left)
    _add_lightgbm_node(table, node["left_child"], left, numbers, target)
    _add_lightgbm_node(table, node["right_child"], right, numbers, target)


@dataclass(frozen=True, slots=True)
class SklearnTreesMember:
    """A decision tree or random forest of scikit-learn."""

    model: DecisionTreeClassifier | RandomForestClassifier

    def predict_proba(self, matrix: Matrix) -> Probabilities:
        """Return scikit-learn's own answer."""
        return np.asarray(self.model.predict_proba(matrix), dtype=np.float32)

    def add_to(self, graph: GraphBuilder) -> str:
        """Add the trees, whose leaves hold shares of the classes: x <= threshold goes left."""
        trees: Sequence[DecisionTreeClassifier] = getattr(self.model, "estimators_", [self.model])
        table = NodeTable("BRANCH_LEQ")
        for tree in trees:
            _add_sklearn_tree(table, tree.tree_, len(trees))
        return graph.normalised(table.add_to(graph))


def _add_sklearn_tree(table: NodeTable, tree: Any, n_trees: int) -> None:
    shares = tree.value[:, 0, :] / tree.value[:, 0, :].sum(axis=1, keepdims=True) / n_trees
    for node in range(tree.node_count):
        left, right = int(tree.children_left[node]), int(tree.children_right[node])
        if left < 0:
            table.leaf(node, {target: float(shares[node, target]) for target in THREE})
        else:
            threshold, missing_left = float(tree.threshold[node]), bool(tree.missing_go_to_left[node])
            table.branch(node, int(tree.feature[node]), threshold, left, right, missing_left=missing_left)
    table.trees += 1
