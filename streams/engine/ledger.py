"""What a worker owns of a table, and how it stands in the changelog."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Generic, TypeVar

from schemas.codec import Codec
from schemas.records import Progress
from streams.engine.epochs import epoch_header
from streams.engine.outbox import Message
from streams.engine.table import PROGRESS_KEY, OvertakenError, TablePartition

S = TypeVar("S")
Place = tuple[str, int]
Changes = Mapping[int, Mapping[bytes, bytes | None]]


class Ledger(Generic[S]):
    """The partitions of a table, and how far their inputs are.

    Attributes:
        tables: The partitions that are ours.
        topic_ids: Of the inputs, by name; a topic made anew has another.
        finished: Next offset by input topic and partition up to which outputs and states are on the brokers.
    """

    def __init__(self, changelog: str, progress: Codec[Progress]) -> None:
        self._changelog, self._progress = changelog, progress
        self.tables: dict[int, TablePartition[S]] = {}
        self.topic_ids: dict[str, str] = {}
        self.finished: dict[Place, int] = {}

    def resume(self, tables: Mapping[int, TablePartition[S]]) -> None:
        """Own *tables*; what was finished before is forgotten."""
        self.tables = dict(tables)
        self.finished.clear()

    def reached(self, topic: str, partition: int) -> int | None:
        """Return the next offset of an input whose state is in the table."""
        return self.tables[partition].inputs.get(f"{topic}@{self.topic_ids[topic]}")

    def advance(self, reached: Mapping[Place, int], next_offsets: Mapping[Place, int], changes: Changes) -> None:
        """Let the tables say that inputs are *reached*, and outputs written up to *next_offsets*."""
        for (topic, partition), offset in reached.items():
            self.tables[partition].inputs[f"{topic}@{self.topic_ids[topic]}"] = offset
        for (topic, partition), offset in next_offsets.items():
            # Ours come behind those of an owner which fell: the next one must find its too until we have passed them.
            if partition in changes and self.tables[partition].has_caught_up:
                self.tables[partition].outputs[topic] = offset

    def records(self, changes: Changes, noted: Iterable[Place]) -> list[Message]:
        """Return what is to be written of *changes*, and of partitions of which something was *noted*."""
        return [one for table, changed in self._due(changes, noted) for one in self.of(table, changed)]

    def of(
        self,
        table: TablePartition[S],
        changed: Mapping[bytes, bytes | None],
        *,
        epoch: int | None = None,
        sealed: bool = False,
    ) -> list[Message]:
        """Return the changelog's records of *changed* and of how far *table* is, by its owner in *epoch*."""
        progress = self._progress.encode(table.progress(sealed=sealed))
        headers = epoch_header(table.epoch if epoch is None else epoch)
        changelog, partition = self._changelog, table.partition
        return [
            Message(changelog, key, value, partition, headers)
            for key, value in (*changed.items(), (PROGRESS_KEY, progress))
        ]

    def wrote(self, changes: Changes, noted: Iterable[Place], next_offsets: Mapping[Place, int], markers: int) -> None:
        """Take note of what `records` returned as written, each partition's behind *markers* of a transaction.

        Raises:
            OvertakenError: Another worker has written there meanwhile.
        """
        for table, changed in self._due(changes, noted):
            table.digests.note(changed)
            self.note(table, markers + len(changed) + 1, next_offsets)

    def note(self, table: TablePartition[S], count: int, next_offsets: Mapping[Place, int]) -> None:
        """Take note where the changelog of *table* ends after *count* more of ours; raises as `wrote`."""
        place = (self._changelog, table.partition)
        expected, table.changelog_next = table.changelog_next + count, next_offsets[place]
        if table.changelog_next != expected:
            # A zombie's are passed over by a restore, but compaction knows no epochs: their keys must be written again.
            raise OvertakenError(
                f"{place[0]}[{place[1]}] has {table.changelog_next - expected} records of another worker: "
                f"it is restored anew, and theirs are put right"
            )

    def covered(self, since: Mapping[int, int]) -> None:
        """Let tables say, in their next progress record, *since* which offset the changelog holds every state.

        The record that is written with the last of these states must not: behind a newer owner's claim it would be a
        zombie's, and so would they.
        """
        for partition, offset in since.items():
            table = self.tables[partition]
            table.since, table.since_epoch = offset, table.epoch

    def check_taken(self, refused: Sequence[Message]) -> None:
        """Raise RuntimeError when a state was *refused* for its size."""
        if refused:
            raise RuntimeError(f"{self._changelog} does not take the state of {refused[0].key!r}")

    def _due(
        self, changes: Changes, noted: Iterable[Place]
    ) -> list[tuple[TablePartition[S], Mapping[bytes, bytes | None]]]:
        partitions = {partition for _, partition in noted}
        return [(self.tables[one], changed) for one, changed in changes.items() if changed or one in partitions]
