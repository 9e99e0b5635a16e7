"""Sends the events of a match day: as fast as the brokers take them, or at a multiple of the matches' own clock."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from features.match_state import event_time_ms
from schemas.codec import Codec
from schemas.records import FeatureEvent, MatchEvent
from streams.sending import Sender

LONGEST_PAUSE_SECONDS = 2.0  # between two events: intervals and the hours between matches are cut short
_SHORTEST_SLEEP = 0.001


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock which does not jump, and how to wait; in seconds."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(slots=True)
class Player:
    """Sends events in their order; their records' timestamps are the time they are sent.

    Attributes:
        speed: Seconds of the matches' clock in a second of ours; None for as fast as possible.
        each: Told of every event that was sent.
    """

    sender: Sender
    codec: Codec[Any]
    speed: float | None = None
    each: Callable[[Any], None] = lambda _event: None
    clock: Clock = field(default_factory=Clock)

    def play(self, events: Sequence[MatchEvent | FeatureEvent]) -> None:
        """Send *events* and return when all are on the brokers.

        Raises:
            BrokerError: Not all arrived.
        """
        due = self.clock.now()
        last_ms: int | None = None
        for event in events:
            at = event_time_ms(event)
            if self.speed is not None:
                if last_ms is not None:
                    due += min(max(0, at - last_ms) / 1000 / self.speed, LONGEST_PAUSE_SECONDS)
                last_ms = max(last_ms or 0, at)
                self._wait_until(due)
            self.sender.send(event.match_id.encode(), self.codec.encode(event))
            self.each(event)
        self.sender.finish()

    def _wait_until(self, due: float) -> None:
        self.sender.serve()
        left = due - self.clock.now()
        if left > _SHORTEST_SLEEP:
            self.clock.sleep(left)
