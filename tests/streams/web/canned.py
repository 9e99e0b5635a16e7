"""Views over records that are made here, as the real ones make them, and a service that shows them."""

import asyncio
import json
from collections.abc import Mapping

import numpy as np

from monitors.cbpe import estimated
from monitors.drift import DriftWindow
from monitors.latency import LatencyWindow
from monitors.performance import judged
from monitors.reference import ReferenceHistograms
from monitors.verdicts import DriftThresholds, window_drift
from schemas.records import (
    DriftReport,
    EventKind,
    MatchEvent,
    MonitorPartial,
    PartialKind,
    PerformancePartial,
    PerformanceReport,
    Side,
)
from streams.api.index import Fixture
from streams.applications import APPLICATIONS
from streams.dashboard.drift import DriftView
from streams.dashboard.latency import LatencyWindows
from streams.dashboard.letters import Letters
from streams.dashboard.matches import MatchesView
from streams.dashboard.membership import Change, Group, Member
from streams.dashboard.models import ModelsView
from streams.dashboard.pace import COUNTED, Pace
from streams.dashboard.parts import Parts, Shown, encoded
from streams.dashboard.rollouts import RolloutView
from streams.dashboard.schemas import SchemasView, Written
from streams.dashboard.service import VIEWS
from streams.dashboard.serving import ServingView
from streams.dashboard.words import Words
from streams.dead_letters.letter import Letter
from streams.lag import PartitionLag
from streams.monitoring import merging as monitor_merging
from streams.monitoring.merging import Complete, Counts, Series
from streams.monitoring.parts import ModelKey, compact
from streams.monitoring.reports import drift_report
from streams.performance import merging as performance_merging
from streams.performance.contents import ALL, Content
from streams.performance.reports import Days, reports
from streams.registering import topic_schemas
from streams.settings import Settings
from tests.streams.api.matches import known, predicted
from tests.streams.web.canned_rollouts import PLAN, rollout, serving

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
NOW_MS = 20_000 * DAY_MS
DIGEST = "d" * 64
MODEL = ModelKey("m", "1", "CHAMPION", DIGEST)
FEATURES = ("elo_difference", "neutral", "probability_home", "probability_draw", "probability_away")
SETTINGS = Settings(bootstrap_servers="127.0.0.1:1", registry_url="http://127.0.0.1:1", topic_prefix="p-")
GROUPS = {name: SETTINGS.group(name) for name in APPLICATIONS}


def matches(goal: bool = False) -> MatchesView:  # noqa: FBT001, FBT002 - whether the last goal has been shot
    """Return twelve matches in their 60th minute."""
    view = MatchesView()
    for number in range(12):
        name, chance = f"match {number}", np.random.default_rng(number)
        view.announced([(name, Fixture(f"Home Town {number}", f"Away United {number}", NOW_MS))])
        view.happened(
            [
                MatchEvent("g", name, EventKind.GOAL, NOW_MS, 16, Side.HOME),
                MatchEvent("y", name, EventKind.YELLOW_CARD, NOW_MS, 31, Side.AWAY),
                MatchEvent("r", name, EventKind.RED_CARD, NOW_MS, 40, Side.HOME),
            ]
        )
        for minute in range(-1, 61):
            home, draw, away = chance.dirichlet((20, 10 + number, 15)).tolist()
            one = predicted(
                name, minute + 1, minute=minute, home=home, draw=draw, away=away, home_score=int(minute > 15)
            )
            view.predicted([known(one)])
    if goal:
        one = predicted("match 3", 99, cause="GOAL", minute=61, home=0.97, draw=0.02, away=0.01, home_score=2)
        view.predicted([known(one)])
    return view


def drift() -> DriftView:
    """Return a window that has drifted, with its report, one with few matches, and one that is open."""
    chance = np.random.default_rng(0)
    reference = ReferenceHistograms.from_matrix(
        FEATURES, columns(chance, 2000), [str(one) for one in range(2000)], categories=["neutral"]
    )
    view = DriftView({DIGEST: reference}, DriftThresholds())
    for number, (matches_, shift) in enumerate([(700, 1.5), (60, 0.0), (900, 0.0)]):
        window = DriftWindow(reference)
        names = [f"{number}/{one}" for one in range(matches_)]
        window.add_many(names, names, columns(np.random.default_rng(number + 1), matches_, shift))
        counts, start_ms = window.counts(), NOW_MS + (number - 3) * DAY_MS
        counted = partial(Counts(counts, 0), PartialKind.DRIFT, start_ms, DAY_MS)
        view.windows.count([monitor_merging.Parsed.of(counted)])
        if number < 2:
            complete = Complete(Series(PartialKind.DRIFT, MODEL, DAY_MS), start_ms, Counts(counts, 0))
            verdicts = window_drift(counts, reference)
            report: DriftReport = drift_report(complete, counts, verdicts, ["elo_difference"])
            view.windows.report([report])
    return view


