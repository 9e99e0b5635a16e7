"""Which partition Kafka's default partitioner chooses for a key, in kernels."""

from typing import Final

import numpy as np

from schemas.compiling import compiled
from schemas.flat_texts import Bytes

_SEED: Final = np.uint32(0x9747B28C)
_FACTOR: Final = np.uint32(0x5BD1E995)
_POSITIVE: Final = np.uint32(0x7FFFFFFF)


@compiled
def _murmur2(data: Bytes, start: int, end: int) -> np.uint32:
    """Return the hash of Kafka's Java client: MurmurHash2 (Appleby), 32 bits."""
    length = end - start
    found = np.uint32(_SEED ^ np.uint32(length))
    for word in range(start, end - length % 4, 4):
        number = np.uint32(data[word]) | np.uint32(data[word + 1]) << np.uint32(8)
        number |= np.uint32(data[word + 2]) << np.uint32(16) | np.uint32(data[word + 3]) << np.uint32(24)
        number = np.uint32(np.uint32(number) * _FACTOR)
        number ^= number >> np.uint32(24)
        found = np.uint32(np.uint32(found) * _FACTOR) ^ np.uint32(np.uint32(number) * _FACTOR)
    if length % 4:
        for place in range(length % 4):
            found ^= np.uint32(data[end - length % 4 + place]) << np.uint32(8 * place)
        found = np.uint32(np.uint32(found) * _FACTOR)
    found ^= np.uint32(found) >> np.uint32(13)
    found = np.uint32(np.uint32(found) * _FACTOR)
    return np.uint32(found ^ np.uint32(found) >> np.uint32(15))


@compiled
def partition_at(data: Bytes, start: int, end: int, partitions: int) -> int:
    """Return the partition of the key from *start* to *end* among *partitions*; for kernels."""
    return int(np.int64(_murmur2(data, start, end) & _POSITIVE) % partitions)
