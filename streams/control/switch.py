"""Carries out in a worker what the control records say: loads bundles beside the running one, then switches."""

import asyncio
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import count

import structlog

from models.bundle import Bundle
from models.manifest import BundleError, StoreError
from models.serving import Serving
from streams.control.log import Change, ControlLog
from streams.control.status import REPORT_SECONDS, StatusWriter
from streams.learning import SchemaBook
from streams.local.locks import in_turn
from streams.local.places import cache_folder
from streams.predicting.served import Served
from streams.settings import Settings
from streams.stopping import stop_worker

log = structlog.get_logger(__name__)

_AGAIN_SECONDS = 10.0
_TURN_SECONDS = 1.0
"""For so long a worker waits for others of its machine: together they would take the cores from all that scores."""
_REST_SECONDS = 0.1
"""In which what has piled up while another loaded is worked off."""
_REPORT_EVERY = int(REPORT_SECONDS / _AGAIN_SECONDS)


class ModelSwitch:
    """Starts and stops with the application whose job it tells what scores.

    Args:
        settings: Of the brokers.
        role: Whose worker follows.
        own: The bundle which is served before any change.
        load: Returns the bundle with a digest, warm; raises BundleError. It is called in a thread.
        serve: Told, in the event loop, what scores from the next batch on.
        book: Learns schemas.
        status: Reports.
    """

    def __init__(  # noqa: PLR0917 - what lies between the log and the job
        self,
        settings: Settings,
        role: str,
        own: Bundle,
        load: Callable[[str], Bundle],
        serve: Callable[[Served], None],
        book: SchemaBook,
        status: StatusWriter,
    ) -> None:
        self._own, self._load, self._serve, self._status = own, load, serve, status
        self._loaded: Mapping[str, Bundle] = {own.digest: own}
        self._log = ControlLog(settings, own.model, book, self._changed, settings.group(role))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._partitions: Collection[int] = ()
        self._reporting: asyncio.Task[None] | None = None
        self._trying = threading.Lock()
        self._standing = (Serving(), own, "")  # what is carried out, its champion, why a later change is not

    async def start(self) -> None:
        """Read the log to its end and serve what it says, before the application joins its group.

        A worker that cannot serve it serves nothing: what it has would take matches from the bundles they began with.
        """
        self._loop = asyncio.get_running_loop()
        try:
            await asyncio.to_thread(self._log.start)
            await self._settle()
        except (ConnectionError, RuntimeError) as error:
            stop_worker("role.failed", error)
        if self._standing[2]:  # others may, and it is tried again after a while
            stop_worker("role.failed", BundleError(self._standing[2]))
        self._reporting = asyncio.create_task(self._report_again())

    async def stop(self) -> None:
        """End the reading."""
        if self._reporting is not None:
            self._reporting.cancel()
        await asyncio.to_thread(self._log.close)

    async def assigned(self, partitions: Collection[int]) -> None:
        """Catch up with the log before work on *partitions* begins: their matches may have bundles that came since."""
        await self._settle()
        self._partitions = sorted(partitions)
        self._report()

    async def _settle(self) -> None:
        await asyncio.to_thread(self._log.wait_until_read)
        await asyncio.sleep(0)  # what the thread has told comes first

    def _changed(self, changes: Sequence[Change], serving: Serving) -> None:
        """Load what is wanted, in the thread which reads the log; a bundle that is not to be had changes nothing."""
        for change in changes:
            if change.void is not None:
                log.warning("control.void", offset=change.offset, reason=change.void)
        self._try(serving)

    def _try(self, serving: Serving) -> None:
        refused = ""
        with self._trying:
            try:
                self._loaded = self._wanted(serving)
            except (BundleError, StoreError) as error:
                refused = str(error)
                log.error("model.kept", revision=serving.revision, reason=refused)  # noqa: TRY400 - a reason, no defect
            served = None if refused else Served.of(serving, list(self._loaded.values()))
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._carry_out, serving, served, refused)

    def _wanted(self, serving: Serving) -> Mapping[str, Bundle]:
        """Return the bundles by digest: champion and challenger must be there, those of running matches may."""
        needed = [one for one in (serving.champion, serving.challenger) if one is not None]
        found = {self._own.digest: self._own} | {digest: self._one(digest) for digest in needed}
        for digest in serving.kept:
            if digest not in found:
                try:
                    found[digest] = self._one(digest)
                except (BundleError, StoreError) as error:
                    log.warning("model.gone", digest=digest, reason=str(error))
        return found

    def _one(self, digest: str) -> Bundle:
        if digest in self._loaded:
            return self._loaded[digest]
        if not self._partitions:
            return self._fitting(digest)
        with in_turn(cache_folder() / "loading.lock", _TURN_SECONDS):
            time.sleep(_REST_SECONDS)
            return self._fitting(digest)

    def _fitting(self, digest: str) -> Bundle:
        bundle = self._load(digest)
        _check_fits(bundle, self._own)
        return bundle

    def _carry_out(self, serving: Serving, served: Served | None, refused: str) -> None:
        if served is None:
            self._standing = (*self._standing[:2], refused)
        else:
            self._serve(served)
            self._standing = (serving, served.champion, "")
            log.info("model.serving", revision=serving.revision, champion=served.champion.digest,
                     challenger=serving.challenger, canary_share=serving.canary_share)  # fmt: skip
        self._report()

    def _report(self) -> None:
        serving, champion, refused = self._standing
        self._status.write(serving, champion, self._partitions, refused or None)

    async def _report_again(self) -> None:
        for number in count(1):
            await asyncio.sleep(_AGAIN_SECONDS)
            if self._standing[2]:  # a store may answer again, or have the bundle by now
                await asyncio.to_thread(self._try, self._log.serving)
            elif number % _REPORT_EVERY == 0:  # reports are deleted after days
                self._report()


def _check_fits(bundle: Bundle, own: Bundle) -> None:
    """Refuse a bundle which cannot score the same events beside *own*."""
    if bundle.model != own.model:
        raise BundleError(f"bundle {bundle.digest:.12} is of model {bundle.model}, and this worker serves {own.model}")
