"""The job as the peers do it: decode, fold, features, ensemble, encode; shared by all of them, and by nothing of ours.

It is simpler than Touchline's, to the peers' advantage: no repeats, no late events, no corrections, no clock checks;
a match's ratings cost nothing to come by; the chances of the Poisson model, which Touchline computes, are left out.
"""

import io
import json
import os
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import fastavro
import numpy as np

HERE = Path(__file__).resolve()
SCHEMAS = HERE.parents[2] / "schemas"
EVENT = fastavro.parse_schema(json.loads((SCHEMAS / "match_event.v2.avsc").read_text()))
PREDICTION = fastavro.parse_schema(json.loads((SCHEMAS / "prediction.v1.avsc").read_text()))
RATED: tuple[str, ...] = (
    *("elo_difference", "expected_home_goals", "expected_away_goals", "home_elo", "away_elo", "home_attack"),
    *("away_attack", "home_defence", "away_defence", "home_form_points", "away_form_points"),
    *("home_form_goals_for", "away_form_goals_for", "home_form_goals_against", "away_form_goals_against"),
    *("home_matches", "away_matches", "home_rest_days", "away_rest_days"),
)
GOALS = frozenset({"GOAL", "OWN_GOAL", "PENALTY_GOAL"})
FIRST = {"GOAL": 0, "OWN_GOAL": 0, "PENALTY_GOAL": 0, "RED_CARD": 2, "SHOT": 4}
MINUTE, LAST_GOAL = 6, 7
LAST_MINUTE = 94
Record = Mapping[str, Any]
Score = Callable[[np.ndarray], np.ndarray]


def decode(value: bytes) -> Any:
    """Return the event in *value*, which carries five bytes of wire format first."""
    return fastavro.schemaless_reader(io.BytesIO(value[5:]), EVENT, None)


def ratings(match_id: str) -> list[float]:
    """Return what is known of a match before it: the same for the same match, without a look-up."""
    chance = zlib.crc32(match_id.encode()) / 2**32
    spread = [(chance * (number + 7)) % 1.0 - 0.5 for number in range(len(RATED))]
    elo, home, away = 400 * spread[0], 1500 + 300 * spread[3], 1500 + 300 * spread[4]
    return [elo, 1.5 + spread[1], 1.2 + spread[2], home, away, *spread[5:9], *(2 + 4 * one for one in spread[9:])]


def new_state() -> list[int]:
    """Return the state of a match of which nothing is known: goals, reds and shots of both sides, minute, last goal."""
    return [0, 0, 0, 0, 0, 0, 0, -1]


def fold(state: list[int], event: Record) -> list[int]:
    """Return the state after *event*; *state* itself is left as it is."""
    after = list(state)
    first = FIRST.get(event["kind"])
    if first is not None:
        after[first + (event["side"] == "AWAY")] += 1
    after[MINUTE] = max(after[MINUTE], event["minute"])
    if event["kind"] in GOALS:
        after[LAST_GOAL] = event["minute"]
    return after


def features(state: list[int], rated: list[float]) -> list[float]:
    """Return the 32 features, in the order of Touchline's feature set v1."""
    home, away, minute = state[0], state[1], state[MINUTE]
    since = float("nan") if state[LAST_GOAL] < 0 else minute - state[LAST_GOAL]
    share = max(LAST_MINUTE - minute, 0) / LAST_MINUTE
    live = [0.0, 1.0, minute > 0, minute, home, away, home - away, since, rated[1] * share, rated[2] * share]
    return [*rated, *live, 0.45, 0.27, 0.28]


