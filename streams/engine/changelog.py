"""A changelog: how a partition of a table is restored from it in bulk, and claimed for its new owner."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import structlog
from confluent_kafka import Consumer, KafkaException

from schemas.records import Progress
from streams.engine.epochs import epoch_of, next_epoch
from streams.engine.log_reading import PATIENCE_SECONDS, ChangelogRecord, RestoreError, batches, complete_since
from streams.engine.safety import check_finished
from streams.engine.states import StateDecoder, States
from streams.engine.table import PROGRESS_KEY, OvertakenError, TablePartition

log = structlog.get_logger(__name__)


_TELL_SECONDS = 1.0

S = TypeVar("S")


class DigestError(RestoreError):
    """Raised when the states are not those which a worker left behind at a clean stop."""


def take_in(
    table: TablePartition[S],
    states: States[S],
    records: Iterable[ChangelogRecord],
    progress: Callable[[bytes], Progress],
) -> None:
    """Take consecutive *records* of its changelog into *table*, whose states are *states*.

    One of a lower epoch than one before it was written by a zombie: it is passed over, and its key is stale until it is
    written again.
    """
    epoch, stale, last, keep = table.epoch, table.stale, b"", states.keep
    written: dict[bytes, bytes | None] = {}
    noted: bytes | None = None
    offset = table.changelog_next - 1
    for record in records:
        key, value, headers, offset = record.key(), record.value(), record.headers(), record.offset()
        of = epoch_of(headers, epoch) if headers else epoch
        if of < epoch:
            stale.add(key)
            continue
        epoch, last = of, key
        if stale:
            stale.discard(key)
        if key == PROGRESS_KEY:
            noted = value
        elif value is None:
            states.pop(key, None)
            written[key] = None
        else:
            keep(key, value)
            written[key] = value
    table.epoch, table.changelog_next = epoch, offset + 1
    table.digests.note(written)
    if noted is not None:
        said = progress(noted)
        table.inputs, table.outputs = dict(said.inputs), dict(said.outputs)
        table.since, table.since_epoch = said.since, said.since_epoch
        table.seal = said if said.digest is not None else None
    if last not in (PROGRESS_KEY, b""):
        table.seal = None


@dataclass(frozen=True, slots=True)
class Tail:
    """An output whose end is read on assignment, so that nothing in it is written again.

    Attributes:
        topic: Name on the brokers.
        identify: Identity of an output, from its value.
    """

    topic: str
    identify: Callable[[bytes], str]


@dataclass(frozen=True, slots=True)
class Claim:
    """How the partitions of an assignment become a worker's own; the functions block, and raise when they cannot be.

    Attributes:
        generation: Of the group, under which they were assigned.
        confirm: Returns once the group has said, after the call, that this is its generation and we belong to it.
        write: Writes states and the table's progress under an epoch, and returns the offset behind them.
        check: Raises InputError when there is no going on from the table's states: then nothing must be written.
    """

    generation: int
    confirm: Callable[[], None]
    write: Callable[[TablePartition[Any], int, Mapping[bytes, bytes | None]], int]
    check: Callable[[TablePartition[Any]], None] = lambda _table: None


@dataclass(frozen=True, slots=True)
class Changelog(Generic[S]):
    """A changelog topic and how to read it back; blocking, so it is called from a thread of its own."""

    topic: str
    consumer_config: Mapping[str, object]
    decode: StateDecoder[S]
    progress: Callable[[bytes], Progress]
    tails: Sequence[Tail] = ()

    def restore(
        self, partition: int, known: TablePartition[S] | None = None, claim: Claim | None = None
    ) -> TablePartition[S]:
        """Return the partition as its changelog has it, going on from *known* when there is one, and claim it.

        Raises:
            RestoreError: The brokers did not answer, or a record is not what it should be.
            InputError: The states are not complete.
            OvertakenError: There is a newer owner.
        """
        reader = Consumer(
            {
                "group.id": f"{self.topic}-restore",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "error",
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 20,  # the end is told by an empty answer
                # It holds little of a partition, and is no slower for it: with librdkafka's own 64 MB each assignment
                # left a worker up to two hundred megabytes larger.
                "queued.max.messages.kbytes": 4096,
                "fetch.max.bytes": 4 * 2**20,
                "fetch.queue.backoff.ms": 2,
                "log_level": 3,
                **self.consumer_config,
            }
        )
        try:
            table = self._restored(reader, partition, known, claim)
            for tail in self.tails:
                self._read_tail(reader, tail, table)
        except KafkaException as error:
            raise RestoreError(f"{self.topic}[{partition}] cannot be restored: {error.args[0].str()}") from error
        finally:
            reader.close()
        return table

    def _restored(
        self, reader: Any, partition: int, known: TablePartition[S] | None, claim: Claim | None
    ) -> TablePartition[S]:
        # A new object each time, so that a job sees that its partition was restored.
        states: States[S] = States(self.decode)
        table = TablePartition(states=states, partition=partition)
        if known is not None and isinstance(known.states, States):
            # Copies: a restore which a rebalance has overtaken may still be at work.
            states = known.states.copy()
            table = replace(known, states=states, digests=known.digests.copy(), already_out=set(), seal=None)
        else:
            table.changelog_next, table.epoch = complete_since(reader, self.topic, partition, self.progress)
        self._read_on(reader, table, states)
        if table.seal is not None:
            self._compare(table, table.seal)
        if claim is not None:
            if known is None:
                claim.check(table)
            epoch = self._claim(reader, table, states, claim)
            if table.stale and known is not None:  # what they were before is not in here as it was written
                return self._restored(reader, partition, None, claim)
            self._rewrite(reader, table, states, claim, epoch)
        return table

    def _compare(self, table: TablePartition[S], seal: Progress) -> None:
        found = table.progress(sealed=True)
        if (found.digest, found.states) != (seal.digest, seal.states):
            raise DigestError(
                f"{self.topic}[{table.partition}] holds {found.states} states with digest {found.digest:016x}, but the "
                f"worker that stopped there left {seal.states} with digest {seal.digest:016x}: states were lost or "
                f"changed; start over with `touchline reset`"
            )

    def _claim(self, reader: Any, table: TablePartition[S], states: States[S], claim: Claim) -> int:
        check_finished(table.inputs)
        claim.confirm()
        epoch = next_epoch(table.epoch, claim.generation)
        end = claim.write(table, epoch, {})
        # What an earlier owner has written before the claim counts; what it writes behind it does not.
        self._read_until(end, reader, table, states)
        self._check_owner(table, epoch)
        return epoch

    def _rewrite(self, reader: Any, table: TablePartition[S], states: States[S], claim: Claim, epoch: int) -> None:
        while table.stale:
            end = claim.write(table, epoch, {key: states.kept(key) for key in table.stale})
            self._read_until(end, reader, table, states)
            self._check_owner(table, epoch)

    def _check_owner(self, table: TablePartition[S], epoch: int) -> None:
        if table.epoch != epoch:
            raise OvertakenError(f"{self.topic}[{table.partition}] was claimed by a newer owner meanwhile")

    def _read_until(self, end: int, reader: Any, table: TablePartition[S], states: States[S]) -> None:
        """Read up to our own records at least: a transaction that a fallen owner left open hides them until it ends.

        Whatever that one has committed is read by then, since it stands before them.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while table.changelog_next < end:
            self._read_on(reader, table, states)
            if time.monotonic() > deadline:
                raise RestoreError(
                    f"{self.topic}[{table.partition}] shows nothing from offset {table.changelog_next} on, for "
                    f"{PATIENCE_SECONDS:.0f} s: a transaction there does not end"
                )

    def _read_on(self, reader: Any, table: TablePartition[S], states: States[S]) -> None:
        told, start = time.monotonic(), table.changelog_next
        for records, end in batches(reader, self.topic, table.partition, start):
            take_in(table, states, records, self.progress)
            if time.monotonic() - told >= _TELL_SECONDS:
                told = time.monotonic()
                share = (table.changelog_next - start) / max(end - start, 1)
                where = f"{self.topic}[{table.partition}]"
                log.info("table.restoring", changelog=where, share_done=round(share, 3), states=len(states))

    def _read_tail(self, reader: Any, tail: Tail, table: TablePartition[S]) -> None:
        for records, _ in batches(reader, tail.topic, table.partition, table.outputs.get(tail.topic, 0)):
            table.already_out.update(tail.identify(record.value()) for record in records)
