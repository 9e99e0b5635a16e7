"""What `touchline drift` and `touchline latency` share: options, one look or a watch, and what is said of nothing."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from schemas.plain_values import to_json
from schemas.records import DriftReport, LatencyReport
from streams.commands.errors import UserError
from streams.commands.letter_views import printable
from streams.monitoring.parts import ModelKey
from streams.monitoring.reading import ReportReader, chosen
from streams.monitoring.reports import report_id
from streams.playing.interruption import interruptible

R = TypeVar("R", DriftReport, LatencyReport)
F = TypeVar("F", bound=Callable[..., Any])
Models = Mapping[ModelKey, Sequence[R]]
_PIPED_WIDTH = 140
_LOOK_SECONDS = 2.0
_NO_MONITOR = "no monitor runs; start one with: touchline worker monitor"


def report_options(command: F) -> F:
    """Give *command* the options which say what is shown."""
    options = (
        click.option("--model", metavar="NAME", help="Only of this model (default: all)."),
        click.option("--windows", type=click.IntRange(1, 1000), default=30, show_default=True, help="Last ones."),
        click.option("--watch", is_flag=True, help="Go on with what comes, until Ctrl-C."),
        click.option(
            "--json", "as_json", is_flag=True, help="Print JSON: one document, or with --watch a report a line."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True)
class ReportView(Generic[R]):
    """One kind of report, shown to a person or a program.

    Attributes:
        kind: In a word.
        window_seconds: Length of a window in the settings.
        draw: Makes a picture of models, not none, in a width.
        narrowed: Leaves in a report what was asked for.
    """

    reader: ReportReader[R]
    kind: str
    window_seconds: int
    model: str | None
    windows: int
    draw: Callable[[Models[R], int], RenderableType]
    narrowed: Callable[[R], R]

    def show(self, *, watch: bool, as_json: bool) -> None:
        """Show the reports, once or until Ctrl-C.

        Raises:
            UserError: There is nothing to show, or nothing of what was asked for.
        """
        with closing(self.reader):
            try:
                if not watch:
                    self._once(as_json=as_json)
                    return
                with interruptible():
                    self._lines() if as_json else self._live()
            except KeyboardInterrupt:
                return

    def _once(self, *, as_json: bool) -> None:
        models = self._read()
        if not models:
            raise UserError(self._nothing())
        if as_json:
            click.echo(json.dumps({"reports": [to_json(one) for reports in models.values() for one in reports]}))
            return
        console = Console()
        console = console if console.is_terminal else Console(width=_PIPED_WIDTH)
        console.print(self._picture(models, console.width))

    def _lines(self) -> None:
        told: set[str] = set()
        while True:
            for report in sorted(
                (one for reports in self._read().values() for one in reports), key=lambda one: one.window_end_ms
            ):
                if report_id(report) not in told:
                    told.add(report_id(report))
                    click.echo(json.dumps(to_json(report)))
            time.sleep(_LOOK_SECONDS)

    def _live(self) -> None:
        console = Console()
        with Live(Text("reading"), console=console, auto_refresh=False) as live:
            while True:
                models = self._read()
                shown = self._picture(models, console.width) if models else Text(f"Waiting: {self._nothing()}")
                live.update(shown, refresh=True)
                time.sleep(_LOOK_SECONDS)

    def _read(self) -> dict[ModelKey, list[R]]:
        try:
            models = chosen(self.reader.read(self.windows), self.model)
        except LookupError as error:
            raise UserError(printable(str(error.args[0]))) from error
        return {model: [self.narrowed(one) for one in reports] for model, reports in models.items()}

    def _picture(self, models: Models[R], width: int) -> RenderableType:
        picture = self.draw(models, width)
        if self.reader.monitored() is False:
            return Group(Text(f"These are the last reports: {_NO_MONITOR}", "yellow"), picture)
        return picture

    def _nothing(self) -> str:
        if self.reader.monitored() is False:
            return f"there is no {self.kind} report yet, and {_NO_MONITOR}"
        return (
            f"there is no {self.kind} report yet; the first one comes once a window of {self.window_seconds:,} s, and "
            f"the lateness allowed, have passed (TOUCHLINE_{self.kind.upper()}_WINDOW_SECONDS)"
        )


def title(model: ModelKey, report: DriftReport | LatencyReport) -> Text:
    """Return the model and its newest window."""
    name = printable(f"{model.model} {model.version}")
    span = f"{_moment(report.window_start_ms)} to {_moment(report.window_end_ms)}"
    return Text.assemble((name, "bold"), f"  {printable(model.variant).lower()}  {span}")


def _moment(at_ms: int) -> str:
    try:
        return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    except (ValueError, OverflowError, OSError):  # no such year: it is shown as the number it is
        return f"{at_ms} ms"
