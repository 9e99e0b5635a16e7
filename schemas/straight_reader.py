"""From bytes to a record, in one function which is generated for its type; see schemas.straight."""

import struct
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final, TypeVar, Union, get_origin, get_type_hints

from schemas.straight import (
    CODES,
    PLAIN,
    TWO_BYTES,
    Code,
    UnfitError,
    branches,
    check_plain,
    indented,
    item_hint,
    kind_of,
    members,
    only_type,
)

R = TypeVar("R")

_TOO_LARGE: Final = 2**64


def longer(data: bytes, at: int, number: int) -> tuple[int, int]:
    """Return a zigzag number whose first byte, *number*, says that others follow from *at* on, and where it ends."""
    number &= 127
    for shift in range(7, 64, 7):
        byte = data[at]
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:  # noqa: PLR2004 - the highest bit
            if number >= _TOO_LARGE:
                break
            return number, at
    raise ValueError(number)


def straight_reader(
    schema: Mapping[str, Any], record_type: type[R], added: Mapping[str, Any], dropped: Sequence[str]
) -> Callable[[bytes, int], tuple[R, int]]:
    """Return what reads a *record_type* from bytes at an offset, and says where it ends.

    One with records inside has none: fastavro's compiled loops are as fast there.

    Args:
        schema: The writer's, as fastavro has parsed it.
        record_type: A frozen dataclass.
        added: Values of fields which the writer has not.
        dropped: Fields which the record has not.

    Raises:
        UnfitError: There is none.
    """
    hints = get_type_hints(record_type)
    if any(isinstance(value, str) and not _is_text(hints[name]) for name, value in added.items()):
        raise UnfitError("the name of an enumeration's member is no member yet")
    code = Code({"longer": longer, "str": str, "unpack": struct.unpack_from})
    given = {name: code.keep(value) for name, value in added.items()}
    lines = []
    for number, one in enumerate(schema["fields"]):
        name, value = one["name"], f"v{number}"
        lines += _read(code, one["type"], None if name in dropped else hints[name], value)
        if name not in dropped:
            given[name] = value
    arguments = ", ".join(f"{one.name}={given[one.name]}" for one in fields(record_type) if one.name in given)  # type: ignore[arg-type] # a dataclass
    lines.append(f"return {code.keep(record_type)}({arguments}), at")
    found: Callable[[bytes, int], tuple[R, int]] = code.define("read", "data, at", lines)
    return found


def _is_text(hint: Any) -> bool:
    return hint is str or (get_origin(hint) in {types.UnionType, Union} and only_type(hint) is str)


_NUMBER: Final = ("n = data[at]; at += 1", "if n > 127: n, at = longer(data, at, n)")
_LENGTH: Final = (*_NUMBER, "if n & 1: raise ValueError")


def _read(code: Code, schema: Any, hint: Any, target: str) -> list[str]:
    """Return the lines which set *target* to what is at *at*; without a *hint* its type is the schema's own."""
    schema = code.named(schema)
    kind = kind_of(schema)
    if isinstance(schema, list):
        return _read_union(code, schema, hint, target)
    if hint is None:
        return _read_over(schema, kind, target)
    if kind in PLAIN:
        check_plain(kind, hint)
        return _read_plain(kind, target)
    if kind == "enum":
        by_byte = code.keep({2 * index: member for index, member in enumerate(members(schema, hint))})
        return [f"{target} = {by_byte}[data[at]]; at += 1"]
    if kind == "array":
        return _read_array(code, schema, hint, target)
    if kind == "map":
        return _read_map(code, schema, hint, target)
    raise UnfitError(f"{kind} has no straight reader")


def _read_plain(kind: str, target: str) -> list[str]:
    if kind in {"int", "long"}:
        return [*_NUMBER, f"{target} = (n >> 1) ^ -(n & 1)"]
    if kind == "boolean":
        return ["n = data[at]; at += 1", "if n > 1: raise ValueError", f"{target} = n == 1"]
    if kind in CODES:
        size = struct.calcsize(CODES[kind])
        return [f"({target},) = unpack('<{CODES[kind]}', data, at); at += {size}"]
    value = "str(data[at:end], 'utf-8')" if kind == "string" else "data[at:end]"
    return [*_LENGTH, f"end = at + (n >> 1); {target} = {value}; at = end"]


def _read_over(schema: Any, kind: str, target: str) -> list[str]:
    """Return the lines which leave out what is at *at*, and refuse what a reader of it would.

    What says that it is longer than the bytes ends behind them.
    """
    if kind in CODES:
        return [f"at += {struct.calcsize(CODES[kind])}"]
    if kind in PLAIN:
        return _read_plain(kind, target)
    if kind == "enum" and len(schema["symbols"]) <= TWO_BYTES:
        return ["n = data[at]; at += 1", f"if n & 1 or n >= {2 * len(schema['symbols'])}: raise ValueError"]
    if kind == "array" and isinstance(schema["items"], str) and schema["items"] in CODES:
        size = struct.calcsize(CODES[schema["items"]])
        return ["while True:", *indented([*_LENGTH, "if not n: break", f"at += (n >> 1) * {size}"])]
    raise UnfitError(f"{kind} is not read over")


def _read_union(code: Code, schema: list[Any], hint: Any, target: str) -> list[str]:
    null, other, branch = branches(schema)
    inner = _read(code, branch, None if hint is None else only_type(hint), target)
    return [
        "n = data[at]; at += 1",
        f"if n == {null}: {target} = None",
        f"elif n == {other}:",
        *indented(inner),
        "else: raise ValueError",
    ]


def _read_array(code: Code, schema: Mapping[str, Any], hint: Any, target: str) -> list[str]:
    if get_origin(hint) not in {tuple, Sequence}:
        raise UnfitError(f"{hint} is no sequence")
    item = f"{target}i"
    if isinstance(schema["items"], str) and schema["items"] in CODES:
        check_plain(schema["items"], item_hint(hint, 0))
        letter = CODES[schema["items"]]
        inner = [f"{target} += unpack(f'<{{n >> 1}}{letter}', data, at); at += (n >> 1) * {struct.calcsize(letter)}"]
    else:
        read = _read(code, schema["items"], item_hint(hint, 0), item)
        inner = ["for _ in range(n >> 1):", *indented([*read, f"{target}.append({item})"])]
    block = [*_LENGTH, "if not n: break", *inner]
    return [f"{target} = []", "while True:", *indented(block), f"{target} = tuple({target})"]


def _read_map(code: Code, schema: Mapping[str, Any], hint: Any, target: str) -> list[str]:
    if get_origin(hint) is not Mapping:
        raise UnfitError(f"{hint} is no mapping")
    key, item = f"{target}k", f"{target}i"
    read = [*_read_plain("string", key), *_read(code, schema["values"], item_hint(hint, 1), item)]
    inner = ["for _ in range(n >> 1):", *indented([*read, f"{target}[{key}] = {item}"])]
    return [f"{target} = {{}}", "while True:", *indented([*_LENGTH, "if not n: break", *inner])]
