"""A program answers like the runtime, for each instruction and for whole graphs; what it does not know it leaves."""

from itertools import pairwise

import numpy as np
import onnx
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from models.bundle import default_bundle_path
from models.compiled import FEW, CompiledPredictor, cut_graph
from models.graph import GraphBuilder
from models.predictors import GraphPredictor
from models.program_writer import program_of
from models.row_program import run

WIDTH = 4
values = st.floats(-1e6, 1e6, width=32) | st.sampled_from([np.nan, 0.0, -0.0, 1e-30])
matrices = st.lists(st.lists(values, min_size=WIDTH, max_size=WIDTH), min_size=1, max_size=5).map(
    lambda rows: np.array(rows, np.float32)
)
factors = st.floats(-3, 3)


def answers(graph: bytes, rows: np.ndarray) -> np.ndarray:
    program = program_of(onnx.load_from_string(graph), {})
    assert program is not None
    return run(program, rows, np.empty((len(rows), 0), np.float32))


def three_of(builder: GraphBuilder, name: str) -> str:
    return builder.node("Gather", name, builder.constant(np.array([2, 0, 1], np.int64)), axis=1)


UNARY = {
    "cast": lambda builder, name: builder.double(name),
    "is nan, where": lambda builder, name: builder.node(
        "Where", builder.node("IsNaN", name), builder.constant(np.array([0.5])), name
    ),
    "clip": lambda builder, name: builder.node(
        "Clip", name, builder.constant(np.array(-2.0)), builder.constant(np.array(2.0))
    ),
    "relu": lambda builder, name: builder.node("Relu", name),
    "log": lambda builder, name: builder.log(name),
    "normalised": lambda builder, name: builder.normalised(name),
    "softmax": lambda builder, name: builder.node("Softmax", name, axis=1),
    "concat": lambda builder, name: three_of(builder, builder.node("Concat", name, name, axis=1)),
}
BINARY = ["Add", "Sub", "Mul", "Div", "Max", "Min"]


@pytest.mark.filterwarnings("ignore:invalid value|divide by zero")
@given(
    rows=matrices,
    steps=st.lists(st.sampled_from([*UNARY, *BINARY, "matmul"]), min_size=1, max_size=6),
    constants=st.lists(factors, min_size=9, max_size=9),
)
def test_any_chain_of_steps_as_the_runtime_has_it(rows, steps, constants):
    # The runtime refuses a clip of doubles behind a relu, which it would make one of.
    assume(("relu", "clip") not in pairwise(one for one in steps if one != "cast"))
    builder = GraphBuilder(WIDTH)
    name = three_of(builder, builder.double("features"))
    for step in steps:
        if step in UNARY:
            name = UNARY[step](builder, name)
        elif step == "matmul":
            name = builder.node("MatMul", name, builder.constant(np.array(constants).reshape(3, 3)))
        else:
            name = builder.node(step, name, builder.constant(np.array(constants[:3])))
    graph = builder.serialised(name)

    expected = GraphPredictor(graph).predict_proba(rows)

    assert np.allclose(answers(graph, rows), expected, rtol=1e-6, atol=1e-6, equal_nan=True)


@pytest.mark.parametrize("count", [1, FEW, FEW + 1])
def test_a_shipped_model_answers_alike_with_few_rows_and_with_many(count):
    graph = (default_bundle_path() / "model.onnx").read_bytes()
    width = GraphPredictor(graph).n_features
    cut = cut_graph(graph, width)
    assert cut is not None
    assert program_of(onnx.load_from_string(cut.rest), dict(zip(cut.names, cut.widths, strict=True))) is not None
    rows = np.random.default_rng(count).normal(size=(count, width)).astype(np.float32)
    rows[:, ::5] = np.nan

    found = CompiledPredictor(cut).predict_proba(rows)

    assert np.allclose(found, GraphPredictor(graph).predict_proba(rows), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "unknown",
    [
        lambda builder, name: builder.node("Tanh", name),
        lambda builder, name: builder.node("Softmax", name, axis=0),
        lambda builder, name: builder.double(builder.node("Cast", name, to=onnx.TensorProto.FLOAT)),
        lambda builder, name: builder.node("Gather", name, builder.constant(np.array([-1, 0, 1], np.int64)), axis=1),
        lambda builder, name: builder.node("MatMul", name, builder.node("Identity", name)),
    ],
)
def test_what_has_no_instruction_is_left_to_the_runtime(unknown):
    builder = GraphBuilder(WIDTH)
    graph = builder.serialised(unknown(builder, three_of(builder, builder.double("features"))))

    assert program_of(onnx.load_from_string(graph), {}) is None
