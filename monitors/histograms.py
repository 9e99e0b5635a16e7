"""Histograms of whole counts over frozen bins: they add exactly, in any order and grouping."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

MAX_BINS = 256  # a drawn row keeps one byte a feature
DEFAULT_BINS = 10


class Bins(Protocol):
    """A frozen way to tell values apart; the last bin is always the one for missing values (NaN)."""

    @property
    def size(self) -> int:
        """Number of bins, with those for missing and for unseen values."""
        ...

    @property
    def ordered(self) -> bool:
        """Whether a higher bin holds higher values, so that distribution functions mean something."""
        ...

    def indices(self, values: ArrayLike) -> NDArray[np.intp]:
        """Return the bin of each value, same shape as *values*."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; `bins_from_dict` reads them."""
        ...


@dataclass(frozen=True, slots=True)
class QuantileBins:
    """Bins of a number: the first and the last reach to the infinities, then one for missing.

    Attributes:
        edges: Upper ends of all bins but the last, rising; a value equal to an edge is below it. Edges and values are
            compared as float32, because that is how a prediction carries its features: 0.1 must not change its bin.
    """

    edges: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse edges which cannot tell values apart."""
        with np.errstate(over="ignore"):  # what float32 does not hold is refused below
            narrow = np.asarray(self.edges, dtype=np.float32)
        if not np.isfinite(narrow).all() or any(low >= high for low, high in pairwise(narrow)):
            raise ValueError(f"edges must be finite and rise, as float32; these do not: {self.edges}")
        _check_size(self.size)

    @classmethod
    def of(cls, values: ArrayLike, bins: int = DEFAULT_BINS) -> QuantileBins:
        """Return up to *bins* bins with equal shares of the finite *values*, which are training data.

        A value so frequent that it is several quantiles has a bin to itself, and so has the lowest value when it is an
        edge: a flag that is nearly always set, and a constant, have bins below, equal and above. Otherwise what is
        rarer than a bin's share would be in one bin with the frequent value above it, and nobody would see it grow.
        """
        if bins < 1:
            raise ValueError(f"a histogram needs at least 1 bin, not {bins}")
        data = np.asarray(values, dtype=np.float32).ravel()
        data = data[np.isfinite(data)]
        if data.size == 0:
            return cls(())
        at = np.arange(1, bins) / bins
        edges, quantiles = np.unique(np.quantile(data, at, method="inverted_cdf"), return_counts=True)
        edges = edges.astype(np.float32)
        alone = (quantiles > 1) | (edges == data.min())
        with np.errstate(over="ignore"):  # nothing is below the lowest number there is
            below = np.nextafter(edges[alone], np.float32(-np.inf))
        return cls(tuple(np.union1d(edges, below[np.isfinite(below)]).tolist()))

    @property
    def size(self) -> int:
        """Number of bins, with the one for missing values."""
        return len(self.edges) + 2

    @property
    def ordered(self) -> bool:
        """Always: numbers have an order."""
        return True

    def indices(self, values: ArrayLike) -> NDArray[np.intp]:
        """Return the bin of each value, same shape; infinities belong to the outer bins."""
        data = np.asarray(values, dtype=np.float32)
        found = np.searchsorted(np.asarray(self.edges, dtype=np.float32), data, side="left")
        return np.where(np.isnan(data), self.size - 1, found)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"kind": "quantiles", "edges": list(self.edges)}


@dataclass(frozen=True, slots=True)
class CategoryBins:
    """Bins of a category: one a value seen in training, then one for all others, then one for missing.

    Attributes:
        values: The categories' codes, rising; compared as float32.
    """

    values: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse values which cannot be told apart."""
        with np.errstate(over="ignore"):  # what float32 does not hold is refused below
            narrow = np.asarray(self.values, dtype=np.float32)
        if np.isnan(narrow).any() or any(low >= high for low, high in pairwise(narrow)):
            raise ValueError(f"categories must rise, as float32; these do not: {self.values}")
        _check_size(self.size)

    @classmethod
    def of(cls, values: ArrayLike) -> CategoryBins:
        """Return one bin for each value found in *values*, which are training data."""
        data = np.asarray(values, dtype=np.float32)
        return cls(tuple(np.unique(data[~np.isnan(data)]).tolist()))

    @property
    def size(self) -> int:
        """Number of bins, with those for unseen and for missing values."""
        return len(self.values) + 2

    @property
    def ordered(self) -> bool:
        """Never: codes of categories are names."""
        return False

    def indices(self, values: ArrayLike) -> NDArray[np.intp]:
        """Return the bin of each value, same shape."""
        data, known = np.asarray(values, dtype=np.float32), np.asarray(self.values, dtype=np.float32)
        unseen = known.size
        found = np.searchsorted(known, data, side="left")
        if unseen:
            found = np.where(known[np.minimum(found, unseen - 1)] == data, found, unseen)
        return np.where(np.isnan(data), unseen + 1, found)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"kind": "categories", "values": list(self.values)}


