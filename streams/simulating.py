"""Sends simulated events by a schedule: the n-th is due at n / rate, whatever became of those before it.

Each record's timestamp is the time it was due: a sender which falls behind shows as latency and does not hide it.
"""

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from features.simulation import DAY_MS, Sending, SimulatedEvent
from schemas.codec import Codec
from schemas.records import MatchEvent
from streams.tailing import Decoder, Tail

FIRST_DAY_MS = 946_684_800_000  # 2000-01-01, UTC: years of simulated days before they would reach today
_NEWEST_RECORDS = 50
_SHORTEST_PAUSE = 0.001
_REPORT_SECONDS = 0.1


class ClockError(ValueError):
    """Raised when simulated time has come to the present; the message says what to do."""


class Sends(Protocol):
    """Takes records; see streams.sending.Sender."""

    def send(self, key: bytes, value: bytes, timestamp_ms: int = 0) -> None: ...  # noqa: D102 - as Sender's
    def serve(self) -> None: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Clock:
    """Wall clock and patience; all in seconds."""

    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


@dataclass(slots=True)
class Counts:
    """What was sent.

    Attributes:
        kinds: Records by kind of event.
        sendings: Records by how they were sent.
        latest_send: Longest time by which a record was sent after it was due, in seconds.
        seconds: From the first to the last record.
    """

    kinds: Counter[str] = field(default_factory=Counter)
    sendings: Counter[Sending] = field(default_factory=Counter)
    matches: set[str] = field(default_factory=set)
    latest_send: float = 0.0
    seconds: float = 0.0

    @property
    def sent(self) -> int:
        """Records."""
        return self.sendings.total()

    def as_json(self) -> dict[str, object]:
        """Return the counts by name: *distinct* are different events, so sent = distinct + repeated."""
        repeated = self.sendings[Sending.REPEATED]
        return {
            "sent": self.sent,
            "distinct": self.sent - repeated,
            "late": self.sendings[Sending.LATE],
            "repeated": repeated,
            "matches": len(self.matches),
            "seconds": round(self.seconds, 3),
            "events_per_second": round(self.sent / self.seconds, 1) if self.seconds else 0.0,
            "latest_send_ms": round(self.latest_send * 1000, 1),
            "kinds": dict(sorted(self.kinds.items())),
        }


@dataclass(slots=True)
class Pacer:
    """Sends events at a steady rate.

    Attributes:
        rate: Records a second.
        report: Called ten times a second with the counts so far.
    """

    sender: Sends
    codec: Codec[MatchEvent]
    rate: float
    report: Callable[[Counts], None]
    clock: Clock = field(default_factory=Clock)
    counts: Counts = field(default_factory=Counts)

    def run(self, events: Iterator[SimulatedEvent], seconds: float | None) -> None:
        """Send *events* for as long as *seconds*, or until interrupted; *counts* holds what was sent.

        Raises:
            ClockError: The simulation has come to the present.
            BrokerError: The brokers refuse a record.
        """
        wanted = None if seconds is None else round(self.rate * seconds)
        prepared = itertools.chain([next(events)], events)  # making the first round is no part of the schedule
        started = reported = self.clock.now()
        for number, each in enumerate(itertools.islice(prepared, wanted)):
            due = started + number / self.rate
            now = self.clock.now()
            if now < due:
                self.sender.serve()
                self.clock.sleep(max(due - now, _SHORTEST_PAUSE))
                now = self.clock.now()
            self._send(each, due, now)
            self.counts.seconds = now - started
            if now - reported >= _REPORT_SECONDS:
                self.report(self.counts)
                reported = now
        self.report(self.counts)

    def _send(self, each: SimulatedEvent, due: float, now: float) -> None:
        event = each.event
        if event.occurred_at_ms > now * 1000:
            raise ClockError("simulated time has come to the present; go on with another --topic-prefix or --start")
        self.sender.send(event.match_id.encode(), self.codec.encode(event), int(due * 1000))
        self.counts.kinds[event.kind.value] += 1
        self.counts.sendings[each.sending] += 1
        self.counts.matches.add(event.match_id)
        self.counts.latest_send = max(self.counts.latest_send, now - due)


def next_day_ms(tail: Tail, decode: Decoder) -> int:
    """Return the day after everything that *tail*'s match events know, so that simulated time never goes back."""
    times = []
    for record in tail.records(_NEWEST_RECORDS, key=None, follow=False):
        try:
            times.append(int(decode(record.value() or b"").get("occurred_at_ms", 0)))
        except ValueError:  # no match event: it will be dead-lettered, and has no time
            continue
    return (max(times) // DAY_MS + 2) * DAY_MS if times else FIRST_DAY_MS
