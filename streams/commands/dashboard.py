"""`touchline dashboard`: the page of the matches, for a cluster where others play."""

import signal
import time
from contextlib import ExitStack, closing

import click

from schemas.codec import Codec
from schemas.records import MatchEvent, Prediction
from streams.admin import Admin
from streams.applications import INPUTS
from streams.commands.errors import UserError
from streams.commands.options import cluster_options
from streams.commands.sentences import in_one_sentence
from streams.patient_registry import patient_registry
from streams.playing.crew import port_near
from streams.playing.demo import DASHBOARD_PORT
from streams.playing.interruption import interruptible
from streams.playing.lag_watch import LagWatch
from streams.playing.scoreboard import Scoreboard
from streams.playing.watching import Stopwatch, Watch, learning
from streams.settings import Settings
from streams.web.dashboard import DashboardServer

_HOUR_MS = 3_600_000


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), help=f"On loopback (default: {DASHBOARD_PORT}, if it is free).")
@click.option("--hours", type=click.FloatRange(min=0), default=3.0, show_default=True, help="How far to look back.")
@cluster_options
@in_one_sentence
def dashboard(settings: Settings, *, port: int | None, hours: float) -> None:
    """Serve a page of the matches which are played, until Ctrl-C; it reads the topics and joins no group.

    \b
    Example:
      touchline dashboard
      touchline dashboard --port 8500 --topic-prefix staging-
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    Admin(settings).cluster()  # one sentence when the brokers are away
    stopwatch = Stopwatch(since_ms=time.time() * 1000)
    board = Scoreboard(stopwatch)
    board.say(title=f"Topics {settings.topic_prefix}*" if settings.topic_prefix else "All matches")
    try:
        with interruptible(), ExitStack() as stack:
            _watch(settings, board, stopwatch, int(hours * _HOUR_MS), stack)
            page = DashboardServer(board.snapshot, ("127.0.0.1", port_near(DASHBOARD_PORT) if port is None else port))
            try:
                page.start()
            except OSError as error:
                raise UserError(f"port {port} of 127.0.0.1 cannot be listened on: {error.strerror}") from error
            stack.callback(page.close)
            click.echo(f"dashboard  {page.url}")
            signal.pause()
    except KeyboardInterrupt:
        click.echo("The dashboard has been stopped.")


def _watch(settings: Settings, board: Scoreboard, stopwatch: Stopwatch, back_ms: int, stack: ExitStack) -> None:
    registry = patient_registry(settings)

    def predicted(prediction: Prediction) -> None:
        stopwatch.take(prediction)
        board.take(prediction)

    events = Watch(settings, "match-events", learning(Codec("match_event", MatchEvent), registry), board.take)
    stack.enter_context(closing(events))
    predictions = Watch(settings, "predictions", learning(Codec("prediction", Prediction), registry), predicted)
    stack.enter_context(closing(predictions))
    since_ms = int(time.time() * 1000) - back_ms
    events.start(since_ms)
    predictions.start(since_ms)
    lags = stack.enter_context(closing(LagWatch(settings, list(INPUTS), board.lagging)))
    lags.start()
