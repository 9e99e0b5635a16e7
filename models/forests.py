"""The trees of a graph, read back as what the compiled kernel works on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

MOST_LEAVES: Final = 32
"""Of a tree: the kernel keeps a bit for each."""

_LESS: Final = b"BRANCH_LT"
_LEAF: Final = b"LEAF"
_MODES: Final = frozenset({_LESS, b"BRANCH_LEQ", _LEAF})
_SETTLED: Final = {"aggregate_function": b"SUM", "post_transform": b"NONE"}
_COLUMNS: Final = ("modes", "featureids", "missing_value_tracks_true", "truenodeids", "falsenodeids")
_READ: Final = frozenset({
    *(f"nodes_{name}" for name in ("treeids", "nodeids", "values_as_tensor", *_COLUMNS)),
    *(f"target_{name}" for name in ("treeids", "nodeids", "ids", "weights_as_tensor")),
    "n_targets",
})  # fmt: skip


class _UnfitError(Exception):
    """Raised when a tree is not one for the kernel."""


@dataclass(frozen=True, slots=True)
class Split:
    """An inner node: a row goes right when its value is larger than the threshold.

    Attributes:
        threshold: A float32; NaN where every known value goes right.
        missing_left: Where a row without the value goes.
        first: The first leaf below it, counted from the left of the tree.
        middle: The first leaf of its right side.
    """

    feature: int
    threshold: float
    missing_left: bool
    first: int
    middle: int


@dataclass(frozen=True, slots=True)
class Tree:
    """One tree.

    Attributes:
        leaves: What each adds, from left to right, shape ``(n_leaves, n_targets)``.
    """

    splits: Sequence[Split]
    leaves: Sequence[NDArray[np.float64]]


def read_forest(node: onnx.NodeProto) -> list[Tree] | None:
    """Return the trees of a TreeEnsembleRegressor; None when one is too large, or it does more than sum leaves."""
    found = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    if set(found) != {*_READ, *_SETTLED} or any(found[name] != value for name, value in _SETTLED.items()):
        return None
    nodes = _Nodes(found)
    try:
        return [nodes.tree(tree, root) for tree, root in nodes.roots()]
    except _UnfitError:
        return None


def right_of(values: NDArray[np.float64], *, less: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return for each of *values* the float32 t such that a float32 x goes right when x > t.

    Left is where x < value, if *less*, else where x <= value. NaN: every x that is known goes right.

    >>> right_of(np.array([0.1, 1.0, 1.0]), less=np.array([False, False, True])).tolist()
    [0.09999999403953552, 1.0, 0.9999999403953552]
    """
    with np.errstate(over="ignore"):  # beyond the largest float32 is infinity, as it should be
        near = values.astype(np.float32)
        below = np.nextafter(near, np.float32(-np.inf))
    found: NDArray[np.float32] = np.where((near > values) | (less & (near == values)), below, near)
    found[less & np.isneginf(values)] = np.nan
    return found


_UNKNOWN: Final = Split(0, 0.0, missing_left=True, first=0, middle=0)
_NO_NODE: Final = (0.0, b"", 0, 0, 0, 0)


class _Nodes:
    """The columns of a TreeEnsembleRegressor, by tree and node."""

    def __init__(self, found: Mapping[str, Any]) -> None:
        values = numpy_helper.to_array(found["nodes_values_as_tensor"]).astype(np.float64)
        thresholds = right_of(values, less=np.array([mode == _LESS for mode in found["nodes_modes"]]))
        keys = zip(found["nodes_treeids"], found["nodes_nodeids"], strict=True)
        columns = (found[f"nodes_{name}"] for name in _COLUMNS)
        self._rows = dict(zip(keys, zip(thresholds.tolist(), *columns, strict=True), strict=True))
        self._n_targets = int(found["n_targets"])
        self._leaves = self._weighed(found)

    def _weighed(self, found: Mapping[str, Any]) -> dict[tuple[int, int], NDArray[np.float64]]:
        leaves: dict[tuple[int, int], NDArray[np.float64]] = {}
        columns = (found[f"target_{name}"] for name in ("treeids", "nodeids", "ids"))
        weights = numpy_helper.to_array(found["target_weights_as_tensor"]).tolist()
        for tree, node, target, weight in zip(*columns, weights, strict=True):
            leaves.setdefault((tree, node), np.zeros(self._n_targets))[target] += weight
        return leaves

    def roots(self) -> Iterator[tuple[int, int]]:
        """Yield tree and node of each root: the first that is named."""
        firsts: dict[int, int] = {}
        for tree, node in self._rows:
            firsts.setdefault(tree, node)
        yield from firsts.items()

    def tree(self, number: int, root: int) -> Tree:
        """Return a tree.

        Raises:
            _UnfitError: It has too many leaves, or is none.
        """
        splits: list[Split] = []
        leaves: list[NDArray[np.float64]] = []
        self._descend(number, root, splits, leaves)
        return Tree(splits, leaves)

    def _descend(self, tree: int, node: int, splits: list[Split], leaves: list[NDArray[np.float64]]) -> None:
        threshold, mode, feature, missing_left, left, right = self._rows.get((tree, node), _NO_NODE)
        if mode not in _MODES or len(leaves) == MOST_LEAVES or len(splits) == MOST_LEAVES:
            raise _UnfitError
        if mode == _LEAF:
            leaves.append(self._leaves.get((tree, node), np.zeros(self._n_targets)))
            return
        place, first = len(splits), len(leaves)
        splits.append(_UNKNOWN)  # its middle shows when its left side is done
        self._descend(tree, left, splits, leaves)
        splits[place] = Split(feature, threshold, bool(missing_left), first, len(leaves))
        self._descend(tree, right, splits, leaves)
