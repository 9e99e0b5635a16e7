"""Histograms over frozen bins."""

import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.histograms import CategoryBins, Histogram, QuantileBins, bins_from_dict, counts

AnyBins = QuantileBins | CategoryBins

VALUES = st.lists(st.floats(width=32) | st.sampled_from([0.0, 0.5, 1.0]), max_size=50)
BINS = st.sampled_from([QuantileBins(()), QuantileBins((0.0, 0.5)), CategoryBins((0.0, 1.0)), CategoryBins(())])


def slow_bin(edges: tuple[float, ...], value: float) -> int:
    if np.isnan(value):
        return len(edges) + 1
    return sum(value > edge for edge in edges)


@given(VALUES, st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), unique=True, max_size=9))
def test_a_number_is_in_the_first_bin_whose_edge_is_not_below_it(values: list[float], edges: list[float]) -> None:
    rising = tuple(sorted({edge + 0.0 for edge in edges}))

    assert [slow_bin(rising, value) for value in values] == QuantileBins(rising).indices(values).tolist()


@given(VALUES, st.sets(st.sampled_from([-1.0, 0.0, 0.5, 1.0])))
def test_a_category_has_its_bin_and_all_others_share_one(values: list[float], known: set[float]) -> None:
    codes = sorted(known)
    expected = [
        len(codes) + 1 if np.isnan(value) else codes.index(value) if value in codes else len(codes) for value in values
    ]

    assert expected == CategoryBins(tuple(codes)).indices(values).tolist()


@given(BINS, VALUES, VALUES, VALUES)
def test_histograms_add_exactly_in_any_order_and_grouping(
    bins: AnyBins, first: list[float], second: list[float], third: list[float]
) -> None:
    a, b, c = (Histogram.of(bins, values) for values in (first, second, third))

    assert Histogram.of(bins, first + second + third) == (a + b) + c
    assert (a + b) + c == a + (b + c)
    assert a + b == b + a


@given(BINS, VALUES)
def test_every_histogram_survives_json(bins: AnyBins, values: list[float]) -> None:
    histogram = Histogram.of(bins, values)

    assert histogram == Histogram.from_dict(json.loads(json.dumps(histogram.to_dict())))
    assert len(values) == histogram.n


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=200))
def test_bins_of_any_data_survive_json_and_hold_all_of_it(values: list[float]) -> None:
    bins = QuantileBins.of(values)

    assert bins == bins_from_dict(json.loads(json.dumps(bins.to_dict())))
    assert len(values) == counts(bins, values).sum()
    assert bins.size <= 10 + 2


def test_quantile_bins_have_equal_shares_of_continuous_data() -> None:
    data = np.random.default_rng(1).normal(size=10_000)

    assert counts(QuantileBins.of(data), data).tolist() == [1_000] * 10 + [0]


def test_counts_are_64_bit_whole_numbers() -> None:
    assert np.int64 == counts(QuantileBins((0.0,)), [1.0]).dtype


def test_infinities_belong_to_the_outer_bins() -> None:
    assert QuantileBins((0.0, 1.0)).indices([-np.inf, np.inf]).tolist() == [0, 2]


def test_a_value_repeated_over_many_quantiles_gives_one_edge() -> None:
    bins = QuantileBins.of([0.0] * 80 + [1.0] * 10 + [2.0] * 10)

    assert counts(bins, [0.0] * 80 + [1.0] * 10 + [2.0] * 10).tolist() == [0, 80, 10, 10, 0]


def test_a_constant_feature_that_moves_either_way_leaves_its_bin() -> None:
    bins = QuantileBins.of([3.0] * 100)

    assert bins.indices([2.999, 3.0, 3.001, np.nan]).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("rare", [1, 5, 9])
def test_a_value_rarer_than_a_bins_share_is_not_in_one_bin_with_the_frequent_one_above_it(rare: int) -> None:
    flag = [0.0] * rare + [1.0] * (100 - rare)
    bins = QuantileBins.of(flag)

    assert counts(bins, flag).tolist() == [rare, 100 - rare, 0, 0]


