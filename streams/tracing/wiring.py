"""Gives a role its spans, where traces are wanted."""

from dataclasses import replace

from streams.role import Role
from streams.settings import Settings
from streams.tracing.environment import traces_wanted
from streams.tracing.traced_job import TracedJob


def traced(role: Role, settings: Settings) -> Role:
    """Return *role* with a span around each of its batches; *role* itself where no traces are wanted.

    Raises:
        SettingsError: See streams.tracing.environment.
    """
    if not traces_wanted():
        return role
    from streams.tracing.spans import BatchSpans, Exporting  # noqa: PLC0415 - loads OpenTelemetry

    exporting = Exporting(role.name, settings.worker_name)
    begin = BatchSpans(exporting.provider, settings.group(role.name), exporting.most_links)
    return replace(role, job=TracedJob(role.job, begin), attached=(*role.attached, exporting))
