"""The log of the changes of what is served, folded in its order."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from models.serving import Serving, after_control, why_void
from schemas.codec import DecodeError
from schemas.records import ModelControl
from streams.following import Follower
from streams.learning import SchemaBook
from streams.registry_errors import RegistryUnavailableError, SchemaNotFoundError
from streams.settings import Settings

log = structlog.get_logger(__name__)

CONTROL = "model-control"
_WAIT_MS = 250  # a change reaches a worker in less than two seconds, and an idle one asks seldom
_PAUSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Change:
    """One record of the log.

    Attributes:
        record: None for bytes which are no such record.
        void: Why it changes nothing; None when it does.
    """

    offset: int
    record: ModelControl | None
    void: str | None


class ControlLog:
    """Follows the log from its beginning, in a thread of its own.

    Args:
        settings: Of the brokers.
        model: Name of the model whose changes are folded; those of others are left out.
        book: Learns schemas.
        changed: Told, in the thread, of records that were read together and of what is served after them.
        group_id: Under which it reads; it joins no group.

    Attributes:
        serving: What is served after what has been read.
        follower: Which reads it.
    """

    def __init__(
        self,
        settings: Settings,
        model: str,
        book: SchemaBook,
        changed: Callable[[Sequence[Change], Serving], None],
        group_id: str | None = None,
    ) -> None:
        self.serving = Serving()
        self._model, self._changed = model, changed
        self._book, self._subject = book, f"{settings.topic(CONTROL)}-value"
        codec = book.codec("model_control", ModelControl)
        self._decode = book.patient(codec.decode)
        self._topic_id = ""
        self._ended = False
        self.follower = Follower(settings, CONTROL, self._take, group_id=group_id, wait_ms=_WAIT_MS)

    def start(self) -> None:
        """Begin to read; raises BrokerError."""
        self._book.foresee(self._subject)
        self.follower.start(0)

    def wait_until_read(self, patience: float = math.inf) -> None:
        """Return once all that is in the log now has been folded and told.

        Raises:
            BrokerError: The brokers are away, or know no such topic.
            RuntimeError: The log cannot be read any further, or was not read in *patience* seconds.
        """
        self.follower.look()
        self.follower.wait_until_read(patience)

    def close(self) -> None:
        """End the thread."""
        self._ended = True
        self.follower.close()

    def _take(self, topic_id: str, messages: Sequence[Any]) -> None:
        if topic_id != self._topic_id:  # it was deleted and made anew
            self._topic_id, self.serving = topic_id, Serving()
        changes = []
        for message in messages:
            if message.key() == self._model.encode():
                change = self._change(message.offset(), message.value() or b"")
                if change.record is not None:
                    self.serving = after_control(self.serving, change.record)
                changes.append(change)
        if changes:
            self._changed(changes, self.serving)

    def _change(self, offset: int, value: bytes) -> Change:
        try:
            record = self._read(value)
        except (DecodeError, SchemaNotFoundError) as error:
            log.warning("control.unreadable", offset=offset, error=str(error))
            return Change(offset, None, f"it cannot be read: {error}")
        return Change(offset, record, why_void(self.serving, record))

    def _read(self, value: bytes) -> ModelControl:
        """Return the record; an outage of the registry is waited out, since nothing can be left out here."""
        while True:
            try:
                return self._decode(value)
            except RegistryUnavailableError as error:
                if self._ended:
                    raise
                log.warning("registry.unavailable", error=str(error), pause_seconds=_PAUSE_SECONDS)
                time.sleep(_PAUSE_SECONDS)
