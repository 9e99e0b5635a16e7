"""Dead letters as a person sees them."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from streams.dead_letters.letter import Letter

_SHOWN_BYTES, _HEX_WIDTH = 1024, 16


def row_of(letter: Letter, marks: Mapping[str, int]) -> dict[str, Any]:
    """Return what a list says of *letter*, given when which letter was replayed."""
    at = marks.get(letter.identity)
    return {
        "place": f"{letter.partition}/{letter.offset}",
        "time": shown_time(letter.timestamp_ms),
        "cause": letter.cause,
        "source_topic": letter.source_topic,
        "source_partition": letter.source_partition,
        "source_offset": letter.source_offset,
        "schema_id": letter.schema_id,
        "key": None if letter.key is None else letter.key.decode(errors="backslashreplace"),
        "replays": letter.replays,
        "first_source": letter.first_source,
        "replayed_at": None if at is None else shown_time(at),
        "reason": letter.reason,
    }


def table_of(rows: Iterable[dict[str, Any]]) -> Table:
    """Return *rows* as a table."""
    table = Table("at", "time", "cause", "source", "schema", "key", "replays", "replayed at", box=None, pad_edge=False)
    table.add_column("reason", overflow="fold")
    for row in rows:
        source = f"{row['source_topic']}/{row['source_partition']}/{row['source_offset']}"
        shown = (row["schema_id"], row["key"], row["replays"] or None, row["replayed_at"], row["reason"])
        cells = (row["place"], row["time"], row["cause"], source, *("-" if one is None else one for one in shown))
        table.add_row(*(Text(printable(str(cell))) for cell in cells))
    return table


def printable(text: str) -> str:
    r"""Return *text* with what would move the cursor, or worse, escaped: anyone may have sent it.

    >>> print(printable("a\x1b[2J"))
    a\x1b[2J
    """
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def shown_time(timestamp_ms: int) -> str:
    """Return a time in UTC, to the second."""
    return datetime.fromtimestamp(timestamp_ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def hex_lines(value: bytes | None) -> Iterator[str]:
    """Yield offset, hex and text of 16 bytes a line; of a long value the beginning."""
    data = (value or b"")[:_SHOWN_BYTES]
    for start in range(0, len(data), _HEX_WIDTH):
        part = data[start : start + _HEX_WIDTH]
        text = "".join(chr(one) if 32 <= one < 127 else "." for one in part)  # noqa: PLR2004 - what ASCII prints
        yield f"{start:08x}  {part.hex(' '):<{3 * _HEX_WIDTH}} {text}"
    if len(value or b"") > _SHOWN_BYTES:
        yield f"... {len(value or b'') - _SHOWN_BYTES:,} more bytes: touchline dead-letters export has them"
