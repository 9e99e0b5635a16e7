"""What the applications share which merge or count partials: how these are read, and how their tables are kept."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from schemas.codec import Codec
from schemas.records import MonitorState
from streams.engine.dead_letters import Cause
from streams.engine.job import Step
from streams.engine.slices import Record
from streams.engine.table import TablePartition
from streams.intake import Reader, Refused, read

R = TypeVar("R")
P = TypeVar("P")


def parsed(record: Record, reader: Reader[R], parse: Callable[[R], P], name: Callable[[R], str]) -> P | Refused:
    """Return what *parse* makes of the partial in *record*, or why it is none; *name* says what it should be."""
    if record.value is None:
        return Refused(Cause.TOO_SHORT, "the value is null")
    partial = read(record.value, reader)
    if isinstance(partial, Refused):
        return partial
    try:
        return parse(partial)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        return Refused(Cause.IMPOSSIBLE_VALUE, f"the payload is no {name(partial)}: {error!r}")


def keep(
    entries: Mapping[bytes, MonitorState | None],
    codec: Codec[MonitorState],
    step: Step,
    table: TablePartition[MonitorState],
) -> None:
    """Put *entries* into *table*, and into *step* for its changelog, in their order; None ends one."""
    for key, entry in entries.items():
        step.changed[key] = None if entry is None else codec.encode(entry)
        if entry is None:
            table.states.pop(key, None)
        else:
            table.states[key] = entry
