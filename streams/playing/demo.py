"""A demo: a programme played on a stage of its own, shown in the terminal and on the dashboard page."""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass

from rich.console import Console

from streams.applications import every_role
from streams.dashboard.service import DashboardService
from streams.dashboard.words import Words
from streams.logs import configure_logs
from streams.playing.crew import port_near
from streams.playing.lag_watch import LagWatch
from streams.playing.match_days import MatchDay
from streams.playing.programme import Programme
from streams.playing.replay import Replay, Result
from streams.playing.scoreboard import Scoreboard
from streams.playing.show import PlainShow, TerminalShow
from streams.playing.stage import Stage
from streams.playing.watching import Stopwatch
from streams.settings import Settings
from streams.web.dashboard_server import DashboardServer

DASHBOARD_PORT = 8470
_PAGE_HOURS = 3.0
_STOP = "Ctrl-C stops everything"


def demo_roles(settings: Settings) -> list[str]:
    """Return the roles of a demo: materialize only where there is a Redis to write to."""
    return every_role(settings)


@dataclass(slots=True)
class Demo:
    """Plays and shows *programme*.

    Attributes:
        speed: Seconds of the matches' clock in a second of ours; None for as fast as possible.
        linger: Called when all is played, with the view still on; returns when it may end.
    """

    settings: Settings
    programme: Programme
    speed: float | None
    console: Console
    linger: Callable[[], None]

    def run(self) -> Result:
        """Play all days.

        Raises:
            PlayError: The workers have ended or do not move.
            BrokerError: The brokers are away.
        """
        stopwatch = Stopwatch()
        board = Scoreboard(stopwatch)
        roles = demo_roles(self.settings)
        with ExitStack() as stack:
            stage = stack.enter_context(Stage(self.settings, roles, keep=False, say=self._say))
            page = self._page(stage.settings, board)
            page.start()
            stack.callback(page.close)
            book = stage.start(self.programme.book)
            board.say(title=self.programme.title, note=_STOP, links=self._links(stage, page))
            lags = stack.enter_context(closing(LagWatch(stage.settings, roles, board.lagging)))
            lags.start()
            stack.enter_context(self._show(board))
            replay = Replay(
                stage.settings, self.programme.days, book, stage.check, (), self.speed, board.take, self._begin(board),
                stopwatch=stopwatch,
            )  # fmt: skip
            result = replay.run()
            board.say(note=f"All matches are played; {result.parity_mismatches} parity mismatches. {_STOP}")
            self.linger()
            return result

    def _page(self, settings: Settings, board: Scoreboard) -> DashboardServer:
        def words() -> Words:
            shown = board.snapshot()
            return Words(shown.title, shown.note, shown.links)

        configure_logs(settings.log_format, "ERROR")  # what goes wrong outside, the page says
        where = ("127.0.0.1", port_near(DASHBOARD_PORT))
        return DashboardServer(lambda: DashboardService(settings, _PAGE_HOURS, words), where)

    def _say(self, sentence: str) -> None:
        self.console.print(sentence, highlight=False)

    def _links(self, stage: Stage, page: DashboardServer) -> dict[str, str]:
        links = {"dashboard": page.url}
        if stage.crew is not None:
            links["metrics"] = f"{stage.crew.url}/metrics"
        for name, url in links.items():
            self._say(f"{name}  {url}")
        return links

    def _show(self, board: Scoreboard) -> AbstractContextManager[object]:
        return TerminalShow(board, self.console) if self.console.is_terminal else PlainShow(board, self._say)

    def _begin(self, board: Scoreboard) -> Callable[[MatchDay], None]:
        return lambda day: board.begin_day(f"{self.programme.title}, {day.date:%A %-d %B %Y}")
