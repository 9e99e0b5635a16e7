"""The topics that the page is made of, and the views that their records go to."""

import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, TypeVar

from prometheus_client import CollectorRegistry

from monitors.verdicts import DriftThresholds
from schemas.bounds import check_match_event, check_prediction
from schemas.catalog import RECORD_TYPES
from schemas.records import MatchEvent, MonitorPartial, PerformancePartial, Prediction, TeamEvent
from streams.api.feed import Feed
from streams.api.figures import ApiFigures
from streams.api.fixtures import FIXTURE_HOURS, check_names, fixture_of
from streams.api.known import Known, known_of
from streams.bundles import contents_of
from streams.dashboard.drift import DriftView
from streams.dashboard.latency import LatencyWindows
from streams.dashboard.letters import LetterFeed, Letters
from streams.dashboard.matches import MatchesView
from streams.dashboard.models import ModelsView
from streams.dashboard.parts import Shown, encoded
from streams.dashboard.schemas import SchemasView
from streams.dashboard.serving import ControlFeed, ServingView
from streams.dashboard.source import GATHER_MS, Reading, Source
from streams.intake import Reader
from streams.learning import SchemaBook
from streams.materializing.shelf import Place
from streams.monitoring import merging as monitor_merging
from streams.monitoring.roles import references
from streams.performance import merging as performance_merging
from streams.registering import topic_schemas
from streams.registry import registry_of
from streams.settings import Settings
from streams.topics import TOPICS

P = TypeVar("P", MonitorPartial, PerformancePartial)
S = TypeVar("S")
_HOUR_MS: Final = 3_600_000
_STATUS_HOURS: Final = 7 * 24  # for as long reports are kept
_LOOK_SECONDS: Final = 1.0
READ: Final = {
    "matches": ("predictions", "match-events", "team-events"),
    "stream": ("latency-reports", "monitor-partials", "dead-letters"),
    "drift": ("drift-reports", "monitor-partials"),
    "models": ("model-control", "model-status", "predictions", "performance-reports", "performance-partials"),
    "rollouts": ("model-control",),
    "schemas": ("dead-letters",),
}
"""The topics of each view."""


