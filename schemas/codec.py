"""Codec: Confluent wire format (a zero byte, the schema's id, Avro) to and from frozen dataclasses."""

import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, fields
from enum import StrEnum
from io import BytesIO
from typing import Any, Generic, TypeVar

import fastavro

from schemas.catalog import latest, schema_json
from schemas.conversion import builder, dissector
from schemas.resolution import Reading, Schema, Unreadable, only, parsed, reading_of
from schemas.straight import FAILURES, UnfitError
from schemas.straight_reader import straight_reader
from schemas.straight_writer import straight_writer

R = TypeVar("R")

MAGIC = 0
_MORE_FOLLOWS = 0x80
_HEADER = struct.Struct(">bI")


class DecodeCause(StrEnum):
    """Why bytes are no record."""

    TOO_SHORT = "TOO_SHORT"
    WRONG_MAGIC = "WRONG_MAGIC"
    TRUNCATED = "TRUNCATED"
    TRAILING_BYTES = "TRAILING_BYTES"
    UNDECODABLE = "UNDECODABLE"
    UNREADABLE_SCHEMA = "UNREADABLE_SCHEMA"


class DecodeError(ValueError):
    """Raised for bytes which are no record; keeps the bytes and the cause."""

    def __init__(self, message: str, data: bytes, cause: DecodeCause) -> None:
        super().__init__(message)
        self.data = data
        self.cause = cause


class UnknownSchemaError(LookupError):
    """Raised for a schema id which the codec has not been taught; fetch it, `learn` it, and decode again."""

    def __init__(self, schema_id: int) -> None:
        super().__init__(f"schema id {schema_id} has not been learnt")
        self.schema_id = schema_id


class EncodeError(ValueError):
    """Raised for a record whose values do not fit its schema; keeps the record."""

    def __init__(self, message: str, record: object) -> None:
        super().__init__(message)
        self.record = record


@dataclass(frozen=True, slots=True)
class _Writing:
    """How records are written: the first five bytes, the schema, a record's values by name, and the short way."""

    header: bytes
    schema: Schema
    dissect: Callable[[Any], dict[str, Any]]
    straight: Callable[[bytearray, Any], None] | None


