"""What a challenger in the shadow costs: no challenger, one beside the predictions, and one in the role shadow.

Run it with ``.venv/bin/python -m benchmarks.shadow_cost``. For each it starts workers and `touchline simulate` on
topics of their own; champion is the shipped stack, challenger the shipped mean of the same members. Latency is from the
time at which an event was due to its prediction in our hands, of each fifth prediction. It prints a table and writes
build/shadow_cost.json.
"""

import json
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table

from benchmarks.arena import JAVA, settings_of
from benchmarks.running import Running, Stopwatch, running
from benchmarks.soak import Ages, is_ready
from benchmarks.switching import COMMAND, LOGS, MATCHES, PATIENCE_SECONDS, workers
from models.bundle import bundle_of_kind, load_bundle
from schemas.codec import Codec
from schemas.records import ControlAction, Prediction
from streams.admin import Admin
from streams.control.asking import Wish, ask, wait_for_workers
from streams.local.cluster import LocalCluster
from streams.patient_registry import patient_registry
from streams.playing.crew import port_near
from streams.playing.watching import Watch, learning
from streams.registering import register_all
from streams.settings import Settings

WARM_SECONDS: Final = 20.0
WAYS: Final[Mapping[str, str]] = {"no challenger": "predict", "in predict": "predict", "in shadow": "shadow"}
"""The role that says what a challenger would, by name."""


def shadow_worker(settings: Settings, stack: ExitStack) -> Running:
    """Return a worker of the role shadow which has its partitions."""
    port = str(port_near(0))
    environment = settings.environment() | {"TOUCHLINE_WORKER_NAME": "s0", "TOUCHLINE_HTTP_PORT": port}
    found = stack.enter_context(running([*COMMAND, "worker", "shadow"], environment, LOGS / "shadow-cost.log"))
    until = time.monotonic() + PATIENCE_SECONDS
    while not is_ready(port):
        found.check()
        if time.monotonic() > until:
            raise click.ClickException(f"the shadow worker was not ready within {PATIENCE_SECONDS:.0f} s")
        time.sleep(0.2)
    return found


def bring_in(settings: Settings) -> None:
    """Have a challenger say what it would, and return once the predict workers know."""
    champion, challenger = (load_bundle(bundle_of_kind(kind)) for kind in ("stack", "mean"))
    wish = Wish(ControlAction.SHADOW, champion.digest, challenger.digest, shadow=True)
    serving = ask(settings, champion.model, lambda _: wish, "a benchmark")
    if not wait_for_workers(settings, serving.revision, PATIENCE_SECONDS).carries_out(serving.revision):
        raise click.ClickException("the workers did not take the challenger")


def measured(settings: Settings, way: str, rate: float, seconds: float) -> dict[str, Any]:
    """Return latency and CPU in *seconds* at *rate* events a second."""
    ages, answers = Ages(learning(Codec("prediction", Prediction), patient_registry(settings))), list[int]()
    load = [*COMMAND, "simulate", "--rate", str(rate), "--matches", str(MATCHES), "--seconds", "600"]
    with ExitStack() as stack:
        watch = stack.enter_context(closing(Watch(settings, "predictions", bytes, ages.take)))
        shadows = stack.enter_context(closing(Watch(settings, "shadow-predictions", len, answers.append)))
        processes = {"predict": stack.enter_context(workers(settings, 1))[0]}
        if settings.shadows_by == "shadow":
            processes["shadow"] = shadow_worker(settings, stack)
        if way != "no challenger":
            bring_in(settings)
        watch.start()
        shadows.start()
        feed = stack.enter_context(running(load, settings.environment(), LOGS / "shadow-cost-feed.log"))
        time.sleep(WARM_SECONDS)
        ages.figures()
        before = len(answers)
        watches = {name: Stopwatch(one) for name, one in processes.items()}
        time.sleep(seconds)
        cpu = {name: one.read()[1] for name, one in watches.items()}
        said, answered = ages.figures(), len(answers) - before
        for one in (*processes.values(), feed):
            one.check()
    used = {f"{name}_us": 1e6 * spent / said["n"] for name, spent in cpu.items()}
    return {**said, "answered_share": answered / said["n"], **used}


def table_of(found: Mapping[str, Sequence[Mapping[str, float]]]) -> Table:
    """Return the medians of *found* for people."""
    columns = ("challenger", "p50 ms", "p99 ms", "answers a prediction", "predict, us", "shadow, us", "together, us")
    table = Table(*columns, title="CPU of a prediction by role, and the latency of predictions; medians")
    for way, runs in found.items():
        of = {name: median(one[name] for one in runs) for name in runs[0]}
        own = of.get("shadow_us", 0.0)
        figures = (of["predict_us"], own, of["predict_us"] + own)
        latency = (f"{of['p50_ms']:.1f}", f"{of['p99_ms']:.1f}", f"{of['answered_share']:.3f}")
        table.add_row(way, *latency, *(f"{one:,.0f}" for one in figures))
    return table


@click.command()
@click.option("--rate", type=click.FloatRange(1, 20_000), default=1500.0, show_default=True, help="Events a second.")
@click.option("--seconds", type=click.FloatRange(1, 600), default=30.0, show_default=True, help="Of each measurement.")
@click.option("--times", type=click.IntRange(1, 20), default=2, show_default=True, help="Of each, in turn.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/shadow_cost.json"), show_default=True)
def main(*, rate: float, seconds: float, times: int, out: Path) -> None:
    """Measure predictions without a challenger and with one, beside them and apart.

    \b
    Example:
      python -m benchmarks.shadow_cost --seconds 20 --times 1
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    load_before = os.getloadavg()[0]
    found: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    given = {"bundle": str(bundle_of_kind("stack")), "predictor": "stack"}
    with LocalCluster(ephemeral=True, java=JAVA) as cluster:
        for number in range(times):
            for place, way in enumerate([*WAYS][:: (-1) ** number]):
                prefix = f"cost{number}{place}-"
                settings = settings_of(cluster, 12, prefix, **given, shadows_by=WAYS[way])
                admin = Admin(settings)
                admin.create_topics()
                register_all(patient_registry(settings), prefix)
                found[way].append(measured(settings, way, rate, seconds))
                admin.delete_topics([name for name in admin.topic_names() if prefix in name])
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({"load_before": load_before, "rate": rate, **found}, indent=2) + "\n")
    Console().print(table_of(found))


if __name__ == "__main__":
    main()
