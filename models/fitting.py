"""Fits one member on rows: each kind with its library and a fixed seed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import lightgbm
import numpy as np
import xgboost
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

from models.graph import Member
from models.heuristic import HeuristicMember
from models.network_fitting import fit_network
from models.predictors import CLASSES, Kind, Matrix
from models.trees import LightGBMMember, SklearnTreesMember, XGBoostMember

SEED: Final = 20220  # of every fit, so that the same rows give the same bytes


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large the models become; the defaults are the published reference.

    Attributes:
        shrinkage: Product of trees and learning rate, so that fewer trees learn faster.
        leaf_rows: Rows in a leaf of a tree, at least.
        epochs: Passes of the network over the rows.
        threads: Of a fit; the model is the same for the same number only.
    """

    xgboost_trees: int = 500
    xgboost_depth: int = 4
    lightgbm_trees: int = 500
    lightgbm_leaves: int = 31
    forest_trees: int = 200
    tree_leaves: int = 64
    forest_leaves: int = 128
    layers: tuple[int, ...] = (64, 32)
    shrinkage: float = 2.5
    leaf_rows: int = 200
    epochs: int = 20
    threads: int = 2

    def scaled(self, share: float) -> "Sizes":
        """Return these sizes with *share* of the trees.

        >>> Sizes().scaled(0.1).xgboost_trees
        50
        """
        return replace(
            self,
            xgboost_trees=max(1, round(self.xgboost_trees * share)),
            lightgbm_trees=max(1, round(self.lightgbm_trees * share)),
            forest_trees=max(1, round(self.forest_trees * share)),
        )


@dataclass(frozen=True, slots=True)
class Examples:
    """Rows to fit on.

    Attributes:
        matrix: Features, float32 ``(n, k)``; NaN is missing.
        results: Index into CLASSES, shape ``(n,)``.
        weights: Of the rows, shape ``(n,)``.
        start: What boosters and network start from; None for nothing.
    """

    matrix: Matrix
    results: NDArray[np.int64]
    weights: NDArray[np.float64]
    start: HeuristicMember | None = None

    @property
    def margins(self) -> NDArray[np.float64] | None:
        """The logarithms of the start, shape ``(n, 3)``."""
        return None if self.start is None else self.start.logs(self.matrix)


def fit_member(kind: Kind, examples: Examples, sizes: Sizes) -> Member:
    """Return a member of *kind* fitted on *examples*.

    Raises:
        ValueError: A result which never happens in *examples*, or a kind which is not one member.
    """
    if kind not in _FITS:
        raise ValueError(f"{kind!r} is not a member which can be fitted; those are {', '.join(_FITS)}")
    missing = sorted(set(range(len(CLASSES))) - set(examples.results.tolist()))
    if missing:
        raise ValueError(f"{len(examples.results)} rows without one {CLASSES[missing[0]]!r} are too few to learn from")
    return _FITS[kind](examples, sizes)


def _tree(examples: Examples, sizes: Sizes) -> Member:
    tree = DecisionTreeClassifier(
        max_leaf_nodes=sizes.tree_leaves, min_samples_leaf=2 * sizes.leaf_rows, random_state=SEED
    )
    return SklearnTreesMember(tree.fit(examples.matrix, examples.results, examples.weights))


def _forest(examples: Examples, sizes: Sizes) -> Member:
    forest = RandomForestClassifier(
        sizes.forest_trees,
        max_leaf_nodes=sizes.forest_leaves,
        min_samples_leaf=sizes.leaf_rows,
        max_features=0.5,
        random_state=SEED,
        n_jobs=sizes.threads,
    )
    return SklearnTreesMember(forest.fit(examples.matrix, examples.results, examples.weights))


def _xgboost(examples: Examples, sizes: Sizes) -> Member:
    settings = {
        "objective": "multi:softprob",
        "num_class": len(CLASSES),
        "max_depth": sizes.xgboost_depth,
        "eta": min(0.3, sizes.shrinkage / sizes.xgboost_trees),
        "min_child_weight": sizes.leaf_rows / 4,
        "subsample": 0.7,
        "colsample_bytree": 0.6,
        "lambda": 5.0,
        "tree_method": "hist",
        "seed": SEED,
        "nthread": sizes.threads,
        "verbosity": 0,
    }
    rows = xgboost.DMatrix(
        examples.matrix,
        label=examples.results,
        weight=examples.weights,
        base_margin=examples.margins,
        nthread=sizes.threads,
    )
    return XGBoostMember(xgboost.train(settings, rows, num_boost_round=sizes.xgboost_trees), examples.start)


def _lightgbm(examples: Examples, sizes: Sizes) -> Member:
    settings = {
        "objective": "multiclass",
        "num_class": len(CLASSES),
        "num_leaves": sizes.lightgbm_leaves,
        "learning_rate": min(0.3, sizes.shrinkage / 2 / sizes.lightgbm_trees),
        "min_data_in_leaf": 2 * sizes.leaf_rows,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "feature_fraction": 0.6,
        "lambda_l2": 5.0,
        "seed": SEED,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": sizes.threads,
        "verbosity": -1,
    }
    rows = lightgbm.Dataset(
        examples.matrix, label=examples.results, weight=examples.weights, init_score=examples.margins
    )
    return LightGBMMember(lightgbm.train(settings, rows, num_boost_round=sizes.lightgbm_trees), examples.start)


def _mlp(examples: Examples, sizes: Sizes) -> Member:
    rows = examples.matrix, examples.results, examples.weights
    return fit_network(*rows, examples.start, layers=sizes.layers, passes=sizes.epochs, seed=SEED)


_FITS: Final[Mapping[Kind, Callable[[Examples, Sizes], Member]]] = {
    "tree": _tree,
    "forest": _forest,
    "xgboost": _xgboost,
    "lightgbm": _lightgbm,
    "mlp": _mlp,
}
