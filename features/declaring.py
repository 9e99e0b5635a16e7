"""Reads declarations of feature sets, from users' files and from manifests, and says what is wrong with them."""

import re
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Final, TypeVar

from features.declared import Column, Declaration
from features.feature_sets import FEATURE_SETS
from features.rating_book import SOURCE
from schemas.bounds import MAX_TEXT

MAX_COLUMNS: Final = 100
MAX_SECONDS: Final = 366 * 86_400
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,63}")
_VERSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}")
_PROBABILITY: Final = "probability_"
_KEYS: Final = ("version", "base", "columns")
_COLUMN_KEYS: Final = tuple(one.name for one in fields(Column))
_NEEDED: Final = tuple(one.name for one in fields(Column) if one.default is MISSING)

T = TypeVar("T", str, int, bool)


class DeclarationError(ValueError):
    """Raised for a declaration that cannot be; its message is one sentence."""


def read_declaration(file: Path) -> Declaration:
    """Return what the TOML *file* declares.

    Raises:
        DeclarationError: It cannot be read, is no TOML, or declares what cannot be.
    """
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise DeclarationError(f"{file} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError and TOMLDecodeError
        raise DeclarationError(f"{file} is not TOML: {error}") from error
    return declaration_of(found, str(file))


def declaration_of(found: Mapping[str, object], where: str) -> Declaration:
    """Return the declaration which *found* is; *where* begins the sentences.

    Raises:
        DeclarationError: For the first that is wrong.
    """
    _check_keys(found, _KEYS, _KEYS, where)
    version, base = _typed(found, "version", str, where), _typed(found, "base", str, where)
    if not _VERSION.fullmatch(version):
        raise DeclarationError(
            f"{where}: version is {version!r:.100}, not 1 to 64 letters, digits and _ . + -, of which the first is a "
            "letter or digit"
        )
    if version in FEATURE_SETS:
        raise DeclarationError(f"{where}: version is {version!r}, which is a published feature set; choose another")
    if base not in FEATURE_SETS:
        raise DeclarationError(f"{where}: base is {base!r:.100}, not one of {', '.join(FEATURE_SETS)}")
    columns = _columns(found["columns"], where)
    _check_names(FEATURE_SETS[base].names, columns, base, where)
    return Declaration(version, base, columns)


def _columns(found: object, where: str) -> tuple[Column, ...]:
    if not isinstance(found, list) or not 1 <= len(found) <= MAX_COLUMNS:
        told = f"a list of {len(found)}" if isinstance(found, list) else f"{found!r:.100}"
        raise DeclarationError(f"{where}: columns is {told}, not a list of 1 to {MAX_COLUMNS}")
    return tuple(_column(one, f"{where}: column {number}") for number, one in enumerate(found, start=1))


def _column(found: object, where: str) -> Column:
    if not isinstance(found, Mapping):
        raise DeclarationError(f"{where} is {type(found).__name__}, not a table of {', '.join(_COLUMN_KEYS)}")
    _check_keys(found, _COLUMN_KEYS, _NEEDED, where)
    name = _typed(found, "name", str, where)
    if not _NAME.fullmatch(name) or name.startswith(_PROBABILITY):
        raise DeclarationError(
            f"{where}: name is {name!r:.100}, not 1 to 64 letters, digits, _ and . that begin with a letter, and not "
            f"with {_PROBABILITY}"
        )
    column = Column(
        name,
        _text(found, "source", where),
        _text(found, "key", where),
        _seconds(found, "max_age_seconds", 1, where),
        _seconds(found, "max_ahead_seconds", 0, where) if "max_ahead_seconds" in found else 0,
        _typed(found, "age", bool, where) if "age" in found else False,
    )
    if column.source == SOURCE:
        raise DeclarationError(f"{where} ({name}): source {SOURCE!r} is Touchline's own; its values are in the base")
    return column


def _check_names(known: Sequence[str], columns: Sequence[Column], base: str, where: str) -> None:
    names = Counter(name for column in columns for name in column.names)
    for name, count in names.items():
        if name in known:
            raise DeclarationError(f"{where}: the name {name!r} is one of the features of {base} already")
        if count > 1:
            raise DeclarationError(f"{where}: the name {name!r} is there {count} times; each feature has its own")
    for (source, key), count in Counter((column.source, column.key) for column in columns).items():
        if count > 1:
            raise DeclarationError(f"{where}: value {key!r} of source {source!r} is declared {count} times, not once")


def _check_keys(found: Mapping[str, object], known: Sequence[str], needed: Sequence[str], where: str) -> None:
    for name in found:
        if name not in known:
            raise DeclarationError(f"{where} has {name!r:.100}, which is not one of {', '.join(known)}")
    for name in needed:
        if name not in found:
            raise DeclarationError(f"{where} has no {name!r}; it needs {', '.join(needed)}")


def _typed(found: Mapping[str, object], name: str, kind: type[T], where: str) -> T:
    value = found[name]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        right = {str: "a text", int: "a whole number", bool: "true or false"}[kind]
        raise DeclarationError(f"{where}: {name} is {value!r:.100}, not {right}")
    return value


def _text(found: Mapping[str, object], name: str, where: str) -> str:
    text = _typed(found, name, str, where)
    if not text.strip() or len(text) > MAX_TEXT:
        raise DeclarationError(f"{where}: {name} is {text!r:.100}, not 1 to {MAX_TEXT} characters")
    return text


def _seconds(found: Mapping[str, object], name: str, least: int, where: str) -> int:
    seconds = _typed(found, name, int, where)
    if not least <= seconds <= MAX_SECONDS:
        raise DeclarationError(f"{where}: {name} is {seconds}, not {least} to {MAX_SECONDS} (a year)")
    return seconds
