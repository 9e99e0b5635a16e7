"""The two roles which fold events into match states: predict, and shadow beside it in a group of its own."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from features.match_state import MatchState
from schemas.bounds import check_feature_event, check_match_event
from schemas.records import FeatureEvent, MatchEvent, Prediction, TeamEvent
from streams.applications import APPLICATIONS, INPUTS
from streams.bundles import bundle_of
from streams.control.loading import loader
from streams.control.status import StatusWriter
from streams.control.switch import ModelSwitch
from streams.engine.changelog import Tail
from streams.inputs import Inputs
from streams.intake import Intake, Reader
from streams.learning import SchemaBook
from streams.metrics import WorkerMetrics
from streams.predicting.job import PredictJob
from streams.predicting.saying import Predicting
from streams.predicting.served import Served
from streams.predicting.shadow_saying import ShadowSaying, shadowing
from streams.predicting.shadowing import Shadows
from streams.predicting.warming import warm_up
from streams.predicting.wiring import EncodedStates, PredictCodecs, PredictTopics
from streams.role import Attached, Role
from streams.settings import Settings


def predict_role(settings: Settings, book: SchemaBook, inputs: Inputs, metrics: WorkerMetrics) -> Role:
    """Return the role which predicts after each event that changes what is known."""
    topics = PredictTopics(
        *map(settings.topic, ("match-events", "feature-events", "predictions", "team-events", "dead-letters"))
    )
    codecs = _codecs(settings, book, "predict", topics.predictions)
    book.write(codecs.team_event, f"{topics.team_events}-value")
    shadows = _shadows(settings, book, metrics)
    saying = Predicting(topics.predictions, codecs.prediction, metrics, shadows)
    job = _job(settings, book, inputs, topics, codecs, saying)

    def serve(served: Served) -> None:
        job.serve(served if settings.shadows_by == "predict" else replace(served, shadowed_by={}))

    return _role(settings, book, "predict", job, serve, (shadows,))


def shadow_role(settings: Settings, book: SchemaBook, inputs: Inputs, metrics: WorkerMetrics) -> Role:
    """Return the role which says what a challenger would, of the same events, and touches nothing else."""
    match_events, feature_events, says = map(settings.topic, (*INPUTS["shadow"], "shadow-predictions"))
    topics = PredictTopics(match_events, feature_events, says, team_events=None, dead_letters=None)
    codecs = _codecs(settings, book, "shadow", topics.predictions)
    saying = ShadowSaying(topics.predictions, codecs.prediction, metrics, settings.shadow_patience_seconds)
    job = _job(settings, book, inputs, topics, codecs, saying)
    return _role(settings, book, "shadow", job, lambda served: job.serve(shadowing(served)))


def _job(  # noqa: PLR0917 - what the two do alike, and how each differs
    settings: Settings,
    book: SchemaBook,
    inputs: Inputs,
    topics: PredictTopics,
    codecs: PredictCodecs,
    saying: Predicting | ShadowSaying,
) -> PredictJob:
    bundle = bundle_of(settings, settings.scoring_threads)
    warm_up(bundle)
    intake = _intake(book, codecs, topics, inputs)
    return PredictJob(intake, topics, codecs, Served.alone(bundle), saying, saying.metrics, settings.worker_name)


def _role(  # noqa: PLR0917 - what the two have in common
    settings: Settings,
    book: SchemaBook,
    name: str,
    job: PredictJob,
    serve: Callable[[Served], None],
    attached: tuple[Attached, ...] = (),
) -> Role:
    prediction = job.codecs.prediction
    tail = Tail(job.topics.predictions, lambda value: prediction.decode(value).prediction_id)
    status = StatusWriter(settings, name, book)
    switch = ModelSwitch(settings, name, job.served.champion, loader(settings), serve, book, status)
    return Role(
        name,
        INPUTS[name],
        APPLICATIONS[name].table,
        EncodedStates(job.codecs.state),
        job,
        (tail,),
        attached=(switch, *attached),
        assigned=switch.assigned,
        encode_state=bytes,
    )


def _codecs(settings: Settings, book: SchemaBook, role: str, predictions: str) -> PredictCodecs:
    codecs = PredictCodecs(
        book.codec("match_event", MatchEvent, settings.match_event_version),
        book.codec("feature_event", FeatureEvent),
        book.codec("prediction", Prediction),
        book.codec("team_event", TeamEvent),
        book.codec("match_state", MatchState),
    )
    book.write(codecs.prediction, f"{predictions}-value")
    book.write(codecs.state, f"{settings.changelog(role, APPLICATIONS[role].table)}-value")
    return codecs


def _intake(book: SchemaBook, codecs: PredictCodecs, topics: PredictTopics, inputs: Inputs) -> Intake[Any]:
    readers: dict[str, Reader[Any]] = {
        topics.match_events: Reader(
            book.reader(codecs.match_event), check_match_event, lambda event: event.occurred_at_ms
        ),
        topics.feature_events: Reader(
            book.reader(codecs.feature_event), check_feature_event, lambda event: event.as_of_ms
        ),
    }
    return Intake(readers, inputs.partitions)


def _shadows(settings: Settings, book: SchemaBook, metrics: WorkerMetrics) -> Shadows:
    topic = settings.topic("shadow-predictions")
    codec = book.codec("prediction", Prediction)
    book.write(codec, f"{topic}-value")
    return Shadows(settings.librdkafka(partitioner="murmur2_random"), topic, codec, metrics.registry)
