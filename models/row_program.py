"""A small graph as a program for one row after the other: a few rows are answered before the runtime would have begun.

The runtime takes some 200 us for the fifty nodes around the trees, whatever the number of rows; a program takes three a
row. It computes in double throughout, as the graphs do which `models.graph` builds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models.predictors import INPUT, OUTPUT, Matrix, Probabilities
from schemas.compiling import compiled

Doubles = NDArray[np.float64]

(
    _COPY, _GATHER, _IS_NAN, _WHERE, _ADD, _SUB, _MUL, _DIV, _MAX, _MIN, _LOG, _SUM, _SOFTMAX, _MATMUL,
) = range(14)  # fmt: skip
_UNARY: Final = {"IsNaN": _IS_NAN, "Log": _LOG, "Identity": _COPY}
_BINARY: Final = {"Add": _ADD, "Sub": _SUB, "Mul": _MUL, "Div": _DIV, "Max": _MAX, "Min": _MIN}
_OUT, _WIDTH, _FIRST = 1, 2, 3  # of an instruction, behind its operator: where to, how wide, then its operands
_OPERANDS: Final = 3


class _UnknownError(Exception):
    """Raised for what no instruction stands for."""


class Program(NamedTuple):
    """What a kernel carries out for each row.

    Attributes:
        steps: An instruction a row: operator, where its result goes, how wide that is, then for each of three operands
            where it is and how wide: as wide as the result, or one number for all of it.
        memory: As it is before the first step: constants, and room for inputs and results.
        weights: The matrices, row behind row.
        inputs: Where the first number of the features is; those of the other inputs follow.
        output: Where the probabilities are.
    """

    steps: NDArray[np.int64]
    memory: Doubles
    weights: Doubles
    inputs: int
    output: int


@compiled
def _one(operator: int, first: float, second: float, third: float) -> float:  # noqa: PLR0911 - one an operator
    if operator == _IS_NAN:
        return 1.0 if np.isnan(first) else 0.0
    if operator == _WHERE:
        return second if first != 0 else third
    if operator == _ADD:
        return first + second
    if operator == _SUB:
        return first - second
    if operator == _MUL:
        return first * second
    if operator == _DIV:
        return first / second
    if operator == _MAX:
        return second if second > first or np.isnan(second) else first
    if operator == _MIN:
        return second if second < first or np.isnan(second) else first
    if operator == _LOG:
        return float(np.log(first))
    return first


@compiled
def _softmax(memory: Doubles, out: int, width: int, start: int) -> None:
    highest, total = memory[start], 0.0
    for place in range(1, width):
        highest = max(highest, memory[start + place])
    for place in range(width):
        memory[out + place] = np.exp(memory[start + place] - highest)
        total += memory[out + place]
    for place in range(width):
        memory[out + place] /= total


@compiled
def _multiply(memory: Doubles, out: int, width: int, vector: int, length: int, weights: Doubles) -> None:  # noqa: PLR0917 - a kernel's
    sums = np.zeros(width)
    for row in range(length):
        factor = memory[vector + row]
        for place in range(width):
            sums[place] += factor * weights[row * width + place]
    memory[out : out + width] = sums


@compiled
def _step(step: NDArray[np.int64], memory: Doubles, weights: Doubles) -> None:
    operator, out, width = step[0], step[_OUT], step[_WIDTH]
    first, second, third = step[_FIRST], step[_FIRST + 2], step[_FIRST + 4]
    if operator == _MATMUL:
        _multiply(memory, out, width, first, step[_FIRST + 1], weights[second:])
    elif operator == _SOFTMAX:
        _softmax(memory, out, width, first)
    elif operator == _SUM:
        total = 0.0
        for place in range(step[_FIRST + 1]):
            total += memory[first + place]
        memory[out] = total
    elif operator == _GATHER:
        for place in range(width):
            memory[out + place] = memory[first + int(memory[second + place])]
    else:
        strides = step[_FIRST + 1] > 1, step[_FIRST + 3] > 1, step[_FIRST + 5] > 1
        for place in range(width):
            memory[out + place] = _one(
                operator, memory[first + place * strides[0]], memory[second + place * strides[1]],
                memory[third + place * strides[2]],
            )  # fmt: skip


@compiled
def _run(program: Program, features: Matrix, given: Matrix, out: Probabilities) -> None:
    memory, width = program.memory.copy(), features.shape[1]
    for row in range(len(features)):
        memory[program.inputs : program.inputs + width] = features[row]
        memory[program.inputs + width : program.inputs + width + given.shape[1]] = given[row]
        for step in range(len(program.steps)):
            _step(program.steps[step], memory, program.weights)
        for place in range(out.shape[1]):
            out[row, place] = memory[program.output + place]


def run(program: Program, features: Matrix, given: Matrix) -> Probabilities:
    """Return the probabilities of *features* ``(n, k)`` and the other inputs, side by side, *given* ``(n, m)``.

    Both float32 and in C order.
    """
    out = np.empty((len(features), 3), np.float32)
    _run(program, features, given, out)
    return out


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
        filled = [*operands, *[(0, 1)] * (_OPERANDS - len(operands))]
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
        if node.op_type in _UNARY or node.op_type in _BINARY:
            self.elementwise((_UNARY | _BINARY)[node.op_type], name, inputs)
        elif node.op_type in _OTHERS:
            _OTHERS[node.op_type](self, name, inputs, settings)
        else:
            raise _UnknownError(node.op_type)

    def where(self, name: str, inputs: Sequence[str], _settings: Mapping[str, Any]) -> None:
        """Choose."""
        self.elementwise(_WHERE, name, inputs)

    def relu(self, name: str, inputs: Sequence[str], _settings: Mapping[str, Any]) -> None:
        """Let nothing be below zero."""
        self.room(f"{name} least", [0.0])
        self.elementwise(_MAX, name, [inputs[0], f"{name} least"])

    def clip(self, name: str, inputs: Sequence[str], _settings: Mapping[str, Any]) -> None:
        """Let nothing be outside of two bounds."""
        value, low, high = inputs
        self.elementwise(_MAX, f"{name} high enough", [value, low])
        self.elementwise(_MIN, name, [f"{name} high enough", high])

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
        self.add(_GATHER, name, width, source, (place, width))

    def total(self, name: str, inputs: Sequence[str], settings: Mapping[str, Any]) -> None:
        """Add up the columns."""
        axes = self.constants.get(inputs[1]) if len(inputs) > 1 else None
        if axes is None or axes.tolist() != [1] or settings.get("keepdims", 1) != 1:
            raise _UnknownError(name)
        self.add(_SUM, name, 1, self.operand(inputs[0]))

    def softmax(self, name: str, inputs: Sequence[str], settings: Mapping[str, Any]) -> None:
        """Make probabilities of logits."""
        if settings.get("axis", -1) not in (1, -1):
            raise _UnknownError(name)
        source = self.operand(inputs[0])
        self.add(_SOFTMAX, name, source[1], source)

    def multiply(self, name: str, inputs: Sequence[str], _settings: Mapping[str, Any]) -> None:
        """Multiply by a matrix which does not change."""
        source, matrix = self.operand(inputs[0]), self.constants.get(inputs[1])
        if matrix is None or matrix.ndim != 2 or len(matrix) != source[1]:  # noqa: PLR2004 - rows and columns
            raise _UnknownError(name)
        self.add(_MATMUL, name, matrix.shape[1], source, (len(self.weights), 1))
        self.weights += matrix.astype(np.float64).ravel().tolist()

    def concatenate(self, name: str, inputs: Sequence[str], settings: Mapping[str, Any]) -> None:
        """Put columns side by side."""
        if settings.get("axis") != 1:
            raise _UnknownError(name)
        sources = [self.operand(one) for one in inputs]
        start = self.room(name, [0.0] * sum(width for _, width in sources))
        for source in sources:
            self.steps.append([_COPY, start, source[1], *source, 0, 1, 0, 1])
            start += source[1]


_OTHERS: Final[Mapping[str, Callable[[_Writer, str, Sequence[str], Mapping[str, Any]], None]]] = {
    "Where": _Writer.where, "Relu": _Writer.relu, "Clip": _Writer.clip, "Cast": _Writer.cast,
    "Gather": _Writer.gather, "ReduceSum": _Writer.total, "Softmax": _Writer.softmax, "MatMul": _Writer.multiply,
    "Concat": _Writer.concatenate,
}  # fmt: skip


def program_of(graph: onnx.ModelProto, widths: Mapping[str, int]) -> Program | None:
    """Return the program of *graph*, whose inputs behind the features have these *widths*; None where it has others.

    Every input has one row an example, in the same order.
    """
    writer = _Writer({one.name: numpy_helper.to_array(one) for one in graph.graph.initializer})
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
    if width != 3:  # noqa: PLR2004 - classes
        return None
    return Program(np.array(writer.steps, np.int64), np.array(writer.memory), np.array(writer.weights), start, output)