def columns(chance: np.random.Generator, rows: int, shift: float = 0.0) -> np.ndarray:
    return np.hstack(
        [
            chance.normal(size=(rows, 1)) + shift,
            chance.integers(0, 2, (rows, 1)),
            chance.dirichlet((4, 3, 2), size=rows),
        ]
    )


def partial(counts: Counts, kind: PartialKind, start_ms: int, size_ms: int) -> MonitorPartial:
    return MonitorPartial(
        model="m",
        model_version="1",
        variant="CHAMPION",
        window_start_ms=start_ms,
        window_end_ms=start_ms + size_ms,
        bundle_digest=DIGEST,
        source_partition=0,
        sequence=5,
        closed=False,
        payload=compact(counts.to_dict()),
        kind=kind,
    )


def latency() -> LatencyWindows:
    """Return half an hour of open windows."""
    view = LatencyWindows()
    for number in range(30):
        window = LatencyWindow()
        seconds = np.random.default_rng(number).gamma(2, 0.01, 200)
        window.update_many({"total": seconds, "received": seconds / 2, "scored": seconds / 3})
        start_ms = NOW_MS + (number - 30) * 60_000
        counted = partial(Counts(window, 0), PartialKind.LATENCY, start_ms, 60_000)
        view.windows.count([monitor_merging.Parsed.of(counted)])
    return view


