"""Everything behind the page: what is read and asked, and the views that it goes to.

It joins no group and writes nothing. What goes wrong outside is told in the views and tried again; nothing of it ends
the service.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from monitors.rollout_plan import Plan
from streams.applications import applications, watched_roles
from streams.brokers import BrokerError
from streams.dashboard.feeds import Feeds
from streams.dashboard.membership import Changes, Group, Membership
from streams.dashboard.pace import Ends, Pace
from streams.dashboard.parts import Parts, Shown, encoded
from streams.dashboard.rollouts import RolloutView, TrialWatch
from streams.dashboard.schemas import Sampler, Subjects
from streams.dashboard.whole import whole
from streams.dashboard.words import Words
from streams.lag import LagReader, role_reader
from streams.registering import topic_schemas
from streams.registry import registry_of
from streams.registry_errors import RegistryUnavailableError
from streams.rollouts.plans import usual_plan
from streams.settings import Settings

T = TypeVar("T")
VIEWS: Final = ("page", "matches", "stream", "drift", "models", "rollouts", "schemas")
_SHOW_SECONDS = 0.5
_DRIFT_SECONDS = 2.0  # what its windows have counted changes slowly, and takes longest to judge
_THREADS = 24  # each question blocks one for as long as brokers or registry are away


@dataclass(frozen=True, slots=True)
class Pause:
    """Seconds between two questions: for lengths of topics, lags, groups, schemas, and windows of a roll-out."""

    ends: float = 2.0
    lags: float = 2.0
    groups: float = 2.0
    schemas: float = 10.0
    rollouts: float = 2.0


class DashboardService:
    """Reads and asks until it is cancelled; owned by an event loop.

    Args:
        settings: Of the cluster.
        hours: How far back topics are read.
        words: Returns what is said around the views.
        plan: By which a roll-out is judged; None for the usual one.

    Attributes:
        views: The parts of each view.
    """

    def __init__(
        self,
        settings: Settings,
        hours: float,
        words: Callable[[], Words],
        plan: Plan | None = None,
        pause: Pause | None = None,
    ) -> None:
        self._settings, self._words, self._pause = settings, words, pause or Pause()
        self._groups = {name: settings.group(name) for name in applications(watched_roles(settings))}
        self.views = {name: Parts() for name in VIEWS}
        self.feeds = Feeds(settings, hours)
        plan = plan or usual_plan()
        self._rollouts, self._trials = RolloutView(plan), TrialWatch(settings, plan, self.feeds.control)
        self._pace = Pace(list(self._groups.values()))
        self._changes = Changes()
        self._drift: tuple[int, Shown] = (0, {})
        self._members: tuple[int | None, list[Group], str | None] = (None, [], None)

    async def run(self) -> None:
        """Keep the views up to date."""
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS, "dashboard"))
        lags = [role_reader(self._settings, name) for name in self._groups]
        sampler = Sampler(self._settings)
        try:
            async with asyncio.TaskGroup() as tasks:
                for job in (*self._questions(lags, sampler), *self.feeds.jobs(), self._keep_showing()):
                    tasks.create_task(job)
        finally:
            await asyncio.shield(self._close(lags, sampler))

    async def _close(self, lags: list[LagReader], sampler: Sampler) -> None:
        await self.feeds.stop()
        for close in (*(one.close for one in lags), sampler.close, self._trials.close):
            await asyncio.to_thread(close)

    def _questions(self, lags: list[LagReader], sampler: Sampler) -> list[Any]:
        pause = self._pause
        subjects = Subjects(self._settings, registry_of(self._settings))
        ends, members = Ends(self._settings), Membership(self._settings, list(self._groups.values()))
        schemas = self.feeds.schemas
        return [
            _repeated(pause.ends, ends, lambda found, at_ms: self._pace.counted(_or_none(found), at_ms)),
            _repeated(pause.groups, members.groups, self._looked),
            _repeated(pause.schemas, subjects, schemas.registered),
            _repeated(pause.schemas, sampler, schemas.written),
            _repeated(pause.rollouts, self._trials, self._rollouts.looked),
            *(_repeated(pause.lags, one.measure, self._lagging(one)) for one in lags),
        ]

    def _lagging(self, reader: LagReader) -> Callable[[Any, int], None]:
        return lambda found, at_ms: self._pace.lagging(reader.group, found, at_ms)

    def _looked(self, found: list[Group] | Exception, at_ms: int) -> None:
        if isinstance(found, Exception):
            self._members = (self._members[0], self._members[1], str(found))
            return
        self._changes.look(found, at_ms)
        self._members = (at_ms, found, None)

    async def _keep_showing(self) -> None:
        while True:
            self.show(int(time.time() * 1000))
            await asyncio.sleep(_SHOW_SECONDS)

    def show(self, now_ms: int) -> None:
        """Bring the parts of the views up to date."""
        feeds = self.feeds
        refused = {name: feeds.letters.refused(self._settings.topic(name)) for name in topic_schemas()}
        shown: Mapping[str, Shown] = {
            "page": self._page(),
            "matches": feeds.matches.shown(),
            "stream": {**self._pace.shown(), **feeds.latency.shown(), **feeds.letters.shown(), **self._workers()},
            "drift": self._judged_drift(now_ms),
            "models": {**feeds.models.shown(now_ms), **feeds.served()},
            "rollouts": self._rollouts.shown(),
            "schemas": feeds.schemas.shown(refused),
        }
        for name, parts in shown.items():
            self.views[name].show({**parts, **feeds.sources(name)})

    def _judged_drift(self, now_ms: int) -> Shown:
        if not 0 <= now_ms - self._drift[0] < _DRIFT_SECONDS * 1000:
            self._drift = now_ms, self.feeds.drift.shown()
        return self._drift[1]

    def _page(self) -> Shown:
        settings = self._settings
        where = {"brokers": settings.bootstrap_servers, "registry": settings.registry_url}
        return {
            "words": encoded(self._words()),
            "where": encoded({**where, "topic_prefix": settings.topic_prefix}),
            "groups": encoded(self._groups),
        }

    def _workers(self) -> Shown:
        at_ms, groups, problem = self._members
        return {
            "workers": encoded({"as_of_ms": at_ms, "problem": problem, "groups": groups}),
            "rebalances": encoded(self._changes.newest_first),
        }


async def _repeated(pause: float, ask: Callable[[], T], tell: Callable[[Any, int], None]) -> None:
    """Ask in a thread, tell in the loop what came of it, and when that was asked; for ever."""
    while True:
        at_ms = int(time.time() * 1000)
        try:
            tell(await whole(asyncio.to_thread(ask)), at_ms)
        except (BrokerError, RegistryUnavailableError) as error:
            tell(error, at_ms)
        await asyncio.sleep(pause)


def _or_none(found: Any) -> Any:
    return None if isinstance(found, Exception) else found
