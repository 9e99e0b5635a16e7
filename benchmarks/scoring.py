"""What a row costs to score, by runtime and batch size, and how far compiled trees are from the libraries' own answers.

Run it with ``.venv/bin/python -m benchmarks.scoring``; one thread, some minutes, most of them for the answers of the
libraries to a million rows. It prints a table and writes build/scoring.json.
"""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # before a library reads it

import click
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.reference import FEATURES, reference_ensemble, reference_rows
from models.compiled import CompiledPredictor, fast_predictor
from models.graph import GraphBuilder, Member, probe_rows
from models.predictors import GraphPredictor, Matrix, Probabilities

BATCHES = (1, 4, 16, 64, 128, 1024)
AT_ONCE = 20_000
SHORTEST_SECONDS = 0.2
Score = Callable[[Matrix], Probabilities]


def graph_of(member: Member) -> bytes:
    """Return the graph of *member*."""
    builder = GraphBuilder(FEATURES)
    return builder.serialised(member.add_to(builder))


def blocks(graph: bytes, count: int) -> Iterator[Matrix]:
    """Yield *count* rows: by turns of chance, and where exports go wrong (on thresholds, with gaps, far outside)."""
    chance = np.random.default_rng(1)
    sample = reference_rows(AT_ONCE, chance)
    for number in range(-(-count // AT_ONCE)):
        yield reference_rows(AT_ONCE, chance) if number % 2 else probe_rows(graph, sample, chance, AT_ONCE)


def differences(runtimes: Mapping[str, Score], graph: bytes, count: int) -> dict[str, float]:
    """Return the largest difference of each runtime to the first, over *count* rows."""
    worst = dict.fromkeys(runtimes, 0.0)
    rounds = track(range(-(-count // AT_ONCE)), "Comparing", console=Console(stderr=True))
    for _, rows in zip(rounds, blocks(graph, count), strict=True):
        answers = {name: score(rows) for name, score in runtimes.items()}
        expected = next(iter(answers.values()))
        for name, found in answers.items():
            worst[name] = max(worst[name], float(np.abs(expected - found).max()))
    return worst


def seconds(score: Score, batches: list[Matrix]) -> float:
    """Return how long a call takes, over calls with other rows each."""
    score(batches[-1])  # what happens once
    began, calls = time.perf_counter(), 0
    while time.perf_counter() - began < SHORTEST_SECONDS:
        score(batches[calls % len(batches)])
        calls += 1
    return (time.perf_counter() - began) / calls


def costs(runtimes: Mapping[str, Score], times: int) -> dict[tuple[str, int], float]:
    """Return the median microseconds a row, by runtime and rows of a call; the runtimes take turns."""
    found: dict[tuple[str, int], list[float]] = {}
    rows = reference_rows(64 * max(BATCHES), np.random.default_rng(2))
    for size in track(BATCHES, "Timing", console=Console(stderr=True)):
        batches = [rows[first : first + size] for first in range(0, 64 * size, size)]
        for number in range(times):
            names = list(runtimes)
            for name in names[number % len(names) :] + names[: number % len(names)]:
                found.setdefault((name, size), []).append(seconds(runtimes[name], batches) / size * 1e6)
    return {key: median(values) for key, values in found.items()}


def rows_of(cost: Mapping[tuple[str, int], float], worst: Mapping[str, float]) -> list[dict[str, Any]]:
    """Return the results as plain values."""
    return [
        {"runtime": name, "rows": size, "us_per_row": round(value, 2), "max_difference": worst[name]}
        for (name, size), value in cost.items()
    ]


def show(rows: list[dict[str, Any]]) -> None:
    """Print *rows* as a table: a line a runtime, and how many times faster the compiled trees are."""
    cost = {(row["runtime"], row["rows"]): row["us_per_row"] for row in rows}
    table = Table("runtime", *map(str, BATCHES), "difference", title="Microseconds a row, by rows of a call")
    for name in dict.fromkeys(row["runtime"] for row in rows):
        (difference,) = {row["max_difference"] for row in rows if row["runtime"] == name}
        table.add_row(name, *(f"{cost[name, size]:.1f}" for size in BATCHES), f"{difference:.1e}")
    for name in ("libraries", "onnxruntime"):
        ratios = (cost[name, size] / cost["compiled", size] for size in BATCHES)
        table.add_row(f"ratio to {name}", *(f"{ratio:.1f}x" for ratio in ratios))
    Console().print(table)


@click.command()
@click.option("--times", default=5, show_default=True, help="Of each timing; the medians count.")
@click.option("--rows", "count", default=1_000_000, show_default=True, help="On which the answers are compared.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/scoring.json"), show_default=True)
def main(times: int, count: int, out: Path) -> None:
    """Time and compare the libraries, ONNX Runtime and the compiled trees."""
    console = Console(stderr=True)
    with console.status("fitting the reference ensemble") as status:
        ensemble = reference_ensemble(lambda kind: status.update(f"fitting {kind}"))
    graph = graph_of(ensemble)
    compiled = fast_predictor(graph, FEATURES)
    if not isinstance(compiled, CompiledPredictor):
        raise click.ClickException("the reference ensemble was not compiled")
    runtimes: dict[str, Score] = {
        "libraries": ensemble.predict_proba,
        "onnxruntime": GraphPredictor(graph).predict_proba,
        "compiled": compiled.predict_proba,
    }
    found = rows_of(costs(runtimes, times), differences(runtimes, graph, count))
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(found, indent=2))
    show(found)


if __name__ == "__main__":
    main()
