"""Whether lag in seconds is true: a consumer is paused under steady input, and then the broker goes away.

Run it with ``.venv/bin/python -m benchmarks.lag``; it starts a broker of its own, prints the curve and the largest
difference, and writes build/lag.json. What is true is known here without the broker: the timestamps of the records are
our own, and so are the commits. While a commit is on its way, or lag is being read, two values may be true; a
difference is counted from the nearer one.
"""

import gc
import json
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
from confluent_kafka import Consumer, Producer, TopicPartition
from rich.console import Console
from rich.table import Table

from streams.admin import Admin
from streams.brokers import quiet
from streams.lag import LagReader
from streams.lag_metrics import LagCollector
from streams.local.cluster import LocalCluster
from streams.settings import Settings

SECONDS_METRIC, KNOWN_METRIC = "kafka_consumergroup_group_lag_seconds", "touchline_lag_known"
GROUP, TOPIC, PARTITIONS = "lag-benchmark", "lag-benchmark-records", 12
WARM_UP_SECONDS, AWAY_SECONDS, LOOK_SECONDS, PATIENCE_SECONDS = 3.0, 15.0, 0.1, 60.0


class Feed:
    """Writes records at a steady rate, each partition in turn; remembers their timestamps by offset."""

    def __init__(self, settings: Settings, topic: str, partitions: int, rate: float) -> None:
        self.timestamps: Sequence[list[float]] = [[] for _ in range(partitions)]
        self._producer = Producer(quiet(settings))
        self._topic, self._rate = topic, rate
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        number = 0
        while not self._ended.wait(1 / self._rate):
            partition, now_ms = number % len(self.timestamps), time.time_ns() // 1_000_000
            self.timestamps[partition].append(now_ms / 1000)
            self._producer.produce(self._topic, b"x", partition=partition, timestamp=now_ms)
            self._producer.poll(0)
            number += 1

    def close(self) -> None:
        """Write no more."""
        self._ended.set()
        self._thread.join()
        self._producer.flush(PATIENCE_SECONDS)

    def ages(self, committed: Sequence[int], now: float) -> list[float]:
        """Return how old the first record after each of *committed* is; 0 where there is none."""
        return [
            now - stamps[offset] if offset < len(stamps) else 0.0
            for stamps, offset in zip(self.timestamps, committed, strict=True)
        ]


class Reading:
    """Reads and commits in a thread of its own, unless it is paused.

    Attributes:
        committed: Next offset by partition, as the broker has confirmed it.
        committing: The same, as it was last asked for.
    """

    def __init__(self, settings: Settings, group: str, topic: str, partitions: int) -> None:
        self.committed = self.committing = [0] * partitions
        self._topic = topic
        self._consumer = Consumer(quiet(settings, group_id=group, enable_auto_commit=False))
        self._consumer.assign([TopicPartition(topic, one, 0) for one in range(partitions)])
        self._paused, self._rests, self._ended = threading.Event(), threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.is_set():
            if self._paused.is_set():
                self._rests.set()
                self._ended.wait(LOOK_SECONDS)
                continue
            positions = list(self.committing)
            for record in self._consumer.consume(1000, LOOK_SECONDS):
                positions[record.partition()] = record.offset() + 1
            self.committing = positions
            offsets = [TopicPartition(self._topic, one, offset) for one, offset in enumerate(positions)]
            self._consumer.commit(offsets=offsets, asynchronous=False)
            self.committed = positions

    def pause(self) -> None:
        """Neither read nor commit from now on."""
        self._rests.clear()
        self._paused.set()
        self._rests.wait(PATIENCE_SECONDS)

    def resume(self) -> None:
        """Go on."""
        self._paused.clear()

    def close(self) -> None:
        """End it."""
        self._ended.set()
        self._thread.join()
        self._consumer.close()


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the metrics; seconds.

    Attributes:
        after: Since the first look.
        true: Age of the oldest record that is not committed, over the partitions.
        shown: The largest that is shown; NaN where one is.
        difference: Between the two, of the partition where it is the largest; NaN where one is not known.
        known: Whether touchline_lag_known is 1 for all partitions.
    """

    after: float
    true: float
    shown: float
    difference: float
    known: bool


def metrics_of(collector: LagCollector) -> Mapping[str, Mapping[int, float]]:
    """Return the values of each metric by partition, as a scrape has them."""
    return {
        family.name: {int(sample.labels["partition"]): sample.value for sample in family.samples}
        for family in collector.collect()
    }


def look(began: float, collector: LagCollector, feed: Feed, reading: Reading) -> Look:
    """Compare what is shown now with what is true."""
    committed, before = reading.committed, time.time()
    found = metrics_of(collector)
    at_most, at_least = feed.ages(committed, time.time()), feed.ages(reading.committing, before)
    shown = [found[SECONDS_METRIC].get(one, math.nan) for one in range(len(at_most))]
    known = set(found[KNOWN_METRIC].values()) == {1.0}
    differences = [
        max(low - value, value - high, 0.0) for low, high, value in zip(at_least, at_most, shown, strict=True)
    ]
    return Look(before - began, max(at_most), largest(shown), largest(differences), known)


def largest(values: Sequence[float]) -> float:
    """Return the largest of *values*; NaN if one is."""
    return math.nan if any(map(math.isnan, values)) else max(values)


def looks(at: Callable[[], Look], until: Callable[[Look], bool], seconds: float) -> Iterator[Look]:
    """Yield looks, one each tenth of a second, up to the first one for which *until* holds, or for *seconds*."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        one = at()
        yield one
        if until(one):
            return
        time.sleep(LOOK_SECONDS)


