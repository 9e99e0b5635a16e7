"""Bytes which are as they should be, for every target: where changes begin."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict

from models.bundle import default_bundle_path
from schemas.catalog import versions
from schemas.records import (
    ControlAction,
    EventKind,
    FeatureEvent,
    MatchEvent,
    ModelControl,
    ModelStatus,
    Progress,
    Side,
)
from tests.fuzz.command_line import PATHS
from tests.fuzz.targets import CODECS, NAMES, TOPIC_NAMES

NOON_MS = 1_671_375_600_000
GOAL = MatchEvent("goal-1", "match-1", EventKind.GOAL, NOON_MS, 23, Side.HOME, expected_goals=0.5)
FIXTURE = MatchEvent(
    "fixture-1",
    "match-1",
    EventKind.SCHEDULED,
    NOON_MS,
    home_team="Argentina",
    away_team="Françe",
    competition="World Cup",
    neutral=True,
    kick_off_ms=NOON_MS,
)
RESULT = MatchEvent("end-1", "match-1", EventKind.FULL_TIME, NOON_MS, 90, home_score=3, away_score=3)
STRUCK = MatchEvent("var-1", "match-1", EventKind.CORRECTION, NOON_MS, 24, corrects="goal-1")
EXAMPLES: Mapping[str, tuple[object, ...]] = {
    "match_event": (GOAL, FIXTURE, RESULT, STRUCK),
    "feature_event": (FeatureEvent("odds-1", "match-1", "odds", NOON_MS, {"home": 0.5, "draw": None}),),
    "model_control": (
        ModelControl("m", ControlAction.CANARY, "1", "2", 0.25, True, False, "me", "why", NOON_MS, "0"),  # noqa: FBT003 - fields
    ),
    "model_status": (ModelStatus("w", "predict", "m", "1", "ab", (0, 1), NOON_MS, "no"),),
    "progress": (Progress({"match-events@x": 7}, {"predictions": 9}),),
}
_ENVIRONMENTS = (
    b"PARTITIONS=12\nSECURITY__PROTOCOL=SASL_SSL\nSECURITY__PASSWORD=x\nREDIS_URL=redis://127.0.0.1",
    b'SECURITY={"protocol":"SSL","password":"x"}\nREGISTRY_URL=https://user@host:1\nREGISTRY_PASSWORD=y',
    b"BOOTSTRAP_SERVERS=a:1,b:2\nRUN_ID=7\nWORKER_NAME=w\nLOG_LEVEL=DEBUG\nSESSION_TIMEOUT=1e3\nBUNDLE=/x",
)
_MATCH = bytes([0, 20, 1, 0, 0, 0, 0, 1, 2, 30, 1, 5, 0, 0, 9, 1, 13, 31, 1, 6, 0, 0, 1, 1, 245, 0, 1, 2, 3, 0, 0, 0])


def seeds(target: str) -> list[bytes]:
    """Return bytes which are as *target* wants them."""
    return list(_SEEDS[target]())


def _records() -> Iterable[bytes]:
    for name, examples in EXAMPLES.items():
        for record in examples:
            yield bytes([NAMES.index(name)]) + CODECS[name].encode(record)


def _schemas() -> Iterable[bytes]:
    body = CODECS["match_event"].encode(GOAL)[5:]
    for name in ("match_event", "drift_report", "match_state"):
        yield from (text.encode() + b"\x00" + body for text in versions(name).values())


def _lines() -> Iterable[bytes]:
    for topic, name in (("match-events", "match_event"), ("feature-events", "feature_event")):
        text = "\n".join(json.dumps(asdict(record)) for record in EXAMPLES[name])
        yield bytes([TOPIC_NAMES.index(topic)]) + text.encode()
    status, control = EXAMPLES["model_status"][0], EXAMPLES["model_control"][0]
    yield bytes([TOPIC_NAMES.index("model-status")]) + json.dumps(asdict(status)).encode()
    yield bytes([TOPIC_NAMES.index("model-control")]) + json.dumps(asdict(control)).encode()


def _recorded() -> Iterable[bytes]:
    plain = [json.dumps(asdict(event)) for event in (FIXTURE, GOAL, STRUCK, RESULT)]
    yield "\n".join(plain).encode()
    yield "\n".join(f'{{"topic": "match-events", "offset": 1, "value": {line}}}' for line in plain).encode()


def _arguments() -> Iterable[bytes]:
    words = {
        ("tail",): "match-events --where kind=GOAL --from earliest --limit 3 --json",
        ("reset",): "predict --from 2022-11-20 --run-id 2",
        ("produce",): "match-events --schema-version 1 --skip-bad",
        ("simulate",): "--rate 5 --seconds 1 --late 0.5 --seed 3",
        ("replay",): "--file events.jsonl --speed 60",
        ("train",): "--kind mean --until 2022-11-19 --share 0.2",
        ("worker",): "predict rate --topic-prefix t-",
    }
    for place, path in enumerate(PATHS):
        yield bytes([place]) + words.get(path, "--json").replace(" ", "\x00").encode()


def _file(name: str) -> bytes:
    return (default_bundle_path() / name).read_bytes()


_SEEDS = {
    "arguments": _arguments,
    "codec": _records,
    "fold": lambda: [_MATCH, _MATCH[::-1], _MATCH * 3],
    "graph": lambda: [_file("model.onnx")],
    "lines": _lines,
    "manifest": lambda: [_file("manifest.json")],
    "recorded": _recorded,
    "reference": lambda: [_file("reference.json")],
    "schema": _schemas,
    "settings": lambda: _ENVIRONMENTS,
}
