"""Traces are wanted where OpenTelemetry's own variables ask for them; what is wrong with those is one sentence."""

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from streams.cli import main
from streams.settings import SettingsError
from streams.tracing import environment as under_test
from streams.tracing.environment import traces_wanted

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
SOMEWHERE = {ENDPOINT: "http://127.0.0.1:4318"}


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "x"}, False),
        ({"OTEL_TRACES_EXPORTER": "none", **SOMEWHERE}, False),
        ({"OTEL_SDK_DISABLED": "TRUE", **SOMEWHERE}, False),
        ({ENDPOINT: ""}, False),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        (SOMEWHERE, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://traces.example/v1/traces"}, True),
        ({"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.25", **SOMEWHERE}, True),
    ],
)
def test_an_endpoint_or_an_exporter_asks_for_traces_unless_they_are_switched_off(environment, wanted):
    assert wanted == traces_wanted(environment)


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({ENDPOINT: "localhost:4318"}, f"{ENDPOINT} is no URL of http or https, such as http://127.0.0.1:4318"),
        ({ENDPOINT: "http://[::1"}, f"{ENDPOINT} is no URL of http or https, such as http://127.0.0.1:4318"),
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER is 'zipkin'; it must be otlp or none"),
        (
            {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", **SOMEWHERE},
            "OTEL_EXPORTER_OTLP_PROTOCOL is 'grpc'; it must be http/protobuf",
        ),
        (
            {"OTEL_TRACES_SAMPLER_ARG": "7", **SOMEWHERE},
            "OTEL_TRACES_SAMPLER_ARG is '7'; it must be a number from 0 to 1",
        ),
        (
            {"OTEL_SPAN_LINK_COUNT_LIMIT": "-1", **SOMEWHERE},
            "OTEL_SPAN_LINK_COUNT_LIMIT is '-1'; it must be a whole number, such as 128",
        ),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(environment, sentence):
    with pytest.raises(SettingsError) as error:
        traces_wanted(environment)

    assert sentence == str(error.value)


def test_without_the_packages_the_sentence_names_the_extra(monkeypatch):
    monkeypatch.setattr(under_test, "find_spec", lambda _name: None)

    with pytest.raises(SettingsError, match=f"{ENDPOINT} asks for traces.* install touchline\\[tracing\\]"):
        traces_wanted(SOMEWHERE)


def test_a_worker_refuses_with_exit_code_2_and_repeats_no_password(monkeypatch):
    monkeypatch.setenv(ENDPOINT, "grpc://user:hunter2@collector:4317")
    where = ("--bootstrap-servers", "127.0.0.1:1", "--registry-url", "http://127.0.0.1:1")
    done = CliRunner().invoke(main, ["worker", "predict", *where])

    assert 2 == done.exit_code
    assert "OTEL_EXPORTER_OTLP_ENDPOINT is no URL" in done.stderr
    assert "hunter2" not in done.output + done.stderr


def test_nothing_of_opentelemetry_is_loaded_where_no_traces_are_wanted():
    program = (
        "import sys; import streams.worker_process, streams.roles; from streams.tracing.environment import *; "
        "print(traces_wanted(), [one for one in sys.modules if one.startswith('opentelemetry')])"
    )
    plain = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run([sys.executable, "-c", program], env=plain, capture_output=True, text=True, check=True)

    assert "False []\n" == done.stdout
