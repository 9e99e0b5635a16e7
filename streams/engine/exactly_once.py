"""Outputs, states and offsets in one transaction: a reader of committed records sees each once, whatever falls."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from streams.engine.finishing import Batch, Finisher, together
from streams.engine.job import Step
from streams.engine.ledger import Place
from streams.engine.outbox import DeliveryError, Message
from streams.engine.record_limits import RecordLimits
from streams.engine.transactions import FencedError, Membership, TransactionalOutbox

S = TypeVar("S")
_TRIES = 5


@dataclass(slots=True)
class ExactlyOnce(Finisher[S]):
    """Gathers batches and commits them together, with the offsets of the group.

    Attributes:
        membership: Returns as what we belong to the group just now.
        limits: How large a record each topic takes.
    """

    outbox: TransactionalOutbox
    membership: Callable[[], Membership]
    limits: RecordLimits
    _member: Membership = field(default=Membership("", -1, ""), init=False)
    _unreached: dict[int, list[Message]] = field(default_factory=dict, init=False)

    @property
    def markers(self) -> int:
        """Return one: the end of the transaction before, in every partition that it wrote to."""
        return 1

    def resume(self, generation: int) -> None:
        """Remember as what we take the work of *generation*: having lost its place, aiokafka no longer knows."""
        self._unreached.clear()
        member = self.membership()
        self._member = member if member.generation == generation else Membership(member.group, -1, "")

    def due(self, partition: int, step: Step) -> list[Message]:
        """Return the outputs to be committed now: those whose offsets no state has reached yet must wait."""
        waiting = [*self._unreached.pop(partition, ()), *step.outputs]
        if step.reached == {} and not step.changed:
            self._unreached[partition] = waiting
            return []
        return waiting

    def begin(self, batch: Batch) -> Batch:
        """Let it wait for its transaction."""
        return batch

    async def finish(self, batches: Sequence[Batch]) -> None:
        """Commit *batches* in one transaction, of each state the last.

        Raises:
            FencedError: The partitions may be another worker's.
        """
        all_of_it = together(batches)
        outputs, changes, reached = all_of_it.outputs, all_of_it.changes, all_of_it.reached
        if not outputs and not reached and not any(changes.values()):
            self.ledger.covered(all_of_it.since)
            return
        if self._member.generation < 0 or self.membership() != self._member:
            raise FencedError("the group has gone on without this worker while it had work under way")
        fit = await self._with_letters(outputs)
        async with self.outbox.turn:
            next_offsets = await self._deliver(fit)
            self.ledger.advance(reached, next_offsets, changes)
            noted = (*reached, *next_offsets)
            written = await self.outbox.deliver(self.ledger.records(changes, noted))
            self.ledger.check_taken(written.refused)
            if written.broken:
                raise DeliveryError("the changelog did not take its part of a transaction")
            await self.outbox.commit(self._offsets(changes), self._member)
        self.ledger.wrote(changes, noted, written.next_offsets, self.markers)
        self.ledger.covered(all_of_it.since)
        self.ledger.finished.update(reached)
        self.delivered(outputs)

    def _offsets(self, partitions: Mapping[int, object]) -> dict[Place, int]:
        """Return the offsets of *partitions*, be they new or not: it is by them that the brokers know a zombie."""
        places = [(topic, partition) for topic in self.ledger.topic_ids for partition in partitions]
        return {place: offset for place in places if (offset := self.ledger.reached(*place)) is not None}

    async def _deliver(self, outputs: Sequence[Message]) -> Mapping[Place, int]:
        """Begin a transaction and deliver *outputs*; begin anew with a dead letter for each that is too large.

        Raises:
            DeliveryError: The brokers broke it again and again.
        """
        broken = 0
        while True:
            await self.outbox.begin()
            delivery = await self.outbox.deliver(outputs)
            if not delivery.refused and not delivery.broken:
                return delivery.next_offsets
            await self.outbox.abort()
            broken = 0 if delivery.refused else broken + 1
            if broken == _TRIES:
                raise DeliveryError(f"the brokers broke a transaction of {len(outputs)} outputs {_TRIES} times")
            self.limits.learn(delivery.refused)
            outputs = await self._with_letters(outputs)

    async def _with_letters(self, outputs: Sequence[Message]) -> Sequence[Message]:
        too_large = [one for one in self.limits.doubtful(outputs) if await self.limits.refuse(one)]
        if not too_large:
            return outputs
        left_out = set(map(id, too_large))
        return [*(one for one in outputs if id(one) not in left_out), *await self.letters(too_large)]

    async def write(self, records: Sequence[Message]) -> Mapping[Place, int]:
        """Write *records* in a transaction of their own, or with those that wait for one as well."""
        return await self.outbox.write(records)
