"""`touchline dashboard`: one page of matches, stream, models and more, for a cluster where others work."""

from contextlib import ExitStack
from pathlib import Path

import click

from streams.admin import Admin
from streams.commands.errors import UserError
from streams.commands.options import cluster_options
from streams.commands.rollout_options import chosen_plan, plan_option
from streams.commands.sentences import in_one_sentence
from streams.dashboard.service import DashboardService
from streams.dashboard.words import Words
from streams.logs import configure_logs
from streams.playing.crew import port_near
from streams.playing.demo import DASHBOARD_PORT
from streams.playing.interruption import interruptible, until_interrupted
from streams.settings import Settings
from streams.web.dashboard_server import DashboardServer


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), help=f"On loopback (default: {DASHBOARD_PORT}, if it is free).")
@click.option("--hours", type=click.FloatRange(min=0), default=3.0, show_default=True, help="How far to look back.")
@plan_option
@cluster_options
@in_one_sentence
def dashboard(settings: Settings, *, port: int | None, hours: float, plan_file: Path | None) -> None:
    """Serve a live page on loopback, until Ctrl-C; it reads the topics, joins no group and writes nothing.

    Its views: matches with the course of their probabilities; rates, lag, latency, dead letters and workers; drift;
    which models serve and how good they are; the roll-out that is on, judged by the plan; schemas. The data of each is
    at /data/NAME, too. docs/dashboard.md says what is shown.

    \b
    Example:
      touchline dashboard
      touchline dashboard --port 8500 --topic-prefix staging- --hours 24
      touchline dashboard --plan plan.yaml
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    plan = chosen_plan(plan_file)
    Admin(settings).cluster()  # one sentence when the brokers are away
    configure_logs(settings.log_format, "ERROR")  # an outage is told on the page
    words = Words(title=f"Topics {settings.topic_prefix}*" if settings.topic_prefix else "All topics")
    chosen = port or port_near(DASHBOARD_PORT if port is None else 0)
    page = DashboardServer(lambda: DashboardService(settings, hours, lambda: words, plan), ("127.0.0.1", chosen))
    try:
        with interruptible(), ExitStack() as stack:
            try:
                page.start()
            except OSError as error:
                raise UserError(f"port {chosen} of 127.0.0.1 cannot be listened on: {error.strerror}") from error
            stack.callback(page.close)
            click.echo(f"dashboard  {page.url}")
            until_interrupted()
    except KeyboardInterrupt:
        click.echo("The dashboard has been stopped.")
