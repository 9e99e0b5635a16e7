"""Reads the fields of one event as its layout says, for kernels; -1 for a place says that it is not plain."""

from typing import Final

import numpy as np

from schemas.avro_kernels import read_double, read_long
from schemas.bounds import LARGEST_VALUE, MAX_TEXT, MAX_VALUES
from schemas.compiling import compiled
from schemas.flat_texts import Bytes, Longs
from schemas.plain_layout import (
    BOOLEAN,
    BYTES,
    DOUBLE,
    FIELD_NUMBERS,
    FLOAT,
    MAP,
    NO_UNION,
    NUMBER,
    SYMBOL,
    TEXT,
    USES,
)

_SPACE, _TILDE = np.uint8(32), np.uint8(126)
_MOST_BYTES: Final = 4  # of a character
_KIND_BITS, _FOLLOWS = 0xC0, 0x80  # the two bits which say that a byte is not the first of a character
_DOUBLE: Final = 8
_SOMETHING: Final = 2  # the second branch, zigzag
_FNV_START, _FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)


@compiled
def is_name(data: Bytes, start: int, length: int) -> bool:
    """Tell whether all is printable ASCII, not too long, and not blank."""
    if not 0 < length <= MAX_TEXT:
        return False
    odd, seen = False, False
    first = np.uint64(start)
    for place in range(np.uint64(length)):  # an index without a sign is not counted from the end
        odd |= (data[first + place] < _SPACE) | (data[first + place] > _TILDE)
        seen |= data[first + place] != _SPACE
    return seen and not odd


@compiled
def is_title(data: Bytes, start: int, length: int) -> bool:
    """Tell whether a text of UTF-8 is not too long, and surely not blank."""
    if not 0 < length <= _MOST_BYTES * MAX_TEXT:
        return False
    characters, seen, first = 0, False, np.uint64(start)
    for place in range(np.uint64(length)):
        byte = data[first + place]
        characters += (byte & _KIND_BITS) != _FOLLOWS
        # Blanks beyond ASCII begin with C2, E1, E2 and E3.
        seen |= (_SPACE < byte <= _TILDE) | ((byte > 0xC2) & ((byte < 0xE1) | (byte > 0xE3)))  # noqa: PLR2004
    return seen and characters <= MAX_TEXT


@compiled
def _follow(data: Bytes, at: int, end: int, count: int, lowest: int, highest: int) -> bool:  # noqa: PLR0917 - a kernel's
    """Tell whether *count* bytes of a character come behind its first, the first of them in bounds of its own."""
    good = end - at > count and lowest <= data[at + 1] <= highest
    for place in range(2, count + 1):
        good = good and data[at + place] & _KIND_BITS == _FOLLOWS
    return good


@compiled
def _character_end(data: Bytes, at: int, end: int) -> int:
    """Return where the character at *at* ends; -1 when it is none. See Unicode 15.0, table 3-7."""
    first = data[at]
    if first < 0x80:  # noqa: PLR2004 - as the table has it, like those below
        return at + 1
    if 0xC2 <= first <= 0xDF:  # noqa: PLR2004
        return at + 2 if _follow(data, at, end, 1, 0x80, 0xBF) else -1
    if first == 0xE0:  # noqa: PLR2004
        return at + 3 if _follow(data, at, end, 2, 0xA0, 0xBF) else -1
    if 0xE1 <= first <= 0xEF:  # noqa: PLR2004
        return at + 3 if _follow(data, at, end, 2, 0x80, 0x9F if first == 0xED else 0xBF) else -1  # noqa: PLR2004
    if 0xF0 <= first <= 0xF4:  # noqa: PLR2004
        lowest, highest = 0x90 if first == 0xF0 else 0x80, 0x8F if first == 0xF4 else 0xBF  # noqa: PLR2004
        return at + 4 if _follow(data, at, end, 3, lowest, highest) else -1
    return -1


@compiled
def _is_utf8(data: Bytes, start: int, end: int) -> bool:
    """Tell whether Python would decode these bytes."""
    first, highest = np.uint64(start), np.uint8(0)
    for place in range(np.uint64(end - start)):
        highest |= data[first + place]
    if highest < 0x80:  # noqa: PLR2004 - seven bits
        return True
    at = start
    while 0 <= at < end:
        at = _character_end(data, at, end)
    return at == end


