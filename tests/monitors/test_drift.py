"""Windows of predictions: one drawn row a match, the same in whatever order they come."""

import json
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from monitors.drift import DriftCounts, DriftWindow
from monitors.histograms import CategoryBins, Histogram, QuantileBins
from monitors.reference import ReferenceHistograms
from monitors.sampling import hash64

REFERENCE = ReferenceHistograms(
    ("minute", "competition"),
    (Histogram(QuantileBins((0.0, 1.0)), (5, 5, 0, 0)), Histogram(CategoryBins((1.0,)), (10, 0, 0))),
)
Row = tuple[str, float, float]
VALUES = st.sampled_from([-1.0, 0.5, 1.0, 2.0, float("nan")])
ROWS = st.lists(st.tuples(st.sampled_from("abcdefgh"), VALUES, VALUES), max_size=40)


def numbered(rows: Sequence[Row]) -> list[tuple[str, Row]]:
    return [(f"p{number}", row) for number, row in enumerate(rows)]


def window(rows: Sequence[tuple[str, Row]], max_matches: int = 50_000, slice_size: int = 1_000) -> DriftWindow:
    made = DriftWindow(REFERENCE, max_matches)
    for start in range(0, len(rows), slice_size):
        piece = rows[start : start + slice_size]
        matrix = np.array([row[1:] for _, row in piece], dtype=np.float32)
        made.add_many([row[0] for _, row in piece], [name for name, _ in piece], matrix)
    return made


def slow_counts(rows: Sequence[tuple[str, Row]], max_matches: int) -> DriftCounts:
    """Count one row after the other, the way the definition reads."""
    drawn = {}
    for match in sorted({row[0] for _, row in rows}, key=hash64)[:max_matches]:
        drawn[match] = min((name for name, row in rows if row[0] == match), key=hash64)
    columns = [[row[column] for name, row in rows if name in drawn.values()] for column in (1, 2)]
    return DriftCounts(
        matches=len(drawn),
        rows=len(rows),
        nulls=tuple(sum(bool(np.isnan(row[column])) for _, row in rows) for column in (1, 2)),
        counts=tuple(
            Histogram.of(histogram.bins, column).counts
            for histogram, column in zip(REFERENCE.histograms, columns, strict=True)
        ),
    )


@given(ROWS, st.sampled_from([1, 2, 3, 50_000]), st.integers(1, 7))
def test_counts_are_those_of_the_definition(rows: list[Row], max_matches: int, slice_size: int) -> None:
    sent = numbered(rows)

    assert slow_counts(sent, max_matches) == window(sent, max_matches, slice_size).counts()


@given(st.data(), ROWS, st.sampled_from([1, 3, 50_000]))
def test_counts_do_not_depend_on_the_order(data: st.DataObject, rows: list[Row], max_matches: int) -> None:
    sent = numbered(rows)
    shuffled = data.draw(st.permutations(sent))

    assert window(sent, max_matches).counts() == window(shuffled, max_matches, 2).counts()


@given(ROWS, st.integers(0, 40), st.sampled_from([1, 3, 50_000]))
def test_merged_windows_are_one_window(rows: list[Row], cut: int, max_matches: int) -> None:
    sent = numbered(rows)
    merged = window(sent[:cut], max_matches)
    merged.merge(window(sent[cut:], max_matches))

    assert window(sent, max_matches).counts() == merged.counts()


@given(ROWS)
def test_counts_of_partitions_add_exactly(rows: list[Row]) -> None:
    sent = numbered(rows)
    low, high = ([each for each in sent if (each[1][0] < "d") is side] for side in (True, False))

    assert window(sent).counts() == window(low).counts() + window(high).counts()
    assert window(sent).counts() == window(high).counts() + window(low).counts()


@given(ROWS, st.integers(0, 40), st.sampled_from([2, 50_000]))
def test_a_window_goes_on_after_a_restart_as_if_there_had_been_none(
    rows: list[Row], cut: int, max_matches: int
) -> None:
    sent = numbered(rows)
    stored = json.dumps(window(sent[:cut], max_matches).to_dict())
    restarted = DriftWindow.from_dict(json.loads(stored), REFERENCE, max_matches)
    restarted.merge(window(sent[cut:], max_matches))

    assert window(sent, max_matches).counts() == restarted.counts()


@given(ROWS)
def test_counts_survive_json(rows: list[Row]) -> None:
    counts = window(numbered(rows)).counts()

    assert counts == DriftCounts.from_dict(json.loads(json.dumps(counts.to_dict())))


def test_n_counts_matches_and_volume_counts_rows() -> None:
    counts = window(numbered([("a", 0.0, 1.0)] * 90 + [("b", 0.0, 1.0)] * 10)).counts()

    assert counts.matches == 2
    assert counts.rows == 100


def test_the_null_rate_is_of_all_rows() -> None:
    counts = window(numbered([("a", 0.0, 1.0)] * 3 + [("a", float("nan"), 1.0)])).counts()

    assert counts.null_rates == (0.25, 0.0)


def test_a_window_without_rows_has_empty_counts() -> None:
    assert DriftCounts.empty(REFERENCE.sizes) == DriftWindow(REFERENCE).counts()
    assert DriftWindow(REFERENCE).counts().null_rates == (0.0, 0.0)


def test_memory_is_bounded_by_max_matches() -> None:
    made = DriftWindow(REFERENCE, max_matches=100)
    for start in range(0, 20_000, 500):
        names = [f"m{start + row}" for row in range(500)]
        made.add_many(names, names, np.zeros((500, 2)))

    assert len(made._drawn) <= 200
    assert made.counts().matches == 100
    assert made.counts().rows == 20_000


def test_a_window_of_a_model_without_columns_counts_its_rows() -> None:
    made = DriftWindow(ReferenceHistograms((), ()))
    made.add_many(["a", "b"], ["p1", "p2"], np.zeros((2, 0)))

    assert (made.counts().matches, made.counts().rows) == (2, 2)
    assert DriftWindow.from_dict(made.to_dict(), ReferenceHistograms((), ())).counts() == made.counts()


OTHER = ReferenceHistograms(("minute",), REFERENCE.histograms[:1])
COARSE = ReferenceHistograms(
    REFERENCE.names, (Histogram(QuantileBins(()), (10, 0)), Histogram(CategoryBins(()), (10, 0)))
)
ONE = [("p", ("a", 5.0, 2.0))]


def add(matrix: NDArray[np.float64]) -> None:
    DriftWindow(REFERENCE).add_many(["a"], ["p"], matrix)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: add(np.zeros((1, 3))), r"a matrix of \(1, 3\) and 1 row ids where \(1, 2\) was expected"),
        (lambda: DriftWindow(REFERENCE, 0), "at least 1 match, not 0"),
        (lambda: window(ONE).merge(DriftWindow(OTHER)), "over different references"),
        (lambda: DriftWindow.from_dict(window(ONE).to_dict(), OTHER), "2 columns for a reference of 1"),
        (lambda: DriftWindow.from_dict(window(ONE).to_dict(), COARSE), "bins the reference does not have"),
        (lambda: DriftCounts.empty((2, 3)) + DriftCounts.empty((2,)), r"do not add: \[2, 3\] and \[2\]"),
        (lambda: DriftCounts(2, 2, (0,), ((1, 0),)), "column 0 counts 1 rows for 2 matches"),
        (lambda: DriftCounts(-1, 2, (), ()), "whole numbers from 0 up"),
    ],
)
def test_nonsense_is_refused_with_the_numbers(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
