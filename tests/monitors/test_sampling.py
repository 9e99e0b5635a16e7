"""Repeatable draws."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from monitors.sampling import hash64, hashes64, one_row_per_match

IDS = st.lists(st.sampled_from(["a", "b", "c", "d", "é"]), max_size=40)


@given(IDS, st.integers(0, 2**63))
def test_one_row_of_each_match_is_drawn(ids: list[str], seed: int) -> None:
    drawn = one_row_per_match(ids, seed)

    assert sorted(set(ids)) == [ids[row] for row in drawn]


@given(IDS)
def test_a_draw_does_not_depend_on_the_other_matches(ids: list[str]) -> None:
    of_a = [place for place, name in enumerate(ids) if name == "a"]
    drawn = [row for row in one_row_per_match(ids, 3) if ids[row] == "a"]

    assert drawn == [of_a[row] for row in one_row_per_match(["a"] * len(of_a), 3)]


def test_each_row_of_a_match_is_as_likely_as_the_others() -> None:
    ids = [f"m{match}" for match in range(4_000) for _ in range(5)]
    chosen = one_row_per_match(ids, 7) % 5

    assert chisquare(np.bincount(chosen, minlength=5)).pvalue > 0.001


def test_a_seed_changes_the_draw() -> None:
    ids = ["a"] * 50 + ["b"] * 50

    assert len({tuple(one_row_per_match(ids, seed).tolist()) for seed in range(20)}) > 15


def test_hashes_are_the_same_in_every_process() -> None:
    # printf m1 | b2sum -l 64
    assert bytes.fromhex("d11f79d4b490b654") == hash64("m1").to_bytes(8, "little")
    assert [hash64("m1", 5), hash64("", 5)] == hashes64(["m1", ""], 5).tolist()
    assert [hash64(b"m1")] == hashes64([b"m1"]).tolist()
    assert 0 <= hash64(b"") < 2**64
