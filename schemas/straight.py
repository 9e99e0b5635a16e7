"""What readers and writers of one record type each, generated as straight Python, have in common.

There is no dictionary then between bytes and record. They do what is right only: whatever they raise, the caller takes
the long way, which says what is wrong; for what they cannot do (a schema with other types than ours) there are none.
"""

import struct
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import EnumMeta
from typing import Any, Final, Union, get_args, get_origin

FAILURES: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, struct.error)
"""What a reader or writer raises where the long way has to be taken."""

PLAIN: Final[Mapping[str, Any]] = {
    "string": str, "bytes": bytes, "int": int, "long": int, "float": float, "double": float, "boolean": bool,
}  # fmt: skip
CODES: Final = {"float": "f", "double": "d"}
TWO_BYTES: Final = 64  # symbols: the index of the next would take two bytes


class UnfitError(TypeError):
    """Raised for a schema, or a type, which has no straight reader or writer."""


@dataclass(slots=True)
class Code:
    """Functions as they are written down.

    Attributes:
        known: What their text names.
        schemas: Named types of the schema, by name.
    """

    known: dict[str, Any]
    schemas: dict[str, Any] = field(default_factory=dict)
    functions: dict[Any, str] = field(default_factory=dict)

    def keep(self, value: object) -> str:
        """Return a name for *value*."""
        name = f"_{len(self.known)}"
        self.known[name] = value
        return name

    def define(self, name: str, arguments: str, lines: Sequence[str]) -> Any:
        """Return the function of these *lines*."""
        text = "\n".join([f"def {name}({arguments}):", *(f"    {line}" for line in lines)])
        exec(text, self.known)  # noqa: S102 - as dataclasses does; no text of a schema goes in but through keep()
        return self.known[name]

    def named(self, schema: Any) -> Any:
        """Return *schema*, or the one it is the name of."""
        if isinstance(schema, dict) and "name" in schema:
            self.schemas[schema["name"]] = schema
        return self.schemas.get(schema, schema) if isinstance(schema, str) else schema


def indented(lines: Sequence[str]) -> list[str]:
    """Return *lines* one step further in."""
    return [f"    {line}" for line in lines]


def only_type(hint: Any) -> Any:
    """Return the type beside None."""
    inner = [part for part in get_args(hint) if part is not types.NoneType]
    if get_origin(hint) not in {types.UnionType, Union} or len(inner) != 1:
        raise UnfitError(f"{hint} is not one type or None")
    return inner[0]


def branches(schema: list[Any]) -> tuple[int, int, Any]:
    """Return the codes of null and of the other branch, and that branch."""
    if len(schema) != 2 or schema.count("null") != 1:  # noqa: PLR2004 - null and one more
        raise UnfitError(f"{schema} is not one type or null")
    null = schema.index("null")
    return 2 * null, 2 * (1 - null), schema[1 - null]


def item_hint(hint: Any, place: int) -> Any:
    """Return the type of what is in a *hint*."""
    arguments = get_args(hint)
    if len(arguments) <= place:
        raise UnfitError(f"{hint} says not what is in it")
    return arguments[place]


def members(schema: Mapping[str, Any], hint: Any) -> list[Any]:
    """Return the members of an enumeration in the order of the schema's symbols."""
    if not isinstance(hint, EnumMeta) or len(schema["symbols"]) >= TWO_BYTES:
        raise UnfitError(f"{hint} is no enumeration of few members")
    try:
        return [hint.__members__[symbol] for symbol in schema["symbols"]]
    except KeyError as error:
        raise UnfitError(f"{hint} has no member {error}") from error


def kind_of(schema: Any) -> Any:
    """Return what kind of type *schema* is."""
    return schema["type"] if isinstance(schema, dict) else schema


def check_plain(kind: str, hint: Any) -> None:
    """Raise UnfitError unless a value of *kind* is a *hint*."""
    if PLAIN[kind] is not hint:
        raise UnfitError(f"{kind} is not {hint}")
