"""What the checker is told of a scenario, and what it finds."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_EXAMPLES = 5


@dataclass(frozen=True)
class Wanted:
    """What is right in this scenario.

    Attributes:
        marks: Times, in ms, from which recovery is measured: the end of each fault, or the kill.
        dead_letters_allowed: Whether a record which the load did not spoil may be dead-lettered.
        acknowledged: Offset after the last acknowledged record, by topic on the brokers and partition.
    """

    marks: Sequence[int] = ()
    dead_letters_allowed: bool = False
    acknowledged: Mapping[str, Mapping[int, int]] = field(default_factory=dict)


@dataclass
class Findings:
    """What came of the log; the first eight are the table's columns.

    Attributes:
        missing: Events neither predicted, dead-lettered, held nor repeats; team events that never came count too.
        repeated: Predictions whose id has been seen before.
        repeated_others: Dead letters of the same source, and team events of the same cause, seen before.
        differing: Repeats with another content, and predictions that do not say what the reference says.
        unexpected: Predictions, dead letters and team events which no event calls for.
        lost_by_brokers: Acknowledged records which are not in the log.
        examples: A few of each, in words.
    """

    events: int = 0
    missing: int = 0
    repeated: int = 0
    differing: int = 0
    state_differences: int = 0
    commit_gap: int = 0
    gap_seconds: float = 0.0
    recovery_seconds: float = 0.0
    unexpected: int = 0
    repeated_others: int = 0
    lost_by_brokers: int = 0
    predicted: int = 0
    dead_lettered: int = 0
    held: int = 0
    repeats_in_log: int = 0
    dead_letter_keys: set[bytes] = field(default_factory=set)
    examples: list[str] = field(default_factory=list)
    _counts: Counter[str] = field(default_factory=Counter)

    def add(self, what: str, example: str) -> None:
        setattr(self, what, getattr(self, what) + 1)
        self._counts[what] += 1
        if self._counts[what] <= _EXAMPLES:
            self.examples.append(f"{what}: {example}")
