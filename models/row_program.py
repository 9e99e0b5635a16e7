"""Carries out small graphs for one row after the other: a few rows are answered before the runtime would have begun.

In a worker under a light load the runtime took some 200 us for the fifty nodes around the trees, a program 25.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.predictors import CLASSES, Matrix, Probabilities
from schemas.compiling import compiled

Doubles = NDArray[np.float64]

(COPY, GATHER, IS_NAN, WHERE, ADD, SUB, MUL, DIV, MAX, MIN, LOG, SUM, SOFTMAX, MATMUL) = range(14)
"""Operators; those up to LOG do the same to each number, but for GATHER."""

OPERANDS: Final = 3
_OUT, _WIDTH, _FIRST = 1, 2, 3  # of an instruction, behind its operator: where to, how wide, then its operands


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
    if operator == IS_NAN:
        return 1.0 if np.isnan(first) else 0.0
    if operator == WHERE:
        return second if first != 0 else third
    if operator == ADD:
        return first + second
    if operator == SUB:
        return first - second
    if operator == MUL:
        return first * second
    if operator == DIV:
        return first / second
    if operator == MAX:
        return second if second > first or np.isnan(second) else first
    if operator == MIN:
        return second if second < first or np.isnan(second) else first
    if operator == LOG:
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
    if operator == MATMUL:
        _multiply(memory, out, width, first, step[_FIRST + 1], weights[second:])
    elif operator == SOFTMAX:
        _softmax(memory, out, width, first)
    elif operator == SUM:
        total = 0.0
        for place in range(step[_FIRST + 1]):
            total += memory[first + place]
        memory[out] = total
    elif operator == GATHER:
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
    out = np.empty((len(features), len(CLASSES)), np.float32)
    _run(program, features, given, out)
    return out
