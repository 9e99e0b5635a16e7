"""The states of a partition: what was restored stays bytes until somebody looks at it."""

from collections.abc import Iterator, MutableMapping
from typing import Generic, Protocol, TypeVar

S = TypeVar("S")
S_co = TypeVar("S_co", covariant=True)
_SCHEMA = slice(5)  # magic byte and schema id


class StateDecoder(Protocol[S_co]):
    """Reads the values of a changelog."""

    def __call__(self, key: bytes, value: bytes) -> S_co:
        """Return the state which *value* holds."""
        ...


class States(MutableMapping[bytes, S], Generic[S]):
    """States by key; restoring 300,000 match states is then not decoding them.

    Going through values decodes all of them.
    """

    __slots__ = ("_decode", "_decoded", "_kept", "_schemas")

    def __init__(self, decode: StateDecoder[S]) -> None:
        self._decode = decode
        self._kept: dict[bytes, bytes] = {}
        self._decoded: dict[bytes, S] = {}
        self._schemas: set[bytes] = set()

    def keep(self, key: bytes, value: bytes) -> None:
        """Set the state of *key* to what *value* holds."""
        if self._decoded:
            self._decoded.pop(key, None)
        schema = value[_SCHEMA]
        if schema not in self._schemas:
            self._decode(key, value)  # the first of its schema, while it is no harm to wait for the registry
            self._schemas.add(schema)
        self._kept[key] = value

    def kept(self, key: bytes) -> bytes | None:
        """Return the bytes of a state which nobody has looked at."""
        return self._kept.get(key)

    def copy(self) -> "States[S]":
        """Return the same states in a mapping of their own."""
        other = States(self._decode)
        other._kept, other._decoded, other._schemas = self._kept.copy(), self._decoded.copy(), self._schemas.copy()
        return other

    def __getitem__(self, key: bytes) -> S:
        """Return the state of *key*."""
        if key in self._decoded:
            return self._decoded[key]
        state = self._decoded[key] = self._decode(key, self._kept[key])
        del self._kept[key]
        return state

    def __setitem__(self, key: bytes, state: S) -> None:
        """Set the state of *key*."""
        self._kept.pop(key, None)
        self._decoded[key] = state

    def __delitem__(self, key: bytes) -> None:
        """Forget the state of *key*."""
        if self._kept.pop(key, None) is None:
            del self._decoded[key]

    def __contains__(self, key: object) -> bool:
        """Tell whether *key* has a state."""
        return key in self._decoded or key in self._kept

    def __iter__(self) -> Iterator[bytes]:
        """Yield the keys; looking at a state meanwhile is no change."""
        return iter([*self._decoded, *self._kept])

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._decoded) + len(self._kept)
