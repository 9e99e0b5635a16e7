"""What an event of each kind costs a predict worker, from the bytes of its record to those of state and prediction.

Run it with ``.venv/bin/python -m benchmarks.event_kinds``; seconds, one process, no broker. A batch has one event of
each of many matches, which are other ones in each round; the shipped heuristic scores, so that the part of an ensemble
is not in it. It prints a table and writes build/event_kinds.json.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

import click
from rich.console import Console
from rich.table import Table

from features.facts import RATED
from models.bundle import open_bundle
from schemas.records import EventKind, FeatureEvent, MatchEvent, Side
from streams.engine.slices import Slice
from streams.engine.table import TablePartition
from streams.predicting.warming import TOPICS, MadeUp, job_alone
from streams.predicting.wiring import Event

NOON_MS = 1_671_375_600_000
Make = Callable[[str, str], Event]


def of_match(kind: EventKind) -> Make:
    """Return what makes events of one *kind*."""

    def made(event_id: str, match_id: str) -> MatchEvent:
        if kind is EventKind.SCHEDULED:
            return MatchEvent(
                event_id, match_id, kind, NOON_MS, home_team=f"{match_id} home", away_team=f"{match_id} away",
                competition="nl.1", kick_off_ms=NOON_MS,
            )  # fmt: skip
        if kind is EventKind.FULL_TIME:
            return MatchEvent(event_id, match_id, kind, NOON_MS, 90, home_score=2, away_score=1)
        if kind is EventKind.CORRECTION:
            return MatchEvent(event_id, match_id, kind, NOON_MS, 30, corrects=f"{event_id} before")
        return MatchEvent(event_id, match_id, kind, NOON_MS, 30, Side.HOME)

    return made


def of_source(source: str, values: Mapping[str, float]) -> Make:
    """Return what makes feature events of one *source*."""

    def made(event_id: str, match_id: str) -> FeatureEvent:
        return FeatureEvent(event_id, match_id, source, NOON_MS, values)

    return made


KINDS: Mapping[str, Make] = {
    EventKind.SCHEDULED: of_match(EventKind.SCHEDULED),
    f"feature event of {len(RATED)} ratings": of_source("ratings", dict.fromkeys(RATED, 0.1)),
    "feature event of 3 odds": of_source("odds", dict.fromkeys(("home", "draw", "away"), 2.5)),
    EventKind.KICK_OFF: of_match(EventKind.KICK_OFF),
    EventKind.SHOT: of_match(EventKind.SHOT),
    EventKind.GOAL: of_match(EventKind.GOAL),
    EventKind.CORRECTION: of_match(EventKind.CORRECTION),
    EventKind.FULL_TIME: of_match(EventKind.FULL_TIME),
}
"""In the order in which they come."""


class Worker:
    """Folds and predicts batches, and takes the time."""

    def __init__(self) -> None:
        self._job = job_alone(open_bundle(None, "heuristic"))
        self._tables = {0: TablePartition[bytes]()}
        self._offset = 0

    async def cost_us(self, events: Sequence[Event]) -> float:
        """Return the CPU time an event of a batch of one topic took."""
        records = [
            MadeUp(event.match_id.encode(), self._encoded(event), self._offset + number)
            for number, event in enumerate(events)
        ]
        self._offset += len(records)
        topic = TOPICS.match_events if isinstance(events[0], MatchEvent) else TOPICS.feature_events
        start = time.thread_time()
        await self._job.process([self._job.decode(Slice(topic, 0, 0, records, 0))], self._tables)
        return (time.thread_time() - start) / len(events) * 1e6

    def _encoded(self, event: Event) -> bytes:
        codecs = self._job.codecs
        return codecs.match_event.encode(event) if isinstance(event, MatchEvent) else codecs.feature_event.encode(event)


async def measure(matches: int, rounds: int) -> dict[str, float]:
    """Return the median cost of an event of each kind, us; the first round warms up."""
    worker = Worker()
    found: dict[str, list[float]] = {name: [] for name in KINDS}
    for number in range(rounds + 1):
        names = [f"match-{number}-{match}" for match in range(matches)]
        for kind, make in KINDS.items():
            found[kind].append(await worker.cost_us([make(f"{kind}-{name}", name) for name in names]))
    return {name: median(costs[1:]) for name, costs in found.items()}


@click.command(epilog="Example: python -m benchmarks.event_kinds --matches 1000")
@click.option("--matches", default=600, show_default=True, type=click.IntRange(1))
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1))
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/event_kinds.json"), show_default=True)
def main(matches: int, rounds: int, out: Path) -> None:
    """Print what an event of each kind costs."""
    found = asyncio.run(measure(matches, rounds))
    table = Table("event", "us", title=f"CPU time of an event, {matches} matches in a batch")
    for name, cost in found.items():
        table.add_row(name, f"{cost:.1f}")
    Console().print(table)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
