"""Between frozen dataclasses and the plain values fastavro knows; a converter is made once for each type."""

import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import EnumMeta
from operator import attrgetter
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

R = TypeVar("R")

_Converter = Callable[[Any], Any]
_SCALARS = (str, int, float, bool, bytes)


def builder(record_type: type[R]) -> Callable[[dict[str, Any]], R]:
    """Return what makes a *record_type* of the values by name, which it may change.

    Raises:
        TypeError: A field's type is none that Avro has.
    """
    converters = _field_converters(record_type, _reading)
    if not converters:
        return lambda values: record_type(**values)

    def build(values: dict[str, Any]) -> R:
        for name, convert in converters:
            if name in values:
                values[name] = convert(values[name])
        return record_type(**values)

    return build


def dissector(record_type: type[R], names: Sequence[str]) -> Callable[[R], dict[str, Any]]:
    """Return what takes the values of *names* out of a *record_type*.

    Raises:
        TypeError: A field's type is none that Avro has, or a name is not a field.
    """
    missing = [name for name in names if name not in {field.name for field in fields(record_type)}]  # type: ignore[arg-type] # checked below
    if missing:
        raise TypeError(f"{record_type.__name__} has no field {', '.join(missing)}")
    converters = [(name, convert) for name, convert in _field_converters(record_type, _writing) if name in names]
    get = attrgetter(*names, names[0])  # once more, so that it is a tuple for one name too

    def dissect(record: R) -> dict[str, Any]:
        values = dict(zip(names, get(record), strict=False))
        for name, convert in converters:
            values[name] = convert(values[name])
        return values

    return dissect


def _field_converters(record_type: type, converter: Callable[[Any], _Converter | None]) -> list[tuple[str, _Converter]]:
    if not is_dataclass(record_type):
        raise TypeError(f"{record_type.__name__} is no dataclass")
    hints = get_type_hints(record_type)
    found = [(field.name, converter(hints[field.name])) for field in fields(record_type)]
    return [(name, convert) for name, convert in found if convert is not None]


def _reading(hint: Any) -> _Converter | None:
    """Return what makes a value of type *hint* of what fastavro read; None when it is one already."""
    origin, parts = get_origin(hint), get_args(hint)
    if hint in _SCALARS:
        return None
    if isinstance(hint, EnumMeta):
        return dict(hint.__members__).__getitem__
    if is_dataclass(hint) and isinstance(hint, type):
        return builder(hint)
    if origin in (types.UnionType, Union):
        return _optional(_reading(_only_type(hint)))
    if origin is tuple or origin is Sequence:
        return _tuple(_reading(parts[0]))
    if origin is Mapping:
        return _mapping(_reading(parts[1]))
    raise TypeError(f"no Avro type for {hint}")


def _writing(hint: Any) -> _Converter | None:
    """Return what makes a value which fastavro writes of one of type *hint*; None when it is one already."""
    origin, parts = get_origin(hint), get_args(hint)
    if hint in _SCALARS or isinstance(hint, EnumMeta):
        return None
    if is_dataclass(hint) and isinstance(hint, type):
        return dissector(hint, [field.name for field in fields(hint)])
    if origin in (types.UnionType, Union):
        return _optional(_writing(_only_type(hint)))
    if origin is tuple or origin is Sequence:
        inner = _writing(parts[0])
        return _list(inner)
    if origin is Mapping:
        inner = _writing(parts[1])
        return None if inner is None else _mapping(inner)
    raise TypeError(f"no Avro type for {hint}")


def _only_type(hint: Any) -> Any:
    inner = [part for part in get_args(hint) if part is not types.NoneType]
    if len(inner) != 1:
        raise TypeError(f"no Avro type for {hint}: more than one type beside None")
    return inner[0]


def _optional(convert: _Converter | None) -> _Converter | None:
    if convert is None:
        return None
    return lambda value: None if value is None else convert(value)


def _tuple(convert: _Converter | None) -> _Converter:
    if convert is None:
        return tuple
    return lambda values: tuple([convert(value) for value in values])


def _list(convert: _Converter | None) -> _Converter | None:
    if convert is None:
        return None
    return lambda values: [convert(value) for value in values]


def _mapping(convert: _Converter | None) -> _Converter | None:
    if convert is None:
        return None
    return lambda values: {key: convert(value) for key, value in values.items()}
