"""What is remembered of the events of one match: enough to know a repeat and to strike an event off."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TypeVar

from schemas.records import EventKind, MatchEvent

DIGEST_BYTES = 8


def digest(event_id: str) -> bytes:
    """Return the 64 bits by which an event is remembered.

    >>> digest("goal-1").hex()
    '7856b3c76159a926'
    """
    return blake2b(event_id.encode(), digest_size=DIGEST_BYTES).digest()


def signed(one: bytes) -> int:
    """Return a digest as a signed number, as Avro's long has it."""
    return int.from_bytes(one, "big", signed=True)


def place_of(digests: bytes, one: bytes) -> int:
    """Return where *one* stands, or would stand, in sorted 8-byte *digests*, in bytes from the start."""
    low, high = 0, len(digests) // DIGEST_BYTES
    while low < high:
        middle = (low + high) // 2
        if digests[middle * DIGEST_BYTES : middle * DIGEST_BYTES + DIGEST_BYTES] < one:
            low = middle + 1
        else:
            high = middle
    return low * DIGEST_BYTES


def with_digest(digests: bytes, one: bytes) -> bytes:
    """Return sorted *digests* with *one* among them; the same object when it is there already."""
    place = place_of(digests, one)
    if digests[place : place + DIGEST_BYTES] == one:
        return digests
    return digests[:place] + one + digests[place:]


def without_digest(digests: bytes, one: bytes) -> bytes:
    """Return sorted *digests* without *one*; the same object when it is not there."""
    place = place_of(digests, one)
    if digests[place : place + DIGEST_BYTES] != one:
        return digests
    return digests[:place] + digests[place + DIGEST_BYTES :]


def has_digest(digests: bytes, one: bytes) -> bool:
    """Tell whether *one* is among sorted *digests*."""
    place = place_of(digests, one)
    return digests[place : place + DIGEST_BYTES] == one


COUNTED = {
    EventKind.RED_CARD: "red_cards",
    EventKind.YELLOW_CARD: "yellow_cards",
    EventKind.SHOT: "shots",
    EventKind.CORNER: "corners",
    EventKind.SUBSTITUTION: "substitutions",
}


@dataclass(frozen=True, slots=True, order=True)
class Goal:
    """A goal which counts.

    Attributes:
        minute: Match clock.
        event: 64-bit digest of its event id.
    """

    minute: int
    event: int


@dataclass(frozen=True, slots=True)
class Tally:
    """What one side has done: sorted 8-byte digests of the events which count, so that a length is a count."""

    goals: tuple[Goal, ...] = ()
    red_cards: bytes = b""
    yellow_cards: bytes = b""
    shots: bytes = b""
    corners: bytes = b""
    substitutions: bytes = b""

    @property
    def red(self) -> int:
        """Red cards."""
        return len(self.red_cards) // DIGEST_BYTES


def counted(tally: Tally, event: MatchEvent, one: bytes) -> Tally:
    """Return *tally* with *event*, whose digest is *one*; the same object when it is there already."""
    counter = COUNTED.get(event.kind)
    if counter is None:
        number = signed(one)
        if any(goal.event == number for goal in tally.goals):
            return tally
        return replace(tally, goals=tuple(sorted((*tally.goals, Goal(event.minute, number)))))
    before: bytes = getattr(tally, counter)
    after = with_digest(before, one)
    return tally if after is before else replace(tally, **{counter: after})  # type: ignore[arg-type] # the five counters are bytes


def uncounted(tally: Tally, one: bytes) -> Tally:
    """Return *tally* without the event whose digest is *one*."""
    number = signed(one)
    return Tally(
        tuple(goal for goal in tally.goals if goal.event != number),
        without_digest(tally.red_cards, one),
        without_digest(tally.yellow_cards, one),
        without_digest(tally.shots, one),
        without_digest(tally.corners, one),
        without_digest(tally.substitutions, one),
    )


@dataclass(frozen=True, slots=True, order=True)
class Scheduled:
    """What one SCHEDULED said; of several the highest counts."""

    occurred_at_ms: int
    event_id: str
    home_team: str
    away_team: str
    competition: str
    neutral: bool
    kick_off_ms: int


@dataclass(frozen=True, slots=True, order=True)
class Result:
    """What one FULL_TIME said; of several the highest counts."""

    occurred_at_ms: int
    event_id: str
    home_score: int
    away_score: int


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """One KICK_OFF, HALF_TIME or CANCELLED."""

    occurred_at_ms: int
    event_id: str
    minute: int


@dataclass(frozen=True, slots=True)
class Known:
    """The newest feature event of one source.

    Attributes:
        event: 64-bit digest of its id; of two with the same as_of_ms the higher wins.
    """

    as_of_ms: int
    event: int
    values: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Held:
    """An event which came before its fixture, and waits for its prediction; see ``Prediction`` for the fields."""

    event_id: str
    cause: str
    occurred_at_ms: int
    minute: int | None
    source_topic: str
    source_offset: int
    source_timestamp_ms: int
    received_at_us: int


S = TypeVar("S", Scheduled, Result, Mark)


def with_saying(sayings: tuple[S, ...], new: S) -> tuple[S, ...]:
    """Return sorted *sayings* with *new* among them; the same object when its id is there already."""
    if any(one.event_id == new.event_id for one in sayings):
        return sayings
    together = list(sayings)
    together.append(new)
    return tuple(sorted(together))


def without_saying(sayings: tuple[S, ...], event_id: str) -> tuple[S, ...]:
    """Return *sayings* without the one of *event_id*."""
    return tuple(one for one in sayings if one.event_id != event_id)
