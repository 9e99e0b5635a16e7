"""How long a worker may write: until its group may have given its partitions to another.

The group's coordinator waits a session time-out from the last heartbeat before it does so. A heartbeat that succeeded
was received after it was sent, so whoever counts from then on knows to have lost its place before the others do. A
worker which was stopped and wakes up, or which the brokers cannot hear, stops by that before it writes.
"""

import threading
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, TypeVar

from aiokafka.errors import CommitFailedError

T = TypeVar("T")

# A computer which sleeps has no time of the monotonic kind; its brokers may.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_SAFE_SHARE = 0.9  # of the session time-out, so that the worker has gone when it is over
_LOOK_SECONDS = 0.1


class LeaseError(RuntimeError):
    """Raised when a worker must not write, since its partitions may be another's."""


class RebalancedError(RuntimeError):
    """Raised when the partitions are being dealt out anew meanwhile."""


def _now() -> float:
    return time.clock_gettime(_CLOCK)


class Lease:
    """The time for which the place in the group is sure; used from several threads.

    Attributes:
        clock: In seconds.
    """

    def __init__(self, session_seconds: float, clock: Callable[[], float] = _now) -> None:
        self.clock = clock
        self._session_seconds = session_seconds
        self._until: float | None = None
        self._lost: str | None = None

    def begin(self, sent_at: float) -> None:
        """Begin with a heartbeat which succeeded and was sent at *sent_at*."""
        self._until = sent_at + _SAFE_SHARE * self._session_seconds

    def renew(self, sent_at: float) -> None:
        """Go on after another one, if it has begun."""
        if self._until is not None:
            self._until = max(self._until, sent_at + _SAFE_SHARE * self._session_seconds)

    def release(self) -> None:
        """End: the partitions are given back, and nothing is written until it begins again."""
        self._until = None

    def lose(self, why: str) -> None:
        """End for good, if it has begun."""
        if self._until is not None:
            self._lost = why

    @property
    def over(self) -> str | None:
        """Return why the worker must stop; None when it need not."""
        if self._lost is not None:
            return self._lost
        if self._until is None or self.clock() <= self._until:
            return None
        return f"no heartbeat has reached the brokers within the session time-out of {self._session_seconds:g} s"

    def check(self) -> None:
        """Return if the worker may write.

        Raises:
            LeaseError: It must stop.
            RebalancedError: It has given back its partitions, or has not got them yet.
        """
        if self.over is not None:
            raise LeaseError(f"{self.over}: its partitions may be another worker's")
        if self._until is None:
            raise RebalancedError("the worker has given back its partitions, or has not got them yet")


class LeaseWatch:
    """Stops the worker when its lease is over, also while its event loop is busy."""

    def __init__(self, lease: Lease, fail: Callable[[LeaseError], None]) -> None:
        self._lease, self._fail = lease, fail
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="lease", daemon=True)

    async def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    async def stop(self) -> None:
        """End."""
        self._ended.set()

    def _look(self) -> None:
        while not self._ended.wait(_LOOK_SECONDS):
            if self._lease.over is None:
                continue
            try:
                self._lease.check()
            except RebalancedError:
                continue
            except LeaseError as error:
                self._fail(error)
                return


class Member:
    """The worker's place in its group, as aiokafka's coordinator keeps it.

    Private methods of aiokafka 0.14.0, which is pinned for that reason, are wrapped: a heartbeat renews the lease, a
    lost place ends it, and no offset is committed but under the generation of the work.

    A request of ours that waits behind a JoinGroup on the same connection is answered after that, and refused, since
    its generation is over. aiokafka would then forget the place that it has just been given: the group would wait for
    it at every rebalance up to the session time-out.
    """

    def __init__(self, coordinator: Any, lease: Lease, worked_generation: Callable[[], int]) -> None:
        self._coordinator, self._lease, self._worked = coordinator, lease, worked_generation
        self._heartbeat, self._commit = coordinator._do_heartbeat, coordinator._do_commit_offsets  # noqa: SLF001 - aiokafka has no other way
        self._reset = coordinator.reset_generation
        self._asked_as: ContextVar[tuple[int, str] | None] = ContextVar("asked_as", default=None)
        coordinator._do_heartbeat = self._renew  # noqa: SLF001
        coordinator._do_commit_offsets = self._commit_own  # noqa: SLF001
        coordinator.reset_generation = self._lose

    async def confirm(self, generation: int) -> bool:
        """Begin the lease if the group says that its generation is *generation* and that we belong to it.

        Raises:
            RebalancedError: It is another one, or about to be: what we hold is given back, or was.
        """
        self._look_for(generation)
        sent_at = self._lease.clock()
        if not await self._as_now(self._heartbeat()):
            return False
        self._look_for(generation)
        self._lease.begin(sent_at)
        return True

    def _look_for(self, generation: int) -> None:
        if self._coordinator.generation != generation or self._rejoins:
            raise RebalancedError(f"generation {generation} of the group is over")

    @property
    def _rejoins(self) -> bool:
        return bool(self._coordinator._rejoin_needed_fut.done())  # noqa: SLF001 - as above

    @property
    def _place(self) -> tuple[int, str]:
        return self._coordinator.generation, self._coordinator.member_id

    async def _as_now(self, request: Awaitable[T]) -> T:
        """Await what is asked as the member of the generation that we are now."""
        token = self._asked_as.set(self._place)
        try:
            return await request
        finally:
            self._asked_as.reset(token)

    async def _renew(self) -> bool:
        sent_at = self._lease.clock()
        answered: bool = await self._as_now(self._heartbeat())
        # During a rebalance the group waits, but not for ever: what is under way has one session time-out more.
        if answered and not self._rejoins:
            self._lease.renew(sent_at)
        return answered

    async def _commit_own(self, assignment: Any, offsets: Any) -> None:
        # Having lost its place, aiokafka says generation -1, which the brokers take from anyone.
        if self._coordinator.generation != self._worked():
            raise CommitFailedError("the group has already rebalanced")
        await self._as_now(self._commit(assignment, offsets))

    def _lose(self) -> None:
        if self._asked_as.get() not in {None, self._place}:
            return  # it was asked as whom we are no longer
        if not self._coordinator._closing.done():  # noqa: SLF001
            self._lease.lose("the group no longer knows the worker")
        self._reset()
