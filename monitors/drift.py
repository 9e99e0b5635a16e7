"""What one window of predictions looks like: one drawn row a match, and whole counts which add exactly."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from monitors.histograms import check_counts
from monitors.sampling import hashes64

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from monitors.reference import ReferenceHistograms

MAX_MATCHES = 50_000


@dataclass(frozen=True, slots=True)
class DriftCounts:
    """Whole counts of a window or of a part of it; ``+`` is exact where no match is in both.

    Attributes:
        matches: Matches drawn; the n of every test.
        rows: Predictions seen: the volume.
        nulls: Missing values of each column over all rows.
        counts: Per column, drawn rows in each bin.
    """

    matches: int
    rows: int
    nulls: tuple[int, ...]
    counts: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        """Refuse counts which contradict each other."""
        check_counts((self.matches, self.rows), 2)
        check_counts(self.nulls, len(self.counts))
        for column, found in enumerate(self.counts):
            check_counts(found, len(found))
            if sum(found) != self.matches:
                raise ValueError(f"column {column} counts {sum(found)} rows for {self.matches} matches")

    @classmethod
    def empty(cls, sizes: Sequence[int]) -> DriftCounts:
        """Return the counts of nothing, for columns with *sizes* bins."""
        return cls(0, 0, (0,) * len(sizes), tuple((0,) * size for size in sizes))

    @property
    def null_rates(self) -> tuple[float, ...]:
        """Share of missing values in each column over all rows; 0 without rows."""
        return tuple(null / self.rows if self.rows else 0.0 for null in self.nulls)

    def __add__(self, other: DriftCounts) -> DriftCounts:
        mine, theirs = ([len(column) for column in part.counts] for part in (self, other))
        if mine != theirs:
            raise ValueError(f"counts over different bins do not add: {mine} and {theirs}")
        return DriftCounts(
            self.matches + other.matches,
            self.rows + other.rows,
            _sum(self.nulls, other.nulls),
            tuple(_sum(mine, theirs) for mine, theirs in zip(self.counts, other.counts, strict=True)),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "matches": self.matches,
            "rows": self.rows,
            "nulls": list(self.nulls),
            "counts": [list(found) for found in self.counts],
        }

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> DriftCounts:
        """Return the counts that `to_dict` wrote."""
        return cls(fields["matches"], fields["rows"], tuple(fields["nulls"]), tuple(map(tuple, fields["counts"])))


class DriftWindow:
    """Predictions of one model in one window; the same whatever order they come in.

    Of each match the row whose id has the lowest hash is drawn. Above *max_matches* the matches with the lowest hashes
    are kept: a fair sample, still the same in any order, in bounded memory (some 150 bytes and one a column each).

    Args:
        reference: Bins of the columns: features, then predicted probabilities.
        max_matches: Most matches kept.
    """

    def __init__(self, reference: ReferenceHistograms, max_matches: int = MAX_MATCHES) -> None:
        if max_matches < 1:
            raise ValueError(f"a window keeps at least 1 match, not {max_matches}")
        self._reference = reference
        self._max_matches = max_matches
        self._drawn: dict[int, tuple[int, bytes]] = {}  # hash of the match: hash of its row, bins of its row
        self._rows = 0
        self._nulls = np.zeros(len(reference.names), dtype=np.int64)

    def add_many(
        self,
        match_ids: Sequence[str],
        row_ids: Sequence[str] | Sequence[bytes],
        matrix: NDArray[np.floating[Any]],
    ) -> None:
        """Count predictions.

        Args:
            match_ids: The match of each row.
            row_ids: Prediction ids: no two rows share one, and a repeated prediction is the caller's to leave out.
            matrix: Shape ``(n_rows, n_columns)``, in the order of the reference's names; NaN is missing.
        """
        expected = (len(match_ids), len(self._reference.names))
        if matrix.shape != expected or len(row_ids) != len(match_ids):
            raise ValueError(f"a matrix of {matrix.shape} and {len(row_ids)} row ids where {expected} was expected")
        self._rows += len(match_ids)
        self._nulls += np.isnan(matrix).sum(axis=0)
        matches, rows = hashes64(match_ids), hashes64(row_ids)
        order = np.lexsort((rows, matches))
        _, first = np.unique(matches[order], return_index=True)
        lowest = order[first]
        bins = self._reference.indices(matrix[lowest])
        for match, row, found in zip(matches[lowest].tolist(), rows[lowest].tolist(), bins, strict=True):
            self._draw(match, (row, found.tobytes()))
        self._forget(2 * self._max_matches)

    def merge(self, other: DriftWindow) -> None:
        """Count what *other* counted too; its rows must not be ours."""
        if self._reference.names != other._reference.names or self._reference.sizes != other._reference.sizes:
            raise ValueError("windows over different references do not merge")
        self._rows += other._rows
        self._nulls += other._nulls
        for match, drawn in other._drawn.items():
            self._draw(match, drawn)
        self._forget(2 * self._max_matches)

    def counts(self) -> DriftCounts:
        """Return the counts up to now; partitions share no match, so theirs add."""
        kept = self._kept()
        bins = _matrix(b"".join(self._drawn[match][1] for match in kept), len(self._reference.names))
        found = (
            tuple(np.bincount(column, minlength=size).tolist())
            for column, size in zip(bins.T, self._reference.sizes, strict=True)
        )
        return DriftCounts(len(kept), self._rows, tuple(self._nulls.tolist()), tuple(found))

    def to_dict(self) -> dict[str, Any]:
        """Return the whole state as plain values, to go on from after a restart."""
        kept = self._kept()
        return {
            "rows": self._rows,
            "nulls": self._nulls.tolist(),
            "matches": _text(np.array(kept, dtype="<u8").tobytes()),
            "drawn": _text(np.array([self._drawn[match][0] for match in kept], dtype="<u8").tobytes()),
            "bins": _text(b"".join(self._drawn[match][1] for match in kept)),
        }

    @classmethod
    def from_dict(
        cls, fields: Mapping[str, Any], reference: ReferenceHistograms, max_matches: int = MAX_MATCHES
    ) -> DriftWindow:
        """Return the window that `to_dict` wrote; ValueError when it belongs to another reference."""
        window = cls(reference, max_matches)
        matches = np.frombuffer(b64decode(fields["matches"]), dtype="<u8").tolist()
        rows = np.frombuffer(b64decode(fields["drawn"]), dtype="<u8").tolist()
        data, width = b64decode(fields["bins"]), len(reference.names)
        if len(fields["nulls"]) != width or len(data) != width * len(matches) or len(rows) != len(matches):
            raise ValueError(f"a window of {len(fields['nulls'])} columns for a reference of {width}")
        if np.any(_matrix(data, width) >= np.array(reference.sizes, dtype=np.int64)):
            raise ValueError("a window with bins the reference does not have")
        window._rows = fields["rows"]
        window._nulls = np.array(fields["nulls"], dtype=np.int64)
        for place, (match, row) in enumerate(zip(matches, rows, strict=True)):
            window._drawn[match] = (row, data[place * width : (place + 1) * width])
        return window

    def _draw(self, match: int, drawn: tuple[int, bytes]) -> None:
        known = self._drawn.get(match)
        if known is None or drawn < known:
            self._drawn[match] = drawn

    def _kept(self) -> list[int]:
        return sorted(self._drawn)[: self._max_matches]

    def _forget(self, limit: int) -> None:
        # A match forgotten here has max_matches lower ones before it for good: coming back, it is never counted.
        if len(self._drawn) > limit:
            self._drawn = {match: self._drawn[match] for match in self._kept()}


def _sum(mine: Sequence[int], theirs: Sequence[int]) -> tuple[int, ...]:
    return tuple(a + b for a, b in zip(mine, theirs, strict=True))


def _matrix(data: bytes, width: int) -> NDArray[np.uint8]:
    return np.frombuffer(data, dtype=np.uint8).reshape(-1, width) if width else np.zeros((0, 0), dtype=np.uint8)


def _text(data: bytes) -> str:
    return b64encode(data).decode("ascii")
