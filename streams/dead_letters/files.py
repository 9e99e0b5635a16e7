"""Dead letters in a file: one JSON object a line, bytes in base64."""

import base64
import binascii
import json
from collections.abc import Iterable, Iterator
from typing import Any

from streams.dead_letters.letter import Letter


class LetterFileError(ValueError):
    """Raised for a line which is no dead letter; the message has its number."""


def to_line(letter: Letter) -> str:
    """Return *letter* as one line."""
    return json.dumps(
        {
            "topic": letter.topic,
            "partition": letter.partition,
            "offset": letter.offset,
            "timestamp_ms": letter.timestamp_ms,
            "cause": letter.cause,  # for people and grep; the headers have it, too
            "key": _text(letter.key),
            "value": _text(letter.value),
            "headers": [[name, _text(content)] for name, content in letter.headers],
        }
    )


def read_lines(lines: Iterable[str]) -> Iterator[Letter]:
    """Yield the letter of each line that is not blank.

    Raises:
        LetterFileError: A line is none.
    """
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield _letter(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
                why = f"{type(error).__name__}: {error}"
                raise LetterFileError(
                    f"line {number} is no dead letter of `touchline dead-letters export` ({why})"
                ) from error


def _letter(fields: dict[str, Any]) -> Letter:
    if not isinstance(fields["topic"], str):
        raise TypeError(f"topic is {fields['topic']!r}")
    return Letter(
        fields["topic"],
        int(fields["partition"]),
        int(fields["offset"]),
        int(fields["timestamp_ms"]),
        _bytes(fields["key"]),
        _bytes(fields["value"]),
        tuple((str(name), _bytes(content)) for name, content in fields["headers"]),
    )


def _text(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode()


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text, validate=True)
