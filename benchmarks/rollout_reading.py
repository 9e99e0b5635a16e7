"""How many records a second a roll-out that is started again reads: what two bundles said, and the events behind that.

Run it with ``.venv/bin/python -m benchmarks.rollout_reading``; it starts a broker of its own.
"""

import math
import time
from collections.abc import Iterator

import click

from schemas.records import EventKind, MatchEvent, Prediction, Variant
from streams.admin import Admin
from streams.learning import SchemaBook
from streams.local.cluster import LocalCluster
from streams.patient_registry import patient_registry
from streams.rollouts.trials import Trial
from streams.rollouts.windows import Windows
from streams.sending import Sender
from streams.settings import Settings

CHAMPION, CHALLENGER = "a" * 64, "b" * 64
FEATURES = (0.25,) * 46
EVENTS_A_MATCH = 100
TOPICS = ("match-events", "predictions", "shadow-predictions")


def events(count: int) -> Iterator[tuple[str, MatchEvent]]:
    """Yield events of many matches that are played side by side."""
    matches = max(1, count // EVENTS_A_MATCH)
    for number in range(count):
        name = f"2022-11-20 Home Town {number % matches:06d} - Away City"
        kind = EventKind.FULL_TIME if number >= count - matches else EventKind.SHOT
        yield name, MatchEvent(f"{name}-{number // matches:03d}", name, kind, 1_668_960_000_000, number // matches)


def said(event: MatchEvent, digest: str, variant: Variant) -> Prediction:
    """Return what a bundle said of an event."""
    now_ms = time.time_ns() // 1_000_000
    return Prediction(
        "0" * 32, event.match_id, event.event_id, event.kind, event.occurred_at_ms, "Friendly", event.minute, 0, 0,
        0.5, 0.25, 0.25, variant, "m", "1", digest, "v3", FEATURES, "match-events", 0, 0, now_ms, 1_000 * now_ms,
        1_000 * now_ms, 1_000 * now_ms,
    )  # fmt: skip


def write(settings: Settings, count: int) -> None:
    """Write what is read."""
    book = SchemaBook(patient_registry(settings))
    event_codec, codec = book.codec("match_event", MatchEvent), book.codec("prediction", Prediction)
    senders = {name: Sender(settings, settings.topic(name)) for name in TOPICS}
    book.write(event_codec, f"{settings.topic('match-events')}-value")
    book.write(codec, f"{settings.topic('predictions')}-value")
    for name, event in events(count):
        key = name.encode()
        senders["match-events"].send(key, event_codec.encode(event))
        senders["predictions"].send(key, codec.encode(said(event, CHAMPION, Variant.CHAMPION)))
        senders["shadow-predictions"].send(key, codec.encode(said(event, CHALLENGER, Variant.SHADOW)))
    for sender in senders.values():
        sender.finish()


def read(settings: Settings, since_ms: int) -> tuple[float, float, int]:
    """Read it all and count a window; return seconds, seconds of a core and the matches that were counted."""
    windows = Windows(settings, Trial("m", CHAMPION, CHALLENGER, since_ms), clip=0.5)
    now_ms = time.time_ns() // 1_000_000
    began, cpu_began = time.perf_counter(), time.process_time()
    windows.start()
    try:
        found = windows.told((since_ms, now_ms), math.inf, write=False)
    finally:
        windows.close()
    return time.perf_counter() - began, time.process_time() - cpu_began, found.outcomes.matches


@click.command()
@click.option("--events", "count", default=200_000, show_default=True, help="Each is read three times.")
@click.option("--times", default=3, show_default=True, help="The fastest counts.")
def main(count: int, times: int) -> None:
    """Write events and what two bundles said of them to a broker of its own, and read them as a roll-out does."""
    since_ms = time.time_ns() // 1_000_000
    with LocalCluster(ephemeral=True) as cluster:
        settings = Settings(bootstrap_servers=cluster.bootstrap_servers, registry_url=cluster.registry_url)
        Admin(settings).create_topics()
        write(settings, count)
        seconds, cpu_seconds, matches = min(read(settings, since_ms) for _ in range(times))
    records = len(TOPICS) * count
    print(f"{records:,} records of {matches:,} matches in {seconds:.2f} s: {records / seconds:,.0f} a second")
    print(f"{1e6 * cpu_seconds / records:.1f} us of a core for each")


if __name__ == "__main__":
    main()