@given(st.lists(st.integers(0, 30), min_size=1, max_size=200))
def test_each_value_that_more_than_two_bins_shares_have_is_alone_in_its_bin(values: list[int]) -> None:
    bins = QuantileBins.of(values)
    for value in set(values):
        if values.count(value) > 2 * len(values) / 10:
            mine = bins.indices([value])[0]
            assert {value} == {each for each in values if bins.indices([each])[0] == mine}
    assert np.count_nonzero(counts(bins, values)) <= 10


def test_a_value_keeps_its_bin_when_it_travels_as_float32() -> None:
    data = np.round(np.random.default_rng(2).uniform(size=5_000), 1)
    bins = QuantileBins.of(data)

    assert bins.indices(data).tolist() == bins.indices(data.astype(np.float32)).tolist()


def test_edges_come_from_training_data_so_that_an_outlier_moves_none() -> None:
    data = np.random.default_rng(3).normal(size=1_000)
    bins = QuantileBins.of(data)
    found = counts(bins, [*data, 1e6])

    assert (found - counts(bins, data))[-2] == 1
    assert (found - counts(bins, data)).sum() == 1


def test_a_column_without_a_single_value_has_one_open_bin_and_the_missing_one() -> None:
    assert counts(QuantileBins.of([np.nan, np.nan]), [np.nan, np.nan]).tolist() == [0, 2]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: QuantileBins((1.0, 1.0)), "must be finite and rise"),
        (lambda: QuantileBins((1.0, 1.0 + 1e-12)), "as float32"),
        (lambda: QuantileBins((float("inf"),)), "must be finite"),
        (lambda: CategoryBins((2.0, 1.0)), "categories must rise"),
        (lambda: CategoryBins(tuple(map(float, range(255)))), "257 bins; at most 256"),
        (lambda: QuantileBins.of([1.0], bins=0), "at least 1 bin, not 0"),
        (lambda: bins_from_dict({"kind": "stars"}), "bins of kind 'stars'"),
        (lambda: Histogram(QuantileBins(()), (1,)), "1 counts for 2 bins"),
        (lambda: Histogram(QuantileBins(()), (1, -1)), "whole numbers from 0 up"),
        (
            lambda: Histogram.from_dict({"bins": QuantileBins(()).to_dict(), "counts": [1, 0.5]}),
            "whole numbers from 0 up",
        ),
        (lambda: Histogram.of(QuantileBins(()), []) + Histogram.of(CategoryBins(()), []), "different bins"),
    ],
)
def test_nonsense_is_refused_with_the_numbers(make: Callable[..., object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@given(st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=40), st.integers(0, 5))
def test_the_middle_of_bins_with_an_edge_a_value_is_the_lower_median_of_what_is_known(
    values: list[float], missing: int
) -> None:
    bins = QuantileBins(tuple(float(edge) for edge in range(-3, 4)))

    middle = Histogram.of(bins, [*values, *[float("nan")] * missing]).middle
    assert np.quantile(values, 0.5, method="inverted_cdf") == middle


def test_the_middle_of_the_highest_bin_is_its_edge_and_of_nothing_there_is_none() -> None:
    assert 2.0 == Histogram.of(QuantileBins((1.0, 2.0)), [5.0, 6.0, 1.0]).middle
    for nothing in (Histogram.of(QuantileBins((1.0,)), [np.nan]), Histogram.of(QuantileBins(()), [1.0])):
        assert np.isnan(nothing.middle)


def test_the_middle_of_categories_is_the_one_that_is_most_frequent() -> None:
    bins = CategoryBins((1.0, 2.0, 3.0))

    assert 3.0 == Histogram.of(bins, [1.0, 3.0, 3.0, 7.0, 7.0, 7.0, np.nan]).middle
    assert np.isnan(Histogram.of(bins, [7.0, np.nan]).middle)
