"""Spans by OpenTelemetry; imported only where traces are wanted."""

import asyncio
import logging
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import structlog
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Link, SpanContext, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from streams.engine.slices import Record, Slice
from streams.tracing.traced_job import Headers

log = structlog.get_logger(__name__)

MOST_LINKS: Final = 128  # OpenTelemetry's own limit, unless OTEL_SPAN_LINK_COUNT_LIMIT says otherwise
SERVICE: Final = "touchline"
_TRACEPARENT, _TRACESTATE = "traceparent", "tracestate"
_STOP_SECONDS: Final = 2.0
_PROPAGATOR: Final = TraceContextTextMapPropagator()
_ROOT: Final = Context()

Carrier = tuple[bytes, bytes]
"""The values of traceparent and tracestate of a record; the latter may be empty."""


@dataclass(frozen=True, slots=True)
class BatchSpan:
    """The span of one batch; see streams.tracing.traced_job.Span.

    Attributes:
        headers: traceparent, and tracestate where there is one.
    """

    headers: Headers
    _span: trace.Span

    def fail(self, error: BaseException) -> None:
        """Take note of the kind of *error*; its words may quote a record."""
        self._span.set_attribute("error.type", type(error).__name__)
        self._span.set_status(StatusCode.ERROR)

    def end(self, outputs: int) -> None:
        """End the span."""
        self._span.set_attribute("touchline.outputs", outputs)
        self._span.end()


class BatchSpans:
    """Begins the spans of one role.

    A batch whose records all carry one context is a child of it, so that a trace goes on; any other is a root. In both
    cases there is a link to each context, up to a limit; how many are beyond it is said in an attribute.
    """

    def __init__(self, provider: TracerProvider, group: str, most_links: int = MOST_LINKS) -> None:
        self._tracer = provider.get_tracer(SERVICE)
        self._group = group
        self._most_links = most_links

    def __call__(self, pieces: Sequence[Slice]) -> BatchSpan:
        """Begin the span of a batch."""
        carriers = dict.fromkeys(carrier_of(record) for piece in pieces for record in piece.records)
        alone = len(carriers) == 1
        carriers.pop(None, None)
        contexts = [found for one in islice(carriers, self._most_links) if one and (found := _context(one)).is_valid]
        span = self._tracer.start_span(
            "process",
            context=trace.set_span_in_context(trace.NonRecordingSpan(contexts[0])) if alone and contexts else _ROOT,
            kind=SpanKind.CONSUMER,
            attributes=_attributes(pieces, self._group, max(0, len(carriers) - self._most_links)),
            links=[Link(one) for one in contexts],
        )
        carried: dict[str, str] = {}
        _PROPAGATOR.inject(carried, trace.set_span_in_context(span))
        return BatchSpan(tuple((name, value.encode()) for name, value in carried.items()), span)


def carrier_of(record: Record) -> Carrier | None:
    """Return the context that *record* carries, None without one; of several headers of a name the last counts."""
    if not record.headers:
        return None
    headers = dict(record.headers)
    parent = headers.get(_TRACEPARENT)
    return (parent, headers.get(_TRACESTATE) or b"") if parent else None


def _context(carrier: Carrier) -> SpanContext:
    """Return the context in *carrier*, which is not valid where it is none."""
    parent, state = (one.decode("ascii", "replace") for one in carrier)
    found = _PROPAGATOR.extract({_TRACEPARENT: parent, _TRACESTATE: state}, _ROOT)
    return trace.get_current_span(found).get_span_context()


def _attributes(pieces: Sequence[Slice], group: str, left_out: int) -> dict[str, str | int]:
    """Return what is said of a batch: names of topics and numbers, nothing out of a record."""
    found: dict[str, str | int] = {
        "messaging.system": "kafka",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.consumer.group.name": group,
        "messaging.batch.message_count": sum(len(piece.records) for piece in pieces),
        "touchline.slices": len(pieces),
    }
    topics, partitions = {piece.topic for piece in pieces}, {piece.partition for piece in pieces}
    if len(topics) == 1:
        found["messaging.destination.name"] = min(topics)
        if len(partitions) == 1:
            found["messaging.destination.partition.id"] = str(min(partitions))
    if left_out:
        found["touchline.links_left_out"] = left_out
    return found


class _Told(SpanExporter):
    """Exports with *exporter*, and tells when that begins to fail and when it works again."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._fails = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        fails = result is not SpanExportResult.SUCCESS
        if fails and not self._fails:
            log.warning("spans.lost", spans=len(spans))
        elif self._fails and not fails:
            log.info("spans.exported", spans=len(spans))
        self._fails = fails
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


class Exporting:
    """What sends spans away; starts at once and is stopped with the role."""

    def __init__(self, role: str, worker: str, exporter: SpanExporter | None = None) -> None:
        self._limits = SpanLimits()
        self.provider = TracerProvider(
            resource=resource(role, worker), span_limits=self._limits, shutdown_on_exit=False
        )
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # it has a line for each attempt
        self.provider.add_span_processor(BatchSpanProcessor(_Told(exporter or OTLPSpanExporter())))

    @property
    def most_links(self) -> int:
        """Return how many links a span may have."""
        return MOST_LINKS if self._limits.max_links is None else self._limits.max_links

    async def start(self) -> None:
        """Do nothing: spans are sent in a thread of the library's from the first one on."""

    async def stop(self) -> None:
        """Send what waits, for a moment: a collector that is away holds up no worker."""
        thread = threading.Thread(target=self.provider.shutdown, name="traces", daemon=True)
        thread.start()
        await asyncio.to_thread(thread.join, _STOP_SECONDS)


def resource(role: str, worker: str) -> Resource:
    """Return who makes the spans; the standard variables may name another service, and say more."""
    named = os.environ.get("OTEL_SERVICE_NAME") or "service.name=" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    service = {} if named else {"service.name": SERVICE}
    return Resource.create({**service, "service.instance.id": worker, "touchline.role": role})
