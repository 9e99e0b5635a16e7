"""Plain values for people and programs: any Avro record as what JSON can hold, and JSON checked field by field.

Bytes are base64; a float which is not finite is null.
"""

import base64
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from functools import cache
from io import BytesIO
from typing import Any

import fastavro

from schemas.catalog import RECORD_TYPES, schema_json
from schemas.conversion import builder
from schemas.resolution import Unreadable, foreign
from schemas.strict_indexes import with_strict_indexes

LONGEST_SHOWN = 60  # as much as a line bears
_HEADER_BYTES = 5
_WHOLE = {"int": 31, "long": 63}


class FieldError(ValueError):
    """Raised for JSON which is not what a schema says; the message names the field, its value and what fits."""


def plain_reader(writer_json: str) -> Callable[[bytes], dict[str, Any]]:
    """Return what reads wire-format bytes of one writer's schema, whichever it is, as plain values.

    The reader raises ValueError for bytes which are no such record, or more than one.

    Raises:
        ValueError: The text is no schema of a record, or of one which could take all memory.
    """
    written = foreign(writer_json)
    if isinstance(written, Unreadable):
        raise ValueError(f"its schema cannot be read: {written.reason}")  # noqa: TRY004 - the text is at fault
    schema, name = with_strict_indexes(written), written["name"].rpartition(".")[2]

    def read(data: bytes) -> dict[str, Any]:
        source = BytesIO(data)
        source.seek(_HEADER_BYTES)
        try:
            values = fastavro.schemaless_reader(source, schema, None)
        except (EOFError, ArithmeticError, LookupError, MemoryError, TypeError, ValueError) as error:
            raise ValueError(f"not a {name}: {error}") from error
        if source.tell() != len(data):
            raise ValueError(f"{len(data) - source.tell()} bytes after a {name}")
        return dict(to_json(values))

    return read


def to_json(value: Any) -> Any:
    """Return *value*, a record or what is in one, as JSON holds it.

    >>> to_json({"a": b"xyz", "b": float("nan")})
    {'a': 'eHl6', 'b': None}
    """
    if is_dataclass(value) and not isinstance(value, type):
        return to_json(asdict(value))
    if isinstance(value, Mapping):
        return {key: to_json(each) for key, each in value.items()}
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [to_json(each) for each in value]
    return value


def from_json(name: str, values: object, version: int | None = None) -> Any:
    """Return the record of schema *name* which *values*, read from JSON, stand for.

    Raises:
        FieldError: A field is missing, unknown or not of its type.
    """
    return record_maker(name, version)(values)


@cache
def record_maker(name: str, version: int | None = None) -> "RecordMaker":
    """Return what makes records of one version of schema *name*, the latest by default."""
    return RecordMaker(name, version)


class RecordMaker:
    """Makes records of one version of a schema from what JSON holds; see `from_json`."""

    def __init__(self, name: str, version: int | None) -> None:
        record_type = RECORD_TYPES[name]
        self._schema = json.loads(schema_json(name, version))
        self._build: Callable[[dict[str, Any]], Any] = builder(record_type)
        self._names: dict[str, Any] = {}

    def __call__(self, values: object) -> Any:
        """Return the record; raises FieldError."""
        return self._build(self._record(self._schema, values, ""))

    def _checked(self, schema: Any, value: object, path: str) -> Any:
        if isinstance(schema, list):
            return self._union(schema, value, path)
        if isinstance(schema, str) and schema in self._names:
            schema = self._names[schema]
        kind = schema["type"] if isinstance(schema, dict) else schema
        if kind in _PRIMITIVES:
            return _PRIMITIVES[kind](kind, value, path)
        if "name" in schema:
            self._names[schema["name"]] = schema
        check = {"record": self._record, "array": self._array, "map": self._map, "enum": _one_of}[kind]
        return check(schema, value, path)

    def _union(self, schema: Sequence[Any], value: object, path: str) -> Any:
        if value is None and "null" in schema:
            return None
        others = [each for each in schema if each != "null"]
        return self._checked(others[0], value, path)

    def _record(self, schema: Any, values: object, path: str) -> dict[str, Any]:
        if not isinstance(values, dict):
            raise FieldError(f"{path or 'a record'} is {_shown(values)}, not an object")
        known = {field["name"]: field for field in schema["fields"]}
        unknown = [name for name in values if name not in known]
        if unknown:
            raise FieldError(f"{_at(path, unknown[0])} is no field of {schema['name']}; it has {', '.join(known)}")
        missing = [name for name, field in known.items() if name not in values and "default" not in field]
        if missing:
            raise FieldError(f"{_at(path, missing[0])} is missing, and {schema['name']} has no default for it")
        return {
            name: self._checked(field["type"], values.get(name, field.get("default")), _at(path, name))
            for name, field in known.items()
        }

    def _array(self, schema: Any, value: object, path: str) -> list[Any]:
        if not isinstance(value, list):
            raise FieldError(f"{path} is {_shown(value)}, not a list")
        items = schema["items"]
        missing = math.nan if items in ("float", "double") else None
        return [
            missing if each is None and missing is not None else self._checked(items, each, f"{path}[{place}]")
            for place, each in enumerate(value)
        ]

    def _map(self, schema: Any, value: object, path: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise FieldError(f"{path} is {_shown(value)}, not an object")
        return {
            _text("", name, f"a name in {path}"): self._checked(schema["values"], each, _at(path, name))
            for name, each in value.items()
        }


def _at(path: str, name: str) -> str:
    shown = name if name.isprintable() and len(name) <= LONGEST_SHOWN else _shown(name)
    return f"{path}.{shown}" if path else shown


def _shown(value: object) -> str:
    try:
        text = json.dumps(value)
    except RecursionError:
        return "nested too deeply to be shown"
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}..."


def _one_of(schema: Any, value: object, path: str) -> str:
    symbols: Sequence[str] = schema["symbols"]
    if value not in symbols:
        raise FieldError(f"{path} is {_shown(value)}, not one of {', '.join(symbols)}")
    return str(value)


def _text(_kind: str, value: object, path: str) -> str:
    if not isinstance(value, str):
        raise FieldError(f"{path} is {_shown(value)}, not a text")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise FieldError(f"{path} is {_shown(value)}, which holds half of a character") from error
    return value


def _truth(_kind: str, value: object, path: str) -> bool:
    if not isinstance(value, bool):
        raise FieldError(f"{path} is {_shown(value)}, not true or false")
    return value


def _whole(kind: str, value: object, path: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise FieldError(f"{path} is {_shown(value)}, not a whole number")
    if not -(2 ** _WHOLE[kind]) <= value < 2 ** _WHOLE[kind]:
        raise FieldError(f"{path} is {_shown(value)}, which does not fit into an Avro {kind}")
    return value


def _number(kind: str, value: object, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FieldError(f"{path} is {_shown(value)}, not a number")
    try:
        return float(value)
    except OverflowError as error:
        raise FieldError(f"{path} is {_shown(value)}, which does not fit into an Avro {kind}") from error


def _octets(_kind: str, value: object, path: str) -> bytes:
    try:
        return base64.b64decode(_text("", value, path), validate=True)
    except ValueError as error:
        raise FieldError(f"{path} is {_shown(value)}, not base64") from error


_PRIMITIVES: Mapping[str, Callable[[str, object, str], Any]] = {
    "string": _text,
    "boolean": _truth,
    "int": _whole,
    "long": _whole,
    "float": _number,
    "double": _number,
    "bytes": _octets,
}
