"""Spans on their way to a collector, and what is told when there is none."""

import asyncio

from opentelemetry.sdk.trace.export import SpanExportResult
from structlog.testing import capture_logs

from streams.engine.fetching import Fetched
from streams.engine.slices import Slice
from streams.tracing.spans import BatchSpans, Exporting
from tests.streams.tracing.collector import collecting

PIECE = Slice("match-events", 3, 1, [Fetched(b"m", b"v", 5, 0, ())], 0)


def test_spans_come_to_a_collector_over_http_and_what_opens_its_door_is_not_in_them(monkeypatch):
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20hunter2")
        exporting = Exporting("predict", "w1")
        BatchSpans(exporting.provider, "predict-1")([PIECE]).end(2)
        asyncio.run(exporting.stop())

    (span,) = collector.spans
    assert ("process", ["Bearer hunter2"]) == (span.name, [one["authorization"] for one in collector.headers])
    told = collector.resource()
    assert ("touchline", "w1", "predict") == (
        told["service.name"], told["service.instance.id"], told["touchline.role"],
    )  # fmt: skip
    assert "hunter2" not in str(collector.received)


class Moody:
    """Answers exports in turn."""

    def __init__(self, *answers) -> None:
        self.answers = list(answers)

    def export(self, _spans):
        return self.answers.pop(0)

    def shutdown(self) -> None:
        """Have nothing to end."""


def test_a_collector_that_is_away_is_told_once_and_once_when_it_is_back():
    lost, sent = SpanExportResult.FAILURE, SpanExportResult.SUCCESS
    exporting = Exporting("predict", "w1", Moody(sent, lost, lost, sent, sent))
    begin = BatchSpans(exporting.provider, "predict-1")
    with capture_logs() as told:
        for _ in range(5):
            begin([PIECE]).end(0)
            exporting.provider.force_flush()
    asyncio.run(exporting.stop())

    assert ["spans.lost", "spans.exported"] == [one["event"] for one in told]


def test_of_as_many_links_as_the_standard_variable_allows(monkeypatch):
    monkeypatch.setenv("OTEL_SPAN_LINK_COUNT_LIMIT", "5")
    exporting = Exporting("predict", "w1", Moody())

    assert 5 == exporting.most_links
    asyncio.run(exporting.stop())
