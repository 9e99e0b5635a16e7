"""How the fields of a writer's MatchEvent or FeatureEvent follow each other, as numbers which a kernel goes through.

An array begins with the number of fields. For each there are four numbers, as FIELD_NUMBERS says. Behind them stand the
tables of enumerations: how many symbols there are, then what each stands for.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from schemas.bounds import OF_ONE_SIDE
from schemas.catalog import schema_json
from schemas.records import EventKind, Side
from schemas.resolution import Schema, parsed
from schemas.straight import UnfitError, branches, kind_of

FIELD_NUMBERS: Final = 4
"""Code of null, or NO_UNION; how the value is written; where the table of its symbols begins; what it is used for."""
NO_UNION: Final = -1
NUMBER, TEXT, BYTES, FLOAT, DOUBLE, BOOLEAN, SYMBOL, MAP, NEVER = range(9)
"""How a value is written; NEVER is one which a plain event has not."""
(
    NOTHING, EVENT_ID, MATCH_ID, KIND, OCCURRED, MINUTE, SIDE, CHANCE, HOME_SCORE, AWAY_SCORE, HOME_TEAM, AWAY_TEAM,
    COMPETITION, NEUTRAL, KICK_OFF, SOURCE, VALUES, USES,
) = range(18)  # fmt: skip
"""What it is used for."""

KINDS: Final = tuple(EventKind)
SCHEDULED: Final = KINDS.index(EventKind.SCHEDULED)
FULL_TIME: Final = KINDS.index(EventKind.FULL_TIME)
FEATURES: Final = len(KINDS)
"""The number of a feature event, behind those of the kinds."""
OF_NO_SIDE: Final = frozenset(
    {EventKind.SCHEDULED, EventKind.TICK, EventKind.KICK_OFF, EventKind.HALF_TIME, EventKind.FULL_TIME}
)
PLAIN_KINDS: Final = OF_ONE_SIDE | OF_NO_SIDE
"""What happens often, or in a thousand matches at once: they are announced, begin and end together."""

_WRITTEN: Final[Mapping[str, int]] = {
    "int": NUMBER, "long": NUMBER, "string": TEXT, "bytes": BYTES, "float": FLOAT, "double": DOUBLE,
    "boolean": BOOLEAN, "enum": SYMBOL,
}  # fmt: skip
_USES: Final[Mapping[str, Mapping[str, int]]] = {
    "match_event": {
        "event_id": EVENT_ID, "match_id": MATCH_ID, "kind": KIND, "occurred_at_ms": OCCURRED, "minute": MINUTE,
        "side": SIDE, "expected_goals": CHANCE, "home_score": HOME_SCORE, "away_score": AWAY_SCORE,
        "home_team": HOME_TEAM, "away_team": AWAY_TEAM, "competition": COMPETITION, "neutral": NEUTRAL,
        "kick_off_ms": KICK_OFF,
    },
    "feature_event": {
        "event_id": EVENT_ID, "match_id": MATCH_ID, "source": SOURCE, "as_of_ms": OCCURRED, "values": VALUES,
    },
}  # fmt: skip
_UNUSED: Final = -1  # of a field of ours which a plain event has not
_NEEDED: Final = {EVENT_ID, MATCH_ID, KIND, OCCURRED, SOURCE, VALUES}
_VALUES: Final[Mapping[int, Mapping[str, int]]] = {
    KIND: {kind.value: number for number, kind in enumerate(KINDS) if kind in PLAIN_KINDS},
    SIDE: {side.value: number for number, side in enumerate(Side)},
}
_MOST_SYMBOLS: Final = 64  # the index of one more would take two bytes


def layout_of(writer: Schema, name: str = "match_event") -> NDArray[np.int64] | None:
    """Return how events of the schema *writer* are read, or None where that is not plain.

    Fields may come in any order. One which we do not know is read over when it is a number, a text, bytes, a truth or
    an enumeration, or one of them or null.

    Args:
        writer: As fastavro has parsed it; one which can be read as ours, see `Codec.schema_of`.
        name: Of ours in the catalog: ``match_event`` or ``feature_event``.
    """
    ours = {one["name"]: one["type"] for one in parsed(schema_json(name))["fields"]}
    uses, names = _USES[name], [one["name"] for one in writer["fields"]]
    if not {one for one, use in uses.items() if use in _NEEDED} <= set(names) or len(set(names)) < len(names):
        return None
    fields: list[int] = [len(names)]
    tables: list[int] = []
    try:
        for one in writer["fields"]:
            if one["name"] in ours:
                _check_same(one["type"], ours[one["name"]])
            table_at = 1 + FIELD_NUMBERS * len(names) + len(tables)
            use = uses.get(one["name"], _UNUSED if one["name"] in ours else NOTHING)
            numbers, table = _field(one["name"], one["type"], use)
            fields += (numbers[0], numbers[1], table_at, numbers[2])
            tables += table
    except UnfitError:
        return None
    return np.array(fields + tables, np.int64)


def _field(name: str, schema: Any, use: int) -> tuple[tuple[int, int, int], Sequence[int]]:
    """Return code of null, way and use of a field, and the table of its symbols."""
    if use == VALUES:
        return (NO_UNION, MAP, use), ()
    null, inner = NO_UNION, schema
    if isinstance(schema, list):
        null, _, inner = branches(schema)
    kind = kind_of(inner)
    if not isinstance(kind, str) or kind not in _WRITTEN or (isinstance(inner, dict) and "logicalType" in inner):
        raise UnfitError(f"{inner} is not read plainly")
    if use == _UNUSED:
        return (null, NEVER, NOTHING), ()
    return (null, _WRITTEN[kind], use), _table(name, inner, use) if kind == "enum" else ()


def _table(name: str, schema: Mapping[str, Any], use: int) -> list[int]:
    symbols = schema["symbols"]
    if len(symbols) > _MOST_SYMBOLS:
        raise UnfitError(f"{name} has {len(symbols)} symbols")
    values = _VALUES.get(use)
    return [len(symbols), *(0 if values is None else values.get(symbol, -1) for symbol in symbols)]


def _check_same(theirs: Any, ours: Any) -> None:
    """Raise UnfitError unless both are the same but for the order of branches and symbols."""
    if isinstance(ours, list) and isinstance(theirs, list):
        theirs, ours = branches(theirs)[2], branches(ours)[2]
    same = not isinstance(theirs, list) and not isinstance(ours, list) and kind_of(theirs) == kind_of(ours)
    if not same or (kind_of(ours) == "enum" and theirs["name"] != ours["name"]):
        raise UnfitError(f"{theirs} is not {ours}")
    if kind_of(ours) == "map" and theirs["values"] != ours["values"]:  # they are copied as they are
        raise UnfitError(f"{theirs} has not its branches as {ours}")
