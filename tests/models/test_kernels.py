"""The kernel without the instructions that this machine may have, against a loop which goes from node to node."""

from typing import NamedTuple

import numpy as np
import pytest

from models.compiled import pack_trees
from models.forests import Forest
from models.kernels import HAS_PERMUTE, NARROW, WIDE, block_of


class Split(NamedTuple):
    feature: int
    threshold: float
    missing_left: bool
    first: int
    middle: int


class Tree(NamedTuple):
    splits: list[Split]
    leaves: list[np.ndarray]


def forest_of(trees):
    columns = (np.array(column) for column in zip(*(split for tree in trees for split in tree.splits), strict=True))
    n_splits, n_leaves = (np.array([len(part) for part in parts]) for parts in zip(*trees, strict=True))
    return Forest(*columns, n_splits, np.array([leaf for tree in trees for leaf in tree.leaves]), n_leaves)


def grown(chance, n_features, leaves, first=0):
    """Return splits of a random tree whose leaves begin at *first*."""
    if leaves == 1:
        return []
    left = int(chance.integers(1, leaves))
    threshold = float(np.float32(chance.normal()))
    split = Split(int(chance.integers(n_features)), threshold, bool(chance.integers(2)), first, first + left)
    return [
        split,
        *grown(chance, n_features, left, first),
        *grown(chance, n_features, leaves - left, first + left),
    ]


def reached(tree, row):
    """Return the leaf of *row*: go right where the value is larger, until no split is below."""
    low, high = 0, len(tree.leaves)
    for split in tree.splits:  # a split comes before those below it
        if not low <= split.first < split.middle < high:
            continue
        value = row[split.feature]
        right = not split.missing_left if np.isnan(value) else value > split.threshold
        low, high = (split.middle, high) if right else (low, split.middle)
    return tree.leaves[low]


@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize("lanes", [NARROW, WIDE])
def test_a_block_sums_the_leaves_of_a_slow_walk(lanes, portable):
    chance = np.random.default_rng(lanes)
    trees = [
        Tree(grown(chance, 4, leaves), list(chance.normal(size=(leaves, 3))))
        for leaves in (1, 2, 3, 31, 32, *chance.integers(1, 33, 80).tolist())
    ]
    rows = chance.normal(size=(lanes - 3, 4)).astype(np.float32)
    rows[chance.random(rows.shape) < 0.2] = np.nan
    rows[0] = trees[-1].splits[0].threshold if trees[-1].splits else 0
    packed = pack_trees([forest_of(trees)], 4)
    out = np.empty((len(rows), 3), np.float32)

    run = block_of(lanes, permute=HAS_PERMUTE and not portable)
    run(rows, 0, len(rows), packed, out)

    expected = [sum(reached(tree, row) for tree in trees) for row in rows]
    assert np.allclose(out, expected, rtol=0, atol=1e-5)
