"""How a scoreboard is shown while something plays: live in a terminal, as plain lines elsewhere."""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live

from streams.live_view import live_view
from streams.playing.scoreboard import Scoreboard, Snapshot

_FRAMES_PER_SECOND = 8
_PLAIN_PERIOD_SECONDS = 1.0
_PLAIN_SUMMARY_PERIODS = 15


class _Screen:
    """The view at the size which the terminal has when it is drawn."""

    def __init__(self, scoreboard: Scoreboard) -> None:
        self._scoreboard = scoreboard

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        yield live_view(self._scoreboard.snapshot(), options.max_width, options.size.height)


class TerminalShow:
    """The matches side by side on the terminal's other screen, so that what was there comes back at the end."""

    def __init__(self, scoreboard: Scoreboard, console: Console) -> None:
        self._live = Live(
            _Screen(scoreboard), console=console, screen=True, refresh_per_second=_FRAMES_PER_SECOND, transient=True
        )

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)


class PlainShow:
    """A line for what happens, and one with the figures now and then."""

    def __init__(self, scoreboard: Scoreboard, say: Callable[[str], None]) -> None:
        self._scoreboard = scoreboard
        self._say = say
        self._said: dict[str, str] = {}
        self._title = ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="show", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._news(self._scoreboard.snapshot())

    def _run(self) -> None:
        period = 0
        while not self._ended.wait(_PLAIN_PERIOD_SECONDS):
            snapshot = self._scoreboard.snapshot()
            self._news(snapshot)
            period += 1
            if period % _PLAIN_SUMMARY_PERIODS == 0:
                self._figures(snapshot)

    def _news(self, snapshot: Snapshot) -> None:
        if snapshot.title != self._title:
            self._title = snapshot.title
            self._say(snapshot.title)
        for match in snapshot.matches:
            if match.last_event and self._said.get(match.match_id) != match.last_event:
                self._said[match.match_id] = match.last_event
                chances = f"{match.home:.0%} / {match.draw:.0%} / {match.away:.0%}"
                score = f"{match.home_score}-{match.away_score}"
                self._say(f"{match.home_team} {score} {match.away_team}: {match.last_event}; {chances}")

    def _figures(self, snapshot: Snapshot) -> None:
        pulse = snapshot.pulse
        if pulse.p50_ms is not None and pulse.p99_ms is not None:
            self._say(
                f"{pulse.per_second:.1f} predictions/s, p50 {pulse.p50_ms:.0f} ms, p99 {pulse.p99_ms:.0f} ms, "
                f"{snapshot.predictions} predictions"
            )
