"""Which values of users' feature events are read from a state, and where they stand behind the facts."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from math import nan

import numpy as np
from numpy.typing import NDArray

from features.facts import N_FACTS
from features.match_state import MatchState


@dataclass(frozen=True, slots=True)
class Reads:
    """Sources and, of each, the keys of the values that are read.

    Their facts stand behind the first N_FACTS: all values, source by source, then the as_of_ms of each source.
    """

    sources: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @classmethod
    def of(cls, values: Iterable[tuple[str, str]]) -> "Reads":
        """Return what reads *values*, pairs of source and key, each once."""
        found: dict[str, list[str]] = {}
        for source, key in values:
            found.setdefault(source, []).append(key)
        return cls(tuple((source, tuple(keys)) for source, keys in found.items()))

    @property
    def values(self) -> tuple[tuple[str, str], ...]:
        """Source and key of each value, in the order of the facts."""
        return tuple((source, key) for source, keys in self.sources for key in keys)

    @property
    def width(self) -> int:
        """How many facts there are in all."""
        return N_FACTS + len(self.values) + len(self.sources)

    def value_at(self, source: str, key: str) -> int:
        """Return the column of a value among the facts."""
        return N_FACTS + self.values.index((source, key))

    def as_of_at(self, source: str) -> int:
        """Return the column of the as_of_ms of *source* among the facts."""
        return N_FACTS + len(self.values) + [name for name, _ in self.sources].index(source)

    def taken_from(self, facts: NDArray[np.float64], read: "Reads") -> NDArray[np.float64]:
        """Return what these read of *facts*, shape ``(n, width)``, which *read* has read: these, and more perhaps."""
        return facts if read == self else facts[:, _columns(self, read)]

    def facts(self, state: MatchState) -> list[float]:
        """Return what *state* says of them; NaN is not known."""
        known = [(state.features.get(source), keys) for source, keys in self.sources]
        values = [None if one is None else one.values.get(key) for one, keys in known for key in keys]
        return [
            *(nan if value is None else value for value in values),
            *(nan if one is None else float(one.as_of_ms) for one, _ in known),
        ]


@lru_cache(maxsize=64)
def _columns(wanted: Reads, read: Reads) -> NDArray[np.int64]:
    """Return where the facts of *wanted* stand among those of *read*."""
    values = [read.value_at(*value) for value in wanted.values]
    as_of = [read.as_of_at(source) for source, _ in wanted.sources]
    return np.array([*range(N_FACTS), *values, *as_of], np.int64)


def together(several: Iterable[Reads]) -> Reads:
    """Return what reads all that *several* read; one of them itself where that reads all."""
    distinct = list(dict.fromkeys(several))
    every = Reads.of(dict.fromkeys(value for one in distinct for value in one.values))
    return next((one for one in distinct if set(one.values) == set(every.values)), every)


NOTHING = Reads()
