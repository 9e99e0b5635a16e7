"""`touchline backtest`: what the models would have said of past matches, and what that was worth."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table

from features.feature_sets import FeatureSet
from features.history import HistoricMatch, club_matches, international_matches
from models.evaluation import COMPARED, evaluate, evaluate_parts, moments
from models.fitting import Sizes
from models.predictors import KINDS, Kind
from models.rows import PRE_MATCH, Minutes, before_kick_off, grid_minutes, history_rows, spread_minutes
from models.segments import BY
from models.walk_forward import Forecasts, Plan, forecasts
from models.walking import Fit, Step, TooFewError
from streams.commands.errors import UserError
from streams.commands.model_options import (
    days_of,
    fitting_options,
    read_date,
    read_feature_set,
    read_history,
    read_kind,
)
from streams.commands.training_progress import training_progress

MEASURES: Final = ("log_loss", "rps", "brier", "accuracy", "ece")
DEFAULT_KINDS: Final = "heuristic,xgboost,lightgbm,mlp,mean,stack"


@dataclass(frozen=True, slots=True)
class MatchSet:
    """Matches that are judged together.

    Attributes:
        read: Finds them in a folder.
        learned: At which minutes of a match there is a row to learn from.
        tested: At which minutes it is judged.
        in_play: Whether what is judged is the course of a match, and not what was said before it.
    """

    read: Callable[[Path], Iterator[HistoricMatch]]
    learned: Minutes
    tested: Minutes
    in_play: bool = False


BIG_5: Final = frozenset({"de.1", "en.1", "es.1", "fr.1", "it.1"})
"""First divisions, as the history names them."""


def _of_big_5(match: HistoricMatch) -> Sequence[int]:
    return before_kick_off(match) if match.competition in BIG_5 else ()


SETS: Final[Mapping[str, MatchSet]] = {
    "internationals": MatchSet(international_matches, spread_minutes, before_kick_off),
    "clubs": MatchSet(club_matches, before_kick_off, before_kick_off),
    "big-5": MatchSet(club_matches, before_kick_off, _of_big_5),
    "in-play": MatchSet(international_matches, spread_minutes, grid_minutes, in_play=True),
}


@dataclass(frozen=True, slots=True)
class _Order:
    """What is to be judged, checked."""

    name: str
    kinds: Sequence[Kind]
    features: FeatureSet
    days: tuple[date, date]
    since: date
    every: int
    by: Sequence[str]
    sizes: Sizes

    @property
    def plan(self) -> Plan:
        """Return it as a plan."""
        first, last = self.days
        return Plan(self.kinds, days_of(first), days_of(last), self.every)


@click.command("backtest")
@click.option("--test-from", required=True, metavar="DATE", help="First day of the matches which are forecast.")
@click.option("--test-until", required=True, metavar="DATE", help="Last day of them.")
@click.option(
    "--set", "name", default="internationals", show_default=True, metavar="SET", help=f"One of {', '.join(SETS)}."
)
@click.option(
    "--kinds", default=DEFAULT_KINDS, show_default=True, metavar="KINDS", help=f"Some of {', '.join(KINDS)}, by commas."
)
@click.option(
    "--retrain-days",
    type=click.IntRange(1, 36_500),
    default=365,
    show_default=True,
    help="Days after which everything is fitted anew.",
)
@click.option(
    "--by", multiple=True, metavar="PART", help=f"Tell of parts, too: {', '.join(BY)}; several by repeating it."
)
@fitting_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def backtest(  # noqa: PLR0917 - click passes them by name
    data: Path,
    test_from: str,
    test_until: str,
    name: str,
    kinds: str,
    since: str,
    retrain_days: int,
    by: Sequence[str],
    feature_set: str,
    share: float,
    threads: int,
    *,
    as_json: bool,
) -> None:
    """Forecast past matches with models which did not know them, and tell what that was worth.

    All matches of the days count. Each is forecast by models that were fitted to earlier days, from ratings of earlier
    days. Intervals are of the difference in log loss to Elo under a logit, and to the plain mean: below 0 is better.

    \b
    Example:
      touchline backtest --test-from 2022-01-01 --test-until 2025-06-30 --kinds lightgbm,mean
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    if name not in SETS:
        raise UserError(f"--set is {name!r}, not one of {', '.join(SETS)}")
    order = _Order(
        name,
        list(dict.fromkeys(read_kind(kind.strip(), "--kinds") for kind in kinds.split(","))),
        read_feature_set(feature_set),
        (read_date("--test-from", test_from), read_date("--test-until", test_until)),
        read_date("--since", since),
        retrain_days,
        [_part(one) for one in by],
        Sizes(threads=threads).scaled(share),
    )
    first, last = order.days
    if not order.since < first <= last:
        raise UserError(f"--since {order.since}, --test-from {first} and --test-until {last} are not in this order")
    matches = [match for match in read_history(SETS[name].read, data) if match.day <= last]
    with training_progress(2 + order.plan.fits, quiet=as_json) as step:
        try:
            found = _found(order, matches, step)
        except TooFewError as error:
            raise UserError(str(error)) from error
        step("drawing matches for the intervals")
        told = _told(order, matches, found)
    if as_json:
        click.echo(json.dumps(told))
    else:
        _show(order, told)


