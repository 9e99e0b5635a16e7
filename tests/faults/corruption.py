"""Spoilt copies of events, one way after the other, each with the cause its dead letter must name."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from random import Random
from typing import Any

from tests.faults.place import MATCH_EVENTS

EXPECT_HEADER = "expect"  # of a record which must become a dead letter; its value is the cause
HUGE_BYTES = 2 * 1024 * 1024
HUGE_EVERY = 100
UNREGISTERED_ID = 1_000_000
HOUR_MS = 3_600_000

Fields = dict[str, Any]
Encode = Callable[[Fields], bytes]


@dataclass(frozen=True)
class Spoilt:
    """A record which cannot be used.

    Attributes:
        partition: None is the key's own.
    """

    cause: str
    value: bytes | None
    key: bytes
    partition: int | None = None


class Corruption:
    """Spoils events; which way is next does not depend on the event."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._ways: Iterator[Callable[[str, Fields, Encode], Spoilt]] = cycle(
            (_magic, _short, _truncated, _trailing, _undecodable, _impossible, _no_key, _other_key, _future, _null,
             _unregistered)
        )  # fmt: skip
        self._count = 0

    def spoilt(self, topic: str, fields: Fields, encode: Encode, partition: int | None) -> Spoilt:
        """Return a spoilt copy of an event; *partition* is where its key belongs, when that is known."""
        self._count += 1
        if self._count % HUGE_EVERY == 0:
            return Spoilt("IMPOSSIBLE_VALUE", encode({**fields, "event_id": "x" * HUGE_BYTES}), _key(fields))
        if partition is not None and self._chance.random() < 0.1:
            elsewhere = partition - 1 if partition else partition + 1
            return Spoilt("WRONG_PARTITION", encode(fields), _key(fields), elsewhere)
        return next(self._ways)(topic, fields, encode)


def _key(fields: Fields) -> bytes:
    return str(fields["match_id"]).encode()


def _magic(_: str, fields: Fields, encode: Encode) -> Spoilt:
    return Spoilt("WRONG_MAGIC", b"\x01" + encode(fields)[1:], _key(fields))


def _short(_: str, fields: Fields, encode: Encode) -> Spoilt:
    return Spoilt("TOO_SHORT", encode(fields)[:4], _key(fields))


def _truncated(_: str, fields: Fields, encode: Encode) -> Spoilt:
    return Spoilt("TRUNCATED", encode(fields)[:-1], _key(fields))


def _trailing(_: str, fields: Fields, encode: Encode) -> Spoilt:
    return Spoilt("TRAILING_BYTES", encode(fields) + b"\x00", _key(fields))


def _undecodable(_: str, fields: Fields, encode: Encode) -> Spoilt:
    """Bytes that are no UTF-8 where a text should be."""
    value = encode(fields)
    return Spoilt("UNDECODABLE", value[:6] + b"\xff" + value[7:], _key(fields))


def _impossible(topic: str, fields: Fields, encode: Encode) -> Spoilt:
    absurd = {"minute": 9_999} if topic == MATCH_EVENTS else {"values": {"wind": float("inf")}}
    return Spoilt("IMPOSSIBLE_VALUE", encode({**fields, **absurd}), _key(fields))


def _no_key(_: str, fields: Fields, encode: Encode) -> Spoilt:
    return Spoilt("EMPTY_KEY", encode(fields), b"")


def _other_key(_: str, fields: Fields, encode: Encode) -> Spoilt:
    return Spoilt("KEY_MISMATCH", encode(fields), b"another match")


def _future(topic: str, fields: Fields, encode: Encode) -> Spoilt:
    ahead = int(time.time() * 1000) + 25 * HOUR_MS
    name = "occurred_at_ms" if topic == MATCH_EVENTS else "as_of_ms"
    return Spoilt("FUTURE_EVENT", encode({**fields, name: ahead}), _key(fields))


def _null(_: str, fields: Fields, encode: Encode) -> Spoilt:  # noqa: ARG001 - a way like the others
    return Spoilt("TOO_SHORT", None, _key(fields))


def _unregistered(_: str, fields: Fields, encode: Encode) -> Spoilt:
    value = encode(fields)
    return Spoilt("UNREGISTERED_SCHEMA", value[:1] + UNREGISTERED_ID.to_bytes(4, "big") + value[5:], _key(fields))