def measured(cluster: LocalCluster, settings: Settings, seconds: float, rate: float) -> dict[str, list[Look]]:
    """Return the looks of each part: steady, paused for *seconds*, catching up, the broker away, and coming back."""
    Admin(settings).create_topic(TOPIC, PARTITIONS, {})
    found: dict[str, list[Look]] = {}
    with ExitStack() as stack:
        feed = stack.enter_context(closing(Feed(settings, TOPIC, PARTITIONS, rate)))
        reading = stack.enter_context(closing(Reading(settings, GROUP, TOPIC, PARTITIONS)))
        collector = LagCollector([LagReader(settings, GROUP, [TOPIC])])
        collector.start()
        stack.callback(collector.stop)
        began = time.time()

        def part(name: str, seconds: float, until: Callable[[Look], bool] = lambda _look: False) -> None:
            found[name] = list(looks(lambda: look(began, collector, feed, reading), until, seconds))

        time.sleep(WARM_UP_SECONDS)
        part("steady", WARM_UP_SECONDS)
        reading.pause()
        part("paused", seconds)
        reading.resume()
        part("catching up", PATIENCE_SECONDS, lambda one: one.shown < 1)
        reading.pause()
        cluster.kill_broker(1)
        part("going away", PATIENCE_SECONDS, lambda one: not one.known)
        part("away", AWAY_SECONDS)
        cluster.start_broker(1)
        part("coming back", PATIENCE_SECONDS, lambda one: one.known)
    return found


def span(part: Sequence[Look]) -> float:
    """Return from the first to the last look."""
    return part[-1].after - part[0].after


def figures(found: Mapping[str, Sequence[Look]]) -> dict[str, Any]:
    """Return what is to be judged, as plain values; seconds."""
    away = found["away"]
    return {
        "steady: largest difference": max(one.difference for one in found["steady"]),
        "paused: largest difference": largest([one.difference for one in found["paused"]]),
        "paused: looks": len(found["paused"]),
        "paused: true at its end": found["paused"][-1].true,
        "paused: shown at its end": found["paused"][-1].shown,
        "caught up: from going on until shown below 1": span(found["catching up"]),
        "going away: from the fall until unknown": span(found["going away"]),
        "away: looks": len(away),
        "away: looks with NaN and known 0": sum(math.isnan(one.shown) and not one.known for one in away),
        "coming back: from the start until known": span(found["coming back"]),
    }


def is_true(result: Mapping[str, Any]) -> bool:
    """Tell whether the paused consumer's lag was within a second, and without a broker nothing was claimed."""
    return result["paused: largest difference"] < 1 and (
        result["away: looks with NaN and known 0"] == result["away: looks"]
    )


@click.command()
@click.option("--seconds", default=60.0, show_default=True, help="For which the consumer is paused.")
@click.option("--rate", default=120.0, show_default=True, help="Records a second, over 12 partitions.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/lag.json"), show_default=True)
def main(*, seconds: float, rate: float, out: Path) -> None:
    """Pause a consumer, take the broker away, and compare what lag says with what is true; exit 1 when it is not."""
    gc.disable()  # to give back librdkafka's client for administration after an outage may take for ever
    with LocalCluster(ephemeral=True, quick=True) as cluster:
        settings = Settings(bootstrap_servers=cluster.bootstrap_servers, registry_url=cluster.registry_url)
        found = measured(cluster, settings, seconds, rate)
    result = figures(found)
    out.parent.mkdir(exist_ok=True)
    looked = {name: [asdict(one) for one in part] for name, part in found.items()}
    out.write_text(json.dumps({"figures": result, "looks": looked}))
    show(found, result)
    sys.stdout.flush()
    os._exit(0 if is_true(result) else 1)


def show(found: Mapping[str, Sequence[Look]], result: Mapping[str, Any]) -> None:
    """Print the curve of the pause, a line every five seconds, and the figures."""
    curve = Table("after s", "true s", "shown s", "difference s", title="paused")
    due = -math.inf
    for one in found["paused"]:
        if one.after >= due or one is found["paused"][-1]:
            curve.add_row(*(f"{value:.2f}" for value in (one.after, one.true, one.shown, one.difference)))
            due = one.after + 5
    judged = Table("", "", show_header=False)
    for name, value in result.items():
        judged.add_row(name, f"{value:.3f}" if isinstance(value, float) else str(value))
    console = Console()
    console.print(curve)
    console.print(judged)


if __name__ == "__main__":
    main()
