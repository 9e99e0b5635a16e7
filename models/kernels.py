"""Sums the leaves of many trees for blocks of rows, without a branch and with the interpreter lock released.

The method is QuickScorer (Lucchese et al., SIGIR 2015), with a vector lane for each row: a split clears the bits of the
leaves on its left in the rows which go right, and the lowest bit left over is the leaf of a row. Values are replaced by
their ranks among the thresholds of their feature; one that is missing is a rank below or above all others.

The heart is written in vectors of LLVM, which fits them to the instructions that a machine has: numba's own loops keep
the bits of the leaves in memory, where each split waits for what the one before has stored.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from schemas.compiling import compiled

NARROW: Final = 16
WIDE: Final = 64
"""Rows which go through the trees together."""

MISSING_LEFT: Final = 0
ALWAYS: Final = 1
MISSING_RIGHT: Final = 32767
"""Codes of a missing value, and of a split that every known value passes to the right; thresholds come behind them."""

_GROUP: Final = 32  # trees whose sum is float32 before it is added to one in float64
HAS_PERMUTE: Final = bool(llvm.get_host_cpu_features().get("avx512f"))
_PERMUTED: Final = 16

_I1, _I32, _I64, _F32 = ir.IntType(1), ir.IntType(32), ir.IntType(64), ir.FloatType()
_OPTIONS: Final = {"nogil": True, "boundscheck": False, "error_model": "numpy"}


class PackedTrees(NamedTuple):
    """Trees whose leaves are summed, each into one target.

    Attributes:
        cuts: The thresholds of all features, each feature's in order.
        cut_starts: Where each feature's begin, and the end, shape ``(k + 1,)``.
        rows: For each split its feature, plus k where a missing value goes right.
        codes: The least code of a value that goes right.
        keeps: The leaves which are left to it then, as bits.
        ends: Where each tree's splits begin, and the end, shape ``(n_trees + 1,)``.
        leaves: Of all trees, from left to right, and 32 more to read over.
        firsts: Where each tree's begin, shape ``(n_trees,)``.
        targets: To which each adds, shape ``(n_trees,)``.
    """

    cuts: NDArray[np.float32]
    cut_starts: NDArray[np.int64]
    rows: NDArray[np.uint16]
    codes: NDArray[np.int16]
    keeps: NDArray[np.uint32]
    ends: NDArray[np.int64]
    leaves: NDArray[np.float32]
    firsts: NDArray[np.int64]
    targets: NDArray[np.int64]


def _splat(builder: Any, value: Any, lanes: int) -> Any:
    """Return a vector of *lanes* times *value*."""
    one = ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined)
    filled = builder.insert_element(one, value, ir.Constant(_I32, 0))
    return builder.shuffle_vector(filled, one, ir.Constant(ir.VectorType(_I32, lanes), [0] * lanes))


def _leaf_bits(builder: Any, arrays: Any, span: tuple[Any, Any], lanes: int) -> Any:
    """Return the bits of the leaves which the splits of *span* leave to each lane."""
    ranks, rows, codes, keeps = arrays
    vector = ir.VectorType(_I32, lanes)
    bits = cgutils.alloca_once(builder, vector)
    builder.store(ir.Constant(vector, [-1] * lanes), bits)
    start, end = span
    with cgutils.for_range_slice(builder, start, end, ir.Constant(_I64, 1), intp=_I64) as (split, _):
        row = builder.zext(builder.load(builder.gep(rows, [split])), _I64)
        place = builder.gep(ranks, [builder.mul(row, ir.Constant(_I64, lanes))])
        values = builder.load(builder.bitcast(place, vector.as_pointer()), align=4)
        code = _splat(builder, builder.sext(builder.load(builder.gep(codes, [split])), _I32), lanes)
        keep = _splat(builder, builder.load(builder.gep(keeps, [split])), lanes)
        before = builder.load(bits)
        goes_right = builder.icmp_signed(">=", values, code)
        builder.store(builder.select(goes_right, builder.and_(before, keep), before), bits)
    return builder.load(bits)


def _lowest(builder: Any, bits: Any, lanes: int) -> Any:
    """Return the number of the lowest bit of each lane."""
    vector = ir.VectorType(_I32, lanes)
    count = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(vector, [vector, _I1]), f"llvm.cttz.v{lanes}i32"
    )
    return builder.call(count, [bits, ir.Constant(_I1, 1)])


def _add_singly(builder: Any, numbers: Any, leaves: Any, sums: Any, lanes: int) -> None:
    """Add to each lane of *sums* the leaf of its number."""
    for lane in range(lanes):
        number = builder.zext(builder.extract_element(numbers, ir.Constant(_I32, lane)), _I64)
        place = builder.gep(sums, [ir.Constant(_I64, lane)])
        builder.store(builder.fadd(builder.load(place), builder.load(builder.gep(leaves, [number]))), place)


def _add_permuted(builder: Any, numbers: Any, leaves: Any, sums: Any, lanes: int) -> None:
    """Do so by the instruction which chooses from two registers: the 32 leaves of a tree fit in."""
    floats, integers = ir.VectorType(_F32, _PERMUTED), ir.VectorType(_I32, _PERMUTED)
    permute = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(floats, [floats, integers, floats]), "llvm.x86.avx512.vpermi2var.ps.512"
    )
    table = builder.bitcast(leaves, floats.as_pointer())
    low, high = (builder.load(builder.gep(table, [ir.Constant(_I32, half)]), align=4) for half in (0, 1))
    for first in range(0, lanes, _PERMUTED):
        chosen = ir.Constant(integers, list(range(first, first + _PERMUTED)))
        part = builder.shuffle_vector(numbers, ir.Constant(numbers.type, ir.Undefined), chosen)
        place = builder.bitcast(builder.gep(sums, [ir.Constant(_I64, first)]), floats.as_pointer())
        added = builder.fadd(builder.load(place, align=4), builder.call(permute, [low, part, high]))
        builder.store(added, place, align=4)


def _tree_of(lanes: int, *, permute: bool) -> Any:
    """Return the function which adds one tree to the sums of *lanes* rows."""
    add = _add_permuted if permute else _add_singly

    @intrinsic
    def tree(  # noqa: PLR0917 - numba passes them so
        _context: Any, ranks: Any, rows: Any, codes: Any, keeps: Any, start: Any, end: Any, leaves: Any, first: Any,
        sums: Any,
    ) -> Any:  # fmt: skip
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            data = [
                context.make_array(kind)(context, builder, value).data if isinstance(kind, types.Array) else value
                for kind, value in zip(signature.args, arguments, strict=True)
            ]
            bits = _leaf_bits(builder, data[:4], (data[4], data[5]), lanes)
            add(builder, _lowest(builder, bits, lanes), builder.gep(data[6], [data[7]]), data[8], lanes)
            return context.get_dummy_value()

        return types.void(ranks, rows, codes, keeps, start, end, leaves, first, sums), generate

    return tree


@njit(**_OPTIONS)
def _rank(
    matrix: NDArray[np.float32], at: int, count: int, trees: PackedTrees, ranks: NDArray[np.int32]
) -> None:  # fmt: skip
    """Write the codes of *count* rows from *at* on: first those where missing is low, then those where it is high."""
    n_features = matrix.shape[1]
    for feature in range(n_features):
        start, length = trees.cut_starts[feature], trees.cut_starts[feature + 1] - trees.cut_starts[feature]
        for lane in range(count):
            value = matrix[at + lane, feature]
            low, left = start, length
            while left > 1:  # without a branch that a processor would have to guess
                half = left >> 1
                low += half * (trees.cuts[low + half - 1] < value)
                left -= half
            below = low - start + (1 if left and trees.cuts[low] < value else 0)
            missing = np.isnan(value)
            ranks[feature, lane] = MISSING_LEFT if missing else below + ALWAYS
            ranks[n_features + feature, lane] = MISSING_RIGHT if missing else below + ALWAYS


@njit(**_OPTIONS)
def _settle(sums: NDArray[np.float32], totals: NDArray[np.float64]) -> None:
    """Add *sums* to *totals*, and begin anew: by hand, since arrays added as such make another one each time."""
    for target in range(len(sums)):
        for lane in range(sums.shape[1]):
            totals[target, lane] += sums[target, lane]
            sums[target, lane] = 0


def block_of(lanes: int, *, permute: bool) -> Callable[[NDArray[np.float32], int, int, PackedTrees, Any], None]:
    """Return the function which writes the sums of up to *lanes* rows.

    Args:
        lanes: A multiple of 16.
        permute: Whether the processor has AVX-512.
    """
    tree = _tree_of(lanes, permute=permute)

    @njit(**_OPTIONS)
    def block(matrix: NDArray[np.float32], at: int, count: int, trees: PackedTrees, out: NDArray[np.float32]) -> None:
        ranks = np.zeros((2 * matrix.shape[1], lanes), np.int32)
        _rank(matrix, at, count, trees, ranks)
        sums = np.zeros((out.shape[1], lanes), np.float32)
        totals = np.zeros((out.shape[1], lanes), np.float64)
        for one in range(len(trees.targets)):
            span = trees.ends[one], trees.ends[one + 1]
            own = sums[trees.targets[one]]
            tree(ranks, trees.rows, trees.codes, trees.keeps, span[0], span[1], trees.leaves, trees.firsts[one], own)
            if one % _GROUP == _GROUP - 1:
                _settle(sums, totals)
        totals += sums
        for target in range(out.shape[1]):
            for lane in range(count):
                out[at + lane, target] = totals[target, lane]

    return block  # type: ignore[no-any-return] # numba's own type


_narrow, _wide = (block_of(lanes, permute=HAS_PERMUTE) for lanes in (NARROW, WIDE))


def _sum_leaves(matrix: NDArray[np.float32], trees: PackedTrees, out: NDArray[np.float32]) -> None:
    """Write to *out* ``(n, n_targets)`` the sums of the leaves which the rows of *matrix* ``(n, k)`` reach.

    Both in C order.
    """
    at = 0
    while at < len(matrix):
        left = len(matrix) - at
        if left <= NARROW:
            _narrow(matrix, at, left, trees, out)
            at += NARROW
        else:
            _wide(matrix, at, min(left, WIDE), trees, out)
            at += WIDE


sum_leaves = compiled(_sum_leaves)
