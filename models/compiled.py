"""Serves a graph with its trees compiled: the kernel sums their leaves, the runtime does what is around them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from models.forests import MOST_LEAVES, Forest, read_forest
from models.kernels import ALWAYS, MISSING_RIGHT, PackedTrees, sum_leaves
from models.predictors import INPUT, GraphPredictor, Matrix, Predictor, Probabilities
from models.program_writer import program_of
from models.row_program import run

FEW: Final = 16
"""Rows which are through a program before the runtime has begun."""

_ALL_LEAVES: Final = np.uint64(2**MOST_LEAVES - 1)


def pack_trees(forests: Sequence[Forest], n_features: int) -> PackedTrees | None:
    """Return the trees of *forests*, whose targets are columns side by side; None when they split too finely."""
    offsets = _starts([one.leaves.shape[1] for one in forests])[:-1]
    single = [_single(forest, offset) for forest, offset in zip(forests, offsets, strict=True)]
    trees = Forest(*map(np.concatenate, zip(*(one for one, _ in single), strict=True)))
    cuts = _cuts(trees, n_features)
    if max(len(one) for one in cuts) >= MISSING_RIGHT - ALWAYS - 1:
        return None
    firsts, middles = (np.uint64(1) << places.astype(np.uint64) for places in (trees.firsts, trees.middles))
    return PackedTrees(
        cuts=np.concatenate(cuts),
        cut_starts=_starts([len(one) for one in cuts]),
        rows=(trees.features + np.where(trees.missing_left, 0, n_features)).astype(np.uint16),
        codes=_codes(trees, cuts),
        keeps=(_ALL_LEAVES & ~(middles - firsts)).astype(np.uint32),
        ends=_starts(trees.n_splits),
        leaves=np.concatenate([trees.leaves[:, 0], np.zeros(MOST_LEAVES)]).astype(np.float32),
        firsts=_starts(trees.n_leaves)[:-1],
        targets=np.concatenate([targets for _, targets in single]),
    )


def _single(forest: Forest, offset: int) -> tuple[Forest, NDArray[np.int64]]:
    """Return each tree once for each target to which it adds anything, and these targets, counted from *offset*."""
    adds = np.logical_or.reduceat(forest.leaves != 0, _starts(forest.n_leaves)[:-1])
    trees, targets = np.nonzero(adds)
    splits, leaves = _spans(forest.n_splits, trees), _spans(forest.n_leaves, trees)
    n_splits, n_leaves = forest.n_splits[trees], forest.n_leaves[trees]
    weights = forest.leaves[leaves, np.repeat(targets, n_leaves), np.newaxis]
    repeated = Forest(
        forest.features[splits],
        forest.thresholds[splits],
        forest.missing_left[splits],
        forest.firsts[splits],
        forest.middles[splits],
        n_splits,
        weights,
        n_leaves,
    )
    return repeated, offset + targets


def _spans(lengths: NDArray[np.int64], which: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the places of what is in *which* of the parts of these *lengths*.

    >>> _spans(np.array([2, 3, 1]), np.array([1, 1, 2])).tolist()
    [2, 3, 4, 2, 3, 4, 5]
    """
    starts = _starts(lengths[which])
    return np.arange(starts[-1]) + np.repeat(_starts(lengths)[which] - starts[:-1], lengths[which])


def _starts(lengths: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where each of parts of these *lengths* begins, and the end of the last.

    >>> _starts([2, 3]).tolist()
    [0, 2, 5]
    """
    return np.cumsum([0, *lengths], dtype=np.int64)


def _cuts(trees: Forest, n_features: int) -> list[NDArray[np.float32]]:
    """Return the thresholds of each feature, in order."""
    known = ~np.isnan(trees.thresholds)
    return [np.unique(trees.thresholds[known & (trees.features == feature)]) for feature in range(n_features)]


def _codes(trees: Forest, cuts: Sequence[NDArray[np.float32]]) -> NDArray[np.int16]:
    """Return the least code of a value that goes right, of each split."""
    codes = np.full(len(trees.features), ALWAYS, np.int16)
    known = ~np.isnan(trees.thresholds)
    for feature, of in enumerate(cuts):
        here = known & (trees.features == feature)
        codes[here] = ALWAYS + 1 + np.searchsorted(of, trees.thresholds[here])
    return codes


@dataclass(frozen=True, slots=True)
class CutGraph:
    """A graph without its trees.

    Attributes:
        rest: The serialised graph, to which the sums of each forest are inputs.
        names: Of these inputs.
        widths: Their columns.
    """

    rest: bytes
    names: Sequence[str]
    trees: PackedTrees
    widths: Sequence[int]


def cut_graph(graph: bytes, n_features: int) -> CutGraph | None:
    """Return *graph* without the trees that can be compiled; None when there are none.

    Raises:
        ValueError: Trees are none, as the rest of a sentence.
    """
    model = onnx.load_from_string(graph)
    rows = {INPUT} | {node.output[0] for node in model.graph.node if node.op_type == "Cast" and node.input[0] == INPUT}
    found = [
        (node, forest)
        for node in model.graph.node
        if node.op_type == "TreeEnsembleRegressor"
        and node.input[0] in rows
        and (forest := read_forest(node, n_features)) is not None
    ]
    packed = pack_trees([forest for _, forest in found], n_features) if found else None
    if packed is None:
        return None
    names, widths = [node.output[0] for node, _ in found], [forest.leaves.shape[1] for _, forest in found]
    for (node, _), name, width in zip(found, names, widths, strict=True):
        model.graph.node.remove(node)
        model.graph.input.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", width]))
    return CutGraph(model.SerializeToString(), names, packed, widths)


class CompiledPredictor:
    """A model whose trees are compiled; safe to call from several threads, and without the interpreter lock."""

    def __init__(self, cut: CutGraph, threads: int = 1) -> None:
        self._cut = cut
        self._rest = GraphPredictor(cut.rest, threads)
        self._program = program_of(onnx.load_from_string(cut.rest), dict(zip(cut.names, cut.widths, strict=True)))
        self._ends = _starts(cut.widths)[1:-1]

    def predict_proba(self, matrix: Matrix) -> Probabilities:
        """Return the probabilities of *matrix* ``(n, k)``, shape ``(n, 3)``.

        Raises:
            ValueError: Another dtype than float32, or another number of features than the graph's.
        """
        self._rest.check(matrix)
        sums = np.empty((len(matrix), sum(self._cut.widths)), np.float32)
        rows = np.ascontiguousarray(matrix)
        sum_leaves(rows, self._cut.trees, sums)
        if self._program is not None and len(rows) <= FEW:
            return run(self._program, rows, sums)
        given = zip(self._cut.names, np.split(sums, self._ends, axis=1), strict=True)
        return self._rest.predict_proba(matrix, dict(given))


def fast_predictor(graph: bytes, n_features: int, threads: int = 1) -> Predictor:
    """Return what serves *graph* fastest.

    Raises:
        ValueError: The runtime refuses the graph.
    """
    cut = cut_graph(graph, n_features)
    return GraphPredictor(graph, threads) if cut is None else CompiledPredictor(cut, threads)
