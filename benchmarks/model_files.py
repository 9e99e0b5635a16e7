"""The reference ensemble in the forms in which systems load it: a bundle, a graph of floats, the libraries' own."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from benchmarks.peers.job import decode, features, fold, new_state, ratings
from benchmarks.play import Record
from benchmarks.reference import GAPS, ROWS, fit_ensemble
from features.feature_sets import FEATURE_SETS
from models.bundle import save_bundle
from models.graph import GraphBuilder
from models.manifest import Manifest, TrainingRange
from models.network import NetworkMember
from models.pools import LogitPool, PooledMember
from models.predictors import CLASSES, INPUT, Matrix
from models.trees import LightGBMMember, XGBoostMember

FEATURE_SET = FEATURE_SETS["v1"]


def seen_rows(records: list[Record]) -> Matrix:
    """Return feature vectors as the systems will see them, a twentieth of the values missing."""
    states: dict[bytes, list[int]] = {}
    found = []
    for key, value in records:
        states[key] = fold(states.get(key) or new_state(), event := decode(value))
        found.append(features(states[key], ratings(event["match_id"])))
    chance = np.random.default_rng(0)
    rows = np.array(found, np.float32)[chance.permutation(len(found))[:ROWS]]
    rows[chance.random(rows.shape) < GAPS] = np.nan
    return rows


def write_model(folder: Path, records: list[Record], step: Callable[[str], None]) -> None:
    """Fit the ensemble to what *records* look like, and write it to *folder*."""
    rows = seen_rows(records)
    ensemble = fit_ensemble(rows, step)
    builder = GraphBuilder(rows.shape[1])
    graph = builder.serialised(ensemble.add_to(builder))
    folder.mkdir(parents=True, exist_ok=True)
    save_bundle(folder / "bundle", manifest(len(rows)), graph, {}, rows)
    (folder / "float.onnx").write_bytes(float_graph(graph))
    write_libraries(folder, ensemble)


def manifest(rows: int) -> Manifest:
    """Return a manifest for a model of *rows* rows of chance."""
    learned = TrainingRange(None, None, rows, 0, "0" * 64)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    names = FEATURE_SET.names
    return Manifest("reference", "1", "stack", FEATURE_SET.version, names, CLASSES, learned, {}, now, {}, {})


def write_libraries(folder: Path, ensemble: PooledMember) -> None:
    """Write the members in their libraries' own formats, the network and the pool as arrays."""
    trees, leaves, network = ensemble.members
    if not (isinstance(trees, XGBoostMember) and isinstance(leaves, LightGBMMember)):
        raise TypeError("the reference's first members are XGBoost and LightGBM")
    if not (isinstance(network, NetworkMember) and isinstance(ensemble.pool, LogitPool)):
        raise TypeError("the reference's last member is a network, under a logistic regression")
    trees.booster.save_model(folder / "xgboost.json")
    leaves.booster.save_model(folder / "lgb.txt")
    arrays = {"centre": network.scaling.centre, "scale": network.scaling.scale, "pool": ensemble.pool.weights}
    for number, (weights, offsets) in enumerate(zip(network.model.coefs_, network.model.intercepts_, strict=True)):
        arrays |= {f"weights_{number}": weights, f"offsets_{number}": offsets}
    np.savez(folder / "network.npz", allow_pickle=False, **arrays)


def float_graph(graph: bytes) -> bytes:
    """Return *graph* with trees of float32, as converters write them: ONNX Runtime is faster with those.

    A float32 row is at most a threshold of float64 exactly when it is at most the next float32 below it.
    """
    model = onnx.load_from_string(graph)
    for node in model.graph.node:
        if node.op_type == "TreeEnsembleRegressor":
            given = {one.name: helper.get_attribute_value(one) for one in node.attribute}
            given["nodes_values"] = below(numpy_helper.to_array(given.pop("nodes_values_as_tensor"))).tolist()
            weights = numpy_helper.to_array(given.pop("target_weights_as_tensor"))
            given["target_weights"] = weights.astype(np.float32).tolist()
            new = helper.make_node(node.op_type, [INPUT], list(node.output), domain=node.domain, **given)
            node.CopyFrom(new)
    used = {name for node in model.graph.node for name in node.input}
    for node in [one for one in model.graph.node if not used & set(one.output) and one.op_type == "Cast"]:
        if node.output[0] not in {one.name for one in model.graph.output}:
            model.graph.node.remove(node)
    return bytes(model.SerializeToString(deterministic=True))


def below(thresholds: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return the largest float32 which are not above *thresholds*."""
    near = thresholds.astype(np.float32)
    return np.where(near > thresholds, np.nextafter(near, np.float32(-np.inf)), near).astype(np.float32)