def bins_from_dict(fields: Mapping[str, Any]) -> QuantileBins | CategoryBins:
    """Return the bins that `to_dict` wrote; ValueError for any other kind."""
    match fields.get("kind"):
        case "quantiles":
            return QuantileBins(tuple(map(float, fields["edges"])))
        case "categories":
            return CategoryBins(tuple(map(float, fields["values"])))
        case kind:
            raise ValueError(f"bins of kind {kind!r}; known are 'quantiles' and 'categories'")


def counts(bins: Bins, values: ArrayLike) -> NDArray[np.int64]:
    """Return how many of *values* fall into each bin, shape ``(bins.size,)``.

    >>> counts(QuantileBins((0.0, 1.0)), [-5.0, 0.0, 0.5, 2.0, float("nan")])
    array([2, 1, 1, 1])
    """
    return np.bincount(bins.indices(values).ravel(), minlength=bins.size).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Histogram:
    """Bins and how many values fell into each; ``+`` of two with equal bins is exact."""

    bins: QuantileBins | CategoryBins
    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuse counts which are not one whole number a bin."""
        check_counts(self.counts, self.bins.size)

    @classmethod
    def of(cls, bins: QuantileBins | CategoryBins, values: ArrayLike) -> Histogram:
        """Return the histogram of *values*, any shape."""
        return cls(bins, tuple(counts(bins, values).tolist()))

    @property
    def n(self) -> int:
        """Values counted, missing ones among them."""
        return sum(self.counts)

    @property
    def middle(self) -> float:
        """The median of the numbers counted, as the edge at or below which half of them lie; NaN of none.

        Of the highest bin, which has no upper edge, it is the lower one. Categories have no order: theirs is the one
        counted most often.

        >>> Histogram.of(QuantileBins((1.0, 2.0, 3.0)), [1.0, 2.0, 2.0, 9.0, float("nan")]).middle
        2.0
        """
        if isinstance(self.bins, CategoryBins):
            named = self.counts[: len(self.bins.values)]
            return self.bins.values[named.index(max(named))] if any(named) else float("nan")
        known = self.counts[:-1]
        if not self.bins.edges or not any(known):
            return float("nan")
        reached = int(np.searchsorted(np.cumsum(known), sum(known) / 2))
        return self.bins.edges[min(reached, len(self.bins.edges) - 1)]

    def __add__(self, other: Histogram) -> Histogram:
        if self.bins != other.bins:
            raise ValueError(f"histograms over different bins do not add: {self.bins} and {other.bins}")
        return Histogram(
            self.bins, tuple(mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True))
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"bins": self.bins.to_dict(), "counts": list(self.counts)}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Histogram:
        """Return the histogram that `to_dict` wrote."""
        return cls(bins_from_dict(fields["bins"]), tuple(fields["counts"]))


def check_counts(values: Sequence[int], size: int) -> None:
    """Raise ValueError unless *values* are *size* whole numbers from 0 up."""
    if len(values) != size:
        raise ValueError(f"{len(values)} counts for {size} bins")
    if not all(isinstance(value, int) and value >= 0 for value in values):
        raise ValueError(f"counts must be whole numbers from 0 up, not {list(values)}")


def _check_size(size: int) -> None:
    if size > MAX_BINS:
        raise ValueError(f"{size} bins; at most {MAX_BINS} are counted")
