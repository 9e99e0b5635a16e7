"""How the bytes of one schema are read as another: decided once for each pair, so that a record costs little."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import fastavro

from schemas.compatibility import SchemaError, incompatibilities
from schemas.strict_indexes import with_strict_indexes

Schema = dict[str, Any]  # what fastavro makes of a schema
_SCALARS = (type(None), bool, int, float, str, bytes)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A writer's schema which cannot be read as ours, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Reading:
    """How bytes of one writer's schema are read.

    Attributes:
        writer: The schema of the bytes, with strict indexes.
        plain: The same as fastavro has it.
        resolved: The schema of the bytes and the one to resolve it to for each record, as fastavro wants them; None
            when only whole fields come or go.
        added: Fields which the writer has not, with the reader's defaults.
        dropped: Fields which the reader has not.
    """

    writer: Schema
    plain: Schema
    resolved: tuple[Schema, Schema] | None = None
    added: Mapping[str, Any] = field(default_factory=dict)
    dropped: Sequence[str] = ()

    def values(self, source: BytesIO) -> dict[str, Any]:
        """Return the values of the record at *source* by the reader's names.

        Raises:
            EOFError, LookupError, ValueError: The bytes are not what the writer's schema says.
        """
        start = source.tell() if self.resolved else 0
        try:
            found = fastavro.schemaless_reader(source, self.writer, None)
        except KeyError as error:
            raise LookupError(f"there is no symbol or branch of index {error}") from error
        if self.resolved is not None:  # which needs lists, so the indexes have been checked before
            source.seek(start)
            found = fastavro.schemaless_reader(source, *self.resolved)
        if not isinstance(found, dict):
            raise TypeError(f"{type(found).__name__} is no record")
        for name in self.dropped:
            del found[name]
        found.update(self.added)
        return found


def parsed(text: str) -> Schema:
    """Return the schema in *text* as fastavro wants it."""
    schema = fastavro.parse_schema(json.loads(text))
    if not isinstance(schema, dict):
        raise TypeError(f"{text[:100]} is no record schema")
    return schema


def only(text: str, names: Collection[str]) -> str:
    """Return the schema in *text* without fields other than *names*.

    >>> only('{"name": "r", "fields": [{"name": "a", "type": "int"}, {"name": "b", "type": "int"}]}', "a")
    '{"name": "r", "fields": [{"name": "a", "type": "int"}]}'
    """
    schema = json.loads(text)
    schema["fields"] = [one for one in schema["fields"] if one["name"] in names]
    return json.dumps(schema)


def foreign(text: str) -> Schema | Unreadable:
    """Return the schema in *text*, whoever wrote it, or why its data cannot be read."""
    try:
        schema = parsed(text)
        danger = next(_dangers(schema, {}), None)
    except (fastavro.schema.SchemaParseException, LookupError, RecursionError, TypeError, ValueError) as error:
        return Unreadable(f"no Avro schema: {error!s:.300}")
    return schema if danger is None else Unreadable(danger)


def reading_of(reader_json: str, writer_json: str) -> Reading | Unreadable:
    """Return how data of the writer's schema are read as the reader's, or why they cannot be."""
    try:
        reasons = incompatibilities(reader_json, writer_json)
        if reasons:
            return Unreadable("; ".join(reasons))
    except SchemaError as error:
        return Unreadable(str(error))
    reader, writer = parsed(reader_json), foreign(writer_json)
    if isinstance(writer, Unreadable):
        return writer
    added = _added(reader, writer)
    given = {name: value for name, value in added.items() if isinstance(value, bytes)}
    return _whole_fields(reader, writer, added) or Reading(with_strict_indexes(writer), writer, (writer, reader), given)


def _added(reader: Schema, writer: Schema) -> dict[str, Any]:
    """Return the defaults of the reader's fields which the writer has not.

    JSON has no bytes: their default is a text whose characters stand for them (Avro 1.12, "Complex Types", Records).
    fastavro leaves it a text.
    """
    theirs = {one["name"] for one in writer["fields"]}
    missing = [one for one in reader["fields"] if one["name"] not in theirs]
    return {
        one["name"]: one["default"].encode("iso-8859-1") if one["type"] == "bytes" else one.get("default")
        for one in missing
    }


def _whole_fields(reader: Schema, writer: Schema, added: Mapping[str, Any]) -> Reading | None:
    """Return a reading without resolution inside of fields (twice as fast), or None when some is needed."""
    ours = {one["name"]: one for one in reader["fields"]}
    theirs = {one["name"]: one for one in writer["fields"]}
    same = all(ours[name]["type"] == theirs[name]["type"] for name in ours.keys() & theirs.keys())
    plain = all(isinstance(default, _SCALARS) for default in added.values())
    aliased = any(one.get("aliases") for one in ours.values())
    if not same or not plain or aliased:
        return None
    dropped = tuple(name for name in theirs if name not in ours)
    return Reading(with_strict_indexes(writer), writer, added=added, dropped=dropped)


def _dangers(schema: Any, named: dict[str, Schema], inside: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield what would let a few bytes cost endless time or stack: empty items, and records inside of themselves."""
    if isinstance(schema, str) and schema in inside:
        yield f"record {schema} holds itself, and such nesting has no bound"
    elif isinstance(schema, list):
        for branch in schema:
            yield from _dangers(branch, named, inside)
    elif isinstance(schema, dict):
        if "fields" in schema:
            named[schema["name"]] = schema
            inside = (*inside, schema["name"])
        for part in (schema.get("items"), schema.get("values"), *(one["type"] for one in schema.get("fields", ()))):
            yield from _dangers(part, named, inside)
        if schema["type"] == "array" and not _takes_bytes(schema["items"], named):
            yield "an array's items take no bytes, so that a few bytes could claim any number of them"


def _takes_bytes(schema: Any, named: Mapping[str, Schema]) -> bool:
    """Tell whether each value of *schema* takes a byte at least."""
    if isinstance(schema, str) and schema in named:
        return _takes_bytes(named[schema], named)
    if not isinstance(schema, dict):
        return bool(schema != "null")
    if schema["type"] == "record":
        return any(_takes_bytes(one["type"], named) for one in schema["fields"])
    return not (schema["type"] == "null" or (schema["type"] == "fixed" and schema["size"] == 0))
