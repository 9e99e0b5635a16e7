"""A span a batch: its links, its parent, what it says, and what its outputs carry."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from streams.engine.dead_letters import Cause, dead_letter
from streams.engine.fetching import Fetched
from streams.engine.job import Decoded, Step
from streams.engine.outbox import Message
from streams.engine.slices import Slice
from streams.tracing.spans import MOST_LINKS, BatchSpans, resource
from streams.tracing.traced_job import TracedJob


def parent(number: int) -> bytes:
    """Return a traceparent by the words of the specification (W3C Trace Context, 3.2)."""
    return f"00-{number:032x}-{number:016x}-01".encode()


def record(offset: int, *headers: tuple[str, bytes]) -> Fetched:
    return Fetched(b"secret-match", b"secret-value", offset, 0, headers)


def piece(*records: Fetched, partition: int = 3) -> Slice:
    return Slice("match-events", partition, 1, records, 0)


class EchoJob:
    """Answers each record with an output, and the first of a slice with a dead letter too."""

    def decode(self, one):
        return Decoded(one, None)

    async def process(self, batch, _tables):
        steps = []
        for decoded in batch:
            each = decoded.piece.records
            step = Step([Message("predictions", b"k", b"v", 3, source=(decoded.piece, one)) for one in each])
            letter = dead_letter(
                "dead-letters", decoded.piece, each[0], cause=Cause.TOO_SHORT, reason="it is", worker="w"
            )
            step.outputs += [letter, Message("totals", b"k", b"v", 0)]
            steps.append(step)
        return steps


class Traced:
    def __init__(self, *, sampler=None, most_links: int = MOST_LINKS) -> None:
        self.exporter = InMemorySpanExporter()
        provider = TracerProvider(sampler=sampler, resource=resource("predict", "w1"), shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.begin = BatchSpans(provider, "predict-1", most_links)

    def __call__(self, *pieces: Slice, job=None):
        made = TracedJob(job or EchoJob(), self.begin)
        try:
            made.process([made.decode(one) for one in pieces], {}).send(None)
        except StopIteration as done:  # there is nothing to wait for
            return done.value

    @property
    def span(self):
        (found,) = self.exporter.get_finished_spans()
        return found


@pytest.fixture
def traced() -> Traced:
    return Traced()


def test_a_batch_is_one_span_with_a_link_to_each_context_and_says_nothing_out_of_a_record(traced):
    traced(
        piece(record(5, ("traceparent", parent(1))), record(6), record(7, ("x", b"y"), ("traceparent", parent(2)))),
        piece(record(9, ("traceparent", parent(1))), partition=4),
    )
    span = traced.span

    assert [(1, 1), (2, 2)] == [(one.context.trace_id, one.context.span_id) for one in span.links]
    assert span.parent is None
    assert {
        "messaging.system": "kafka",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.consumer.group.name": "predict-1",
        "messaging.destination.name": "match-events",
        "messaging.batch.message_count": 4,
        "touchline.slices": 2,
        "touchline.outputs": 8,
    } == dict(span.attributes)
    told = span.resource.attributes
    assert ("touchline", "w1", "predict") == (
        told["service.name"], told["service.instance.id"], told["touchline.role"],
    )  # fmt: skip
    assert "secret" not in span.to_json()


def test_outputs_carry_the_span_but_not_dead_letters_and_sums(traced):
    (step,) = traced(piece(record(5, ("traceparent", parent(1))), record(6)))
    context = traced.span.context
    first, second, letter, total = step.outputs

    ((name, value),) = first.headers
    version, trace_id, span_id, flags = value.decode().split("-")
    assert ("traceparent", "00") == (name, version)
    assert (context.trace_id, context.span_id) == (int(trace_id, 16), int(span_id, 16))
    assert int(flags, 16) & 1  # sampled
    assert first.headers is second.headers  # the producer makes one list of equal ones
    assert "traceparent" not in dict(letter.headers)
    assert () == total.headers


def test_a_batch_with_one_context_goes_on_with_its_trace_and_hands_its_state_on(traced):
    (step,) = traced(piece(record(5, ("traceparent", parent(7)), ("tracestate", b"vendor=1"))))
    span = traced.span

    assert (7, 7) == (span.context.trace_id, span.parent.span_id)
    assert [7] == [one.context.span_id for one in span.links]
    assert b"vendor=1" == dict(step.outputs[0].headers)["tracestate"]


def test_of_more_contexts_than_links_the_rest_is_counted():
    traced = Traced()
    traced(piece(*(record(one, ("traceparent", parent(one + 1))) for one in range(2048))))

    assert list(range(1, 129)) == [one.context.span_id for one in traced.span.links]
    assert 2048 - 128 == traced.span.attributes["touchline.links_left_out"]


def test_where_nothing_is_sampled_the_context_still_goes_on():
    traced = Traced(sampler=ALWAYS_OFF)
    (step,) = traced(piece(record(5, ("traceparent", parent(7)))))

    assert () == traced.exporter.get_finished_spans()
    trace_id, span_id, flags = dict(step.outputs[0].headers)["traceparent"].split(b"-")[1:]
    assert (f"{7:032x}".encode(), 0) == (trace_id, int(flags, 16) & 1)
    assert span_id != f"{7:016x}".encode()


@pytest.fixture(name="kept", scope="module")
def _kept() -> Traced:
    return Traced()


@given(st.lists(st.binary(max_size=60) | st.just(parent(3)), min_size=1, max_size=5))
def test_whatever_a_header_holds_work_goes_on(kept, values):
    traced = kept
    traced.exporter.clear()
    steps = traced(*(piece(record(one, ("traceparent", value))) for one, value in enumerate(values)))

    assert len(values) == len(steps)
    assert all(one.context.is_valid for one in traced.span.links)


def test_what_breaks_is_told_by_its_kind_and_not_by_its_words(traced):
    class Broken(EchoJob):
        async def process(self, _batch, _tables):
            raise ValueError("secret-value")

    with pytest.raises(ValueError, match="secret-value"):
        traced(piece(record(5)), job=Broken())

    assert "ValueError" == traced.span.attributes["error.type"]
    assert not traced.span.status.is_ok
    assert "secret" not in traced.span.to_json()


def test_a_batch_of_nothing_has_no_span(traced):
    assert [] == traced()
    assert () == traced.exporter.get_finished_spans()


def test_the_standard_variables_name_the_service(monkeypatch):
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=ours,team=data")
    found = resource("rate", "w").attributes
    assert ("ours", "data", "rate") == (found["service.name"], found["team"], found["touchline.role"])
    monkeypatch.setenv("OTEL_SERVICE_NAME", "other")
    assert "other" == resource("rate", "w").attributes["service.name"]
