"""Reports as tools read them: of each model the newest windows, each once."""

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

from schemas.codec import Codec, DecodeError
from schemas.records import DriftReport, LatencyReport
from streams.admin import Admin
from streams.brokers import BrokerError
from streams.monitoring.parts import ModelKey
from streams.monitoring.reports import report_id
from streams.patient_registry import patient_registry
from streams.playing.watching import learning
from streams.settings import Settings
from streams.tailing import Tail

R = TypeVar("R", DriftReport, LatencyReport)
_LEAST_RECORDS, _MODELS = 1_000, 32  # read from the topic's end: enough for so many models side by side


class ReportReader(Generic[R]):
    """Reads one topic of reports again and again; owns librdkafka clients, which join no group."""

    def __init__(self, settings: Settings, topic: str, record_type: type[R]) -> None:
        self._settings = settings
        codec: Codec[R] = Codec(topic.removesuffix("s").replace("-", "_"), record_type)
        self._decode: Callable[[bytes], R] = learning(codec, patient_registry(settings))
        self._tail = Tail(settings, settings.topic(topic))
        self._admin = Admin(settings)

    def read(self, windows: int) -> dict[ModelKey, list[R]]:
        """Return the last *windows* reports of each model, oldest first; what is no report is left out.

        Raises:
            BrokerError: The brokers are away, or there is no such topic.
        """
        found: dict[str, R] = {}
        for record in self._tail.records(max(_LEAST_RECORDS, windows * _MODELS), key=None, follow=False):
            try:
                report = self._decode(record.value() or b"")
            except (DecodeError, LookupError):
                continue
            found[report_id(report)] = report
        models: dict[ModelKey, list[R]] = {}
        for report in sorted(found.values(), key=lambda one: one.window_start_ms):
            models.setdefault(model_of(report), []).append(report)
        return {model: models[model][-windows:] for model in sorted(models)}

    def monitored(self) -> bool | None:
        """Return whether a monitor runs that could write more; None when we are not told."""
        try:
            return self._admin.group(self._settings.group("monitor-merge")).alive
        except BrokerError:
            return None

    def close(self) -> None:
        """Give the clients back."""
        self._tail.close()


def model_of(report: DriftReport | LatencyReport) -> ModelKey:
    """Return whose report it is."""
    return ModelKey(report.model, report.model_version, report.variant, report.bundle_digest)


def chosen(models: Mapping[ModelKey, Sequence[R]], name: str | None) -> dict[ModelKey, Sequence[R]]:
    """Return the reports of the models called *name*, or of all.

    Raises:
        LookupError: There are models, but none of this name; the message says which there are.
    """
    found = {model: reports for model, reports in models.items() if name in (None, model.model)}
    if models and not found:
        raise LookupError(f"there is no report of model {name!r}; there are reports of: {_names(models)}")
    return found


def _names(models: Mapping[ModelKey, object]) -> str:
    return ", ".join(sorted({model.model for model in models}))
