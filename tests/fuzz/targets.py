"""What is fuzzed: one function a place where foreign bytes come in; it returns, or raises when a promise is broken.

Hypothesis and the corpus drive them in `make test`, and a fuzzer which is guided by coverage in `make fuzz`.
"""

import json
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from features.feature_sets import FEATURE_SETS
from features.match_state import MatchState
from features.rating_book import BaseRating, Fixture, RatingClock
from models.contract import check_contract
from models.manifest import BundleError, json_object, read_manifest
from models.onnx_check import checked_graph
from monitors.reference import ReferenceHistograms
from schemas.bounds import ImpossibleValueError, check_feature_event, check_match_event, check_prediction
from schemas.catalog import RECORD_TYPES, schema_json, versions
from schemas.codec import Codec, DecodeCause, DecodeError, EncodeError, UnknownSchemaError
from schemas.plain_values import plain_reader
from schemas.records import MatchEvent, MonitorState
from streams.performance.match import JudgedMatch
from streams.playing.errors import PlayError
from streams.playing.match_days import read_events, recorded_days
from streams.records_io import BadLine, read_lines, spec_of
from streams.topics import TOPICS
from tests.fuzz.command_line import arguments
from tests.fuzz.environment import settings
from tests.fuzz.matches import fold

FOREIGN_ID = 99
RECORDS: Mapping[str, type] = {
    **RECORD_TYPES,
    "base_rating": BaseRating,
    "fixture": Fixture,
    "judged_match": JudgedMatch,
    "match_state": MatchState,
    "monitor_state": MonitorState,
    "rating_clock": RatingClock,
}
NAMES = tuple(sorted(RECORDS))
FED = ("feature_event", "match_event")
TOPIC_NAMES = tuple(name for name, spec in TOPICS.items() if spec.schema is not None)
_CHECKS: Mapping[str, Callable[[Any], None]] = {
    "feature_event": check_feature_event,
    "match_event": check_match_event,
    "prediction": check_prediction,
}


def codec_of(name: str) -> Codec[Any]:
    """Return a codec which knows each version of a schema by its number, and writes the latest."""
    codec: Codec[Any] = Codec(name, RECORDS[name])
    for version, text in versions(name).items():
        codec.learn(version, text)
    codec.use_for_writing(max(versions(name)))
    return codec


CODECS = {name: codec_of(name) for name in NAMES}
WRITERS = {topic: codec_of(TOPICS[topic].schema or "") for topic in TOPIC_NAMES}
PLAIN_READERS = {name: plain_reader(schema_json(name)) for name in NAMES}


def codec(data: bytes) -> None:
    """Decode a record in wire format, of the type which the first byte chooses."""
    name, wire = NAMES[data[0] % len(NAMES)] if data else NAMES[0], data[1:]
    with suppress(ValueError):
        assert isinstance(json.dumps(PLAIN_READERS[name](wire), allow_nan=False), str)
    record = decoded(CODECS[name], wire)
    if record is None:
        return
    try:
        _CHECKS.get(name, lambda _record: None)(record)
        again = CODECS[name].encode(record)
    except ImpossibleValueError:
        return
    except EncodeError:  # an int of more than 32 bits is read, and refused by the bounds of what feeds send
        assert name not in FED
        return
    assert again == CODECS[name].encode(CODECS[name].decode(again))


def decoded(codec: Codec[Any], wire: bytes) -> Any:
    """Return the record, or None for bytes which are refused as they should be."""
    try:
        return codec.decode(wire)
    except UnknownSchemaError as error:
        assert error.schema_id == int.from_bytes(wire[1:5], "big")
    except DecodeError as error:
        assert error.data == wire
        assert isinstance(error.cause, DecodeCause)
        assert str(error)
    return None


def schema(data: bytes) -> None:
    """Learn a foreign schema, the text before the first zero byte, and decode what follows as written with it."""
    text, _, body = data.partition(b"\x00")
    foreign: Codec[MatchEvent] = Codec("match_event", MatchEvent)
    foreign.learn(FOREIGN_ID, text.decode(errors="replace"))
    wire = b"\x00" + FOREIGN_ID.to_bytes(4, "big") + body
    assert isinstance(decoded(foreign, wire), MatchEvent | None)
    with suppress(ValueError):
        plain_reader(text.decode(errors="replace"))(wire)


def manifest(data: bytes) -> None:
    """Read a bundle's manifest, and hold it against the contract of this version."""
    try:
        found = read_manifest(data, "bundle")
    except BundleError as error:
        assert str(error).startswith("bundle: ")
        return
    assert found == read_manifest(found.serialised(), "bundle")
    assert len(found.digest) == 64
    with suppress(BundleError):
        check_contract(found, "bundle")


def reference(data: bytes) -> None:
    """Read a bundle's reference histograms."""
    with suppress(ValueError):
        found = ReferenceHistograms.from_dict(json_object(data, "reference.json"))
        assert found == ReferenceHistograms.from_dict(found.to_dict())


def graph(data: bytes) -> None:
    """Look through an ONNX graph before the runtime gets it."""
    with suppress(ValueError):
        checked_graph(data, len(FEATURE_SETS["v1"].names))


def lines(data: bytes) -> None:
    """Read lines of JSON for the topic which the first byte chooses, and write them."""
    topic = TOPIC_NAMES[data[0] % len(TOPIC_NAMES)] if data else TOPIC_NAMES[0]
    text = data[1:].decode(errors="ignore")
    for line in read_lines(text.split("\n"), spec_of(topic)):
        if isinstance(line, BadLine):
            assert line.reason.startswith(f"line {line.number}")
            continue
        assert line.key
        with suppress(EncodeError):
            assert WRITERS[topic].encode(line.record)


def recorded(data: bytes) -> None:
    """Read a file of recorded events for a replay."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        try:
            events = read_events(Path(file.name))
        except PlayError as error:
            assert file.name in str(error)
            return
    assert len(events) == sum(day.events for day in recorded_days(events))


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (arguments, codec, fold, graph, lines, manifest, recorded, reference, schema, settings)
}
