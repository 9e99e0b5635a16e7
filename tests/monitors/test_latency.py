"""Latency sketches against NumPy's percentiles."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.latency import LONGEST, RELATIVE_ACCURACY, SHORTEST, STAGES, LatencySketch, LatencyWindow

SECONDS = st.lists(st.floats(-1, 1e5) | st.sampled_from([0.0, 1e-9, 1e9]), max_size=50)


def sketch(seconds: list[float]) -> LatencySketch:
    made = LatencySketch()
    made.update_many(seconds)
    return made


@given(SECONDS.map(lambda values: [value for value in values if 2 * SHORTEST < value < LONGEST]).filter(bool))
def test_percentiles_are_within_one_percent_of_an_observed_value(seconds: list[float]) -> None:
    for percent in (0, 50, 90, 95, 99, 99.9, 100):
        expected = float(np.percentile(seconds, percent, method="lower"))
        assert sketch(seconds).percentile(percent) == pytest.approx(expected, rel=RELATIVE_ACCURACY * 1.0001)


@given(st.data(), SECONDS)
def test_the_order_does_not_matter(data: st.DataObject, seconds: list[float]) -> None:
    one_by_one = LatencySketch()
    for value in data.draw(st.permutations(seconds)):
        one_by_one.update(value)

    assert sketch(seconds) == one_by_one


@given(SECONDS, SECONDS, SECONDS)
def test_sketches_merge_exactly_in_any_order_and_grouping(
    first: list[float], second: list[float], third: list[float]
) -> None:
    a, b, c = sketch(first), sketch(second), sketch(third)

    assert sketch(first + second + third) == (a + b) + c
    assert (a + b) + c == c + (b + a)
    assert sketch(first) == a


@given(SECONDS)
def test_a_sketch_survives_json(seconds: list[float]) -> None:
    again = LatencySketch.from_dict(json.loads(json.dumps(sketch(seconds).to_dict())))

    assert sketch(seconds) == again
    assert sketch(seconds).percentile(95) == again.percentile(95)


def test_a_clock_that_runs_behind_is_counted_not_added() -> None:
    made = sketch([-0.5, 0.1, -2.0])

    assert made.clock_behind == 2
    assert made.count == 1
    assert made.percentile(0) == pytest.approx(0.1, rel=0.01)


def test_a_sketch_without_a_measure_has_no_percentile() -> None:
    assert LatencySketch().percentile(95) is None


def test_what_no_clock_tells_apart_is_zero() -> None:
    assert sketch([0.0, 1e-9]).percentile(50) == 0


def test_memory_is_bounded_over_any_range() -> None:
    made = sketch([10.0**exponent for exponent in range(-300, 300)])

    assert made.percentile(100) == pytest.approx(LONGEST, rel=0.01)
    assert len(sketch(list(np.geomspace(1e-12, 1e12, 100_000))).to_dict()["bins"]) < 1_600


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_latency_that_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match=f"finite number of seconds, not {value}"):
        LatencySketch().update(value)


def test_a_percentile_above_100_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 100, not 950"):
        LatencySketch().percentile(950)


def test_a_window_keeps_its_stages_apart_and_merges_each() -> None:
    first, second = LatencyWindow(), LatencyWindow()
    first.update_many({"received": [0.1, -1.0], "total": [0.5]})
    second.update_many({"received": [0.2]})
    both = first + second

    assert [both[stage].count for stage in STAGES] == [2, 0, 0, 0, 1]
    assert both["received"].clock_behind == 1
    assert first["received"].count == 1
    assert LatencyWindow.from_dict(json.loads(json.dumps(both.to_dict()))) == both


def test_a_stage_that_an_older_version_did_not_know_is_empty() -> None:
    assert LatencyWindow.from_dict({}) == LatencyWindow()


def test_an_unknown_stage_is_refused() -> None:
    with pytest.raises(ValueError, match=r"stages \['teleported'\] are unknown"):
        LatencyWindow().update_many({"teleported": [1.0]})
