"""Draws that anyone can repeat: chosen by a hash of the name, not by a generator's state."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def hash64(name: str | bytes, seed: int = 0) -> int:
    """Return 64 bits of BLAKE2b of *name*, as an unsigned integer; the same on every machine and in every run.

    >>> hash64("m1") == hash64(b"m1"), hash64("m1") == hash64("m1", seed=1)
    (True, False)
    """
    data = name.encode() if isinstance(name, str) else name
    return int.from_bytes(blake2b(data, digest_size=8, salt=seed.to_bytes(8, "little")).digest(), "little")


def hashes64(names: Sequence[str] | Sequence[bytes], seed: int = 0) -> NDArray[np.uint64]:
    """Return `hash64` of each of *names*, shape ``(len(names),)``."""
    salt = seed.to_bytes(8, "little")  # the hashing is most of a window's work: nothing is done twice
    data = (name.encode() if isinstance(name, str) else name for name in names)
    digests = b"".join([blake2b(one, digest_size=8, salt=salt).digest() for one in data])
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def one_row_per_match(match_ids: Sequence[str], seed: int = 0) -> NDArray[np.intp]:
    """Return the index of one row of each match, in the order of the matches' names.

    Rows of a match are not independent, so that a test may count each match once only. Which of its rows is taken
    depends on the match's name, its number of rows and *seed* alone, never on the other matches.

    >>> one_row_per_match(["b", "a", "a", "b", "c"]).size
    3
    """
    ids = np.asarray(match_ids, dtype=np.str_)
    names, counts = np.unique(ids, return_counts=True)
    in_groups = np.argsort(ids, kind="stable")
    starts = np.cumsum(counts) - counts
    chosen = hashes64(names.tolist(), seed) % counts.astype(np.uint64)
    rows: NDArray[np.intp] = in_groups[starts + chosen.astype(np.intp)]
    return rows
