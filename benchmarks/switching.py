"""What a change of model costs on a running stream: when all workers follow, and what latency does meanwhile.

Run it with ``.venv/bin/python -m benchmarks.switching``. It starts a broker, workers of the predict role and
`touchline simulate` at a fixed rate; then it asks for a canary, promotions and a rollback, one after the other. Latency
is from the time at which an event was due to its prediction in our hands. It prints a table and writes
build/switching.json.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.arena import JAVA, USED, settings_of
from benchmarks.running import Running, running
from models.bundle import bundle_of_kind, load_bundle
from schemas.codec import Codec
from schemas.records import ControlAction, Prediction
from streams.admin import Admin
from streams.control.asking import Wish, ask, read_standing, wait_for_workers
from streams.local.cluster import LocalCluster
from streams.patient_registry import patient_registry
from streams.playing.watching import Watch, learning
from streams.settings import Settings
from streams.topics import TOPICS

LOGS: Final = Path("build/bench/logs")
WARM_SECONDS: Final = 20.0
AFTER_SECONDS: Final = 5.0
PATIENCE_SECONDS: Final = 60.0
MATCHES: Final = 1000
LEAGUE: Final = ("--matches", "5000", "--hours", "20")
"""What is played: some hundred matches at any time, no wave of kick-offs that would be taken for a change's cost."""
COMMAND: Final = (sys.executable, "-P", "-m", "streams.cli")


@dataclass(slots=True)
class Arrivals:
    """When predictions came, seconds since the epoch, and how old their cause was then, in milliseconds."""

    came: list[float] = field(default_factory=list)
    ages: list[float] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, prediction: Prediction) -> None:
        """Take one that has just been read."""
        now = time.time()
        with self._lock:
            self.came.append(now)
            self.ages.append(now * 1000 - prediction.source_timestamp_ms)

    def percentiles(self, start: float, end: float) -> dict[str, float]:
        """Return p50, p99 and how many of those which came from *start* to *end*."""
        with self._lock:
            came, ages = np.array(self.came), np.array(self.ages)
        found = ages[(came >= start) & (came < end)]
        p50, p99 = np.percentile(found, [50, 99]).tolist() if len(found) else (float("nan"),) * 2
        return {"n": len(found), "p50_ms": p50, "p99_ms": p99}


@contextmanager
def workers(settings: Settings, count: int) -> Iterator[list[Running]]:
    """Run *count* workers, until they have all partitions."""
    with ExitStack() as stack:
        found = [
            stack.enter_context(
                running(
                    [*COMMAND, "worker", "predict"],
                    settings.environment() | {"TOUCHLINE_WORKER_NAME": f"w{number}"},
                    LOGS / f"switching-{number}.log",
                )
            )
            for number in range(count)
        ]
        until = time.monotonic() + PATIENCE_SECONDS
        while (standing := read_standing(settings)).missing or len({*names(standing.by_partition)}) < count:
            for one in found:
                one.check()
            if time.monotonic() > until:
                raise click.ClickException(f"{count} workers did not share the partitions in {PATIENCE_SECONDS:.0f} s")
            time.sleep(0.5)
        yield found


def names(by_partition: Mapping[int, Any]) -> Sequence[str]:
    """Return whose partitions they are."""
    return [one.worker for one in by_partition.values()]


def changed(settings: Settings, model: str, wish: Wish, arrivals: Arrivals, before_seconds: float) -> dict[str, Any]:
    """Ask for a change after *before_seconds* of quiet, and return what came of it."""
    time.sleep(before_seconds)
    asked = time.time()
    serving = ask(settings, model, lambda _: wish, "a benchmark")
    standing = wait_for_workers(settings, serving.revision, PATIENCE_SECONDS)
    followed = time.time() - asked
    time.sleep(max(0.0, AFTER_SECONDS - followed))
    return {
        "follow_seconds": followed if standing.carries_out(serving.revision) else float("nan"),
        "before": arrivals.percentiles(asked - before_seconds, asked),
        "during": arrivals.percentiles(asked, asked + AFTER_SECONDS),
    }


def wishes(champion: str, challenger: str) -> dict[str, Wish]:
    """Return the changes by name, in their order."""
    return {
        "canary 25 %": Wish(ControlAction.CANARY, champion, challenger, 0.25),
        "promote": Wish(ControlAction.PROMOTE, challenger),
        "promote, running matches too": Wish(ControlAction.PROMOTE, champion, running=True),
        "rollback": Wish(ControlAction.ROLLBACK, challenger),
    }


def measured(settings: Settings, rate: float, count: int, before_seconds: float) -> Iterator[dict[str, Any]]:
    """Yield what came of each change, at *rate* events a second with *count* workers."""
    champion, challenger = (load_bundle(bundle_of_kind(kind)) for kind in ("stack", "mean"))
    arrivals = Arrivals()
    decode = learning(Codec("prediction", Prediction), patient_registry(settings))
    load = [*COMMAND, "simulate", "--rate", str(rate), *LEAGUE, "--seconds", "600"]
    with ExitStack() as stack:
        watch = stack.enter_context(closing(Watch(settings, "predictions", decode, arrivals.take)))
        stack.enter_context(workers(settings, count))
        watch.start()
        feed = stack.enter_context(running(load, settings.environment(), LOGS / "switching-feed.log"))
        time.sleep(WARM_SECONDS)
        for name, wish in wishes(champion.digest, challenger.digest).items():
            found = changed(settings, champion.model, wish, arrivals, before_seconds)
            feed.check()
            yield {"change": name, "rate": rate, "workers": count, **found}


def table_of(rows: Sequence[dict[str, Any]]) -> Table:
    """Return *rows* for people."""
    columns = ("change", "all follow", "p50 before", "p99 before", "p50 after", "p99 after", "p99, times")
    table = Table(
        *columns, title="Seconds until all workers follow; ms of latency before, and in the 5 s after it was asked"
    )
    for row in rows:
        before, during = row["before"], row["during"]
        figures = (before["p50_ms"], before["p99_ms"], during["p50_ms"], during["p99_ms"])
        ratio = during["p99_ms"] / before["p99_ms"]
        table.add_row(row["change"], f"{row['follow_seconds']:.2f}", *(f"{one:.1f}" for one in figures), f"{ratio:.2f}")
    return table


@click.command()
@click.option("--rate", type=click.FloatRange(1, 20_000), default=3000.0, show_default=True, help="Events a second.")
@click.option("--workers", "count", type=click.IntRange(1, 8), default=3, show_default=True)
@click.option("--before", type=click.FloatRange(1, 60), default=15.0, show_default=True, help="Seconds without change.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/switching.json"), show_default=True)
def main(*, rate: float, count: int, before: float, out: Path) -> None:
    """Change the model on a running stream and tell what that costs."""
    with LocalCluster(ephemeral=True, java=JAVA) as cluster:
        settings = settings_of(cluster, 12, "switching-", bundle=str(bundle_of_kind("stack")), predictor="stack")
        Admin(settings).create_topics([TOPICS[name] for name in USED])
        rows = list(measured(settings, rate, count, before))
    Console().print(table_of(rows))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({"load_before": os.getloadavg()[0], "changes": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
