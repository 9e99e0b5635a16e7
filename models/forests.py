"""The trees of a graph, read back as what the compiled kernel works on."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from schemas.compiling import compiled

MOST_LEAVES: Final = 32
"""Of a tree: the kernel keeps a bit for each."""

_SPLIT: Final = 1
_LEAF: Final = 2
_LESS: Final = b"BRANCH_LT"
_KINDS: Final = {_LESS: _SPLIT, b"BRANCH_LEQ": _SPLIT, b"LEAF": _LEAF}
_MODE: Final = "S16"  # longer than each of them, so that nothing is cut down to one
_SETTLED: Final = {"aggregate_function": b"SUM", "post_transform": b"NONE"}
_NODES: Final = (
    "treeids", "nodeids", "modes", "featureids", "missing_value_tracks_true", "truenodeids", "falsenodeids",
)  # fmt: skip
_TARGETS: Final = ("treeids", "nodeids", "ids")
_TENSORS: Final = ("nodes_values_as_tensor", "target_weights_as_tensor")
_READ: Final = frozenset({
    *(f"nodes_{name}" for name in _NODES), *(f"target_{name}" for name in _TARGETS), *_TENSORS, "n_targets",
})  # fmt: skip

Ints = NDArray[np.int64]


class Forest(NamedTuple):
    """Trees, one behind the other; a row goes right at a split when its value is larger than the threshold.

    Attributes:
        features: Of each split; a split comes before those below it.
        thresholds: Of each split; NaN where every known value goes right.
        missing_left: Where a row without the value goes.
        firsts: The first leaf below each split, counted from the left of its tree.
        middles: The first leaf of its right side.
        n_splits: Of each tree.
        leaves: What each adds, from the left to the right of each tree, shape ``(all leaves, n_targets)``.
        n_leaves: Of each tree.
    """

    features: Ints
    thresholds: NDArray[np.float32]
    missing_left: NDArray[np.bool_]
    firsts: Ints
    middles: Ints
    n_splits: Ints
    leaves: NDArray[np.float64]
    n_leaves: Ints


def read_forest(node: onnx.NodeProto, n_features: int) -> Forest | None:
    """Return the trees of a TreeEnsembleRegressor; None when one is too large, or it does more than sum leaves.

    Raises:
        ValueError: They are none, as the rest of a sentence.
    """
    found = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    if set(found) != {*_READ, *_SETTLED} or any(found[name] != value for name, value in _SETTLED.items()):
        return None
    columns = _Columns(found, n_features)
    nodes = columns.nodes
    if not len(columns.values):
        return None
    index = _Index(nodes["treeids"], nodes["nodeids"])
    lefts, rights = (index.rows(nodes["treeids"], nodes[name]) for name in ("truenodeids", "falsenodeids"))
    walk = _walk(columns.kinds, lefts, rights, index.roots())
    if index.ambiguous or not walk.fits:
        return None
    return Forest(
        nodes["featureids"][walk.splits],
        right_of(columns.values, less=nodes["modes"] == _LESS)[walk.splits],
        nodes["missing_value_tracks_true"][walk.splits].astype(np.bool_),
        walk.firsts,
        walk.middles,
        walk.n_splits,
        columns.added(index)[walk.leaves],
        walk.n_leaves,
    )


class _Columns:
    """What a TreeEnsembleRegressor says of its nodes, and of what they add to targets.

    Raises:
        ValueError: It is not about trees of *n_features* features, as the rest of a sentence.
    """

    def __init__(self, found: Mapping[str, Any], n_features: int) -> None:
        self.values, self._weights = (numpy_helper.to_array(found[name]).astype(np.float64) for name in _TENSORS)
        types = dict.fromkeys(_NODES, np.int64) | {"modes": _MODE}
        self.nodes = {name: np.array(found[f"nodes_{name}"], types[name]) for name in _NODES}
        modes = self.nodes["modes"]
        self.kinds = np.select([modes == mode for mode in _KINDS], list(_KINDS.values()), 0).astype(np.int8)
        self._targets = {name: np.array(found[f"target_{name}"], np.int64) for name in _TARGETS}
        self._n_targets = found["n_targets"]
        _check_lengths(self.values, self.nodes)
        _check_lengths(self._weights, self._targets)
        _check_range("read feature", self.nodes["featureids"][self.kinds == _SPLIT], n_features)
        _check_range("add to target", self._targets["ids"], self._n_targets)

    def added(self, index: "_Index") -> NDArray[np.float64]:
        """Return what each node adds to each target."""
        rows = index.rows(self._targets["treeids"], self._targets["nodeids"])
        known, found = rows >= 0, np.zeros((len(self.values), self._n_targets))
        np.add.at(found, (rows[known], self._targets["ids"][known]), self._weights[known])
        return found


def _check_lengths(values: NDArray[np.float64], columns: Mapping[str, NDArray[Any]]) -> None:
    for name, column in columns.items():
        if column.shape != values.shape:
            raise ValueError(f"has trees with {values.size} values, but {column.size} {name}")


def _check_range(what: str, numbers: Ints, end: int) -> None:
    outside = numbers[(numbers < 0) | (numbers >= end)]
    if len(outside):
        raise ValueError(f"has trees that {what} {outside[0]}, where there are 0 to {end - 1}")


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


class _Index:
    """Finds nodes by the numbers of their tree and of themselves.

    Attributes:
        ambiguous: Whether two nodes have the same.
    """

    def __init__(self, trees: Ints, numbers: Ints) -> None:
        self._trees, self._firsts, tree = np.unique(trees, return_index=True, return_inverse=True)
        self._numbers, number = np.unique(numbers, return_inverse=True)
        keys = tree * len(self._numbers) + number
        self._order = np.argsort(keys)
        self._keys = keys[self._order]
        self.ambiguous = bool((np.diff(self._keys) == 0).any())

    def roots(self) -> Ints:
        """Return the row of each tree's root: the first that is named."""
        return np.sort(self._firsts)

    def rows(self, trees: Ints, numbers: Ints) -> Ints:
        """Return the rows of nodes; -1 for one that there is not."""
        tree, of_a_tree = _place(self._trees, trees)
        number, numbered = _place(self._numbers, numbers)
        row, there = _place(self._keys, tree * len(self._numbers) + number)
        return np.where(of_a_tree & numbered & there, self._order[row], -1)


