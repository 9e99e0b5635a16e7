"""Reference histograms of a bundle."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from monitors.histograms import CategoryBins, Histogram, QuantileBins
from monitors.reference import ReferenceHistograms

NAMES = ["minute", "competition", "home"]


@pytest.fixture
def matrix() -> NDArray[np.float64]:
    chance = np.random.default_rng(4)
    return np.column_stack([chance.normal(size=900), chance.integers(0, 3, 900), chance.uniform(size=900)])


@pytest.fixture
def match_ids() -> list[str]:
    return [f"m{row // 3}" for row in range(900)]


def test_a_reference_counts_matches_not_rows(matrix: NDArray[np.float64], match_ids: list[str]) -> None:
    reference = ReferenceHistograms.from_matrix(NAMES, matrix, match_ids, categories=["competition"])

    assert reference.n == 300
    assert isinstance(reference.histograms[0].bins, QuantileBins)
    assert reference.histograms[1].bins == CategoryBins((0.0, 1.0, 2.0))
    assert reference.sizes == (11, 5, 11)


def test_a_reference_survives_json(matrix: NDArray[np.float64], match_ids: list[str]) -> None:
    matrix[::2, 0] = np.nan
    reference = ReferenceHistograms.from_matrix(NAMES, matrix, match_ids, categories=["competition"])

    assert reference == ReferenceHistograms.from_dict(json.loads(json.dumps(reference.to_dict())))


def test_the_same_data_and_seed_give_the_same_reference(matrix: NDArray[np.float64], match_ids: list[str]) -> None:
    first, again, other = (ReferenceHistograms.from_matrix(NAMES, matrix, match_ids, seed=seed) for seed in (1, 1, 2))

    assert first == again
    assert first != other


def test_bins_of_a_matrix_are_those_of_its_columns(matrix: NDArray[np.float64], match_ids: list[str]) -> None:
    reference = ReferenceHistograms.from_matrix(NAMES, matrix, match_ids, categories=["competition"])

    for column, histogram in enumerate(reference.histograms):
        assert histogram.bins.indices(matrix[:, column]).tolist() == reference.indices(matrix)[:, column].tolist()


def test_a_reference_without_columns_counts_nothing() -> None:
    assert ReferenceHistograms((), ()).n == 0


def altered(reference: ReferenceHistograms, **fields: object) -> dict[str, Any]:
    return reference.to_dict() | fields


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda m, i: ReferenceHistograms.from_matrix(NAMES[:2], m, i), r"a matrix of \(900, 3\) for 900 rows and 2"),
        (lambda m, _: ReferenceHistograms.from_matrix(NAMES, m[:0], []), "at least one match"),
        (lambda m, i: ReferenceHistograms.from_matrix(NAMES, m, i, categories=["x"]), r"no columns: \['x'\]"),
        (lambda m, i: ReferenceHistograms.from_matrix(["a", "a", "b"], m, i), r"twice: \['a'\]"),
        (lambda *_: ReferenceHistograms(("a",), ()), "0 histograms for 1 names"),
        (
            lambda *_: ReferenceHistograms(
                ("a", "b"), (Histogram(QuantileBins(()), (1, 0)), Histogram(CategoryBins(()), (2, 0)))
            ),
            r"different matches: \[1, 2\]",
        ),
        (
            lambda m, i: ReferenceHistograms.from_dict(altered(ReferenceHistograms.from_matrix(NAMES, m, i), format=9)),
            "format 9; this version reads 1",
        ),
        (
            lambda m, i: ReferenceHistograms.from_dict(altered(ReferenceHistograms.from_matrix(NAMES, m, i), n=7)),
            "says 7 matches but its histograms count 300",
        ),
    ],
)
def test_nonsense_is_refused_with_the_numbers(
    make: Callable[..., object], message: str, matrix: NDArray[np.float64], match_ids: list[str]
) -> None:
    with pytest.raises(ValueError, match=message):
        make(matrix, match_ids)


@pytest.mark.parametrize(
    "columns",
    [
        [],
        {"a": []},
        {"a": {}},
        {"a": {"bins": [], "counts": []}},
        {"a": {"bins": {"kind": "quantiles", "edges": [10**400]}, "counts": [0]}},
        {"a": {"bins": {"kind": "quantiles", "edges": [1e300]}, "counts": [0, 0]}},
        {"a": {"bins": {"kind": "categories", "values": [1e300]}, "counts": [0, 0]}},
    ],
)
def test_a_reference_of_another_shape_is_a_value_error(columns):
    with pytest.raises(ValueError, match=r"of another shape|must be finite|must rise|bins"):
        ReferenceHistograms.from_dict({"format": 1, "n": 0, "columns": columns})
