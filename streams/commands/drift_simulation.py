"""`touchline drift simulate`: how often the drift alarms are right, on streams that are made for it."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from monitors.made_streams import KINDS, PLANTED
from monitors.operating_characteristics import Characteristics, Trial, Unit, characteristics, overall
from monitors.verdicts import DriftThresholds
from streams.commands.errors import UserError
from streams.commands.sentences import in_one_sentence
from streams.settings import read_settings

_SIZES = (500, 1_000, 5_000, 50_000)
# Matches, predictions of each, what is counted once: a day with few matches, and one with enough for a verdict.
_CORRELATED: tuple[tuple[int, int, Unit], ...] = (
    (32, 30, "match"),
    (32, 30, "row"),
    (500, 10, "match"),
    (500, 10, "row"),
)
_PIPED_WIDTH = 160


@click.command()
@click.option(
    "--n", "sizes", type=click.IntRange(1, 200_000), multiple=True, default=_SIZES, show_default=True,
    help="Matches a window; may be repeated.",
)  # fmt: skip
@click.option("--runs", type=click.IntRange(1), default=5, show_default=True, help="Streams of each size.")
@click.option("--windows", type=click.IntRange(1), default=12, show_default=True, help="Of a stream, without drift.")
@click.option(
    "--features", type=click.IntRange(len(KINDS), 256), default=16, show_default=True, help="Columns of a stream."
)
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=1, show_default=True, help="Makes other streams.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@in_one_sentence
def simulate(sizes: tuple[int, ...], runs: int, windows: int, features: int, seed: int, *, as_json: bool) -> None:
    """Tell how often the drift alarms are right: false alarms without drift, and windows until a planted one is found.

    The monitors' own code, with the thresholds of the settings, on streams that are made with fixed seeds; no broker
    is needed. After windows without drift four kinds of it are planted, and an outlier of 1e6. Then the rows of one
    match are made to resemble each other: counted once each, in place of once a match, they raise alarms for nothing.

    \b
    Example:
      touchline drift simulate
      touchline drift simulate --n 500 --n 2000 --runs 20 --json
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    settings = read_settings()
    limits = DriftThresholds(settings.drift_psi_threshold, settings.drift_false_discovery_rate)
    plain = [Trial(n, runs=runs, windows=windows, features=features) for n in dict.fromkeys(sizes)]
    alike = [Trial(n, rows, unit, runs, windows, features) for n, rows, unit in _CORRELATED]
    try:
        with _progress(sum(trial.rows for trial in (*plain, *alike))) as counted:
            found = [characteristics(trial, seed, limits, counted) for trial in (*plain, *alike)]
    except KeyboardInterrupt as error:
        raise UserError("interrupted before the figures were complete; fewer --runs or --n take less time") from error
    by_n, correlated = found[: len(plain)], found[len(plain) :]
    if as_json:
        head = {"seed": seed, "runs": runs, "thresholds": asdict(limits)}
        click.echo(json.dumps(head | _told(by_n) | {"correlated_rows": [one.to_dict() for one in correlated]}))
    else:
        _show(by_n, correlated, limits)


@contextmanager
def _progress(rows: int) -> Iterator[Callable[[int], None]]:
    """Give what is to be told how many predictions have been worked on, of about *rows*."""
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn()
    console, quiet = Console(stderr=True), not sys.stderr.isatty()
    with Progress(*columns, console=console, disable=quiet, transient=True) as progress:
        task = progress.add_task("windows of predictions", total=rows)
        yield lambda count: progress.advance(task, count)


def _told(by_n: Sequence[Characteristics]) -> dict[str, Any]:
    return overall(by_n) | {"by_n": [one.to_dict() for one in by_n]}


def _show(by_n: Sequence[Characteristics], correlated: Sequence[Characteristics], limits: DriftThresholds) -> None:
    console = Console()
    console = console if console.is_terminal else Console(width=_PIPED_WIDTH)
    console.print(
        f"An alarm is PSI > {limits.psi:g} and significant at {limits.false_discovery_rate:g} over all features, in "
        f"{limits.windows} of {limits.of_last} windows. Planted:"
    )
    for name, words in PLANTED.items():
        console.print(f"  {name:9} {words}")
    console.print(_table("Each match has one prediction", by_n))
    console.print(_table("Predictions of one match resemble each other", correlated))
    told = overall(by_n)
    rate = told["false_alarm_rate"]
    console.print("No verdict: too few matches." if rate is None else f"False alarms: {rate:.2%} of feature-windows.")


def _table(title: str, found: Sequence[Characteristics]) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("matches", "rows each", "counted", "judged", "false alarms", "p < 0.05", *PLANTED):
        table.add_column(name, justify="left" if name == "counted" else "right")
    for one in found:
        trial = one.trial
        counted = f"once a {trial.unit}"
        planted = (_planted(one.detected[name], one.windows_to_detection[name]) for name in PLANTED)
        shares = (_share(one.false_alarm_rate), _share(one.significant))
        judged = f"{one.feature_windows:,}"
        table.add_row(f"{trial.n:,}", str(trial.rows_a_match), counted, judged, *shares, *planted)
    return table


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2%}"


def _planted(detected: float, windows: float | None) -> str:
    """Return the share found in time, and after how many windows."""
    return f"{detected:.0%}" + ("" if windows is None else f" @{windows:.1f}")
