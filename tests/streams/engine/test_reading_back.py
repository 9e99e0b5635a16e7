"""Offsets that lie near each other are read in one go."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from streams.engine.reading_back import _near_ones


@given(st.lists(st.integers(0, 20_000), unique=True).map(sorted))
def test_runs_hold_every_offset_once_and_end_at_a_gap(offsets):
    runs = list(_near_ones(offsets))

    assert offsets == [offset for run in runs for offset in run]
    assert all(later - earlier <= 2000 for run in runs for earlier, later in itertools.pairwise(run))
    assert all(after[0] - before[-1] > 2000 for before, after in itertools.pairwise(runs))
