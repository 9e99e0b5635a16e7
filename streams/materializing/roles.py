"""The materialize role, from the settings."""

from schemas.bounds import check_prediction
from schemas.records import Prediction
from streams.inputs import Inputs
from streams.intake import Intake, Reader
from streams.learning import SchemaBook
from streams.materializing.job import MaterializeJob
from streams.materializing.shelf import Shelf, ShelfFigures
from streams.metrics import WorkerMetrics
from streams.role import Role
from streams.settings import Settings
from streams.stopping import RefusedError

MATERIALIZE, TABLE = "materialize", "shelf"
_LOOK_SECONDS = 1.0


def materialize_role(settings: Settings, book: SchemaBook, inputs: Inputs, metrics: WorkerMetrics) -> Role:
    """Return the role which keeps the latest predictions in Redis.

    Raises:
        RefusedError: No Redis is named, or not by a URL.
    """
    if settings.redis_url is None:
        raise RefusedError(
            "materialize needs a Redis to write to: set TOUCHLINE_REDIS_URL, e.g. redis://127.0.0.1:6379"
        )
    predictions = settings.topic("predictions")
    try:
        url = settings.redis_url.get_secret_value()
        shelf = Shelf(url, settings.topic_prefix, settings.redis_ttl_seconds, ShelfFigures(metrics.registry))
    except ValueError as error:  # its text may hold the password
        raise RefusedError(
            "TOUCHLINE_REDIS_URL is no URL of a Redis: it begins with redis://, rediss:// or unix://"
        ) from error
    codec = book.codec("prediction", Prediction)
    reader = Reader(book.reader(codec), check_prediction, lambda one: one.occurred_at_ms)
    job = MaterializeJob(
        Intake({predictions: reader}, inputs.partitions),
        predictions,
        inputs.ids[predictions],
        settings.topic("dead-letters"),
        shelf,
        metrics,
        settings.worker_name,
    )
    return Role(MATERIALIZE, ("predictions",), TABLE, _no_state, job, expire_seconds=_LOOK_SECONDS, attached=(shelf,))


def _no_state(key: bytes, value: bytes) -> None:  # noqa: ARG001 - a StateDecoder's
    raise ValueError(f"{key!r} is no key of a table without states")
