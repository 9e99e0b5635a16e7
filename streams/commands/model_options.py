"""What commands which fit models are told: the history, kinds, feature sets and dates."""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from features.feature_sets import FEATURE_SETS, NEWEST
from features.history import EPOCH, HistoricMatch, HistoryError
from models.match_sets import SETS, MatchSet
from models.predictors import KINDS, Kind
from streams.commands.errors import UserError
from streams.commands.feature_files import feature_events_option
from streams.playing.programme import PLACES, history_folder

F = TypeVar("F", bound=Callable[..., Any])


def _folder(_context: click.Context, _option: click.Parameter, given: Path | None) -> Path:
    return history_folder(given, Path.cwd()) or PLACES[-1]


data_option: Final = click.option(
    "--data",
    type=click.Path(path_type=Path),
    callback=_folder,
    help=f"Folder with the match history (default: {' or '.join(map(str, PLACES))}).",
)

_OPTIONS: Final = (
    data_option,
    click.option(
        "--since",
        default="1990-01-01",
        show_default=True,
        metavar="DATE",
        help="First day to learn from; earlier matches only move the ratings.",
    ),
    click.option(
        "--feature-set",
        default=NEWEST,
        show_default=True,
        metavar="NAME|FILE",
        help=f"Feature set to learn: one of {', '.join(FEATURE_SETS)}, or a TOML file that declares one.",
    ),
    feature_events_option,
    click.option(
        "--share",
        type=click.FloatRange(0.001, 1.0),
        default=1.0,
        show_default=True,
        help="Share of the full number of trees.",
    ),
    click.option("--threads", type=click.IntRange(1, 64), default=2, show_default=True, help="Threads of a fit."),
)

_JUDGING: Final = (
    click.option("--test-from", required=True, metavar="DATE", help="First day of the matches which are forecast."),
    click.option("--test-until", required=True, metavar="DATE", help="Last day of them."),
    click.option(
        "--set",
        "name",
        default="internationals",
        show_default=True,
        metavar="SET",
        help=f"One of {', '.join(SETS)}.",
    ),
    click.option(
        "--retrain-days",
        type=click.IntRange(1, 36_500),
        default=365,
        show_default=True,
        help="Days after which everything is fitted anew.",
    ),
)


def judging_options(command: F) -> F:
    """Give *command* the options of whatever forecasts the past."""
    for option in reversed(_JUDGING):
        command = option(command)
    return command


def fitting_options(command: F) -> F:
    """Give *command* the options of whatever fits models to the history."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def read_history(read: Callable[[Path], Iterator[HistoricMatch]], data: Path) -> list[HistoricMatch]:
    """Return the matches which *read* finds in the folder *data*.

    Raises:
        UserError: A file is missing or damaged, or there is no match.
    """
    try:
        matches = list(read(data))
    except FileNotFoundError as error:
        raise UserError(
            f"{error.filename} is missing: --data names the folder with the match history, and touchline data fetch "
            "downloads it"
        ) from error
    except (HistoryError, OSError) as error:
        raise UserError(f"the match history in {data} cannot be read: {error}") from error
    if not matches:
        raise UserError(f"the match history in {data} holds no match")
    return matches


def read_kind(kind: str, option: str = "--kind") -> Kind:
    """Return *kind*; raise UserError when there is none of its name."""
    if kind not in KINDS:
        raise UserError(f"{option} is {kind!r}, not one of {', '.join(KINDS)}")
    return kind


def read_date(option: str, text: str) -> date:
    """Return the date which *option* names; raise UserError when it is none."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UserError(f"{option} is {text!r}, not a date such as 2022-11-19") from error


def days_of(day: date) -> int:
    """Return *day* in days since the epoch."""
    return (day - EPOCH).days


def read_set(name: str) -> MatchSet:
    """Return the set of matches called *name*; raise UserError when there is none."""
    if name not in SETS:
        raise UserError(f"--set is {name!r}, not one of {', '.join(SETS)}")
    return SETS[name]


def read_days(since: str, test_from: str, test_until: str) -> tuple[date, date, date]:
    """Return the first day to learn from, and the first and last to forecast.

    Raises:
        UserError: One is no date, or they are not in this order.
    """
    days = read_date("--since", since), read_date("--test-from", test_from), read_date("--test-until", test_until)
    if not days[0] < days[1] <= days[2]:
        raise UserError(f"--since {days[0]}, --test-from {days[1]} and --test-until {days[2]} are not in this order")
    return days
