"""Asking for a change of what is served: one record, and whether it has taken effect."""

import getpass
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

from models.serving import Serving, why_void
from schemas.codec import Codec
from schemas.records import ControlAction, ModelControl, ModelStatus
from streams.control.errors import ChangeError
from streams.control.log import CONTROL, Change, ControlLog
from streams.control.status import STATUS, Standing, standing
from streams.learning import SchemaBook
from streams.log_ends import LogEnds
from streams.patient_registry import patient_registry
from streams.playing.watching import Watch, learning
from streams.sending import Sender
from streams.settings import Settings

_WEEK_MS = 7 * 86_400_000
_LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Wish:
    """What shall be served.

    Attributes:
        champion: Digest of a bundle, as challenger.
        canary_share: 0 to 1.
        running: True when running matches change too.
        shadow: True when the challenger scores beside the champion.
    """

    action: ControlAction
    champion: str
    challenger: str | None = None
    canary_share: float = 0.0
    running: bool = False
    shadow: bool = False


def read_changes(settings: Settings, model: str) -> tuple[list[Change], Serving]:
    """Return every change of *model* that was asked for, in order, and what is served after them.

    Raises:
        BrokerError: The brokers are away.
    """
    with _following(settings, model) as (changes, log):
        return changes, log.serving


@contextmanager
def _following(settings: Settings, model: str) -> Iterator[tuple[list[Change], ControlLog]]:
    """Give the changes of *model*, to which those are added that come, and their log, read to its end."""
    changes: list[Change] = []
    book = SchemaBook(patient_registry(settings))
    with closing(ControlLog(settings, model, book, lambda some, _: changes.extend(some))) as log:
        log.start()
        log.wait_until_read()
        yield changes, log


def ask(settings: Settings, model: str, wish: Callable[[Serving], Wish], why: str) -> Serving:
    """Write what is wished after what is served now, and return what is served then.

    Raises:
        ChangeError: It is not possible, or another change came first.
        BrokerError: The brokers are away.
    """
    with _following(settings, model) as (changes, log):
        record = _record(model, wish(log.serving), log.serving, why)
        impossible = why_void(log.serving, record)
        if impossible is not None:
            raise ChangeError(f"this change is not possible: {impossible}")
        _write(settings, record)
        log.wait_until_read()
        ours = next(change for change in changes if change.record == record)
        if ours.void is not None:
            raise ChangeError(
                f"another change came first, so this one has no effect: {ours.void}; look at it and ask anew"
            )
        return log.serving


def _write(settings: Settings, record: ModelControl) -> None:
    book = SchemaBook(patient_registry(settings))
    codec = book.codec("model_control", ModelControl)
    book.write(codec, f"{settings.topic(CONTROL)}-value")
    sender = Sender(settings, settings.topic(CONTROL))
    sender.send(record.model.encode(), codec.encode(record))
    sender.finish()


def _record(model: str, wish: Wish, serving: Serving, why: str) -> ModelControl:
    return ModelControl(
        model=model,
        action=wish.action,
        champion=wish.champion,
        challenger=wish.challenger,
        canary_share=wish.canary_share,
        shadow=wish.shadow,
        running=wish.running,
        by=f"{getpass.getuser()}@{socket.gethostname()}",
        why=why,
        at_ms=int(time.time() * 1000),
        replaces=serving.champion,
        revision=serving.revision + 1,
    )


def read_standing(settings: Settings) -> Standing:
    """Return what the workers have reported in the last week.

    Raises:
        BrokerError: The brokers are away.
    """
    with _looking(settings) as look:
        return look()


@contextmanager
def _looking(settings: Settings) -> Iterator[Callable[[], Standing]]:
    """Give what tells, whenever it is called, what the workers have reported by then; raises BrokerError."""
    reports: list[ModelStatus] = []
    decode = learning(Codec("model_status", ModelStatus), patient_registry(settings))
    partitions = len(LogEnds(settings, "match-events")())
    with closing(Watch(settings, STATUS, decode, reports.append)) as watch:
        watch.start(int(time.time() * 1000) - _WEEK_MS)
        watch.wait_for_the_end()
        yield lambda: standing([*reports], partitions)


def wait_for_workers(settings: Settings, revision: int, seconds: float) -> Standing:
    """Return what the workers serve once all carry out change *revision*, one refuses to, or *seconds* are over.

    Raises:
        BrokerError: The brokers are away.
    """
    until = time.monotonic() + seconds
    with _looking(settings) as look:
        while True:
            found = look()
            if found.carries_out(revision) or found.refusals or time.monotonic() > until:
                return found
            time.sleep(_LOOK_SECONDS)


def first_champion(reports: Standing) -> str:
    """Return the bundle which all workers serve before any change.

    Raises:
        ChangeError: No worker has reported, or they serve several.
    """
    digests: Sequence[str] = sorted({one.bundle_digest for one in reports.by_partition.values()})
    if not digests:
        raise ChangeError("no worker has said what it serves; start one with: touchline worker predict")
    if len(digests) > 1:
        raise ChangeError(
            f"workers serve several bundles ({', '.join(one[:12] for one in digests)}); promote one first"
        )
    return digests[0]


def served_models(reports: Standing) -> Sequence[str]:
    """Return the names of the models which workers serve, sorted."""
    return sorted({one.model for one in reports.by_partition.values()})


def model_of(reports: Standing) -> str:
    """Return the name of the model which workers serve.

    Raises:
        ChangeError: They serve none, or several.
    """
    names = served_models(reports)
    if len(names) != 1:
        said = f"workers serve {', '.join(names)}" if names else "no worker has said what it serves"
        raise ChangeError(f"{said}: name the model with --model")
    return names[0]
