"""`touchline latency`: how long predictions take, by stage and window."""

import click

from schemas.records import LatencyReport
from streams.commands.latency_views import latency_picture
from streams.commands.options import cluster_options
from streams.commands.reports import ReportView, report_options
from streams.commands.sentences import in_one_sentence
from streams.monitoring.reading import ReportReader
from streams.settings import Settings


@click.command()
@report_options
@cluster_options
@in_one_sentence
def latency(settings: Settings, *, model: str | None, windows: int, watch: bool, as_json: bool) -> None:
    """Show how long predictions take from the timestamp of their cause on, by stage.

    Of each model the newest window, and two quantiles over the last windows. Stages are from the source's timestamp to
    received, to decoded, to scored, to delivered, and in total.

    \b
    Example:
      touchline latency
      touchline latency --windows 60 --watch
      touchline latency --json
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    reader = ReportReader(settings, "latency-reports", LatencyReport)
    view = ReportView(
        reader, "latency", settings.latency_window_seconds, model, windows, latency_picture, lambda report: report
    )
    view.show(watch=watch, as_json=as_json)
