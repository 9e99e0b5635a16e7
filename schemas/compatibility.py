"""Can what one schema wrote be read as another? The Avro specification's rules, each broken one told in a sentence."""

import json
from typing import Any

import avro.schema
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType, schema_name_equals
from avro.errors import AvroException

_Schema = Any  # avro ships no types
_WORDS = 300


class SchemaError(ValueError):
    """Raised for a text which is no Avro schema."""


def incompatibilities(reader_json: str, writer_json: str) -> list[str]:
    """Return a sentence for each rule which breaks when data of the writer's schema are read as the reader's.

    Raises:
        SchemaError: One of both is no Avro schema.
    """
    reader, writer = _parsed(reader_json, "the reader's"), _parsed(writer_json, "the writer's")
    return list(dict.fromkeys(_broken(reader, writer, "")))


def _parsed(text: str, whose: str) -> _Schema:
    try:
        json.loads(text)  # avro's own message would hold the whole text
        return avro.schema.parse(text)
    except (AvroException, AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise SchemaError(f"{whose} text is no Avro schema: {str(error)[:_WORDS]}") from error


def _compatible(reader: _Schema, writer: _Schema) -> bool:
    found = ReaderWriterCompatibilityChecker().get_compatibility(reader, writer)
    return bool(found.compatibility is SchemaCompatibilityType.compatible)


def _broken(reader: _Schema, writer: _Schema, path: str) -> list[str]:  # noqa: PLR0911 - one return a rule
    """Return what is wrong at *path* and below; the checker decides, this only finds the words."""
    if _compatible(reader, writer):
        return []
    if reader.type == writer.type == "record" and schema_name_equals(reader, writer):
        return _broken_fields(reader, writer, path)
    if reader.type == writer.type == "array":
        return _broken(reader.items, writer.items, f"{path}[]")
    if reader.type == writer.type == "map":
        return _broken(reader.values, writer.values, f"{path}{{}}")
    if reader.type == writer.type == "enum" and schema_name_equals(reader, writer):
        extra = ", ".join(symbol for symbol in writer.symbols if symbol not in reader.symbols)
        return [f"{_at(path)} loses the enum symbols {extra} without a default symbol; data may hold them"]
    if writer.type == "union":
        return _broken_branches(reader, writer, path)
    return [f"{_at(path)} changes its type from {_named(writer)} to {_named(reader)}, which Avro cannot convert"]


def _broken_fields(reader: _Schema, writer: _Schema, path: str) -> list[str]:
    found: list[str] = []
    for field in reader.fields:
        names = [field.name, *(field.props.get("aliases") or [])]
        written = next((writer.fields_dict[name] for name in names if name in writer.fields_dict), None)
        here = f"{path}.{field.name}" if path else field.name
        if written is not None:
            found += _broken(field.type, written.type, here)
        elif not field.has_default:
            found.append(f"{_at(here)} is added without a default, so data written without it cannot be read")
    return found


def _broken_branches(reader: _Schema, writer: _Schema, path: str) -> list[str]:
    lost = [branch for branch in writer.schemas if not _compatible(reader, branch)]
    inner = [branch for branch in getattr(reader, "schemas", []) for old in lost if branch.type == old.type == "record"]
    if inner and len(lost) == 1:
        return _broken(inner[0], lost[0], path)
    return [f"{_at(path)} no longer takes {_named(branch)}, so data which hold it cannot be read" for branch in lost]


def _at(path: str) -> str:
    return f"field {path}" if path else "the schema"


def _named(schema: _Schema) -> str:
    if schema.type == "union":
        return " or ".join(_named(branch) for branch in schema.schemas)
    if schema.type in {"record", "enum", "fixed"}:
        return f"{schema.type} {schema.name}"
    return str(schema.type)
