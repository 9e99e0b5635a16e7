"""Lines of JSON to records of a topic: checked against schema and bounds, keyed as the topic is."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.bounds import check_feature_event, check_match_event
from schemas.catalog import RECORD_TYPES, schema_json
from schemas.codec import Codec
from schemas.plain_values import record_maker
from streams.registering import Registering
from streams.settings import Settings
from streams.topics import TOPICS, TopicSpec

_KEY_FIELDS = {"match_id": "match_id", "model": "model", "model name": "model", "worker": "worker"}
_CONSTANT_KEY = b"teams"
_CHECKS: Mapping[str, Callable[[Any], None]] = {
    "match_event": check_match_event,
    "feature_event": check_feature_event,
}


class TopicError(ValueError):
    """Raised for a topic to which no lines can be sent; the message says to which they can."""


class RecordsFileError(ValueError):
    """Raised for a file which is not all records; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class GoodLine:
    """A line which is a record.

    Attributes:
        number: Of the line, from 1.
    """

    number: int
    key: bytes
    record: Any


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line which is none, and why, in one sentence."""

    number: int
    reason: str


def spec_of(name: str) -> TopicSpec:
    """Return the topic called *name*, without prefix.

    Raises:
        TopicError: It is none of ours, or its values are not Avro.
    """
    spec = TOPICS.get(name)
    if spec is None or spec.schema is None:
        names = ", ".join(each.name for each in TOPICS.values() if each.schema is not None)
        raise TopicError(f"records cannot be produced to {name}; the topics are {names}")
    return spec


def version_of(settings: Settings, spec: TopicSpec) -> int | None:
    """Return the version of the schema which *settings* want written to a topic; None for the latest."""
    return settings.match_event_version if spec.schema == "match_event" else None


def writing_codec(settings: Settings, registry: Registering, spec: TopicSpec, version: int | None = None) -> Codec[Any]:
    """Return a codec which writes values of a topic, registered under the topic's subject.

    Raises:
        LookupError: There is no such version.
        ConnectionError: The registry is away and has never been asked for it from here.
        ValueError: It refuses the schema.
    """
    name = spec.schema or ""
    text = schema_json(name, version)
    codec: Codec[Any] = Codec(name, RECORD_TYPES[name], version)
    codec.use_for_writing(registry.register(f"{settings.topic(spec.name)}-value", text, or_known=True), version)
    return codec


def read_lines(lines: Iterable[str], spec: TopicSpec, version: int | None = None) -> Iterator[GoodLine | BadLine]:
    """Yield a record or a reason for each line that is not blank, in their order."""
    make = record_maker(spec.schema or "", version)
    check = _CHECKS.get(spec.schema or "")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = make(json.loads(line))
            if check is not None:
                check(record)
        except json.JSONDecodeError as error:
            yield BadLine(number, f"line {number} is not JSON: {error.msg} at column {error.colno}")
        except RecursionError:
            yield BadLine(number, f"line {number} is nested too deeply")
        except ValueError as error:  # FieldError, ImpossibleValueError, and a number of more digits than Python reads
            yield BadLine(number, f"line {number}: {error}")
        else:
            yield _keyed(number, record, spec)


def read_file(file: Path, topic: str) -> list[Any]:
    """Return the records of *topic* in *file*: lines as `produce` takes them, or as `tail --json` prints.

    Raises:
        RecordsFileError: It cannot be read, a line is none, or there are no lines.
    """
    found: list[Any] = []
    try:
        with file.open(encoding="utf-8") as text:
            for line in read_lines((_unwrapped(line) for line in text), spec_of(topic)):
                if isinstance(line, BadLine):
                    raise RecordsFileError(f"{file}: {line.reason}")
                found.append(line.record)
    except (OSError, UnicodeDecodeError) as error:
        raise RecordsFileError(f"{file} cannot be read: {error}") from error
    if not found:
        raise RecordsFileError(f"{file} holds no events")
    return found


def _unwrapped(line: str) -> str:
    try:
        fields = json.loads(line)
        wrapped = isinstance(fields, dict) and isinstance(fields.get("value"), dict)
        return json.dumps(fields["value"]) if wrapped else line
    except (ValueError, RecursionError):
        return line  # read_lines says what is wrong with it, and where


def _keyed(number: int, record: Any, spec: TopicSpec) -> GoodLine | BadLine:
    field = _KEY_FIELDS.get(spec.key)
    if field is None:
        return GoodLine(number, _CONSTANT_KEY, record)
    key: str = getattr(record, field)
    if not key:
        return BadLine(number, f"line {number}: {field} is empty, and it is the key of {spec.name}")
    return GoodLine(number, key.encode(), record)
