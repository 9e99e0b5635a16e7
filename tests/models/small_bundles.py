"""Bundles that are made in no time, and ways to break them."""

import json

import numpy as np
from onnx import TensorProto, helper

from models.bundle import save_bundle
from models.graph import GraphBuilder
from models.heuristic import heuristic_member
from models.manifest import Manifest, TrainingRange, file_entry
from models.predictors import CLASSES

REFERENCE = {"columns": {"z": 1, "a": 2}}


def manifest_of(names, **changes):
    given = {
        "model": "m",
        "version": "7",
        "kind": "heuristic",
        "feature_set": "v1",
        "features": names,
        "classes": CLASSES,
        "training": TrainingRange("1990-01-01", "2022-11-19", 10, 5, "ab"),
        "metrics": {"pre_match": {"log_loss": 0.9}},
        "created": "2022-11-20T00:00:00+00:00",
        "libraries": {"numpy": "2"},
        "files": {},
    }
    return Manifest(**given | changes)


def heuristic_graph(names):
    builder = GraphBuilder(len(names))
    return builder.serialised(heuristic_member(names).add_to(builder))


def constant_graph(names, value):
    """A graph whose every answer is *value*."""
    builder = GraphBuilder(len(names))
    shape = builder.node("Shape", builder.node("Gather", "features", builder.constant(np.arange(3)), axis=1))
    tensor = helper.make_tensor("value", TensorProto.DOUBLE, [1], [value])
    return builder.serialised(builder.node("ConstantOfShape", shape, value=tensor))


def speechless_graph(names):
    """The heuristic, which says NaN once the home side leads by two."""
    builder = GraphBuilder(len(names))
    place = builder.constant(np.array([names.index("score_difference")]))
    lead = builder.double(builder.node("Gather", "features", place, axis=1))
    ahead = builder.node("GreaterOrEqual", lead, builder.constant(np.array(2.0)))
    nothing, one = builder.constant(np.array(np.nan)), builder.constant(np.array(1.0))
    factor = builder.node("Where", ahead, nothing, one)
    return builder.serialised(builder.node("Mul", heuristic_member(names).add_to(builder), factor))


def slow_graph(names):
    """The heuristic, which multiplies large matrices on the way for nothing: 0.4 billion operations a call."""
    builder = GraphBuilder(len(names))
    first = builder.double(builder.node("Gather", "features", builder.constant(np.array([0])), axis=1))
    known = builder.node("Where", builder.node("IsNaN", first), builder.constant(np.array(1.0)), first)
    square = builder.node("Expand", builder.node("ReduceMean", known), builder.constant(np.array([600, 600])))
    product = builder.node("ReduceMax", builder.node("MatMul", square, square))
    nothing = builder.node("Mul", product, builder.constant(np.array(0.0)))
    return builder.serialised(builder.node("Add", heuristic_member(names).add_to(builder), nothing))


def rewrite(folder, **changes):
    """Change the manifest as somebody would who does not mind the digests."""
    fields = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(fields | changes))


def replace_file(folder, name, content):
    """Put *content* in the place of a file, with the digest to match."""
    (folder / name).write_bytes(content)
    entry = file_entry(content)
    files = json.loads((folder / "manifest.json").read_text())["files"]
    rewrite(folder, files=files | {name: {"sha256": entry.sha256, "size": entry.size}})


def save_small(folder, names, rows, **changes):
    """Write a bundle with four golden rows, and return its folder."""
    save_bundle(folder, manifest_of(names, **changes), heuristic_graph(names), REFERENCE, rows.matrix[:3])
    return folder
