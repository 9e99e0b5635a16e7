"""State by key, a partition at a time."""

from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Generic, TypeVar

from schemas.records import Progress
from streams.engine.digest import Digests

PROGRESS_KEY = b"\x00progress"  # no key of a source begins with a zero byte: such a one is dead-lettered
_LEAST_LOOK = 500
_ROUND_CALLS = 60

S = TypeVar("S")


class OvertakenError(RuntimeError):
    """Raised when another worker has written to a partition which this one took for its own."""


@dataclass(slots=True)
class TablePartition(Generic[S]):
    """One partition of a table.

    Attributes:
        states: State by key.
        digests: Of the states as they are in the changelog.
        inputs: Next offset of each input, by ``topic@topic id``, as the changelog knows it.
        outputs: Offset after the last output whose state is in here, by topic.
        already_out: Identities of outputs which were written after the changelog's last word.
        log_ends: Ends of the inputs at the restore, where they have not been reached, by ``topic@topic id``.
        changelog_next: Offset after the last changelog record that is in here.
        since: Offset from which on the changelog holds every state; see ``rewriting.py``.
        since_epoch: Of the owner then: what stands behind it and is of a lower one is a zombie's.
        epoch: The highest in the changelog, which is the owner's once it has claimed the partition.
        stale: Keys whose last record in the changelog is a zombie's.
        seal: What the changelog says last, if that is a progress record which tells what the states are.
        watermark_ms: Highest event time seen.
        partition: Its number.
    """

    states: MutableMapping[bytes, S] = field(default_factory=dict)
    digests: Digests = field(default_factory=Digests)
    inputs: dict[str, int] = field(default_factory=dict)
    outputs: dict[str, int] = field(default_factory=dict)
    already_out: set[str] = field(default_factory=set)
    log_ends: dict[str, int] = field(default_factory=dict)
    changelog_next: int = 0
    since: int = 0
    since_epoch: int = 0
    epoch: int = 0
    stale: set[bytes] = field(default_factory=set)
    seal: Progress | None = None
    watermark_ms: int = 0
    partition: int = 0
    _round: Iterator[bytes] = field(default_factory=lambda: iter(()))

    @property
    def has_caught_up(self) -> bool:
        """Tell whether everything was worked on which an earlier owner can have written outputs for."""
        return all(self.inputs.get(name, 0) >= end for name, end in self.log_ends.items())

    def progress(self, *, sealed: bool = False) -> Progress:
        """Return how far it has come; *sealed* with the digest and the number of what is written by then."""
        digest, states = self.digests.of_all() if sealed else (None, None)
        return Progress(self.inputs, self.outputs, digest, states, self.since, self.since_epoch)

    def some_keys(self) -> list[bytes]:
        """Return some keys, others each time, all of them within 60 calls."""
        found = list(islice(self._round, max(_LEAST_LOOK, len(self.states) // _ROUND_CALLS)))
        if not found:
            self._round = iter(list(self.states))
            found = list(islice(self._round, max(_LEAST_LOOK, len(self.states) // _ROUND_CALLS)))
        return [key for key in found if key in self.states]
