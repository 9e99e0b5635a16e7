"""Every way in which bytes are damaged: bits turned, cut, put in, taken out, doubled, absurd lengths and headers."""

from hypothesis import strategies as st

ABSURD_NUMBERS = (-1, -2, 2**31, 2**31 - 1, 2**62, 2**63 - 1, -(2**63))


def varint(value: int) -> bytes:
    """Return *value* as Avro writes a long."""
    left = (value << 1) ^ (value >> 63)
    found = bytearray()
    while left > 127:
        found.append(left & 127 | 128)
        left >>= 7
    return bytes([*found, left])


PIECES = st.binary(min_size=1, max_size=12) | st.sampled_from(
    [
        *map(varint, ABSURD_NUMBERS),
        b"NaN",
        b"Infinity",
        b"1e999",
        b"9" * 5_000,
        b"[" * 2_000,
        b"\\ud800",
        b"null",
        b"{}",
    ]
)


@st.composite
def changed(draw: st.DrawFn, valid: bytes) -> bytes:
    """Draw *valid* with one to four changes."""
    data = valid
    for _ in range(draw(st.integers(1, 4))):
        start, end = sorted((draw(st.integers(0, len(data))), draw(st.integers(0, len(data)))))
        data = _one(draw, data, start, end)
    return data


def _one(draw: st.DrawFn, data: bytes, start: int, end: int) -> bytes:
    piece = draw(PIECES)
    turned = bytes([data[start] ^ draw(st.integers(1, 255))]) if start < len(data) else b""
    ways = {
        "turn bits": data[:start] + turned + data[start + 1 :],
        "cut": data[:start],
        "put in": data[:start] + piece + data[start:],
        "overwrite": data[:start] + piece + data[start + len(piece) :],
        "take out": data[:start] + data[min(end, start + 20) :],
        "double": data[:end] + data[start:],
        "change the header": piece[:6] + data[6:],
    }
    return ways[draw(st.sampled_from(sorted(ways)))]
