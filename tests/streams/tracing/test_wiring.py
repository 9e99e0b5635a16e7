"""What a role is with traces, and without."""

import pytest

from streams.role import Role
from streams.settings import Settings
from streams.tracing.traced_job import TracedJob
from streams.tracing.wiring import traced

ROLE = Role("predict", ("match-events",), "matches", lambda _key, value: value, job=object())
SETTINGS = Settings(worker_name="w1")


@pytest.fixture(autouse=True)
def _plain(monkeypatch):
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_TRACES_EXPORTER"):
        monkeypatch.delenv(name, raising=False)


def test_a_role_without_traces_is_the_role_itself():
    assert ROLE is traced(ROLE, SETTINGS)


async def test_a_role_with_traces_does_the_same_job_in_spans(monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    found = traced(ROLE, SETTINGS)

    assert isinstance(found.job, TracedJob)
    assert ROLE.job is found.job.job
    (exporting,) = found.attached
    await exporting.start()
    await exporting.stop()
