"""Which partition Kafka's own clients choose for a key."""

import functools

from aiokafka.partitioner import murmur2

_POSITIVE = 0x7FFFFFFF


@functools.lru_cache(maxsize=100_000)
def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition of *key* among *partitions*, as the Java client's default partitioner does."""
    return int((murmur2(key) & _POSITIVE) % partitions)