class Feeds:
    """Owned by the event loop.

    Args:
        settings: Of the cluster, and of the bundle whose reference histograms are shown.
        hours: How far back topics are read; reports of drift and accuracy all, and who plays further back.

    Attributes:
        book: Learns schemas.
        control: Follows what is asked to be served.
    """

    def __init__(self, settings: Settings, hours: float) -> None:
        self._settings, self._now_ms = settings, int(time.time() * 1000)
        self._figures = ApiFigures(CollectorRegistry())
        self.book = SchemaBook(registry_of(settings))
        self.matches, self.latency = MatchesView(), LatencyWindows()
        own = contents_of(settings)  # nothing is scored here, and a loaded model takes 60 MB
        self.serving = ServingView(own.manifest.model)
        self.control = ControlFeed(settings, own.manifest.model, self.serving.changed)
        self.drift = DriftView(
            references(own),
            DriftThresholds(settings.drift_psi_threshold, settings.drift_false_discovery_rate),
        )
        self.models, self.schemas = ModelsView(settings.run_id), SchemasView(settings)
        self.letters = Letters([settings.topic(name) for name in topic_schemas()])
        # What an open window has counted is known only when all of the window is read.
        open_hours = (settings.drift_window_seconds + settings.allowed_lateness_seconds) * 1000 / _HOUR_MS
        self._sources = {
            "predictions": self._source(self._predictions(), hours, self.matches.index.settle),
            "match-events": self._source(self._match_events(), hours),
            "model-control": self._source(self.control, None),
            "model-status": self._source(self._reports("model-status", self.serving.reported), _STATUS_HOURS),
            "team-events": self._source(self._team_events(), max(hours, FIXTURE_HOURS)),
            "monitor-partials": self._source(self._monitor_partials(), max(hours, open_hours)),
            "performance-partials": self._source(self._performance_partials(), hours),
            "drift-reports": self._source(self._reports("drift-reports", self.drift.windows.report), None),
            "latency-reports": self._source(self._reports("latency-reports", self.latency.windows.report), hours),
            "performance-reports": self._source(self._reports("performance-reports", self.models.report), None),
            "dead-letters": self._source(LetterFeed(settings, self.letters.take), hours),
        }

    def _source(self, reading: Reading, hours: float | None, on_end: Callable[[], None] = lambda: None) -> Source:
        since_ms = 0 if hours is None else max(0, self._now_ms - int(hours * _HOUR_MS))
        return Source(reading, since_ms, _LOOK_SECONDS, on_end)

    def _feed(
        self,
        topic: str,
        check: Callable[[Any], None],
        prepare: Callable[[Any, Place, bytes], S],
        apply: Callable[[Sequence[S]], None],
    ) -> Feed[Any, S]:
        name = TOPICS[topic].schema or ""
        record_type: type[Any] = RECORD_TYPES[name]
        codec = self.book.codec(name, record_type)
        reader = Reader(self.book.reader(codec), check, lambda _record: 0)  # nothing here asks for the event's time
        return Feed(self._settings, topic, reader, prepare, apply, self.book, self._figures, GATHER_MS)

    def _predictions(self) -> Reading:
        def both(prediction: Prediction, place: Place, record: bytes) -> tuple[Prediction, Known]:
            return prediction, known_of(prediction, place, record)

        def apply(batch: Sequence[tuple[Prediction, Known]]) -> None:
            self.models.predicted([one for one, _ in batch])
            self.matches.predicted([one for _, one in batch])

        return self._feed("predictions", check_prediction, both, apply)

    def _match_events(self) -> Reading:
        def itself(event: MatchEvent, _place: Place, _record: bytes) -> MatchEvent:
            return event

        return self._feed("match-events", check_match_event, itself, self.matches.happened)

    def _team_events(self) -> Reading:
        def check(event: TeamEvent) -> None:
            check_names(event)

        return self._feed("team-events", check, fixture_of, self.matches.announced)

    def _monitor_partials(self) -> Reading:
        def apply(batch: Sequence[monitor_merging.Parsed | None]) -> None:
            self.drift.windows.count(batch)
            self.latency.windows.count(batch)

        return self._feed("monitor-partials", _anything, _parsing(monitor_merging.Parsed.of), apply)

    def _performance_partials(self) -> Reading:
        parse = _parsing(performance_merging.Parsed.of)
        return self._feed("performance-partials", _anything, parse, self.models.count)

    def _reports(self, topic: str, apply: Callable[[Sequence[Any]], None]) -> Reading:
        return self._feed(topic, _anything, lambda report, _place, _record: report, apply)

    def jobs(self) -> list[Coroutine[Any, Any, None]]:
        """Return what keeps the topics read."""
        return [source.run() for source in self._sources.values()]

    async def stop(self) -> None:
        """End the reading of all topics."""
        for source in self._sources.values():
            await source.reading.stop()

    def served(self) -> Shown:
        """Return what is served, by whom, and how that was asked for."""
        return self.serving.shown(self._sources["match-events"].reading.follower.partitions)

    def sources(self, view: str) -> Shown:
        """Return a part for each topic that *view* is read from: how current it is."""
        return {f"source:{topic}": encoded(self._sources[topic].as_json()) for topic in READ.get(view, ())}


def _anything(_record: object) -> None:
    """Refuse nothing: what our own roles have written is judged by its payload."""


def _parsing(parse: Callable[[P], S]) -> Callable[[P, Place, bytes], S | None]:
    """Return what parses a partial; None stands for one whose payload is none."""

    def parsed(partial: P, _place: Place, _record: bytes) -> S | None:
        try:
            return parse(partial)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            return None

    return parsed
