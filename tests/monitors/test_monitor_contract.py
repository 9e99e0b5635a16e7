"""What every monitor promises: order does not matter, merging is exact, input stays as it was, state survives JSON."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from monitors.drift import DriftCounts, DriftWindow
from monitors.histograms import CategoryBins, Histogram, QuantileBins
from monitors.latency import STAGES, LatencySketch, LatencyWindow
from monitors.reference import ReferenceHistograms

REFERENCE = ReferenceHistograms(
    ("x", "y"), (Histogram(QuantileBins((0.2, 0.5)), (1, 1, 1, 0)), Histogram(CategoryBins((0.0, 1.0)), (1, 1, 1, 0)))
)


@dataclass(frozen=True)
class Monitor:
    """How to build, add, merge and store one kind of monitor.

    Rows are ``(match, row, x, y)``; no two parts in `merge` share a match.
    """

    build: Callable[[NDArray[np.float64]], Any]
    merge: Callable[[Any, Any], Any]
    restore: Callable[[Any], Any]
    limit: int  # bytes of JSON, however much was counted


def drift_window(rows: NDArray[np.float64]) -> DriftWindow:
    window = DriftWindow(REFERENCE, max_matches=50)
    for piece in np.array_split(rows, 3):
        matches, names = ([str(value) for value in column] for column in piece[:, :2].T)
        window.add_many(matches, names, piece[:, 2:])
    return window


def merged_windows(first: DriftWindow, second: DriftWindow) -> DriftWindow:
    both = DriftWindow.from_dict(first.to_dict(), REFERENCE, max_matches=50)
    both.merge(second)
    return both


def latency_sketch(rows: NDArray[np.float64]) -> LatencySketch:
    sketch = LatencySketch()
    sketch.update_many(rows[:, 2])
    return sketch


def latency_window(rows: NDArray[np.float64]) -> LatencyWindow:
    window = LatencyWindow()
    window.update_many(dict.fromkeys(STAGES, rows[:, 2]))
    return window


def wide_counts(rows: NDArray[np.float64]) -> DriftCounts:
    window = DriftWindow(REFERENCE)
    window.add_many([str(value) for value in rows[:, 0]], [str(value) for value in rows[:, 1]], rows[:, 2:])
    return window.counts()


def added(first: Any, second: Any) -> Any:
    return first + second


MONITORS = {
    "quantile histogram": Monitor(
        lambda rows: Histogram.of(QuantileBins((0.2, 0.5)), rows[:, 2]), added, Histogram.from_dict, 1_000
    ),
    "category histogram": Monitor(
        lambda rows: Histogram.of(CategoryBins((0.0, 1.0)), rows[:, 3]), added, Histogram.from_dict, 1_000
    ),
    "drift counts": Monitor(wide_counts, added, DriftCounts.from_dict, 1_000),
    "drift window": Monitor(
        drift_window, merged_windows, lambda fields: DriftWindow.from_dict(fields, REFERENCE, max_matches=50), 5_000
    ),
    "latency sketch": Monitor(latency_sketch, added, LatencySketch.from_dict, 30_000),
    "latency window": Monitor(latency_window, added, LatencyWindow.from_dict, 150_000),
}


@pytest.fixture(params=MONITORS)
def monitor(request: pytest.FixtureRequest) -> Monitor:
    return MONITORS[request.param]


def rows_of(matches: int, each: int = 4) -> NDArray[np.float64]:
    chance = np.random.default_rng(17)
    n = matches * each
    return np.column_stack(
        [np.repeat(np.arange(matches), each), np.arange(n), chance.exponential(size=n), chance.integers(0, 4, n)]
    )


def test_the_order_of_rows_does_not_matter(monitor: Monitor) -> None:
    rows = rows_of(60)
    shuffled = np.random.default_rng(18).permutation(rows)

    assert monitor.build(rows).to_dict() == monitor.build(shuffled).to_dict()


def test_parts_merge_exactly_in_any_order_and_grouping(monitor: Monitor) -> None:
    rows = rows_of(90)
    a, b, c = (monitor.build(part) for part in np.split(rows, 3))
    left = monitor.merge(monitor.merge(a, b), c)
    right = monitor.merge(c, monitor.merge(b, a))

    assert monitor.build(rows).to_dict() == left.to_dict() == right.to_dict()


def test_merging_with_nothing_changes_nothing(monitor: Monitor) -> None:
    full, empty = monitor.build(rows_of(9)), monitor.build(rows_of(0))

    assert full.to_dict() == monitor.merge(full, empty).to_dict() == monitor.merge(empty, full).to_dict()


def test_input_is_unchanged(monitor: Monitor) -> None:
    rows = rows_of(30)
    before = rows.copy()
    monitor.build(rows)

    np.testing.assert_array_equal(before, rows)


def test_state_survives_json(monitor: Monitor) -> None:
    state = monitor.build(rows_of(30)).to_dict()

    assert state == monitor.restore(json.loads(json.dumps(state))).to_dict()


def test_state_is_bounded_however_much_was_counted(monitor: Monitor) -> None:
    assert len(json.dumps(monitor.build(rows_of(20_000)).to_dict())) < monitor.limit
