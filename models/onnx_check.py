"""Refuses a graph which is not one of ours before a runtime sees it."""

from collections.abc import Iterator
from typing import Final

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped] # comes with onnx, without types

from models.predictors import CLASSES, INPUT, OUTPUT

DOMAINS: Final = frozenset({"", "ai.onnx", "ai.onnx.ml"})
FLOAT: Final = 1  # onnx.TensorProto.FLOAT


def checked_graph(graph: bytes, n_features: int) -> None:
    """Check that *graph* is an ONNX graph from float32 ``(n, n_features)`` to float32 ``(n, 3)``.

    Only standard operators, nothing kept in other files: loading a graph must not read or run anything else.

    Raises:
        ValueError: What is wrong, as the rest of a sentence.
    """
    try:
        model = onnx.load_from_string(graph)
    except DecodeError as error:
        raise ValueError("is not an ONNX graph") from error
    if not model.graph.node:
        raise ValueError("is not an ONNX graph")
    if any(attribute.HasField("g") or attribute.graphs for attribute in _attributes(model)):
        raise ValueError("holds a graph within the graph")
    foreign = sorted({node.domain for node in model.graph.node} - DOMAINS)
    if foreign or model.functions:
        raise ValueError(f"uses operators of {', '.join(foreign) or 'its own'}, not only standard ones")
    if any(constant.external_data for constant in _constants(model)):
        raise ValueError("keeps constants in another file")
    shapes = ([_shape(value) for value in side] for side in (model.graph.input, model.graph.output))
    expected = [(INPUT, FLOAT, n_features)], [(OUTPUT, FLOAT, len(CLASSES))]
    if tuple(shapes) != expected:
        raise ValueError(f"does not go from {n_features} float32 features to {len(CLASSES)} probabilities")


def _attributes(model: onnx.ModelProto) -> Iterator[onnx.AttributeProto]:
    return (attribute for node in model.graph.node for attribute in node.attribute)


def _constants(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """Yield every tensor in the graph, wherever it is kept."""
    yield from model.graph.initializer
    sparse = list(model.graph.sparse_initializer)
    for attribute in _attributes(model):
        yield from (attribute.t, *attribute.tensors)
        sparse += (attribute.sparse_tensor, *attribute.sparse_tensors)
    for one in sparse:
        yield from (one.values, one.indices)


def _shape(value: onnx.ValueInfoProto) -> tuple[str, int, int]:
    tensor = value.type.tensor_type
    return value.name, tensor.elem_type, tensor.shape.dim[-1].dim_value if tensor.shape.dim else 0
