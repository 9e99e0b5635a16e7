"""Builds one ONNX graph from a fitted model, and proves that both answer alike."""

from collections.abc import Iterator
from typing import Final, Protocol

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models.predictors import CLASSES, INPUT, OUTPUT, GraphPredictor, Matrix, Probabilities

OPSETS: Final = {"": 17, "ai.onnx.ml": 3}
TOLERANCE: Final = 1e-6
IR_VERSION: Final = 8
SMALLEST: Final = 1e-12
LARGEST: Final = 1e30


class ExportError(ValueError):
    """Raised when a graph does not answer like the model it was made of."""


class GraphBuilder:
    """Collects the nodes of one graph; every value has a name of its own.

    Values between the nodes are float64: the rounding of long sums then stays below that of the float32 answer.
    """

    def __init__(self, n_features: int) -> None:
        self.n_features = n_features
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def constant(self, values: NDArray[np.generic]) -> str:
        """Add *values* to the graph and return their name."""
        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def node(self, operator: str, *inputs: str, domain: str = "", **attributes: object) -> str:
        """Add a node with one output and return the output's name."""
        output = f"{operator.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, list(inputs), [output], domain=domain, **attributes))
        return output

    def double(self, name: str) -> str:
        """Return *name* as float64."""
        return self.node("Cast", name, to=TensorProto.DOUBLE)

    def normalised(self, name: str) -> str:
        """Return the rows of *name* divided by their sums."""
        axes = self.constant(np.array([1], dtype=np.int64))
        return self.node("Div", name, self.node("ReduceSum", name, axes, keepdims=1))

    def log(self, name: str) -> str:
        """Return the logarithm of probabilities, bounded below."""
        return self.node("Log", self.node("Max", name, self.constant(np.array(SMALLEST))))

    def serialised(self, probabilities: str) -> bytes:
        """Return the graph whose answer is the float64 value *probabilities*, as float32."""
        last = helper.make_node("Cast", [probabilities], [OUTPUT], to=TensorProto.FLOAT)
        graph = helper.make_graph(
            [*self._nodes, last],
            "touchline",
            [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["rows", self.n_features])],
            [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["rows", len(CLASSES)])],
            self._constants,
        )
        opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="touchline")
        return bytes(model.SerializeToString(deterministic=True))


class Member(Protocol):
    """A fitted model which answers through its own library, and can describe itself to a graph."""

    def predict_proba(self, matrix: Matrix) -> Probabilities:
        """Return the probabilities of *matrix* as the library computes them, shape ``(n, 3)``."""
        ...

    def add_to(self, graph: GraphBuilder) -> str:
        """Add the model to *graph*; return the name of its float64 probabilities, shape ``(n, 3)``."""
        ...


def export(member: Member, sample: Matrix, seed: int = 0) -> bytes:
    """Return the graph of *member*, proven equal on random rows, rows with gaps and rows on every threshold.

    Args:
        member: The fitted model.
        sample: Rows of the training data, from which the rows of the proof are made.
        seed: Of their choice.

    Raises:
        ExportError: The two differ by more than TOLERANCE somewhere.
    """
    builder = GraphBuilder(sample.shape[1])
    graph = builder.serialised(member.add_to(builder))
    rows = probe_rows(graph, sample, np.random.default_rng(seed))
    expected, actual = member.predict_proba(rows), GraphPredictor(graph).predict_proba(rows)
    worst = float(np.abs(expected - actual).max())
    if not worst <= TOLERANCE:  # a NaN is a difference too
        raise ExportError(f"the graph's probabilities differ from the library's by {worst:.2g}, more than {TOLERANCE}")
    return graph


def probe_rows(graph: bytes, sample: Matrix, chance: np.random.Generator, most: int = 20_000) -> Matrix:
    """Return rows on which an export most likely goes wrong.

    Half of them carry one threshold of the graph's trees each, exact and to both sides; of the others some values,
    or all, are missing, zero or far outside of what was trained on.
    """
    thresholds = np.array(sorted(_thresholds(graph)), dtype=np.float64).reshape(-1, 2)
    chosen = thresholds[chance.permutation(len(thresholds))[: most // 2]]
    plain = sample[chance.integers(0, len(sample), most // 8 if len(chosen) else most // 2)]
    gaps = np.where(chance.random(plain.shape) < chance.random((len(plain), 1)), np.float32(np.nan), plain)
    odd = np.where(chance.random(plain.shape) < 0.1, chance.choice([0.0, -1e6, 1e6, 1e-36], plain.shape), plain)  # noqa: PLR2004 - a tenth
    edge = sample[chance.integers(0, len(sample), len(chosen))].copy()
    near = np.clip(chosen[:, 1], -LARGEST, LARGEST).astype(np.float32)  # "known or missing?" is a split at infinity
    side = chance.choice(np.array([-np.inf, 0, np.inf], dtype=np.float32), len(near))
    edge[np.arange(len(edge)), chosen[:, 0].astype(int)] = np.where(side == 0, near, np.nextafter(near, side))
    empty = np.full((1, sample.shape[1]), np.nan)
    return np.concatenate([plain, gaps, odd, edge, empty]).astype(np.float32)


def _thresholds(graph: bytes) -> Iterator[tuple[int, float]]:
    for node in onnx.load_from_string(graph).graph.node:
        if node.op_type == "TreeEnsembleRegressor":
            found = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
            values = numpy_helper.to_array(found["nodes_values_as_tensor"])
            split = np.array(found["nodes_modes"]) != b"LEAF"
            yield from {*zip(np.array(found["nodes_featureids"])[split].tolist(), values[split].tolist(), strict=True)}
