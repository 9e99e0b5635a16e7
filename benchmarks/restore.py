"""How fast a worker restores its states: a changelog of match states of real size, read back on one core.

Run it with ``.venv/bin/python -m benchmarks.restore``; it starts a broker of its own and writes build/restore.json.
"""

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import click

from features.match_state import MatchState, after_feature_event, after_match_event
from schemas.catalog import schema_json
from schemas.codec import Codec
from schemas.records import EventKind, FeatureEvent, MatchEvent, Progress, Side
from streams.admin import Admin
from streams.engine.changelog import Changelog
from streams.engine.epochs import epoch_header
from streams.engine.murmur import partition_of
from streams.engine.table import PROGRESS_KEY, TablePartition
from streams.local.cluster import LocalCluster
from streams.settings import Settings

KICK_OFF_MS = 1_668_960_000_000
TOPIC = "restore-benchmark-changelog"
KINDS = (EventKind.GOAL,) * 3 + (EventKind.YELLOW_CARD,) * 4 + (EventKind.SHOT,) * 24 + (EventKind.CORNER,) * 10
KINDS += (EventKind.SUBSTITUTION,) * 8


def played() -> MatchState:
    """Return the state of a match after ninety minutes, with the ratings of its teams."""
    name = "2022-11-20 Home Town - Away City"
    state = MatchState(name)
    fixture = {"home_team": "Home Town", "away_team": "Away City", "competition": "Friendly", "neutral": False}
    scheduled = MatchEvent(
        f"{name}-scheduled", name, EventKind.SCHEDULED, KICK_OFF_MS, kick_off_ms=KICK_OFF_MS, **fixture
    )
    state = after_match_event(state, scheduled)
    state = after_match_event(state, MatchEvent(f"{name}-kick-off", name, EventKind.KICK_OFF, KICK_OFF_MS))
    for number, kind in enumerate(KINDS):
        side = Side.HOME if number % 2 else Side.AWAY
        state = after_match_event(
            state, MatchEvent(f"{name}-{number}", name, kind, KICK_OFF_MS + number, 1 + number, side)
        )
    ratings = {f"{side}_{what}": 1500.0 for side in ("home", "away") for what in ("elo", "form", "attack", "defence")}
    state = after_feature_event(state, FeatureEvent(f"{name}-ratings", name, "ratings", KICK_OFF_MS, ratings))
    return replace(state, applied_match=1_000_000, applied_feature=100_000)


def records(states: int, partitions: int) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield partition, key and value of each state."""
    codec: Codec[MatchState] = Codec("match_state", MatchState)
    codec.use_for_writing(1)
    state = played()
    for number in range(states):
        name = f"match-{number:07d}"
        yield partition_of(name.encode(), partitions), name.encode(), codec.encode(replace(state, match_id=name))


def write(settings: Settings, states: int) -> int:
    """Write the changelog; return its bytes."""
    from confluent_kafka import Producer  # noqa: PLC0415 - what is measured does not write

    producer = Producer(settings.librdkafka(linger_ms=50, queue_buffering_max_messages=1_000_000))
    size = 0
    for partition, key, value in records(states, settings.partitions):
        size += len(key) + len(value)
        producer.produce(TOPIC, value, key, partition, headers=list(epoch_header(3)))
        producer.poll(0)
    progress: Codec[Progress] = Codec("progress", Progress)
    progress.use_for_writing(2)
    for partition in range(settings.partitions):
        producer.produce(TOPIC, progress.encode(Progress({"in": 1}, {})), PROGRESS_KEY, partition)
    producer.flush()
    return size


def restored(settings: Settings) -> list[TablePartition[MatchState]]:
    """Restore all partitions at once, as a worker does."""
    state: Codec[MatchState] = Codec("match_state", MatchState)
    progress: Codec[Progress] = Codec("progress", Progress)
    state.learn(1, schema_json("match_state"))
    progress.learn(2, schema_json("progress"))
    changelog = Changelog(TOPIC, settings.librdkafka(), lambda _key, value: state.decode(value), progress.decode)
    with ThreadPoolExecutor(settings.partitions) as threads:
        return list(threads.map(changelog.restore, range(settings.partitions)))


def measured(settings: Settings, states: int, times: int) -> dict[str, float]:
    """Return what came of restoring *states* a number of times, on one core."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    seconds, cpu_seconds = [], []
    for _ in range(times):
        began, cpu_began = time.perf_counter(), time.process_time()
        tables = restored(settings)
        seconds.append(time.perf_counter() - began)
        cpu_seconds.append(time.process_time() - cpu_began)
        found = sum(len(table.states) for table in tables)
        if found != states:
            raise click.ClickException(f"{found} states were restored, not {states}")
    return {"seconds": min(seconds), "cpu_seconds": min(cpu_seconds), "states_per_second": states / min(seconds)}


@click.command()
@click.option("--states", default=300_000, show_default=True)
@click.option("--partitions", default=12, show_default=True)
@click.option("--times", default=3, show_default=True, help="The fastest counts.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/restore.json"), show_default=True)
def main(states: int, partitions: int, times: int, out: Path) -> None:
    """Write a changelog to a broker of its own and restore it."""
    with LocalCluster(ephemeral=True) as cluster:
        settings = Settings(
            bootstrap_servers=cluster.bootstrap_servers, registry_url=cluster.registry_url, partitions=partitions
        )
        Admin(settings).create_changelog(TOPIC, partitions)
        size = write(settings, states)
        found = {"states": states, "partitions": partitions, "bytes_per_state": size / states}
        found |= measured(settings, states, times)
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(found, indent=2))
    for name, value in found.items():
        print(f"{name:>20} {value:>12,.1f}")


if __name__ == "__main__":
    main()
