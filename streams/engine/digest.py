"""What the states of a partition are, in one number."""

from collections.abc import Iterable, Mapping
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


class Digests:
    """The digests of a partition's states as its changelog has them.

    A state is written many times before somebody asks for its digest, so that none is computed until then.
    """

    def __init__(self) -> None:
        self._computed: dict[bytes, int] = {}
        self._waiting: dict[bytes, bytes | None] = {}

    def note(self, written: Mapping[bytes, bytes | None]) -> None:
        """Take note of what the changelog has got; None where a state has left it."""
        self._waiting.update(written)
        if None in written.values():  # nobody asks before a clean stop, and until then more states go than there are
            for key in [key for key, value in written.items() if value is None and key not in self._computed]:
                del self._waiting[key]

    def of_all(self) -> tuple[int, int]:
        """Return the digest of the table, and how many states that is."""
        for key, value in self._waiting.items():
            if value is None:
                self._computed.pop(key, None)
            else:
                self._computed[key] = state_digest(key, value)
        self._waiting = {}
        return table_digest(self._computed.values()), len(self._computed)

    def copy(self) -> "Digests":
        """Return the same digests, to go on with, also while another thread computes them."""
        other = Digests()
        # What waits comes first: what is computed meanwhile is then in both, and not in neither.
        other._waiting, other._computed = self._waiting.copy(), self._computed.copy()
        return other
