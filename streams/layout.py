"""Which topics a role reads, and how many partitions its topics have, and that it stays so while its worker runs.

Partition p of a changelog holds the states of the keys in partition p of the inputs, and the number of partitions says
which keys those are. When a topic grows, a producer with fresh metadata sends a key elsewhere: into a partition of
which the worker knows nothing yet, or into one that holds no state of it. And a topic that was deleted and made anew
begins at offset 0 again: its events would be taken for ones that are in the states already. So both are asked for

- at every assignment, which is how a worker gets a new partition, before a record of it is taken;
- whenever a record lies where its key does not belong, before it is called misplaced;
- every few seconds, since the first two may come minutes later.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from streams.admin import Admin
from streams.brokers import BrokerError
from streams.engine.safety import InputError

_LOOK_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Layout:
    """The topics whose partitions of one number belong together.

    Attributes:
        topics: Names on the brokers of inputs and of outputs that are read again.
        changelog: Where their states are.
        partitions: How many the changelog had at the start.
        ids: Topic ids of the inputs at the start.
    """

    admin: Admin
    topics: Sequence[str]
    changelog: str
    partitions: int
    ids: Mapping[str, str]

    def check(self) -> None:
        """Ask the brokers whether the inputs are the same still, and all have the same number of partitions.

        Raises:
            InputError: An input was made anew, or a topic has another number.
            BrokerError: The brokers do not answer.
        """
        found = self.admin.topics((self.changelog, *self.topics))
        for topic, known in self.ids.items():
            if topic in found and found[topic].topic_id != known:
                raise InputError(
                    f"{topic} was deleted and made anew: the states hold offsets of the earlier topic; start over with "
                    f"`touchline reset`"
                )
        for topic, count in ((topic, state.partitions) for topic, state in found.items()):
            if count != self.partitions:
                raise InputError(
                    f"{topic} has {count} partitions, but the states in {self.changelog} are laid out for "
                    f"{self.partitions}: a key belongs to another partition now; stop the workers, then move the "
                    f"states with `touchline topics repartition --partitions {max(count, self.partitions)}`"
                )


class LayoutWatch:
    """Looks at a layout now and then while the application runs, and tells *fail* what is wrong."""

    def __init__(self, layout: Layout, fail: Callable[[InputError], None]) -> None:
        self._layout, self._fail = layout, fail
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._look())

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                await asyncio.to_thread(self._layout.check)
            except InputError as error:
                self._fail(error)
            except BrokerError:  # the consumer and the outbox know better what to do without brokers
                continue