def _place(known: Ints, wanted: Ints) -> tuple[Ints, NDArray[np.bool_]]:
    """Return where in *known*, in order, each of *wanted* is, and whether it is there at all."""
    place = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return place, known[place] == wanted


class _Walk(NamedTuple):
    """The nodes of trees in the order of a walk that goes left first; firsts, middles and numbers are as in Forest."""

    fits: bool
    splits: Ints
    firsts: Ints
    middles: Ints
    n_splits: Ints
    leaves: Ints
    n_leaves: Ints


def _walk(kinds: NDArray[np.int8], lefts: Ints, rights: Ints, roots: Ints) -> _Walk:
    splits, firsts, middles, leaves = (np.zeros(len(roots) * MOST_LEAVES, np.int64) for _ in range(4))
    n_splits, n_leaves = np.zeros(len(roots), np.int64), np.zeros(len(roots), np.int64)
    fits = _descend(kinds, lefts, rights, roots, splits, firsts, middles, n_splits, leaves, n_leaves)
    inner, outer = n_splits.sum(), n_leaves.sum()
    return _Walk(fits, splits[:inner], firsts[:inner], middles[:inner], n_splits, leaves[:outer], n_leaves)


@compiled
def _descend(  # noqa: PLR0917 - kernels take no keywords
    kinds: NDArray[np.int8],
    lefts: Ints,
    rights: Ints,
    roots: Ints,
    splits: Ints,
    firsts: Ints,
    middles: Ints,
    n_splits: Ints,
    leaves: Ints,
    n_leaves: Ints,
) -> bool:
    """Write down the nodes of each tree; return False when one has too many leaves, or is none."""
    nodes, right_of_split = np.empty(MOST_LEAVES + 2, np.int64), np.empty(MOST_LEAVES + 2, np.int64)
    inner = outer = 0  # splits and leaves of the trees before
    for tree in range(len(roots)):
        nodes[0], right_of_split[0], waiting = roots[tree], -1, 1
        while waiting:
            waiting -= 1
            node, split = nodes[waiting], right_of_split[waiting]
            if split >= 0:  # all to its left is done
                middles[split] = n_leaves[tree]
            if node < 0 or kinds[node] == 0 or n_leaves[tree] == MOST_LEAVES or n_splits[tree] == MOST_LEAVES:
                return False
            if kinds[node] == _LEAF:
                leaves[outer + n_leaves[tree]] = node
                n_leaves[tree] += 1
                continue
            place = inner + n_splits[tree]
            splits[place], firsts[place] = node, n_leaves[tree]
            nodes[waiting], right_of_split[waiting] = rights[node], place
            nodes[waiting + 1], right_of_split[waiting + 1] = lefts[node], -1
            waiting += 2
            n_splits[tree] += 1
        inner += n_splits[tree]
        outer += n_leaves[tree]
    return True
