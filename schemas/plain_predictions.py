"""Writes many Predictions at a time, byte for byte as `Codec` writes each of them."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.avro_kernels import copy_bytes, write_long, write_text
from schemas.codec import Codec
from schemas.compiling import compiled
from schemas.digests import WORK, Words, blake2b, write_hex
from schemas.flat_texts import Bytes, FlatTexts, Longs, flat, pieces_of, unwritable
from schemas.plain_layout import FEATURES
from schemas.records import FEATURES_CAUSE, EventKind, Prediction, Variant
from schemas.resolution import Schema
from schemas.straight import UnfitError, kind_of
from schemas.straight_writer import long_bytes

PREDICTION_ID: Final = slice(6, 38)
"""Where the prediction_id stands in a record's bytes."""

_ID_BYTES: Final = 16
_HEADER, _DIGEST, _MIDDLE, _TOPIC, _FEATURES_TOPIC, _CAUSES = range(6)  # constants; all causes from the last on
_LONGEST: Final = 10
_LONGS: Final = 16
_CLASSES: Final = 3
_FIELDS: Final = (
    ("prediction_id", "string"), ("match_id", "string"), ("event_id", "string"), ("cause", "string"),
    ("occurred_at_ms", "long"), ("competition", "string"), ("minute", "int"), ("home_score", "int"),
    ("away_score", "int"), ("home", "float"), ("draw", "float"), ("away", "float"), ("variant", "enum"),
    ("model", "string"), ("model_version", "string"), ("bundle_digest", "string"), ("feature_set", "string"),
    ("features", "array"), ("source_topic", "string"), ("source_partition", "int"), ("source_offset", "long"),
    ("source_timestamp_ms", "long"), ("received_at_us", "long"), ("decoded_at_us", "long"), ("scored_at_us", "long"),
)  # fmt: skip


NUMBERS: Final = (
    "match_id_start", "match_id_length", "event_id_start", "event_id_length", "competition_start", "competition_length",
    "kind", "occurred_at_ms", "minute", "home_score", "away_score", "source_partition", "source_offset",
    "source_timestamp_ms", "received_at_us",
)  # fmt: skip
"""Where the texts of a prediction lie, the kind of its event as an EVENT_ROW has it, and fields of its name."""

_KIND, _OCCURRED, _MINUTE, _PARTITION = map(NUMBERS.index, ("kind", "occurred_at_ms", "minute", "source_partition"))


class PredictionColumns(NamedTuple):
    """Many predictions of one bundle.

    Attributes:
        match_ids: The bytes in which they lie, UTF-8, like event_ids and competitions. Kernels do not check that.
        numbers: NUMBERS, int64, shape ``(n, 15)``; those which the schema has as int are within 32 bits.
        probabilities: Of home, draw and away, float32, shape ``(n, 3)``.
        features: float32, shape ``(n, k)``.
    """

    match_ids: Bytes
    event_ids: Bytes
    competitions: Bytes
    numbers: Longs
    probabilities: NDArray[np.float32]
    features: NDArray[np.float32]


class _Rows(NamedTuple):
    """The same as kernels take it.

    Attributes:
        probabilities: As bytes, shape ``(n, 12)``.
        features: As bytes, shape ``(n, 4 * k)``.
    """

    match_ids: Bytes
    event_ids: Bytes
    competitions: Bytes
    numbers: Longs
    probabilities: Bytes
    features: Bytes


@compiled
def _write_constant(constants: FlatTexts, number: int, out: Bytes, at: int) -> int:
    start = constants.starts[number]
    return copy_bytes(constants.data, start, start + constants.lengths[number], out, at)


@compiled
def _write_longs(numbers: Longs, first: int, end: int, out: Bytes, at: int) -> int:
    for place in range(first, end):
        at = write_long(out, at, numbers[place])
    return at


@compiled
def _write_id(rows: _Rows, constants: FlatTexts, row: int, work: Words, out: Bytes, at: int) -> int:  # noqa: PLR0917 - a kernel's
    """Write the prediction's id; there is room for what it is made of, since the record holds all of that too."""
    numbers = rows.numbers[row]
    end = copy_bytes(rows.match_ids, numbers[0], numbers[0] + numbers[1], out, at)
    out[end] = 0
    end = copy_bytes(rows.event_ids, numbers[2], numbers[2] + numbers[3], out, end + 1)
    out[end] = 0
    end = _write_constant(constants, _DIGEST, out, end + 1)
    blake2b(out, at, end - at, _ID_BYTES, work)
    return write_hex(work, _ID_BYTES, out, write_long(out, at, 2 * _ID_BYTES))


