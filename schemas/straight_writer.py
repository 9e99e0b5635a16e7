"""From a record to bytes, in one function which is generated for its type; see schemas.straight."""

import struct
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from typing import Any, TypeVar, get_origin, get_type_hints

from schemas.straight import (
    CODES,
    PLAIN,
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


def long_bytes(number: int, most: int = 2**64) -> bytes:
    """Return the bytes of a zigzag *number*, which must be below *most*."""
    if not 0 <= number < most:
        raise ValueError(number)
    found = bytearray()
    while number > 127:  # noqa: PLR2004 - seven bits
        found.append(number & 127 | 128)
        number >>= 7
    found.append(number)
    return bytes(found)


def straight_writer(schema: Mapping[str, Any], record_type: type[R]) -> Callable[[bytearray, R], None]:
    """Return what writes a *record_type* behind the bytes that are there; raises UnfitError when there is none."""
    code = Code({"long_bytes": long_bytes, "pack": struct.pack, "len": len})
    found: Callable[[bytearray, R], None] = code.known[_record_writer(code, schema, record_type)]
    return found


def _record_writer(code: Code, schema: Any, hint: Any) -> str:
    if not (is_dataclass(hint) and isinstance(hint, type)):
        raise UnfitError(f"{hint} is no record")
    key = (schema["name"], hint)
    if key in code.functions:
        return code.functions[key]
    hints, lines = get_type_hints(hint), []
    for number, one in enumerate(schema["fields"]):
        if one["name"] not in hints:
            raise UnfitError(f"{hint} has no field {one['name']}")
        lines += [f"v{number} = r.{one['name']}", *_write(code, one["type"], hints[one["name"]], f"v{number}")]
    name = code.functions[key] = f"write{len(code.functions)}"
    code.define(name, "out, r", lines)
    return name


def _write(code: Code, schema: Any, hint: Any, value: str) -> list[str]:
    """Return the lines which write *value*."""
    schema = code.named(schema)
    kind = kind_of(schema)
    if isinstance(schema, list):
        null, other, branch = branches(schema)
        inner = _write(code, branch, only_type(hint), value)
        return [f"if {value} is None: out.append({null})", "else:", *indented([f"out.append({other})", *inner])]
    if kind in PLAIN:
        check_plain(kind, hint)
        return _write_plain(kind, value)
    if kind == "enum":
        bytes_of = code.keep({member: 2 * index for index, member in enumerate(members(schema, hint))})
        return [f"out.append({bytes_of}[{value}])"]
    if kind == "record":
        return [f"{_record_writer(code, schema, hint)}(out, {value})"]
    if kind in {"array", "map"}:
        return _write_many(code, schema, hint, value)
    raise UnfitError(f"{kind} has no straight writer")


def _write_plain(kind: str, value: str) -> list[str]:
    if kind in {"int", "long"}:
        most = "" if kind == "long" else f", {2**32}"
        return [
            f"n = ({value} << 1) ^ ({value} >> 63)",
            "if 0 <= n < 128: out.append(n)",
            f"else: out += long_bytes(n{most})",
        ]
    if kind == "boolean":
        return [f"if {value} is True: out.append(1)", f"elif {value} is False: out.append(0)", "else: raise TypeError"]
    if kind in CODES:
        return [f"out += pack('<{CODES[kind]}', {value})"]
    text = f"{value}.encode()" if kind == "string" else value
    return [f"b = {text}; n = len(b) << 1", "if n < 128: out.append(n)", "else: out += long_bytes(n)", "out += b"]


def _write_many(code: Code, schema: Mapping[str, Any], hint: Any, value: str) -> list[str]:
    item, key = f"{value}i", f"{value}k"
    if schema["type"] == "map":
        if get_origin(hint) is not Mapping:
            raise UnfitError(f"{hint} is no mapping")
        written = [*_write_plain("string", key), *_write(code, schema["values"], item_hint(hint, 1), item)]
        each = [f"for {key}, {item} in {value}.items():", *indented(written)]
    elif isinstance(schema["items"], str) and schema["items"] in CODES:
        check_plain(schema["items"], item_hint(hint, 0))
        each = [f"out += pack(f'<{{len({value})}}{CODES[schema['items']]}', *{value})"]
    else:
        each = [f"for {item} in {value}:", *indented(_write(code, schema["items"], item_hint(hint, 0), item))]
    return [f"if len({value}):", *indented([f"out += long_bytes(len({value}) << 1)", *each]), "out.append(0)"]
