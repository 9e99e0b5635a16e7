"""A worker with an OTLP/HTTP collector: a trace goes through it, from the event's header to the prediction's."""

import time

import pytest

from schemas.records import EventKind, MatchEvent, Side
from tests.integration.world import wait_for
from tests.streams.tracing.collector import collecting

pytestmark = pytest.mark.integration

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01".encode()


def test_the_trace_of_an_event_goes_on_in_its_prediction_and_is_told_to_the_collector(world, monkeypatch):
    now = time.time_ns() // 1_000_000
    fixture = {"competition": "Friendly", "neutral": False, "kick_off_ms": now}
    events = [
        MatchEvent("1", "m", EventKind.SCHEDULED, now, home_team="home", away_team="away", **fixture),
        MatchEvent("2", "m", EventKind.GOAL, now, 20, Side.HOME),
    ]
    encode = world.codec("match-events").encode
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
        worker = world.worker("predict")
        for event in events:
            world.send_bytes("match-events", (b"m", encode(event)), headers=[("traceparent", PARENT)])
            world.wait_for_values("predictions", int(event.event_id))
        world.send_bytes("match-events", (b"m", b"\x00\x00"), headers=[("traceparent", PARENT)])
        wait_for(lambda: len(world.read("dead-letters")) == 1, 40, world.said)
        worker.stop()

    spans = {span.span_id.hex(): span for span in collector.spans}
    carried = [dict(record.headers())["traceparent"].decode().split("-") for record in world.read("predictions")]
    assert [TRACE, TRACE] == [trace_id for _, trace_id, _, _ in carried]
    for _, _, span_id, _ in carried:
        span = spans[span_id]
        assert (TRACE, SPAN) == (span.trace_id.hex(), span.parent_span_id.hex())
        assert [(TRACE, SPAN)] == [(one.trace_id.hex(), one.span_id.hex()) for one in span.links]
    (letter,) = world.read("dead-letters")
    assert PARENT in dict(letter.headers()).values()
    assert "predict" == collector.resource()["touchline.role"]
