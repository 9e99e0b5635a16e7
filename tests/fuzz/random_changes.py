"""Random changes of a record which is as it should be, its key included."""

from random import Random

HEADER_BYTES = 5


class Changer:
    """Changes the key and the bytes of a record in every way, at random."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._ways = (
            self._turned, self._turned, self._cut, self._put_in, self._overwritten, self._taken_out, self._doubled,
            self._other_header, self._noise, lambda _value: None,
        )  # fmt: skip

    def changed(self, key: bytes, value: bytes) -> tuple[bytes | None, bytes | None]:
        if self._chance.random() < 0.05:
            return self._chance.choice((None, b"", key + b"x", b"\xff\x00")), value
        return key, self._chance.choice(self._ways)(value)

    def _place(self, value: bytes) -> int:
        """Return a place behind the header: an unknown schema id is asked for each time, and that has its own way."""
        return self._chance.randrange(HEADER_BYTES, len(value))

    def _turned(self, value: bytes) -> bytes:
        found = bytearray(value)
        for _ in range(self._chance.randint(1, 4)):
            found[self._place(value)] ^= 1 << self._chance.randrange(8)
        return bytes(found)

    def _cut(self, value: bytes) -> bytes:
        return value[: self._chance.randrange(len(value))]

    def _put_in(self, value: bytes) -> bytes:
        place = self._place(value)
        return value[:place] + self._chance.randbytes(self._chance.randint(1, 12)) + value[place:]

    def _overwritten(self, value: bytes) -> bytes:
        place, piece = self._place(value), self._chance.randbytes(self._chance.randint(1, 12))
        return value[:place] + piece + value[place + len(piece) :]

    def _taken_out(self, value: bytes) -> bytes:
        place = self._place(value)
        return value[:place] + value[place + self._chance.randint(1, 12) :]

    def _doubled(self, value: bytes) -> bytes:
        place = self._place(value)
        return value[:place] + value[HEADER_BYTES:]

    def _other_header(self, value: bytes) -> bytes:
        schema_id = self._chance.choice((0, 1, 2, 3, 4, 5, 6, 10_000, 2**31, 2**32 - 1))
        return bytes([self._chance.choice((0, 0, 0, 1, 255))]) + schema_id.to_bytes(4, "big") + value[5:]

    def _noise(self, value: bytes) -> bytes:
        return value[:HEADER_BYTES] + self._chance.randbytes(self._chance.randrange(200))
