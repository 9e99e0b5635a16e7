"""What is looked at in a prediction: which event caused it, and whether its probabilities are the ensemble's."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.running import FailedError
from models.predictors import GraphPredictor
from schemas.catalog import schema_json
from schemas.codec import Codec
from schemas.records import Prediction

TOLERANCE: Final = 1e-5
HEADER_BYTES: Final = 5
TEXTS_BEFORE: Final = 2  # prediction_id and match_id


def event_number(value: bytes) -> int:
    """Return which live event caused the prediction in *value*; -1 for an announcement or a rating.

    Much cheaper than to decode all of it.
    """
    place = HEADER_BYTES
    for _ in range(TEXTS_BEFORE):
        length, place = text_length(value, place)
        place += length
    length, place = text_length(value, place)
    event_id = value[place : place + length]
    return int(event_id) if event_id.isdigit() else -1


def text_length(value: bytes, place: int) -> tuple[int, int]:
    """Return the length of the Avro text which begins at *place*, and where its letters begin.

    >>> text_length(bytes([6]) + b"abc", 0)
    (3, 1)
    """
    number = shift = 0
    while True:
        byte = value[place]
        place += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:  # noqa: PLR2004 - the bit which says that more follow
            return number >> 1, place


def check(values: Sequence[bytes], schema_id: int, model: Path) -> float:
    """Return how far the probabilities in *values* are from the ensemble's answer to the features in them.

    Raises:
        FailedError: They are not the ensemble's.
    """
    codec: Codec[Prediction] = Codec("prediction", Prediction)
    codec.learn(schema_id, schema_json("prediction"))
    found = [codec.decode(value) for value in values]
    rows = np.array([one.features for one in found], np.float32)
    told = np.array([(one.home, one.draw, one.away) for one in found], np.float32)
    expected = GraphPredictor((model / "bundle" / "model.onnx").read_bytes()).predict_proba(rows)
    worst = float(np.abs(told - expected).max())
    if not worst <= TOLERANCE:
        raise FailedError(f"its probabilities are not the ensemble's: they differ by up to {worst:.2g}")
    return worst