class Codec(Generic[R]):
    """Reads and writes the records of one schema.

    Attributes:
        name: Of the schema in the catalog.
        record_type: A dataclass with the schema's fields, by the same names; one with some of them reads those only.
        reader_version: Which version everything is read as.
    """

    def __init__(self, name: str, record_type: type[R], reader_version: int | None = None) -> None:
        self.name = name
        self.record_type = record_type
        self.reader_version = latest(name) if reader_version is None else reader_version
        names = {one.name for one in fields(record_type)}  # type: ignore[arg-type] # a dataclass
        self._reader_json = only(schema_json(name, self.reader_version), names)
        self._build = builder(record_type)
        self._readings: dict[int, Reading | Unreadable] = {}
        self._straight: dict[int, Callable[[bytes, int], tuple[R, int]]] = {}
        self._writing: _Writing | None = None

    def learn(self, schema_id: int, schema_json: str) -> None:
        """Remember which schema *schema_id* stands for.

        One which cannot be read as ours is remembered too, with the reason: its bytes make a DecodeError each time.
        """
        reading = self._readings[schema_id] = reading_of(self._reader_json, schema_json)
        self._straight.pop(schema_id, None)
        if isinstance(reading, Reading) and reading.resolved is None:
            with suppress(UnfitError):
                self._straight[schema_id] = straight_reader(
                    reading.plain, self.record_type, reading.added, reading.dropped
                )

    def knows(self, schema_id: int) -> bool:
        """Tell whether *schema_id* has been learnt."""
        return schema_id in self._readings

    def schema_of(self, schema_id: int) -> Schema | None:
        """Return the schema which has been learnt as *schema_id*; None when there is none, or it cannot be read."""
        reading = self._readings.get(schema_id)
        return reading.plain if isinstance(reading, Reading) else None

    def decode(self, data: bytes) -> R:
        """Return the record in *data*.

        Raises:
            UnknownSchemaError: The schema's id has not been learnt.
            DecodeError: The bytes are no record.
        """
        if len(data) < _HEADER.size:
            raise DecodeError(
                f"{len(data)} bytes are too few for magic byte and schema id", data, DecodeCause.TOO_SHORT
            )
        magic, schema_id = _HEADER.unpack_from(data)
        if magic != MAGIC:
            raise DecodeError(f"the first byte is {data[0]}, not {MAGIC}", data, DecodeCause.WRONG_MAGIC)
        straight = self._straight.get(schema_id)
        if straight is not None:
            try:
                record, end = straight(data, _HEADER.size)
            except FAILURES:
                end = -1  # the long way says what is wrong
            if end == len(data):
                return record
        return self._long_way(data, schema_id)

    def _long_way(self, data: bytes, schema_id: int) -> R:
        reading = self._readings.get(schema_id)
        if reading is None:
            raise UnknownSchemaError(schema_id)
        if isinstance(reading, Unreadable):
            message = f"schema {schema_id} cannot be read as {self.name} v{self.reader_version}: {reading.reason}"
            raise DecodeError(message, data, DecodeCause.UNREADABLE_SCHEMA)
        return self._decoded(data, reading)

    def _decoded(self, data: bytes, reading: Reading) -> R:
        source = BytesIO(data)
        source.seek(_HEADER.size)
        try:
            record = self._build(reading.values(source))
        except (ArithmeticError, EOFError, LookupError, MemoryError, TypeError, ValueError) as error:
            if isinstance(error, EOFError) or _ends_inside_a_number(data, source):
                message = f"the {len(data)} bytes end inside of a {self.record_type.__name__}"
                raise DecodeError(message, data, DecodeCause.TRUNCATED) from error
            raise DecodeError(f"no {self.record_type.__name__}: {error}", data, DecodeCause.UNDECODABLE) from error
        left = len(data) - source.tell()
        if left:
            message = f"{left} bytes after a {self.record_type.__name__}"
            raise DecodeError(message, data, DecodeCause.TRAILING_BYTES)
        return record

    def use_for_writing(self, schema_id: int, version: int | None = None) -> None:
        """Write records from now on with *version* of the schema, registered as *schema_id*."""
        schema = parsed(schema_json(self.name, version))
        names = [field["name"] for field in schema["fields"]]
        header = _HEADER.pack(MAGIC, schema_id)
        dissect = dissector(self.record_type, names)
        straight = None
        with suppress(UnfitError):
            straight = straight_writer(schema, self.record_type)
        self._writing = _Writing(header, schema, dissect, straight)

    @property
    def writes(self) -> tuple[bytes, Schema]:
        """The first five bytes of what is written, and its schema.

        Raises:
            RuntimeError: `use_for_writing` has not been called.
        """
        writing = self._chosen()
        return writing.header, writing.schema

    def _chosen(self) -> _Writing:
        if self._writing is None:
            raise RuntimeError(f"codec {self.name} has no schema id to write with; call use_for_writing first")
        return self._writing

    def encode(self, record: R) -> bytes:
        """Return *record* as bytes.

        Raises:
            EncodeError: A value does not fit the schema.
            RuntimeError: `use_for_writing` has not been called.
        """
        writing = self._chosen()
        if writing.straight is not None:
            out = bytearray(writing.header)
            try:
                writing.straight(out, record)
            except FAILURES:
                pass  # the long way says what is wrong
            else:
                return bytes(out)
        target = BytesIO()
        target.write(writing.header)
        try:
            fastavro.schemaless_writer(target, writing.schema, writing.dissect(record))
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise EncodeError(f"{self.record_type.__name__} does not fit its schema: {error}", record) from error
        return target.getvalue()


def _ends_inside_a_number(data: bytes, source: BytesIO) -> bool:
    """Tell whether the last byte said that another one of the same number follows; fastavro's IndexError does not."""
    return source.tell() == len(data) and data[-1] >= _MORE_FOLLOWS
