"""Writes the program of a graph; see `models.row_program`.

All numbers are double in it, as they are in the graphs which `models.graph` builds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models.predictors import CLASSES, INPUT, OUTPUT
from models.row_program import (
    ADD,
    COPY,
    DIV,
    GATHER,
    IS_NAN,
    LOG,
    MATMUL,
    MAX,
    MIN,
    MUL,
    OPERANDS,
    SOFTMAX,
    SUB,
    SUM,
    WHERE,
    Program,
)

_ELEMENTWISE: Final = {
    "IsNaN": IS_NAN, "Log": LOG, "Identity": COPY, "Add": ADD, "Sub": SUB, "Mul": MUL, "Div": DIV, "Max": MAX,
    "Min": MIN, "Where": WHERE,
}  # fmt: skip


class _UnknownError(Exception):
    """Raised for what no instruction stands for."""


@dataclass(slots=True)
class _Writer:
    """Writes a program.

    Attributes:
        places: Where each value is in memory and how wide, by its name.
        constants: The tensors of the graph which do not change, by name.
    """

    constants: Mapping[str, NDArray[Any]]
    places: dict[str, tuple[int, int]] = field(default_factory=dict)
    memory: list[float] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    steps: list[list[int]] = field(default_factory=list)

    def room(self, name: str, values: Sequence[float]) -> int:
        """Return where *values* are, which are called *name* from now on."""
        place = len(self.memory)
        self.memory += values
        self.places[name] = place, len(values)
        return place

    def operand(self, name: str) -> tuple[int, int]:
        """Return where *name* is, and how wide."""
        if name not in self.places:
            constant = self.constants.get(name)
            if constant is None:
                raise _UnknownError(name)
            self.room(name, constant.astype(np.float64).ravel().tolist())
        return self.places[name]

    def add(self, operator: int, name: str, width: int, *operands: tuple[int, int]) -> None:
        """Add a step whose result is called *name*."""
        filled = [*operands, *[(0, 1)] * (OPERANDS - len(operands))]
        place = self.room(name, [0.0] * width)
        self.steps.append([operator, place, width, *(number for one in filled for number in one)])

    def elementwise(self, operator: int, name: str, inputs: Sequence[str]) -> None:
        """Add a step which does the same to each number; what is one number wide counts for all."""
        operands = [self.operand(one) for one in inputs]
        width = max(width for _, width in operands)
        if any(own not in (1, width) for _, own in operands):
            raise _UnknownError(name)
        self.add(operator, name, width, *operands)

    def node(self, node: onnx.NodeProto) -> None:
        """Add what *node* does.

        Raises:
            _UnknownError: There is no instruction for it.
        """
        settings = {one.name: helper.get_attribute_value(one) for one in node.attribute}
        inputs, name = list(node.input), node.output[0]
        if node.op_type in _ELEMENTWISE:
            self.elementwise(_ELEMENTWISE[node.op_type], name, inputs)
        elif node.op_type in _OTHERS:
            _OTHERS[node.op_type](self, name, inputs, settings)
        else:
            raise _UnknownError(node.op_type)

    def relu(self, name: str, inputs: Sequence[str], _settings: Mapping[str, Any]) -> None:
        """Let nothing be below zero."""
        self.room(f"{name} least", [0.0])
        self.elementwise(MAX, name, [inputs[0], f"{name} least"])

    def clip(self, name: str, inputs: Sequence[str], _settings: Mapping[str, Any]) -> None:
        """Let nothing be outside of two bounds."""
        value, low, high = inputs
        self.elementwise(MAX, f"{name} high enough", [value, low])
        self.elementwise(MIN, name, [f"{name} high enough", high])

    def cast(self, name: str, inputs: Sequence[str], settings: Mapping[str, Any]) -> None:
        """Do nothing: all numbers are double here, and only what comes out of the graph is float again."""
        if settings["to"] != TensorProto.DOUBLE and name != OUTPUT:
            raise _UnknownError(name)
        self.places[name] = self.operand(inputs[0])

    def gather(self, name: str, inputs: Sequence[str], settings: Mapping[str, Any]) -> None:
        """Choose columns."""
        source, (place, width) = self.operand(inputs[0]), self.operand(inputs[1])
        chosen = self.memory[place : place + width]
        if settings.get("axis") != 1 or not all(0 <= one < source[1] for one in chosen):
            raise _UnknownError(name)
        self.add(GATHER, name, width, source, (place, width))

    def total(self, name: str, inputs: Sequence[str], settings: Mapping[str, Any]) -> None:
        """Add up the columns."""
        axes = self.constants.get(inputs[1]) if len(inputs) > 1 else None
        if axes is None or axes.tolist() != [1] or settings.get("keepdims", 1) != 1:
            raise _UnknownError(name)
        self.add(SUM, name, 1, self.operand(inputs[0]))

    def softmax(self, name: str, inputs: Sequence[str], settings: Mapping[str, Any]) -> None:
        """Make probabilities of logits."""
        if settings.get("axis", -1) not in (1, -1):
            raise _UnknownError(name)
        source = self.operand(inputs[0])
        self.add(SOFTMAX, name, source[1], source)

    def multiply(self, name: str, inputs: Sequence[str], _settings: Mapping[str, Any]) -> None:
        """Multiply by a matrix which does not change."""
        source, matrix = self.operand(inputs[0]), self.constants.get(inputs[1])
        if matrix is None or matrix.ndim != 2 or len(matrix) != source[1]:  # noqa: PLR2004 - rows and columns
            raise _UnknownError(name)
        self.add(MATMUL, name, matrix.shape[1], source, (len(self.weights), 1))
        self.weights += matrix.astype(np.float64).ravel().tolist()

    def concatenate(self, name: str, inputs: Sequence[str], settings: Mapping[str, Any]) -> None:
        """Put columns side by side."""
        if settings.get("axis") != 1:
            raise _UnknownError(name)
        sources = [self.operand(one) for one in inputs]
        start = self.room(name, [0.0] * sum(width for _, width in sources))
        for source in sources:
            self.steps.append([COPY, start, source[1], *source, 0, 1, 0, 1])
            start += source[1]


_OTHERS: Final[Mapping[str, Callable[[_Writer, str, Sequence[str], Mapping[str, Any]], None]]] = {
    "Relu": _Writer.relu, "Clip": _Writer.clip, "Cast": _Writer.cast,
    "Gather": _Writer.gather, "ReduceSum": _Writer.total, "Softmax": _Writer.softmax, "MatMul": _Writer.multiply,
    "Concat": _Writer.concatenate,
}  # fmt: skip


def program_of(graph: onnx.ModelProto, widths: Mapping[str, int]) -> Program | None:
    """Return the program of *graph*, whose inputs behind the features have these *widths*; None where it has others.

    Every input has one row an example, in the same order.
    """
    writer = _Writer({one.name: numpy_helper.to_array(one) for one in graph.graph.initializer})
    if graph.graph.input[0].name != INPUT:
        return None
    n_features = graph.graph.input[0].type.tensor_type.shape.dim[1].dim_value
    start = writer.room(INPUT, [0.0] * n_features)
    for name, width in widths.items():
        writer.room(name, [0.0] * width)
    try:
        for node in graph.graph.node:
            writer.node(node)
        output, width = writer.operand(OUTPUT)
    except _UnknownError:
        return None
    if width != len(CLASSES):
        return None
    return Program(np.array(writer.steps, np.int64), np.array(writer.memory), np.array(writer.weights), start, output)
