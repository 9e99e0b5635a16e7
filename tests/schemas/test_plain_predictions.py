"""Predictions which are written together are what the codec writes of each."""

import copy
import dataclasses
from hashlib import blake2b

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from schemas.codec import Codec
from schemas.flat_texts import flat
from schemas.plain_predictions import PREDICTION_ID, PlainPredictions, PredictionColumns
from schemas.records import EventKind, Prediction, Variant
from schemas.straight import UnfitError

LONGS = st.integers(-(2**63), 2**63 - 1)
INTS = st.integers(-(2**31), 2**31 - 1)
WORDS = st.text(max_size=9)
LONG_WORDS = st.text(max_size=4).map(lambda word: 90 * word)
TEXTS = {"match_id": WORDS | LONG_WORDS, "event_id": WORDS | LONG_WORDS, "competition": WORDS | LONG_WORDS}
NUMBERS = {
    "occurred_at_ms": LONGS,
    "minute": INTS,
    "home_score": INTS,
    "away_score": INTS,
    "source_partition": INTS,
    "source_offset": LONGS,
    "source_timestamp_ms": LONGS,
    "received_at_us": LONGS,
}
CAUSES = [*(kind.value for kind in EventKind), "FEATURES"]
ROWS = st.lists(st.fixed_dictionaries({**TEXTS, "cause": st.sampled_from(CAUSES), **NUMBERS}), max_size=3)
CONSTANTS = st.fixed_dictionaries(
    {
        "variant": st.sampled_from(Variant),
        "model": WORDS,
        "model_version": WORDS,
        "bundle_digest": WORDS | LONG_WORDS,
        "feature_set": WORDS,
        "source_topics": st.tuples(WORDS | LONG_WORDS, WORDS),
    }
)
FLOATS = st.floats(width=32, allow_nan=False) | st.just(float("nan"))
BUNDLE = {
    "variant": Variant.CHAMPION,
    "model": "m",
    "model_version": "1",
    "bundle_digest": "ab",
    "feature_set": "v1",
    "source_topics": ("match-events", "feature-events"),
}


def codec_of():
    codec = Codec("prediction", Prediction)
    codec.use_for_writing(2**31 + 7)
    return codec


def columns_of(rows, probabilities, features):
    texts = [flat([row[name].encode() for row in rows]) for name in TEXTS]
    kinds = [CAUSES.index(row["cause"]) for row in rows]
    places = [part for text in texts for part in (text.starts, text.lengths)]
    numbers = np.array([*places, kinds, *([row[name] for row in rows] for name in NUMBERS)], np.int64).T
    return PredictionColumns(*(text.data for text in texts), numbers, probabilities, features)


def prediction_of(row, chances, vector, constants, times):
    parts = "\x00".join((row["match_id"], row["event_id"], constants["bundle_digest"]))
    home, draw, away = chances
    constants = {**constants}
    topics = constants.pop("source_topics")
    return Prediction(
        prediction_id=blake2b(parts.encode(), digest_size=16).hexdigest(),
        **row,
        home=home,
        draw=draw,
        away=away,
        **constants,
        source_topic=topics[row["cause"] == "FEATURES"],
        features=vector,
        decoded_at_us=times[0],
        scored_at_us=times[1],
    )


@given(ROWS, CONSTANTS, st.tuples(LONGS, LONGS), st.sampled_from([0, 1, 3, 70]), st.data())
def test_the_bytes_are_those_of_the_codec(rows, constants, times, width, data):
    probabilities = data.draw(arrays(np.float32, (len(rows), 3), elements=FLOATS))
    features = data.draw(arrays(np.float32, (len(rows), width), elements=FLOATS))
    codec = codec_of()
    records = [
        prediction_of(row, chances, vector, constants, times)
        for row, chances, vector in zip(rows, probabilities.tolist(), features.tolist(), strict=True)
    ]

    found = PlainPredictions(codec, **constants).encode(columns_of(rows, probabilities, features), *times)

    assert [codec.encode(record) for record in records] == found
    assert [record.prediction_id.encode() for record in records] == [one[PREDICTION_ID] for one in found]


ROW = {**dict.fromkeys(TEXTS, "text"), "cause": "TICK", **dict.fromkeys(NUMBERS, 1)}


def test_texts_may_lie_anywhere_and_columns_be_of_any_make():
    plain = PlainPredictions(codec_of(), **BUNDLE)
    usual = columns_of([ROW, ROW], np.zeros((2, 3), np.float32), np.ones((2, 5), np.float32))
    numbers = usual.numbers.copy(order="C")
    numbers[:, :2] = 2, 4
    odd = usual._replace(
        match_ids=np.frombuffer(bytearray(b"a text"), np.uint8),
        numbers=numbers,
        probabilities=np.zeros((3, 2), np.float32).T,
        features=np.ones((2, 10), np.float32)[:, ::2],
    )

    assert plain.encode(usual, 1, 2) == plain.encode(odd, 1, 2)


@pytest.mark.parametrize(
    "wrong",
    [
        {"numbers": np.zeros((1, 15), np.int64)},
        {"numbers": np.zeros((2, 14), np.int64)},
        {"features": np.zeros((3, 5), np.float32)},
        {"probabilities": np.zeros((2, 2), np.float32)},
    ],
)
def test_columns_which_do_not_fit_are_refused(wrong):
    plain = PlainPredictions(codec_of(), **BUNDLE)
    columns = columns_of([ROW, ROW], np.zeros((2, 3), np.float32), np.ones((2, 5), np.float32))

    with pytest.raises(ValueError, match=r"columns of \(.*\) are not the 15, 3 and k of as many rows"):
        plain.encode(columns._replace(**wrong), 1, 2)


def turned(fields):
    fields.reverse()


def wider(fields):
    fields[17]["type"]["items"] = "double"


def one_more(fields):
    fields.append({"name": "more", "type": "string"})


@pytest.mark.parametrize("change", [turned, wider, one_more])
def test_another_schema_is_not_written(change):
    codec = codec_of()
    schema = copy.deepcopy(codec.writes[1])
    change(schema["fields"])
    codec._writing = dataclasses.replace(codec._writing, schema=schema)

    with pytest.raises(UnfitError, match=r"touchline\.Prediction has other fields"):
        PlainPredictions(codec, **BUNDLE)
