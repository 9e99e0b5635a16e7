"""The full job: many events wait, one worker; how many a second become predictions that a consumer can read."""

import json
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final

from confluent_kafka import Consumer

from benchmarks.arena import Arena, predictions_of, send
from benchmarks.outputs import check
from benchmarks.running import FailedError, Measured, Stopwatch
from benchmarks.systems import Place, System

START_SECONDS: Final = 90.0
STALL_SECONDS: Final = 15.0
WARM_UP_SECONDS: Final = 3.0  # at most: the slow would never have a tenth behind them
AT_ONCE: Final = 5000
ONE_OF: Final = 1009  # outputs is looked into


@dataclass(slots=True)
class Outputs:
    """What has come out so far.

    Attributes:
        latest: When the last came, by time.monotonic(); at first the beginning.
        samples: Some of the values.
    """

    reader: Consumer
    system: Measured
    count: int = 0
    latest: float = field(default_factory=time.monotonic)
    samples: list[bytes] = field(default_factory=list)

    def read(self) -> None:
        """Read on.

        Raises:
            FailedError: The system has ended, or nothing comes any more.
        """
        records = self.reader.consume(AT_ONCE, 0.05)
        if records:
            self.samples += [one.value() for one in records[::ONE_OF]]
            self.count += len(records)
            self.latest = time.monotonic()
            return
        self.system.check()
        patience = STALL_SECONDS if self.count else START_SECONDS
        if time.monotonic() - self.latest > patience:
            raise FailedError(f"after {self.count:,} predictions came no more for {patience:.0f} s")


def expected(arena: Arena, system: System) -> int:
    """Return how many predictions *system* makes of everything before the live events: Touchline, of ratings too."""
    play = arena.play
    return len(play.scheduled) + (len(play.rated) if system.name.startswith("touchline") else 0)


def measure(arena: Arena, system: System, events: int, seconds: float) -> dict[str, float]:
    """Return what came of one run over *events* events, of at most *seconds* behind the warm-up.

    Raises:
        FailedError: It did not run to the end.
    """
    with arena.place(system, "full_job") as place:
        send(place.settings, "match-events", arena.play.live[:events])
        if not system.writes:
            return reading(system, place, events)
        started = time.monotonic()
        with arena.run(system, place) as run, predictions_of(place.settings) as reader:
            outputs = Outputs(reader, run)
            found = window(outputs, expected(arena, system) + events, seconds, started)
        return found | {"max_difference": check(outputs.samples, place.schema_id, arena.model)}


def reading(system: System, place: Place, events: int) -> dict[str, float]:
    """Return what it says that reading costs."""
    command = [*system.command(), str(events)]
    done = subprocess.run(command, env=os.environ | system.environment(place), capture_output=True, check=False)
    if done.returncode:
        raise FailedError(
            f"it ended with code {done.returncode} and said: {done.stderr.decode(errors='replace')[-300:]}"
        )
    return {**json.loads(done.stdout), "events": events}


def window(outputs: Outputs, total: int, seconds: float, started: float) -> dict[str, float]:
    """Return the figures between the warm-up and the last of *total* predictions, or *seconds* later."""
    while not outputs.count:
        outputs.read()
    first = outputs.latest
    while outputs.count < total // 10 and outputs.latest - first < WARM_UP_SECONDS:
        outputs.read()
    watch, before = Stopwatch(outputs.system), outputs.count
    took, cpu = 0.0, 0.0
    while outputs.count < total and took < seconds:
        outputs.read()
        took, cpu = watch.read()
    events = outputs.count - before
    return {
        "events_per_second": events / took,
        "cpu_us_per_event": cpu / events * 1e6,
        "events": events,
        "seconds": took,
        "first_after_seconds": first - started,
        "memory_mb": outputs.system.memory_bytes() / 1e6,
    }


def rotated(systems: Sequence[System], times: int) -> Iterator[System]:
    """Yield each system *times* times, each time in another order."""
    for number in range(times):
        first = number * len(systems) // times
        yield from (*systems[first:], *systems[:first])


def summary(system: System, runs: Sequence[dict[str, float]]) -> dict[str, Any]:
    """Return the medians of *runs*, and the runs themselves for their spread."""
    figures = ("events_per_second", "cpu_us_per_event", "first_after_seconds", "memory_mb")
    medians = {name: median(run[name] for run in runs) for name in figures if name in runs[0]}
    told = {"system": system.name, "scorer": system.scorer, "guarantees": system.guarantees}
    return {**told, **medians, "runs": list(runs)}
