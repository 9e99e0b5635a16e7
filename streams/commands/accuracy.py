"""`touchline accuracy`: how good the published predictions were."""

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal

import click
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from schemas.plain_values import to_json
from streams.commands.errors import UserError
from streams.commands.options import cluster_options
from streams.commands.sentences import in_one_sentence
from streams.performance.reading import performance_reports
from streams.playing.interruption import interruptible
from streams.settings import Settings
from streams.topics import DAY_MS

_PIPED_WIDTH: Final = 140
_LOOK_SECONDS: Final = 2.0
_MEASURES: Final = (
    "n_matches", "n_predictions", "log_loss", "rps", "brier", "accuracy", "ece", "cost", "estimated_log_loss",
    "estimated_accuracy", "n_pending_matches",
)  # fmt: skip

By = Literal["competition", "minute"]
Report = Mapping[str, Any]
Owner = tuple[str, str, str, str]


@click.command()
@click.option("--model", metavar="NAME", help="Only this model's (default: all).")
@click.option("--days", type=click.Choice(["7", "30"]), default="30", show_default=True, help="Length of the window.")
@click.option("--by", type=click.Choice(["competition", "minute"]), help="Show the parts, too.")
@click.option("--watch", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option(
    "--json", "as_json", is_flag=True,
    help="Print JSON: the newest report of each model, or with --watch a report a line.",
)  # fmt: skip
@cluster_options
@in_one_sentence
def accuracy(
    settings: Settings, *, model: str | None, days: str, by: By | None, watch: bool, as_json: bool
) -> None:  # fmt: skip
    """Show how good the predictions were, by the newest report of each model.

    Log loss is in nats; estimated is what the same predictions expect of themselves by their own probabilities; pending
    are matches without a result. What is not known is left empty (null in JSON).

    \b
    Example:
      touchline accuracy
      touchline accuracy --days 7 --by minute --watch
      touchline accuracy --model internationals --json
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    whose = "" if model is None else f" of model {model!r}"
    nothing = (
        f"{settings.topic('performance-reports')} has no report of {days} days{whose}; a day is reported when it "
        f"is over: does `touchline worker performance` run?"
    )
    with performance_reports(settings) as reports:

        def read() -> list[Report]:
            return newest(reports(), int(days), model)

        if not watch:
            _once(read(), by, nothing, as_json=as_json)
            return
        try:
            with interruptible():
                _lines(read) if as_json else _live(read, by, nothing)
        except KeyboardInterrupt:
            return


def _once(found: Sequence[Report], by: By | None, nothing: str, *, as_json: bool) -> None:
    if not found:
        raise UserError(nothing)
    if as_json:
        click.echo(json.dumps(to_json(found), ensure_ascii=False))
        return
    console = Console()
    console = console if console.is_terminal else Console(width=_PIPED_WIDTH)
    for report in found:
        console.print(_table(report, by))


def _lines(read: Callable[[], Sequence[Report]]) -> None:
    told: dict[Owner, int] = {}
    while True:
        for report in read():
            if told.get(_owner(report)) != report["window_end_ms"]:
                told[_owner(report)] = report["window_end_ms"]
                click.echo(json.dumps(to_json(report), ensure_ascii=False))
        time.sleep(_LOOK_SECONDS)


def _live(read: Callable[[], Sequence[Report]], by: By | None, nothing: str) -> None:
    with Live(Text("reading"), auto_refresh=False) as live:
        while True:
            tables = [_table(report, by) for report in read()]
            live.update(Group(*tables) if tables else Text(f"Waiting: {nothing}"), refresh=True)
            time.sleep(_LOOK_SECONDS)


def newest(found: Sequence[Report], days: int, model: str | None) -> list[Report]:
    """Return the newest report over *days* of each model, or of the one called *model*."""
    latest: dict[Owner, Report] = {}
    for one in found:
        length = (one["window_end_ms"] - one["window_start_ms"]) // DAY_MS
        if length != days or model not in {None, one["model"]}:
            continue
        owner = _owner(one)
        if owner not in latest or latest[owner]["window_end_ms"] <= one["window_end_ms"]:
            latest[owner] = one
    return [latest[owner] for owner in sorted(latest)]


def _owner(report: Report) -> Owner:
    return report["model"], report["model_version"], report["variant"], report["bundle_digest"]


def _table(report: Report, by: By | None) -> Table:
    first, last = (_day(one) for one in (report["window_start_ms"], report["window_end_ms"] - 1))
    owner = f"{report['model']} {report['model_version']} {report['variant'].lower()} {report['bundle_digest'][:8]}"
    counts = f"{report['n_pending']} pending ({report['n_missing']} missing), {report['n_late']} late, "
    title = f"{owner}, {first} .. {last}: {counts}{report['n_cancelled']} cancelled"
    table = Table("", box=None, padding=(0, 1, 0, 0), pad_edge=False, title=title)
    for name in _MEASURES:
        table.add_column(name.removeprefix("n_").replace("_", " "), justify="right")
    for one in report["segments"]:
        if one["segment"] == "all" or (by is not None and one["segment"].startswith(f"{by}=")):
            table.add_row(one["segment"], *(_cell(one[name]) for name in _MEASURES))
    return table


def _day(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).date().isoformat()


def _cell(value: float | None) -> str:
    if value is None or math.isnan(value):
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"
