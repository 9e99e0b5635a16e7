"""How many of the last records were set aside: a flood of them stops the worker before it empties a topic."""

import re
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat

from streams.engine.dead_letters import Cause, cause_of
from streams.engine.outbox import Message
from streams.engine.slices import Slice
from streams.stopping import RefusedError

LAST_RECORDS = 1000
FLOOD_LETTERS = 100
ALARM_LETTERS = 10
_MARK = re.compile(r"flood (\d+)/(\d+) ([A-Z_]+)")


class FloodError(RefusedError):
    """Raised when most of a topic's records have to be set aside; the sentence says why and what to do.

    Attributes:
        topic: Whose records.
        partition: Where the last ones were.
        offsets: First and last of those which were not set aside any more.
        cause: The commonest one.
    """

    def __init__(self, recent: "Recent", letters: Sequence[Message]) -> None:
        sources = [letter.source for letter in letters if letter.source is not None]
        self.topic, self.partition = sources[0][0].topic, sources[0][0].partition
        offsets = [record.offset for piece, record in sources if piece.partition == self.partition]
        self.offsets = (min(offsets), max(offsets))
        self.cause = recent.commonest
        super().__init__(
            f"{recent.letters} of the last {len(recent)} records of {self.topic} are dead letters, most of them "
            f"{self.cause}: {self.cause.sentence} The last ones, at offsets {self.offsets[0]} to {self.offsets[1]} of "
            f"partition {self.partition}, have not been set aside. Fix the producer and go on behind them, or let them "
            f"through with TOUCHLINE_DEAD_LETTER_FLOOD_SHARE=1"
        )

    def keys(self) -> Mapping[str, object]:
        """Return what a line of the log says of it."""
        return {
            "topic": self.topic, "partition": self.partition, "offsets": self.offsets, "cause": self.cause.value,
        }  # fmt: skip


class Recent:
    """What became of the last records of one topic: why each was set aside, or None."""

    def __init__(self) -> None:
        self._last: deque[Cause | None] = deque(maxlen=LAST_RECORDS)

    def __len__(self) -> int:
        return len(self._last)

    @property
    def letters(self) -> int:
        """Return how many were set aside."""
        return len(self._last) - self._last.count(None)

    @property
    def share(self) -> float:
        """Return the share which was set aside, 0 to 1."""
        return self.letters / len(self._last) if self._last else 0.0

    @property
    def commonest(self) -> Cause:
        """Return the cause of most of them; there must be one."""
        return Counter(cause for cause in self._last if cause is not None).most_common(1)[0][0]

    def add(self, piece: Slice, letters: Sequence[Message]) -> None:
        """Count the records of *piece*, of which *letters* were set aside."""
        if not letters:
            self._last.extend(repeat(None, min(len(piece.records), LAST_RECORDS)))
            return
        causes = {one.source[1].offset: cause_of(one) for one in letters if one.source is not None}
        self._last.extend(causes.get(record.offset) for record in piece.records)

    def add_letters(self, letters: Sequence[Message]) -> None:
        """Count *letters* of records which have been counted as good ones, in their place."""
        for letter in letters:
            if None in self._last:
                self._last.remove(None)
            self._last.append(cause_of(letter))

    def recall(self, letters: int, records: int, cause: Cause) -> None:
        """Begin where another worker stopped; good records that come push its dead letters out first."""
        self._last.clear()
        self._last.extend(repeat(cause, letters))
        self._last.extend(repeat(None, records - letters))


@dataclass(frozen=True, slots=True)
class FloodLimits:
    """Shares of the last records, 0 to 1: above *stop* the worker stops, above *alarm* it says so in its metrics."""

    stop: float = 0.5
    alarm: float = 0.05


class Watch:
    """Counts, by input topic, what this worker sets aside.

    Attributes:
        recent: By topic.
    """

    def __init__(self, limits: FloodLimits) -> None:
        self._limits = limits
        self.recent: dict[str, Recent] = {}

    def take(self, piece: Slice, letters: Sequence[Message]) -> None:
        """Count the records of *piece*, of which *letters* were set aside.

        Raises:
            FloodError: Too many were set aside; those of *piece* must not be.
        """
        self._of(piece.topic).add(piece, letters)
        if letters:
            self._check(piece.topic, letters)

    def refused(self, letters: Sequence[Message]) -> None:
        """Count *letters* about outputs too large, whose records have been counted as good ones.

        Raises:
            FloodError: As of take.
        """
        for topic in {letter.source[0].topic for letter in letters if letter.source is not None}:
            those = [letter for letter in letters if letter.source is not None and letter.source[0].topic == topic]
            self._of(topic).add_letters(those)
            self._check(topic, those)

    def _of(self, topic: str) -> Recent:
        return self.recent.setdefault(topic, Recent())

    def _check(self, topic: str, letters: Sequence[Message]) -> None:
        recent = self.recent[topic]
        if recent.letters >= FLOOD_LETTERS and recent.share > self._limits.stop:
            raise FloodError(recent, letters)

    def alarm(self, topic: str) -> bool:
        """Tell whether more records of *topic* are set aside than should be."""
        recent = self.recent[topic]
        return recent.letters >= ALARM_LETTERS and recent.share > self._limits.alarm

    def mark(self, topic: str) -> str:
        """Return a note of what was counted, to be committed with the offsets, so that a restart is no way around."""
        recent = self.recent[topic]
        return f"flood {recent.letters}/{len(recent)} {recent.commonest}"

    def recall(self, topic: str, mark: str | None) -> None:
        """Go on from a note which another worker left."""
        found = _MARK.fullmatch(mark or "")
        if found is not None:
            letters, records, cause = int(found[1]), int(found[2]), Cause(found[3])
            self._of(topic).recall(letters, records, cause)
