"""What training data looked like: the reference every window is compared with, stored in the bundle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from monitors.histograms import DEFAULT_BINS, CategoryBins, Histogram, QuantileBins
from monitors.sampling import one_row_per_match

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

FORMAT = 1


@dataclass(frozen=True, slots=True)
class ReferenceHistograms:
    """One histogram a column: the features in the order of their set, then one a class for its probability.

    Attributes:
        names: Names of the columns, in the order of the matrices compared.
        histograms: One a name, each over the same matches.
    """

    names: tuple[str, ...]
    histograms: tuple[Histogram, ...]

    def __post_init__(self) -> None:
        """Refuse a reference which contradicts itself."""
        if len(set(self.names)) != len(self.names):
            raise ValueError(f"names appear twice: {sorted({n for n in self.names if self.names.count(n) > 1})}")
        if len(self.names) != len(self.histograms):
            raise ValueError(f"{len(self.histograms)} histograms for {len(self.names)} names")
        if len({histogram.n for histogram in self.histograms}) > 1:
            raise ValueError(f"columns count different matches: {[histogram.n for histogram in self.histograms]}")

    @classmethod
    def from_matrix(
        cls,
        names: Sequence[str],
        matrix: NDArray[np.floating[Any]],
        match_ids: Sequence[str],
        *,
        categories: Collection[str] = (),
        bins: int = DEFAULT_BINS,
        seed: int = 0,
    ) -> ReferenceHistograms:
        """Return the reference of training data, one row drawn a match.

        Args:
            names: Columns of *matrix*: features, then one for each class's predicted probability.
            matrix: Shape ``(n_rows, len(names))``; NaN is missing.
            match_ids: The match of each row.
            categories: Names of the columns which are codes, not amounts.
            bins: Bins of a number, before the one for missing values.
            seed: Changes which rows are drawn.
        """
        _check_shape(names, matrix, match_ids, categories)
        drawn = np.asarray(matrix, dtype=np.float32)[one_row_per_match(match_ids, seed)]
        found = (
            Histogram.of(CategoryBins.of(column) if name in categories else QuantileBins.of(column, bins), column)
            for name, column in zip(names, drawn.T, strict=True)
        )
        return cls(tuple(names), tuple(found))

    @property
    def n(self) -> int:
        """Matches counted; 0 without columns."""
        return self.histograms[0].n if self.histograms else 0

    @property
    def sizes(self) -> tuple[int, ...]:
        """Bins of each column."""
        return tuple(histogram.bins.size for histogram in self.histograms)

    def indices(self, matrix: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
        """Return the bin of each value of *matrix*, shape ``(n_rows, len(names))``."""
        found = np.empty(matrix.shape, dtype=np.uint8)
        for column, histogram in enumerate(self.histograms):
            found[:, column] = histogram.bins.indices(matrix[:, column])
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for a bundle's ``reference.json``."""
        columns = {name: histogram.to_dict() for name, histogram in zip(self.names, self.histograms, strict=True)}
        return {"format": FORMAT, "n": self.n, "columns": columns}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> ReferenceHistograms:
        """Return the reference that `to_dict` wrote; ValueError when it is of another format or was altered."""
        if fields.get("format") != FORMAT:
            raise ValueError(f"reference histograms of format {fields.get('format')!r}; this version reads {FORMAT}")
        try:
            columns = fields["columns"]
            read = cls(tuple(columns), tuple(Histogram.from_dict(column) for column in columns.values()))
        except (ArithmeticError, AttributeError, LookupError, TypeError) as error:
            raise ValueError(f"reference histograms of another shape: {error!r}") from error
        if read.n != fields.get("n"):
            raise ValueError(f"reference says {fields.get('n')} matches but its histograms count {read.n}")
        return read


def _check_shape(
    names: Sequence[str], matrix: NDArray[Any], match_ids: Sequence[str], categories: Collection[str]
) -> None:
    if matrix.shape != (len(match_ids), len(names)):
        raise ValueError(f"a matrix of {matrix.shape} for {len(match_ids)} rows and {len(names)} names")
    if len(match_ids) == 0:
        raise ValueError("a reference needs at least one match")
    if unknown := sorted(set(categories) - set(names)):
        raise ValueError(f"categories which are no columns: {unknown}")
