"""Whether traces are wanted, by the standard variables of OpenTelemetry; nothing of it is imported to find out."""

import math
import os
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Final
from urllib.parse import urlsplit

from streams.settings import SettingsError

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_SAMPLERS: Final = (
    "always_on", "always_off", "traceidratio",
    "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio",
)  # fmt: skip
_LIMIT: Final = "OTEL_SPAN_LINK_COUNT_LIMIT"


def traces_wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether spans are to be exported: an endpoint is named, or the exporter is, and nothing forbids it.

    Raises:
        SettingsError: A variable has a value with which that cannot be done, or the packages are not installed.
    """
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    exporter = environment.get("OTEL_TRACES_EXPORTER", "")
    _check("OTEL_TRACES_EXPORTER", exporter, ("otlp", "none"))
    given = [name for name in _ENDPOINTS if environment.get(name)]
    if exporter == "none" or not (exporter or given):
        return False
    for name in given:
        _check_url(name, environment[name])
    for name in _PROTOCOLS:
        _check(name, environment.get(name, ""), ("http/protobuf",))
    _check("OTEL_TRACES_SAMPLER", environment.get("OTEL_TRACES_SAMPLER", ""), _SAMPLERS)
    _check_share("OTEL_TRACES_SAMPLER_ARG", environment.get("OTEL_TRACES_SAMPLER_ARG", ""))
    if not environment.get(_LIMIT, "0").isdecimal():
        raise SettingsError(f"{_LIMIT} is {environment[_LIMIT]!r}; it must be a whole number, such as 128")
    _check_installed((given or ["OTEL_TRACES_EXPORTER"])[0])
    return True


def _check(name: str, value: str, possible: tuple[str, ...]) -> None:
    if value and value not in possible:
        raise SettingsError(f"{name} is {value!r}; it must be {' or '.join(possible)}")


def _check_url(name: str, value: str) -> None:
    try:
        parts = urlsplit(value)
        right = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        right = False
    if not right:  # it may hold a password, so it is not repeated
        raise SettingsError(f"{name} is no URL of http or https, such as http://127.0.0.1:4318")


def _check_share(name: str, value: str) -> None:
    try:
        share = float(value or 1)
    except ValueError:
        share = math.nan
    if not 0 <= share <= 1:
        raise SettingsError(f"{name} is {value!r}; it must be a number from 0 to 1")


def _check_installed(name: str) -> None:
    wanted = ("opentelemetry.sdk", "opentelemetry.exporter.otlp")
    try:
        found = all(find_spec(one) is not None for one in wanted)
    except ModuleNotFoundError:  # not even the package around it
        found = False
    if not found:
        raise SettingsError(
            f"{name} asks for traces, and OpenTelemetry is not installed; install touchline[tracing], or unset it"
        )
