"""Latency: from the time at which an event was due to a prediction that a consumer can read, at fixed rates."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
from confluent_kafka import Consumer

from benchmarks.arena import Arena, predictions_of
from benchmarks.full_job import Outputs, expected
from benchmarks.outputs import event_number
from benchmarks.running import FailedError, Running, Stopwatch, end
from benchmarks.systems import Place, System

QUIET_SECONDS: Final = 2.0
WARM_UP_SECONDS: Final = 5.0
WARM_RATE: Final = 2000.0
WARM_SECONDS: Final = 20.0
PATIENCE_SECONDS: Final = 2.0
KEEPS_UP: Final = 0.99
PERCENTILES: Final = {"p50_ms": 50.0, "p95_ms": 95.0, "p99_ms": 99.0, "p99_9_ms": 99.9}


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent.

    Attributes:
        rate: Events a second.
        seconds: Behind the warm-up.
        file: The live events.
        first: Of the events, its number.
    """

    rate: float
    seconds: float
    file: Path
    first: int

    @property
    def counting(self) -> int:
        """The number of the first event behind the warm-up."""
        return self.first + round(self.rate * WARM_UP_SECONDS)

    @property
    def end(self) -> int:
        """The number behind the last event."""
        return self.counting + round(self.rate * self.seconds)


def loads(rates: Sequence[float], seconds: float, file: Path) -> Iterator[Load]:
    """Yield a load for each rate, each with events of its own: the slowest first."""
    first = 0
    for rate in sorted(rates):
        load = Load(rate, seconds, file, first)
        yield load
        first = load.end


@dataclass(slots=True)
class Arrivals:
    """When which prediction came: numbers of events, and seconds since the epoch."""

    numbers: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    def read(self, reader: Consumer) -> None:
        """Take what has come."""
        first = reader.poll(0.05)
        if first is None:
            return
        records = [first, *reader.consume(2000, 0)]
        now = time.time()
        numbers = [event_number(record.value()) for record in records]
        self.numbers += numbers
        self.times += [now] * len(numbers)

    def latencies_ms(self, load: Load, began: float) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return the latencies of the events which count; of a repeat, the first."""
        numbers, first = np.unique(np.array(self.numbers), return_index=True)
        latency = (np.array(self.times)[first] - (began + (numbers - load.first) / load.rate)) * 1000
        return np.asarray(latency[(numbers >= load.counting) & (numbers < load.end)])


def measure(arena: Arena, system: System, given: Sequence[Load]) -> Iterator[dict[str, Any]]:
    """Yield the percentiles at each load of *given*, up to the first at which the system falls behind.

    Raises:
        FailedError: It did not run to the end.
    """
    with (
        arena.place(system, "latency") as place,
        arena.run(system, place) as run,
        predictions_of(place.settings) as reader,
    ):
        outputs = Outputs(reader, run)
        while outputs.count < expected(arena, system):
            outputs.read()
        for load in given:
            time.sleep(QUIET_SECONDS)
            found = under_load(reader, run, place, load)
            yield {"system": system.name, "rate": load.rate, **found}
            if found["falls_behind"]:
                return


def warm(arena: Arena, system: System) -> None:
    """Have *system* do what is not measured: a broker's Java compiles what it does often, on the cores of all."""
    for _ in measure(arena, system, [Load(WARM_RATE, WARM_SECONDS, arena.folder / "live", 0)]):
        pass


def under_load(reader: Consumer, run: Running, place: Place, load: Load) -> dict[str, Any]:
    """Send *load* and return what came of it."""
    command = [sys.executable, "-m", "benchmarks.feed", "--file", str(load.file), "--rate", str(load.rate)]
    command += ["--first", str(load.first), "--end", str(load.end)]
    known = {"SERVERS": place.settings.bootstrap_servers, "SOURCE": place.settings.topic("match-events")}
    feed = subprocess.Popen(command, env=os.environ | known, stdout=subprocess.PIPE, process_group=0)
    try:
        began = float(json.loads(line_of(feed))["began"])
        arrivals, watch, count = Arrivals(), Stopwatch(run), load.end - load.first
        last = began + count / load.rate + PATIENCE_SECONDS
        while len(arrivals.numbers) < count and time.time() < last:
            arrivals.read(reader)
        run.check()
        cpu = watch.read()[1]
        late = float(json.loads(line_of(feed))["latest_send_ms"])
    finally:
        end(feed)
    more = {"cpu_us_per_event": cpu / max(len(arrivals.numbers), 1) * 1e6, "latest_send_ms": late}
    return figures(arrivals.latencies_ms(load, began), load) | more


def line_of(feed: subprocess.Popen[bytes]) -> bytes:
    """Return the next line of *feed*."""
    line = feed.stdout.readline() if feed.stdout else b""
    if not line:
        raise FailedError("the feed ended early")
    return line


def figures(found: np.ndarray[Any, np.dtype[np.float64]], load: Load) -> dict[str, Any]:
    """Return the percentiles, unless too many predictions had not come in time for them to mean anything."""
    came = len(found) / (load.end - load.counting)
    if came < KEEPS_UP:
        return {"falls_behind": True, "share_in_time": came}
    values = np.percentile(found, list(PERCENTILES.values())).tolist()
    return {"falls_behind": False, "share_in_time": came, **dict(zip(PERCENTILES, values, strict=True))}


def summary(system: System, rate: float, runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the medians of *runs* at *rate*; behind, if it fell behind in most, or at a lower rate."""
    known = [run for run in runs if run["rate"] == rate]
    kept_up = [run for run in known if not run["falls_behind"]]
    told = {"system": system.name, "rate": rate}
    if 2 * len(kept_up) <= len(known) or not known:
        return {**told, "falls_behind": True, "runs": known}
    figures = (*PERCENTILES, "cpu_us_per_event")
    return {
        **told,
        "falls_behind": False,
        **{name: median(run[name] for run in kept_up) for name in figures},
        "runs": known,
    }
