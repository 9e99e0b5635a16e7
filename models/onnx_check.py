"""Refuses a graph which is not one of ours before a runtime sees it."""

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
    foreign = sorted({node.domain for node in model.graph.node} - DOMAINS)
    if foreign or model.functions:
        raise ValueError(f"uses operators of {', '.join(foreign) or 'its own'}, not only standard ones")
    if any(constant.external_data for constant in model.graph.initializer):
        raise ValueError("keeps constants in another file")
    shapes = ([_shape(value) for value in side] for side in (model.graph.input, model.graph.output))
    expected = [(INPUT, FLOAT, n_features)], [(OUTPUT, FLOAT, len(CLASSES))]
    if tuple(shapes) != expected:
        raise ValueError(f"does not go from {n_features} float32 features to {len(CLASSES)} probabilities")


def _shape(value: onnx.ValueInfoProto) -> tuple[str, int, int]:
    tensor = value.type.tensor_type
    return value.name, tensor.elem_type, tensor.shape.dim[-1].dim_value if tensor.shape.dim else 0