def _part(by: str) -> str:
    if by not in BY:
        raise UserError(f"--by is {by!r}, not one of {', '.join(BY)}")
    return by


def _found(order: _Order, matches: Sequence[HistoricMatch], step: Step) -> Forecasts:
    chosen = SETS[order.name]
    step(f"folding {len(matches):,} matches")
    learned = history_rows(matches, order.features, chosen.learned, days_of(order.since))
    tested = history_rows(matches, order.features, chosen.tested, days_of(order.days[0]))
    return forecasts(order.plan, learned, tested, Fit(order.features.names, order.sizes, step))


def _told(order: _Order, matches: Sequence[HistoricMatch], found: Forecasts) -> dict[str, Any]:
    """Return what is printed as JSON."""
    first, last = order.days
    told: dict[str, Any] = {
        "set": order.name, "test_from": str(first), "test_until": str(last), "retrain_days": order.every,
    }  # fmt: skip
    competition = {match.match_id: match.competition for match in matches}
    minutes = [
        {"minute": minute, **asdict(evaluate(part)), **_parts(order, part, competition)}
        for minute, part in moments(found).items()
    ]
    if SETS[order.name].in_play:
        return told | {"minutes": [one for one in minutes if one["minute"] != PRE_MATCH]}
    (only,) = minutes
    del only["minute"]
    return told | only


def _parts(order: _Order, found: Forecasts, competition: Mapping[str, str]) -> dict[str, Any]:
    return {
        f"by_{by}": {part: asdict(one) for part, one in evaluate_parts(found, BY[by](found, competition)).items()}
        for by in order.by
    }


def _show(order: _Order, told: Mapping[str, Any]) -> None:
    console = Console()
    for one in told.get("minutes", [told]):
        moment = f", minute {one['minute']}" if "minute" in one else ""
        title = f"{order.name}{moment}, {told['test_from']} .. {told['test_until']}"
        console.print(_table(title, one))
        for by in order.by:
            for part, judged in one[f"by_{by}"].items():
                console.print(_table(f"{by} {part}", judged))


def _table(title: str, judged: Mapping[str, Any]) -> Table:
    headers = (one.replace("_", " ") for one in (*MEASURES, *COMPARED))
    table = Table(
        "", *headers, box=None, padding=(0, 1, 0, 0), pad_edge=False, title=f"{title}: {judged['n']:,} matches"
    )
    for name, measures in sorted(judged["kinds"].items(), key=lambda kind: kind[1]["log_loss"]):
        table.add_row(name, *(_cell(measures.get(measure)) for measure in (*MEASURES, *COMPARED)))
    return table


def _cell(measure: float | tuple[float, float] | None) -> str:
    if measure is None:
        return ""
    return f"{measure:.4f}" if isinstance(measure, float) else f"{measure[0]:+.3f} {measure[1]:+.3f}"
