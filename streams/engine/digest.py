"""What the states of a partition are, in one number."""

from collections.abc import Iterable
from hashlib import blake2b

_BYTES = 8
_BITS = 63  # a sum fits the long of Avro


def state_digest(key: bytes, value: bytes) -> int:
    """Return the digest of one state, 64 bits."""
    return int.from_bytes(blake2b(b"%d/%b%b" % (len(key), key, value), digest_size=_BYTES).digest())


def table_digest(digests: Iterable[int]) -> int:
    """Return the digest of the states which *digests* stand for, in whatever order, 63 bits.

    >>> table_digest([1, 2]) == table_digest([2, 1])
    True
    """
    return sum(digests) % (1 << _BITS)
