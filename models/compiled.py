"""Serves a graph with its trees compiled: the kernel sums their leaves, the runtime does what is around them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from models.forests import MOST_LEAVES, Tree, read_forest
from models.kernels import ALWAYS, MISSING_RIGHT, PackedTrees, sum_leaves
from models.predictors import INPUT, GraphPredictor, Matrix, Predictor, Probabilities
from models.program_writer import program_of
from models.row_program import run

FEW: Final = 16
"""Rows which are through a program before the runtime has begun."""

_ALL_LEAVES: Final = 2**MOST_LEAVES - 1


def pack_trees(forests: Sequence[Sequence[Tree]], n_features: int) -> PackedTrees | None:
    """Return the trees of *forests*, whose targets are columns side by side; None when they split too finely."""
    trees = [(offset, tree) for offset, forest in _offsets(forests) for tree in forest]
    cuts = _cuts([tree for _, tree in trees], n_features)
    if max(len(one) for one in cuts) >= MISSING_RIGHT - ALWAYS - 1:
        return None
    single = [(tree, target, offset + target) for offset, tree in trees for target in _targets(tree)]
    splits = [split for tree, _, _ in single for split in tree.splits]
    codes = [{cut: code for code, cut in enumerate(one.tolist(), start=ALWAYS + 1)} for one in cuts]
    leaves = [float(leaf[target]) for tree, target, _ in single for leaf in tree.leaves]
    return PackedTrees(
        cuts=np.concatenate(cuts),
        cut_starts=_starts([len(one) for one in cuts]),
        rows=np.array([one.feature + (0 if one.missing_left else n_features) for one in splits], np.uint16),
        codes=np.array([codes[one.feature].get(one.threshold, ALWAYS) for one in splits], np.int16),
        keeps=np.array([_ALL_LEAVES & ~((1 << one.middle) - (1 << one.first)) for one in splits], np.uint32),
        ends=_starts([len(tree.splits) for tree, _, _ in single]),
        leaves=np.array([*leaves, *[0.0] * MOST_LEAVES], np.float32),
        firsts=_starts([len(tree.leaves) for tree, _, _ in single])[:-1],
        targets=np.array([column for _, _, column in single], np.int64),
    )


def _width(forest: Sequence[Tree]) -> int:
    return len(forest[0].leaves[0])


def _offsets(forests: Sequence[Sequence[Tree]]) -> list[tuple[int, Sequence[Tree]]]:
    return list(zip(_starts([_width(forest) for forest in forests]).tolist(), forests, strict=False))


def _starts(lengths: Sequence[int]) -> NDArray[np.int64]:
    """Return where each of parts of these *lengths* begins, and the end of the last.

    >>> _starts([2, 3]).tolist()
    [0, 2, 5]
    """
    return np.cumsum([0, *lengths], dtype=np.int64)


def _cuts(trees: Sequence[Tree], n_features: int) -> list[NDArray[np.float32]]:
    """Return the thresholds of each feature, in order."""
    found: list[set[float]] = [set() for _ in range(n_features)]
    for tree in trees:
        for split in tree.splits:
            found[split.feature].add(split.threshold)
    return [np.array(sorted(one for one in of if one == one), np.float32) for of in found]  # noqa: PLR0124 - NaN is none


def _targets(tree: Tree) -> list[int]:
    """Return the targets to which *tree* adds anything."""
    return np.flatnonzero(np.any(np.array(tree.leaves) != 0, axis=0)).tolist()


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
    """Return *graph* without the trees that can be compiled; None when there are none."""
    model = onnx.load_from_string(graph)
    rows = {INPUT} | {node.output[0] for node in model.graph.node if node.op_type == "Cast" and node.input[0] == INPUT}
    found = [
        (node, forest)
        for node in model.graph.node
        if node.op_type == "TreeEnsembleRegressor" and node.input[0] in rows and (forest := read_forest(node))
    ]
    packed = pack_trees([forest for _, forest in found], n_features) if found else None
    if packed is None:
        return None
    names, widths = [node.output[0] for node, _ in found], [_width(forest) for _, forest in found]
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
