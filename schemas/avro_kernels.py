"""Avro's numbers in arrays of bytes, for kernels; a place of -1 says that there is none, and stays -1."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from schemas.compiling import compiled

Bytes: TypeAlias = NDArray[np.uint8]


@compiled
def read_long(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """Return the zigzag number at *at*, and where it ends."""
    if at < 0 or at >= end:
        return 0, -1
    number, shift = np.uint64(0), 0
    while at < end:
        byte = np.uint64(data[at])
        at += 1
        if shift == 63 and byte > 1:  # noqa: PLR2004 - 64 bits
            return 0, -1
        number |= (byte & np.uint64(127)) << np.uint64(shift)
        if byte < 128:  # noqa: PLR2004 - the highest bit
            return int(np.int64(number >> np.uint64(1)) ^ -np.int64(number & np.uint64(1))), at
        shift += 7
    return 0, -1


@compiled
def skip_bytes(data: Bytes, at: int, end: int) -> int:
    """Return where the string or bytes at *at* end."""
    length, at = read_long(data, at, end)
    return at + length if at >= 0 and 0 <= length <= end - at else -1


@compiled
def read_double(data: Bytes, at: int) -> float:
    """Return the float64 in the eight bytes at *at*."""
    return float(data[at : at + 8].view(np.float64)[0])


@compiled
def write_long(data: Bytes, at: int, value: int) -> int:
    """Write a zigzag number of up to ten bytes; return where it ends."""
    number = np.uint64((value << 1) ^ (value >> 63))
    while number >= 128:  # noqa: PLR2004 - the highest bit
        data[at] = number & np.uint64(127) | np.uint64(128)
        number >>= np.uint64(7)
        at += 1
    data[at] = number
    return at + 1


@compiled
def copy_bytes(source: Bytes, start: int, end: int, data: Bytes, at: int) -> int:
    """Copy the bytes from *start* to *end*; return where they end."""
    first, to = np.uint64(start), np.uint64(at)
    for place in range(np.uint64(end - start)):  # an index without a sign is not counted from the end
        data[to + place] = source[first + place]
    return at + end - start


@compiled
def write_text(source: Bytes, start: int, length: int, data: Bytes, at: int) -> int:
    """Write the text or bytes of *length* at *start*; return where they end."""
    return copy_bytes(source, start, start + length, data, write_long(data, at, length))


@compiled
def is_after(  # noqa: PLR0917 - a kernel's
    one: Bytes, start: int, length: int, other: Bytes, other_start: int, other_length: int
) -> bool:
    """Tell whether the first text comes behind the second; UTF-8 is in the order of what it stands for."""
    for place in range(min(length, other_length)):
        ours, theirs = one[start + place], other[other_start + place]
        if ours != theirs:
            return bool(ours > theirs)
    return bool(length > other_length)


@compiled
def is_same(one: Bytes, start: int, end: int, other: Bytes, other_start: int, other_end: int) -> bool:  # noqa: PLR0917 - a kernel's
    """Tell whether two pieces of bytes are the same."""
    if end - start != other_end - other_start:
        return False
    first, second, same = np.uint64(start), np.uint64(other_start), True
    for place in range(np.uint64(end - start)):  # an index without a sign is not counted from the end
        same &= one[first + place] == other[second + place]
    return same


@compiled
def array_at(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """Return how many items the array or map at *at* has, and where the first is."""
    count, at = read_long(data, at, end)
    return (count, at) if 0 <= count < end else (0, -1)


@compiled
def array_end(data: Bytes, at: int, end: int, count: int) -> int:
    """Return where the array ends whose *count* items end at *at*: there must be no other block."""
    if not count:
        return at
    more, at = read_long(data, at, end)
    return at if more == 0 else -1
