"""What is served and by whom: the changes that were asked for, and what the workers say of themselves."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from models.serving import Serving
from schemas.records import ModelStatus
from streams.control.log import Change, ControlLog
from streams.control.status import standing
from streams.control.telling import change_as_json, in_words, serving_as_json
from streams.dashboard.parts import Shown, encoded
from streams.following import Follower
from streams.learning import SchemaBook
from streams.registry import registry_of
from streams.settings import Settings

LAST: Final = 50
_MOST_WORKERS: Final = 500


class ControlFeed:
    """Follows the changes of one model into *apply*, which is called in the event loop.

    Args:
        settings: Of the brokers.
        model: Whose changes are followed.
        apply: Takes the last changes, and all that belong to what is tried now.

    Attributes:
        model: As above.
    """

    def __init__(self, settings: Settings, model: str, apply: Callable[[Sequence[Change], Serving], None]) -> None:
        self.model = model
        self._log = ControlLog(settings, model, SchemaBook(registry_of(settings)), self._changed)
        self._apply = apply
        self._known: tuple[tuple[Change, ...], Serving] = ((), Serving())  # replaced as a whole: threads read it
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def follower(self) -> Follower:
        """Which reads the log."""
        return self._log.follower

    async def start(self, _since_ms: int) -> None:
        """Begin to read, from the first change on; raises BrokerError."""
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._log.start)

    async def stop(self) -> None:
        """End the reading."""
        await asyncio.to_thread(self._log.close)

    def read_now(self, patience: float) -> tuple[Sequence[Change], Serving]:
        """Return what is known once all that is in the log now has been read; from any thread but the event loop's.

        Raises:
            BrokerError: The brokers are away.
            RuntimeError: It was not read in *patience* seconds.
        """
        self._log.wait_until_read(patience)
        return self._known

    def _changed(self, changes: Sequence[Change], serving: Serving) -> None:
        before = self._known[0]
        if before and changes[0].offset <= before[-1].offset:  # the topic was made anew
            before = ()
        self._known = kept((*before, *changes), serving), serving
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._apply, *self._known)


def kept(changes: tuple[Change, ...], serving: Serving) -> tuple[Change, ...]:
    """Return the last of *changes*, and before them those that have brought about what is tried now."""
    since = serving.revision if serving.challenger is None else serving.rollout
    tried = [
        one for one in changes[:-LAST] if one.void is None and one.record is not None and one.record.revision >= since
    ]
    return (*tried, *changes[-LAST:])


class ServingView:
    """Owned by the event loop.

    Args:
        model: Whose changes are shown.
    """

    def __init__(self, model: str) -> None:
        self._model = model
        self._changes: Sequence[Change] = ()
        self._serving = Serving()
        self._reports: dict[tuple[str, str], ModelStatus] = {}
        self._made: tuple[int, Shown] | None = None

    def changed(self, changes: Sequence[Change], serving: Serving) -> None:
        """Take the changes that are kept, and what is served after them."""
        self._changes, self._serving, self._made = changes, serving, None

    def reported(self, batch: Sequence[ModelStatus]) -> None:
        """Take what workers say; of each its newest report is kept."""
        for one in batch:
            name = one.role, one.worker
            known = self._reports.pop(name, one)
            self._reports[name] = one if one.at_ms >= known.at_ms else known
            if len(self._reports) > _MOST_WORKERS:
                del self._reports[next(iter(self._reports))]
        self._made = None

    def shown(self, partitions: int) -> Shown:
        """Return what is served on so many *partitions*, and the last changes, newest first."""
        if self._made is None or self._made[0] != partitions:
            self._made = partitions, self._parts(partitions)
        return self._made[1]

    def _parts(self, partitions: int) -> Shown:
        found = standing(self._reports.values(), partitions)
        serving = {
            "model": self._model,
            **serving_as_json(self._serving, found),
            "shadow": self._serving.shadow,
            "said": in_words(self._serving) if self._serving.revision else None,
        }
        changes = [change_as_json(one) for one in reversed(self._changes[-LAST:])]
        return {"serving": encoded(serving), "changes": encoded(changes)}
