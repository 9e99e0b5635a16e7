"""Fitted members as plain arrays and back, without pickles: the same answers and the same graph, bit for bit."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import lightgbm
import numpy as np
import xgboost
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.tree import DecisionTreeClassifier
from sklearn.tree._tree import Tree

from models.graph import Member
from models.heuristic import HeuristicMember
from models.network import NetworkMember, Scaling
from models.predictors import CLASSES, Kind
from models.trees import LightGBMMember, SklearnTreesMember, XGBoostMember

Arrays = Mapping[str, NDArray[Any]]


def arrays_of(member: Member) -> Arrays:
    """Return what *member* has learned.

    Raises:
        TypeError: It is of no kind that is fitted.
    """
    if isinstance(member, XGBoostMember):
        return {"model": np.frombuffer(bytes(member.booster.save_raw("ubj")), np.uint8)}
    if isinstance(member, LightGBMMember):
        return {"model": np.frombuffer(member.booster.model_to_string(num_iteration=-1).encode(), np.uint8)}
    if isinstance(member, NetworkMember):
        layers = {f"weights_{n}": one for n, one in enumerate(member.model.coefs_)}
        offsets = {f"offsets_{n}": one for n, one in enumerate(member.model.intercepts_)}
        return {"centre": member.scaling.centre, "scale": member.scaling.scale, **layers, **offsets}
    if isinstance(member, SklearnTreesMember):
        return _tree_arrays(getattr(member.model, "estimators_", [member.model]))
    raise TypeError(f"{type(member).__name__} is no member that is fitted")


def member_of(kind: Kind, arrays: Arrays, start: HeuristicMember | None) -> Member:
    """Return the member of *kind* which has learned *arrays*.

    Args:
        kind: One which is fitted.
        arrays: As `arrays_of` gave them.
        start: What its training started from.

    Raises:
        KeyError: The arrays are those of another kind, or there is no such kind.
    """
    return _MEMBERS[kind](arrays, start)


def _xgboost(arrays: Arrays, start: HeuristicMember | None) -> Member:
    return XGBoostMember(xgboost.Booster(model_file=bytearray(arrays["model"].tobytes())), start)


def _lightgbm(arrays: Arrays, start: HeuristicMember | None) -> Member:
    return LightGBMMember(lightgbm.Booster(model_str=arrays["model"].tobytes().decode()), start)


def _mlp(arrays: Arrays, start: HeuristicMember | None) -> Member:
    weights, offsets = ([arrays[f"{name}_{n}"] for n in range(_count(arrays, name))] for name in ("weights", "offsets"))
    network = MLPClassifier([len(one) for one in offsets[:-1]])
    network.coefs_, network.intercepts_ = weights, offsets
    network.n_layers_, network.n_outputs_, network.out_activation_ = len(weights) + 1, len(CLASSES), "softmax"
    network.n_features_in_, network.classes_ = len(weights[0]), np.arange(len(CLASSES))
    return NetworkMember(Scaling(arrays["centre"], arrays["scale"]), network, start)


def _tree_arrays(trees: Sequence[DecisionTreeClassifier]) -> Arrays:
    found: dict[str, NDArray[Any]] = {"features": np.array(trees[0].n_features_in_)}
    for n, tree in enumerate(trees):
        state = tree.tree_.__getstate__()
        found |= {f"nodes_{n}": state["nodes"], f"values_{n}": state["values"]}
        found[f"depth_{n}"] = np.array(state["max_depth"])
    return found


def _tree(arrays: Arrays, _start: HeuristicMember | None) -> Member:
    return SklearnTreesMember(_decision_tree(arrays, 0))


def _forest(arrays: Arrays, _start: HeuristicMember | None) -> Member:
    trees = [_decision_tree(arrays, n) for n in range(_count(arrays, "nodes"))]
    forest = RandomForestClassifier(len(trees))
    forest.estimators_ = trees
    return SklearnTreesMember(_known(forest, int(arrays["features"])))


def _decision_tree(arrays: Arrays, n: int) -> DecisionTreeClassifier:
    features, nodes = int(arrays["features"]), arrays[f"nodes_{n}"]
    tree = Tree(features, np.array([len(CLASSES)], np.intp), 1)
    tree.__setstate__(
        {
            "max_depth": int(arrays[f"depth_{n}"]),
            "node_count": len(nodes),
            "nodes": nodes,
            "values": arrays[f"values_{n}"],
        }
    )
    found = _known(DecisionTreeClassifier(), features)
    found.tree_ = tree
    return found


def _known(model: Any, features: int) -> Any:
    model.n_features_in_, model.n_outputs_, model.n_classes_ = features, 1, len(CLASSES)
    model.classes_ = np.arange(len(CLASSES))
    return model


def _count(arrays: Arrays, name: str) -> int:
    return sum(one.startswith(f"{name}_") for one in arrays)


_MEMBERS: Final[Mapping[Kind, Callable[[Arrays, HeuristicMember | None], Member]]] = {
    "tree": _tree,
    "forest": _forest,
    "xgboost": _xgboost,
    "lightgbm": _lightgbm,
    "mlp": _mlp,
}
