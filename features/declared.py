"""Feature sets that users declare: the columns of a published set, and behind them values of their own feature events.

A value is known at a moment when the newest feature event of its source has it, and when that event's as_of_ms is
neither too long before the moment nor, beyond what the declaration allows, after it. The moment is the event time of
the event that is predicted.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from features.facts import MOMENT
from features.feature_sets import FEATURE_SETS, FeatureSet
from features.told import Reads

SECOND_MS = 1000.0


@dataclass(frozen=True, slots=True)
class Column:
    """A value of users' feature events as a feature.

    Attributes:
        name: Of the feature.
        source: Whose feature events have it.
        key: Of the value in them.
        max_age_seconds: From the event's as_of to the moment; an older value is missing.
        max_ahead_seconds: By how much its as_of may be after the moment; a value from later on is missing.
        age: Whether the next column is its age in seconds, missing where the value is.
    """

    name: str
    source: str
    key: str
    max_age_seconds: int
    max_ahead_seconds: int = 0
    age: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Names of its features, one or two."""
        return (self.name, f"{self.name}_age") if self.age else (self.name,)


@dataclass(frozen=True, slots=True)
class Declaration:
    """A feature set as it is declared; features.declaring reads and checks it.

    Attributes:
        version: Of the set.
        base: Version of the published set whose columns come first.
    """

    version: str
    base: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all features, in the order of the columns."""
        return (*FEATURE_SETS[self.base].names, *(name for column in self.columns for name in column.names))

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources whose feature events are read."""
        return tuple(dict.fromkeys(column.source for column in self.columns))

    @property
    def digest(self) -> str:
        """SHA-256 over all that says what the features are, in hexadecimal."""
        told = json.dumps({**asdict(self), "features": self.names}, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(told.encode()).hexdigest()

    def as_json(self) -> dict[str, object]:
        """Return what a manifest says of it beside its version."""
        return {"base": self.base, "columns": [asdict(column) for column in self.columns], "digest": self.digest}


def declared_set(declaration: Declaration) -> FeatureSet:
    """Return the feature set of *declaration*."""
    reads = Reads.of((column.source, column.key) for column in declaration.columns)
    base, told = FEATURE_SETS[declaration.base], _told(declaration.columns, reads)

    def of(facts: NDArray[np.float64]) -> NDArray[np.float32]:
        return np.concatenate([base.of(facts), told(facts)], axis=1)

    return FeatureSet(declaration.version, declaration.names, of, reads, declaration.as_json())


def _told(columns: Sequence[Column], reads: Reads) -> Callable[[NDArray[np.float64]], NDArray[np.float32]]:
    values = [reads.value_at(column.source, column.key) for column in columns]
    as_of = [reads.as_of_at(column.source) for column in columns]
    oldest = np.array([column.max_age_seconds * SECOND_MS for column in columns])
    newest = np.array([-column.max_ahead_seconds * SECOND_MS for column in columns])
    chosen = [
        place for number, column in enumerate(columns) for place in ([2 * number, 2 * number + 1][: 1 + column.age])
    ]

    def of(facts: NDArray[np.float64]) -> NDArray[np.float32]:
        ages = facts[:, MOMENT, np.newaxis] - facts[:, as_of]
        known = np.where((newest <= ages) & (ages <= oldest), facts[:, values], np.nan)  # a NaN is neither
        both = np.stack([known, np.where(np.isnan(known), np.nan, ages / SECOND_MS)], axis=2)
        return both.reshape(len(facts), 2 * len(columns))[:, chosen].astype(np.float32)

    return of