def prediction(event: Record, state: list[int], row: list[float], chances: list[float], now_us: int) -> dict[str, Any]:
    """Return the prediction after *event*; what a peer does not know (offsets) it leaves at nothing."""
    return {
        "prediction_id": event["event_id"],
        "match_id": event["match_id"],
        "event_id": event["event_id"],
        "cause": event["kind"],
        "occurred_at_ms": event["occurred_at_ms"],
        "competition": "Simulated League",
        "minute": state[MINUTE],
        "home_score": state[0],
        "away_score": state[1],
        "home": chances[0],
        "draw": chances[1],
        "away": chances[2],
        "variant": "CHAMPION",
        "model": "reference",
        "model_version": "1",
        "bundle_digest": "0" * 64,
        "feature_set": "v1",
        "features": row,
        "source_topic": "match-events",
        "source_partition": 0,
        "source_offset": 0,
        "source_timestamp_ms": event["occurred_at_ms"],
        "received_at_us": now_us,
        "decoded_at_us": now_us,
        "scored_at_us": now_us,
    }


class Job:
    """The job of one process; SCORER names what scores unless that is given, SCHEMA_ID how predictions are written."""

    def __init__(self, score: Score | None = None) -> None:
        self._header = b"\0" + int(os.environ["SCHEMA_ID"]).to_bytes(4, "big")
        self._score = score or SCORERS[os.environ["SCORER"]](Path(os.environ["MODEL"]))
        self._rated: dict[str, list[float]] = {}

    def row(self, event: Record, state: list[int]) -> list[float]:
        """Return the features after *event*."""
        match_id = event["match_id"]
        rated = self._rated.get(match_id)
        if rated is None:
            rated = self._rated[match_id] = ratings(match_id)
        return features(state, rated)

    def predict(self, events: Sequence[Record], states: Sequence[list[int]]) -> list[bytes]:
        """Return the encoded predictions after *events*, scored in one call."""
        rows = [self.row(event, state) for event, state in zip(events, states, strict=True)]
        answers = self._score(np.array(rows, np.float32)).tolist()
        now_us = time.time_ns() // 1000
        given = zip(events, states, rows, answers, strict=True)
        return [self._encode(prediction(*one, now_us)) for one in given]

    def _encode(self, record: Record) -> bytes:
        out = io.BytesIO(self._header)
        out.seek(5)
        fastavro.schemaless_writer(out, PREDICTION, record)
        return out.getvalue()


def onnx_scorer(folder: Path) -> Score:
    """Return the ensemble as ONNX Runtime scores it, on one thread."""
    import onnxruntime  # noqa: PLC0415 - the floor scores without it

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(folder / "float.onnx"), options, providers=["CPUExecutionProvider"])
    return lambda rows: session.run(["probabilities"], {"features": rows})[0]


def libraries_scorer(folder: Path) -> Score:
    """Return the ensemble as its libraries score it, called as their first examples show."""
    import lightgbm  # noqa: PLC0415 - only newcomers load them
    import xgboost  # noqa: PLC0415
    from sklearn.neural_network import MLPClassifier  # noqa: PLC0415

    trees, leaves = xgboost.Booster(model_file=folder / "xgboost.json"), lightgbm.Booster(model_file=folder / "lgb.txt")
    given = np.load(folder / "network.npz")
    network = MLPClassifier(max_iter=1).fit(np.zeros((3, 1)), [0, 1, 2])
    layers = range(len([name for name in given if name.startswith("weights_")]))
    network.coefs_, network.intercepts_ = (
        [given[f"weights_{n}"] for n in layers],
        [given[f"offsets_{n}"] for n in layers],
    )
    network.n_layers_, network.n_features_in_ = len(layers) + 1, len(given["centre"])

    def score(rows: np.ndarray) -> np.ndarray:
        scaled = np.clip(np.nan_to_num((rows - given["centre"]) / given["scale"]), -8, 8)
        members = trees.predict(xgboost.DMatrix(rows)), leaves.predict(rows), network.predict_proba(scaled)
        logs = np.log(np.maximum(np.concatenate(members, axis=1), 1e-12))
        powers = np.exp(logs @ given["pool"][:-1] + given["pool"][-1])
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    return score


SCORERS: dict[str, Callable[[Path], Score]] = {
    "onnx": onnx_scorer,
    "libraries": libraries_scorer,
}