def models() -> ModelsView:
    """Return eight days of judged predictions, and the reports of seven days up to each."""
    view = ModelsView("1")
    view.predicted([predicted("match", 1), predicted("match", 2)])
    days: dict[int, Content] = {}
    for day in range(8):
        chance = np.random.default_rng(day)
        for _ in range(20):
            rows = chance.dirichlet((3, 2, 2), size=6)
            content = Content(judged(rows, int(chance.choice(3, p=rows.mean(axis=0)))), estimated(rows))
            days[day] = days.get(day, Content()) + content
        partial = PerformancePartial(
            "1", 0, 0, day, "m", "1", "CHAMPION", DIGEST, NOW_MS // DAY_MS - 8 + day, ALL,
            compact(days[day].to_dict()),
        )  # fmt: skip
        view.count([performance_merging.Parsed.of(partial)])
    totals = {
        performance_merging.Account(MODEL, NOW_MS // DAY_MS - 8 + day, ALL): content for day, content in days.items()
    }
    told: list[PerformanceReport] = [
        report
        for day in range(8)
        for length in (7, 30)
        for report in reports(totals, Days(NOW_MS // DAY_MS - 8 + day, length), None)
    ]
    view.report(told)
    return view


def letters() -> Letters:
    """Return three dead letters."""
    found = Letters([SETTINGS.topic(name) for name in topic_schemas()])
    found.take(
        [
            Letter(
                "p-dead-letters", 1, offset, NOW_MS, b"k", b"v",
                (("cause", cause), ("source_topic", b"p-match-events"), ("exception", b"why <b>not</b>")),
            )
            for offset, cause in enumerate((b"TRUNCATED", b"TRUNCATED", b"UNREGISTERED_SCHEMA"))
        ]
    )  # fmt: skip
    return found


def pace(samples: int = 60) -> Pace:
    """Return two minutes of samples and lags, one of them not known."""
    found = Pace(list(GROUPS.values()))
    for number in range(samples):
        sample(found, number)
    return found


def sample(found: Pace, number: int, step_ms: int = 2_000) -> None:
    """Add what is measured in the *number*-th step."""
    at_ms = NOW_MS + number * step_ms
    if number % 10 == 0:
        for name, group in GROUPS.items():
            found.lagging(group, lags(name, group, number), at_ms)
    found.counted({topic: number * (5 + place) for place, topic in enumerate(COUNTED)}, at_ms)


def lags(name: str, group: str, number: int) -> list[PartitionLag]:
    if name == "rate":
        return [PartitionLag(group, "p-team-events", 0, None, None, float("nan"), float("nan"), known=False)]
    return [
        PartitionLag(group, "p-predictions", one, 5, 9, 4.0, (number + one) % 7 / 2, known=True) for one in range(12)
    ]


def schemas() -> SchemasView:
    """Return what registry and topics say."""
    view = SchemasView(SETTINGS)
    ids = {topic: {1: 10 + place} for place, topic in enumerate(topic_schemas())}
    view.registered(ids | {"match-events": {1: 5, 2: 6}}, NOW_MS)
    written = {topic: Written({}, None) for topic in topic_schemas()}
    view.written(written | {"match-events": Written({5: 7, 99: 1, -1: 2}, NOW_MS)}, NOW_MS)
    return view


def members(count: int = 1) -> Shown:
    """Return *count* workers in each group."""
    groups = [
        Group(
            group,
            "STABLE" if count else "DEAD",
            [Member(f"worker-{one}", "/127.0.0.1", {"p-t": [0, 1, 5]}) for one in range(count)],
        )
        for group in GROUPS.values()
    ]
    workers = {"as_of_ms": None, "problem": None, "groups": groups}
    changes = [Change(NOW_MS, GROUPS["predict"], 1, 2)] if count else []
    return {"workers": encoded(workers), "rebalances": encoded(changes)}


def page() -> Shown:
    """Return what stands around the views."""
    where = {"brokers": "127.0.0.1:1", "registry": "http://127.0.0.1:1", "topic_prefix": "p-"}
    words = Words("World Cup", "Ctrl-C stops everything", {"metrics": "http://127.0.0.1:1/metrics"})
    return {"words": encoded(words), "where": encoded(where), "groups": encoded(GROUPS)}


def everything() -> dict[str, Shown]:
    """Return all views with something in them."""
    told = letters()
    refused = {"match-events": told.refused("p-match-events")}
    return {
        "page": page(),
        "matches": matches().shown(),
        "stream": {**pace().shown(), **latency().shown(), **told.shown(), **members()},
        "drift": drift().shown(),
        "models": {**models().shown(NOW_MS), **serving().shown(4)},
        "rollouts": rollout().shown(),
        "schemas": schemas().shown(refused),
    }


def nothing() -> dict[str, Shown]:
    """Return all views of a cluster where nobody has worked yet."""
    empty = SchemasView(SETTINGS)
    drift_view = DriftView({}, DriftThresholds())
    return {
        "page": page(),
        "matches": MatchesView().shown(),
        "stream": {**Pace(list(GROUPS.values())).shown(), **Letters([]).shown(), **members(0)},
        "drift": drift_view.shown(),
        "models": {**ModelsView("1").shown(NOW_MS), **ServingView("m").shown(0)},
        "rollouts": RolloutView(PLAN).shown(),
        "schemas": empty.shown({}),
    }


READ = {
    "matches": "predictions",
    "stream": "dead-letters",
    "drift": "drift-reports",
    "models": "predictions",
    "rollouts": "model-control",
    "schemas": "dead-letters",
}


class Shows:
    """Shows what is put into it, as if all of it were current; see DashboardService."""

    def __init__(self, shown: Mapping[str, Shown], problem: str | None = None) -> None:
        self.views = {name: Parts() for name in VIEWS}
        self.shown, self.problem = dict(shown), problem

    async def run(self) -> None:
        from time import time  # noqa: PLC0415 - of this machine, as the page asks how old all is

        while True:
            now_ms = int(time() * 1000)
            for name, parts in self.shown.items():
                self.views[name].show({**parts, **self._current(name, parts, now_ms)})
            await asyncio.sleep(0.1)

    def _current(self, name: str, parts: Shown, now_ms: int) -> Shown:
        found = {}
        for part in ("workers", "registry", "read", "judged"):
            if part in parts:
                found[part] = encoded({**json.loads(parts[part]), "as_of_ms": now_ms - now_ms % 1000})
        topic = READ.get(name)
        if topic:
            source = {
                "topic": f"p-{topic}",
                "since_ms": NOW_MS,
                "as_of_ms": now_ms - now_ms % 1000,
                "behind": 0,
                "problem": self.problem,
            }
            found[f"source:{topic}"] = encoded(source)
        return found
