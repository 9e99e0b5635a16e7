"""The prediction ids last seen in a partition: bounded, and written a segment at a time."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from monitors.sampling import hash64

SEGMENT = 512
SEGMENTS = 32


class RememberedIds:
    """A ring of the last ids as 64-bit digests, each with the offset at which it was first seen.

    A repeat comes from a worker that fell between its outputs and its changelog, so it is not far behind: 16,384 ids a
    partition are many times what may be in flight. With its offset, an id in a segment that was written ahead of the
    rest before a fall is known for itself when its record is read again.

    Attributes:
        count: Ids remembered so far; the next one takes place ``count % (SEGMENT * SEGMENTS)``.
    """

    def __init__(self, count: int = 0) -> None:
        self.count = count
        self._ring = np.zeros((SEGMENT * SEGMENTS, 2), dtype=np.uint64)
        self._first: dict[int, int] = {}
        self._touched: set[int] = set()

    def is_repeat(self, prediction_id: str, offset: int) -> bool:
        """Return whether the id was seen at an earlier offset; remember it when not."""
        digest = hash64(prediction_id)
        known = self._first.get(digest)
        if known is not None and known < offset:
            return True
        place = self.count % len(self._ring)
        self._forget(place)
        self._ring[place] = digest, offset
        self._first[digest] = offset
        self._touched.add(place // SEGMENT)
        self.count += 1
        return False

    def _forget(self, place: int) -> None:
        digest, offset = self._ring[place].tolist()
        if self._first.get(digest) == offset and (digest or offset):
            del self._first[digest]

    def touched(self) -> Iterator[tuple[int, bytes]]:
        """Yield number and bytes of each segment changed since the last call."""
        for number in sorted(self._touched):
            yield number, self._segment(number).astype("<u8").tobytes()
        self._touched.clear()

    def restore(self, number: int, payload: bytes) -> None:
        """Take a segment as it was written."""
        found = np.frombuffer(payload, dtype="<u8").reshape(SEGMENT, 2)
        self._segment(number)[:] = found
        self._first.update((digest, offset) for digest, offset in found.tolist() if digest or offset)

    def _segment(self, number: int) -> np.ndarray[Any, np.dtype[np.uint64]]:
        return self._ring[number * SEGMENT : (number + 1) * SEGMENT]