@compiled
def _read_text(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """Return the length of the text or the bytes at *at*, and where they end."""
    length, at = read_long(data, at, end)
    return (length, at + length) if at >= 0 and 0 <= length <= end - at else (0, -1)


@compiled
def _read_bits(data: Bytes, at: int, end: int, count: int) -> tuple[int, int]:
    """Return the number of *count* bytes, and where they end."""
    if end - at < count:
        return 0, -1
    bits = 0
    for place in range(count):
        bits |= int(np.int64(data[at + place])) << (8 * place)
    return bits, at + count


@compiled
def _read_symbol(data: Bytes, at: int, end: int, layout: Longs, table: int) -> tuple[int, int]:
    """Return what the symbol at *at* stands for."""
    if at >= end or data[at] & 1 or data[at] >= 2 * layout[table]:
        return 0, -1
    value = layout[table + 1 + (data[at] >> 1)]
    return value, at + 1 if value >= 0 else -1


@compiled
def _read_size(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """Return the small number at *at*, and where it ends: in as few bytes as can be, as our own codec writes it."""
    number, after = read_long(data, at, end)
    fewest = 1 if number < 64 else 2  # noqa: PLR2004 - zigzag, seven bits a byte
    return number, after if number >= 0 and after - at == fewest else -1


@compiled
def _hash(data: Bytes, start: int, end: int) -> np.uint64:
    """Return the FNV-1a hash of some bytes."""
    found, first = _FNV_START, np.uint64(start)
    for place in range(np.uint64(end - start)):
        found = (found ^ np.uint64(data[first + place])) * _FNV_PRIME
    return found


@compiled
def _number_end(data: Bytes, at: int, end: int) -> int:
    """Return where the number or null at *at* ends; -1 when it is neither, or one which no model reads."""
    if at < 0 or at >= end:
        return -1
    if data[at] == 0:
        return at + 1
    if data[at] != _SOMETHING or end - at <= _DOUBLE or abs(read_double(data, at + 1)) > LARGEST_VALUE:
        return -1
    return at + 1 + _DOUBLE


@compiled
def _read_map(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """Return of how many bytes the map at *at* is, and where it ends.

    It is one which a state can hold as it is: of one block, as short as can be, whose names are unlike each other.
    """
    count, place = _read_size(data, at, end)
    if place < 0 or count > MAX_VALUES:
        return 0, -1
    seen = np.empty(count, np.uint64)
    for number in range(count):
        length, start = _read_size(data, place, end)
        if start < 0 or length > end - start or not is_name(data, start, length):
            return 0, -1
        seen[number] = _hash(data, start, start + length)
        for other in range(number):
            if seen[other] == seen[number]:
                return 0, -1
        place = _number_end(data, start + length, end)
        if place < 0:
            return 0, -1
    if count == 0:
        return place - at, place
    return (place + 1 - at, place + 1) if place < end and data[place] == 0 else (0, -1)


@compiled
def _read_value(data: Bytes, at: int, end: int, layout: Longs, field: int) -> tuple[int, int]:
    """Return the value at *at*, of a text its length, and where it ends; -1 when there is none that is plain."""
    way = layout[field + 1]
    if way == NUMBER:
        return read_long(data, at, end)
    if way in (TEXT, BYTES):
        length, after = _read_text(data, at, end)
        return length, after if way == BYTES or _is_utf8(data, after - length, after) else -1
    if way == SYMBOL:
        return _read_symbol(data, at, end, layout, layout[field + 2])
    if way == MAP:
        return _read_map(data, at, end)
    if way in (FLOAT, DOUBLE):
        return _read_bits(data, at, end, 4 if way == FLOAT else 8)
    truth, after = _read_bits(data, at, end, 1)
    return truth, after if way == BOOLEAN and truth <= 1 else -1


@compiled
def read_fields(data: Bytes, at: int, end: int, layout: Longs, found: Longs) -> bool:
    """Write to *found* the value of each use, and behind them all where each ends; tell whether all could be read."""
    for field in range(1, 1 + FIELD_NUMBERS * layout[0], FIELD_NUMBERS):
        null, use = layout[field], layout[field + 3]
        if null != NO_UNION:
            if at >= end:
                return False
            branch, at = data[at], at + 1
            if branch == null:
                continue
            if branch != 2 - null:
                return False
        found[use], at = _read_value(data, at, end, layout, field)
        if at < 0:
            return False
        found[USES + use] = at
    return at == end
