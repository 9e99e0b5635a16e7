"""BLAKE2b (RFC 7693) of bytes in arrays, for kernels; ``hashlib.blake2b`` gives the same."""

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from schemas.compiling import compiled
from schemas.flat_texts import Bytes

Word: TypeAlias = np.uint64
Words: TypeAlias = NDArray[np.uint64]

WORK: Final = 24
"""Words to work in: eight of the state, which hold the digest in the end, and sixteen of a block."""

_STATE: Final = 8
_BLOCK: Final = 128
_WORD: Final = 8
_MORE: Final = np.uint64(0)
_LAST: Final = np.uint64(2**64 - 1)
_START: Final = np.array(
    [
        0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
        0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
    ],
    np.uint64,
)  # fmt: skip
_ORDER: Final = (
    np.array(
        [
            (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
            (14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3),
            (11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4),
            (7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8),
            (9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13),
            (2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9),
            (12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11),
            (13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10),
            (6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5),
            (10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0),
            (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
            (14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3),
        ],
        np.uint64,
    )
    + _STATE
)


@compiled
def _turned(word: Word, by: int) -> Word:
    return word >> np.uint64(by) | word << np.uint64(64 - by)


@compiled
def _mixed(  # noqa: PLR0917 - as the RFC has it
    a: Word, b: Word, c: Word, d: Word, x: Word, y: Word
) -> tuple[Word, Word, Word, Word]:  # fmt: skip
    a = a + b + x
    d = _turned(d ^ a, 32)
    c += d
    b = _turned(b ^ c, 24)
    a = a + b + y
    d = _turned(d ^ a, 16)
    c += d
    b = _turned(b ^ c, 63)
    return a, b, c, d


@compiled
def _take_in(work: Words, count: int, last: Word) -> None:
    """Mix the block into the state; *count* are the bytes until its end, *last* is _MORE or _LAST."""
    v0, v1, v2, v3, v4, v5, v6, v7 = work[0], work[1], work[2], work[3], work[4], work[5], work[6], work[7]
    v8, v9, v10, v11 = _START[0], _START[1], _START[2], _START[3]
    v12, v13, v14, v15 = _START[4] ^ np.uint64(count), _START[5], _START[6] ^ last, _START[7]
    for turn in range(len(_ORDER)):
        order = _ORDER[turn]
        v0, v4, v8, v12 = _mixed(v0, v4, v8, v12, work[order[0]], work[order[1]])
        v1, v5, v9, v13 = _mixed(v1, v5, v9, v13, work[order[2]], work[order[3]])
        v2, v6, v10, v14 = _mixed(v2, v6, v10, v14, work[order[4]], work[order[5]])
        v3, v7, v11, v15 = _mixed(v3, v7, v11, v15, work[order[6]], work[order[7]])
        v0, v5, v10, v15 = _mixed(v0, v5, v10, v15, work[order[8]], work[order[9]])
        v1, v6, v11, v12 = _mixed(v1, v6, v11, v12, work[order[10]], work[order[11]])
        v2, v7, v8, v13 = _mixed(v2, v7, v8, v13, work[order[12]], work[order[13]])
        v3, v4, v9, v14 = _mixed(v3, v4, v9, v14, work[order[14]], work[order[15]])
    work[0] ^= v0 ^ v8
    work[1] ^= v1 ^ v9
    work[2] ^= v2 ^ v10
    work[3] ^= v3 ^ v11
    work[4] ^= v4 ^ v12
    work[5] ^= v5 ^ v13
    work[6] ^= v6 ^ v14
    work[7] ^= v7 ^ v15


@compiled
def _word(data: Bytes, at: int, count: int) -> Word:
    """Return the number of *count* bytes, the lowest first."""
    word = np.uint64(0)
    for place in range(count):
        word |= np.uint64(data[at + place]) << np.uint64(8 * place)
    return word


@compiled
def _lay_out(work: Words, data: Bytes, at: int, count: int) -> None:
    """Write *count* bytes into the block, and zeros behind them."""
    whole = count // _WORD
    for place in range(whole):
        work[_STATE + place] = _word(data, at + _WORD * place, _WORD)
    for place in range(whole, _BLOCK // _WORD):
        work[_STATE + place] = 0
    if count > whole * _WORD:
        work[_STATE + whole] = _word(data, at + _WORD * whole, count - whole * _WORD)


@compiled
def blake2b(data: Bytes, start: int, length: int, size: int, work: Words) -> None:
    """Leave in *work* the digest of *size* bytes of *length* bytes, as words whose lowest byte is the first."""
    for place in range(_STATE):
        work[place] = _START[place]
    work[0] ^= np.uint64(0x01010000 | size)
    done = 0
    while length - done > _BLOCK:
        _lay_out(work, data, start + done, _BLOCK)
        done += _BLOCK
        _take_in(work, done, _MORE)
    _lay_out(work, data, start + done, length - done)
    _take_in(work, length, _LAST)


@compiled
def event_digest(data: Bytes, start: int, length: int, work: Words) -> int:
    """Return the 64 bits by which an event of this id is remembered, as a signed number of big-endian bytes."""
    blake2b(data, start, length, _WORD, work)
    number = np.uint64(0)
    for place in range(_WORD):
        number = number << np.uint64(8) | work[0] >> np.uint64(8 * place) & np.uint64(255)
    return np.int64(number)  # type: ignore[return-value] # an int where it is compiled


@compiled
def write_hex(work: Words, count: int, out: Bytes, at: int) -> int:
    """Write the first *count* bytes of the digest in *work* as hex; return where it ends."""
    for place in range(2 * count):
        half = work[place // 16] >> np.uint64(4 * (place % 16 ^ 1)) & np.uint64(15)
        out[at + place] = half + np.uint64(48 if half < 10 else 87)  # noqa: PLR2004 - digits, then letters
    return at + 2 * count