@compiled
def _write_rows(rows: _Rows, constants: FlatTexts, times_us: Longs, out: Bytes, ends: Longs) -> None:
    work = np.empty(WORK, np.uint64)
    width = rows.features.shape[1]
    at = 0
    for row in range(len(ends)):
        numbers = rows.numbers[row]
        at = _write_constant(constants, _HEADER, out, at)
        at = _write_id(rows, constants, row, work, out, at)
        at = write_text(rows.match_ids, numbers[0], numbers[1], out, at)
        at = write_text(rows.event_ids, numbers[2], numbers[3], out, at)
        at = _write_constant(constants, _CAUSES + numbers[_KIND], out, at)
        at = write_long(out, at, numbers[_OCCURRED])
        at = write_text(rows.competitions, numbers[4], numbers[5], out, at)
        at = _write_longs(numbers, _MINUTE, _PARTITION, out, at)
        at = copy_bytes(rows.probabilities[row], 0, rows.probabilities.shape[1], out, at)
        at = _write_constant(constants, _MIDDLE, out, at)
        if width > 0:
            at = copy_bytes(rows.features[row], 0, width, out, write_long(out, at, width // 4))
        at = write_long(out, at, 0)
        at = _write_constant(constants, _FEATURES_TOPIC if numbers[_KIND] == FEATURES else _TOPIC, out, at)
        at = _write_longs(numbers, _PARTITION, len(numbers), out, at)
        at = ends[row] = _write_longs(times_us, 0, 2, out, at)


class PlainPredictions:
    """Writes the predictions of one bundle.

    Args:
        codec: Whose schema and schema id are used, as they are now.
        variant: Like the others, what each prediction has in its field of this name.
        source_topics: That of match events, and that of feature events.

    Raises:
        UnfitError: The codec writes another schema than the one which is known here.
        RuntimeError: `Codec.use_for_writing` has not been called.
    """

    def __init__(
        self,
        codec: Codec[Prediction],
        *,
        variant: Variant,
        model: str,
        model_version: str,
        bundle_digest: str,
        feature_set: str,
        source_topics: tuple[str, str],
    ) -> None:
        header, schema = codec.writes
        texts = (model, model_version, bundle_digest, feature_set)
        middle = long_bytes(2 * _symbols(schema).index(variant)) + b"".join(map(_text, texts))
        after = (*source_topics, *(kind.value for kind in EventKind), FEATURES_CAUSE)
        self._constants = flat([header, bundle_digest.encode(), middle, *map(_text, after)])
        self._fixed = _LONGEST * _LONGS + 2 * _ID_BYTES + len(self._constants.data)

    def encode(self, columns: PredictionColumns, decoded_at_us: int, scored_at_us: int) -> list[bytes]:
        """Return each prediction as bytes.

        Raises:
            ValueError: The columns are not of one length.
        """
        rows = _rows(columns)
        ends = np.empty(len(rows.numbers), np.int64)
        out = np.empty(self._room(rows), np.uint8)
        _write_rows(rows, self._constants, np.array([decoded_at_us, scored_at_us], np.int64), out, ends)
        return pieces_of(out, ends)

    def _room(self, rows: _Rows) -> int:
        """Return how many bytes they can take at most."""
        fixed: int = self._fixed + rows.features.shape[1] + rows.probabilities.shape[1]
        return len(rows.numbers) * fixed + int(rows.numbers[:, 1:6:2].sum())


def _rows(columns: PredictionColumns) -> _Rows:
    """Return *columns* as the kernel takes them; it is compiled for just these types of arrays."""
    numbers, probabilities, features = columns[3:]
    fitting = len(numbers) == len(probabilities) == len(features)
    if not fitting or numbers.shape[1] != len(NUMBERS) or probabilities.shape[1] != _CLASSES:
        shapes = ", ".join(str(one.shape) for one in (numbers, probabilities, features))
        raise ValueError(f"columns of {shapes} are not the {len(NUMBERS)}, {_CLASSES} and k of as many rows")
    return _Rows(
        unwritable(columns.match_ids),
        unwritable(columns.event_ids),
        unwritable(columns.competitions),
        np.ascontiguousarray(numbers),
        *(np.ascontiguousarray(one).view(np.uint8) for one in (probabilities, features)),
    )


def _symbols(schema: Schema) -> Sequence[str]:
    """Return the symbols of variant; raise UnfitError unless the schema is the one which is known here."""
    types = {one["name"]: one["type"] for one in schema["fields"]}
    found = tuple((name, kind_of(one)) for name, one in types.items())
    if found != _FIELDS or types["features"]["items"] != "float":
        raise UnfitError(f"{schema['name']} has other fields than those which are written plainly")
    symbols: Sequence[str] = types["variant"]["symbols"]
    return symbols


def _text(text: str) -> bytes:
    """Return *text* as Avro has it."""
    data = text.encode()
    return long_bytes(2 * len(data)) + data
