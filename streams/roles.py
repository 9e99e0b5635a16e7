"""The roles: what each is made of, from the settings."""

from collections.abc import Callable, Mapping

from features.rating_book import BaseRating, Fixture, RatingClock
from schemas.records import FeatureEvent, TeamEvent
from streams.admin import Admin
from streams.app import RoleApp
from streams.applications import INPUTS
from streams.inputs import Inputs, describe_inputs
from streams.intake import Reader
from streams.layout import Layout
from streams.learning import SchemaBook
from streams.metrics import WorkerMetrics
from streams.predicting.roles import predict_role, shadow_role
from streams.rate import RateJob, RateTopics, RatingCodecs
from streams.registry import registry_of
from streams.role import Role
from streams.settings import Settings
from streams.tracing.wiring import traced


def create_app(settings: Settings, role: str, metrics: WorkerMetrics) -> RoleApp:
    """Return the Faust application of *role*, ready to be started."""
    admin = Admin(settings)
    book = SchemaBook(registry_of(settings))
    inputs = describe_inputs(admin, [settings.topic(name) for name in INPUTS[role]])
    made = traced(_BUILDERS[role](settings, book, inputs, metrics), settings)
    changelog = admin.create_changelog(settings.changelog(role, made.table), inputs.partitions)
    together = (*inputs.ids, *(tail.topic for tail in made.tails))
    layout = Layout(admin, together, changelog.name, changelog.partitions, inputs.ids)
    layout.check()
    return RoleApp(settings, made, inputs, book, metrics=metrics, layout=layout)


def _subject(settings: Settings, topic: str) -> str:
    return f"{settings.topic(topic)}-value"


def _rate(settings: Settings, book: SchemaBook, _inputs: Inputs, metrics: WorkerMetrics) -> Role:
    events = book.codec("team_event", TeamEvent)
    features = book.codec("feature_event", FeatureEvent)
    book.write(features, _subject(settings, "feature-events"))
    table = rating_codecs(settings, book)
    topics = RateTopics(settings.topic("feature-events"), settings.topic("dead-letters"))
    job = RateJob(
        Reader(book.reader(events), _anything, lambda event: event.occurred_at_ms),
        topics,
        features,
        table,
        metrics,
        settings.worker_name,
    )
    return Role("rate", INPUTS["rate"], "teams", table.decode, job, encode_state=table.encode)


def _anything(_event: object) -> None:
    """Refuse nothing: the predict role writes only what it has checked."""


def rating_codecs(settings: Settings, book: SchemaBook) -> RatingCodecs:
    """Return how the table of the rate role is written."""
    changelog = settings.changelog("rate", "teams")
    codecs = RatingCodecs(
        book.codec("base_rating", BaseRating), book.codec("fixture", Fixture), book.codec("rating_clock", RatingClock)
    )
    for codec in (codecs.base, codecs.fixture, codecs.clock):
        book.write(codec, f"{changelog}-{codec.name}-value")
    return codecs


def _monitor(settings: Settings, book: SchemaBook, inputs: Inputs, metrics: WorkerMetrics) -> Role:
    from streams.monitoring.roles import monitor_role  # noqa: PLC0415 - loads SciPy, which only the monitors need

    return monitor_role(settings, book, inputs, metrics)


def _merge(settings: Settings, book: SchemaBook, inputs: Inputs, metrics: WorkerMetrics) -> Role:
    from streams.monitoring.roles import merge_role  # noqa: PLC0415 - the same

    return merge_role(settings, book, inputs, metrics)


def _performance(settings: Settings, book: SchemaBook, inputs: Inputs, metrics: WorkerMetrics) -> Role:
    from streams.performance.roles import performance_role  # noqa: PLC0415 - loads the monitors

    return performance_role(settings, book, inputs, metrics)


def _performance_merge(settings: Settings, book: SchemaBook, inputs: Inputs, metrics: WorkerMetrics) -> Role:
    from streams.performance.roles import performance_merge_role  # noqa: PLC0415 - the same

    return performance_merge_role(settings, book, inputs, metrics)


def _materialize(settings: Settings, book: SchemaBook, inputs: Inputs, metrics: WorkerMetrics) -> Role:
    from streams.materializing.roles import materialize_role  # noqa: PLC0415 - loads Redis's client

    return materialize_role(settings, book, inputs, metrics)


_BUILDERS: Mapping[str, Callable[[Settings, SchemaBook, Inputs, WorkerMetrics], Role]] = {
    "predict": predict_role,
    "shadow": shadow_role,
    "rate": _rate,
    "monitor": _monitor,
    "monitor-merge": _merge,
    "performance": _performance,
    "performance-merge": _performance_merge,
    "materialize": _materialize,
}
