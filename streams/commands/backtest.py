"""`touchline backtest`: what the models would have said of past matches, and what that was worth."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import click
import numpy as np

from features.feature_sets import FeatureSet
from features.history import HistoricMatch
from models.evaluation import Costs, evaluate, evaluate_parts, moments
from models.fitting import Sizes
from models.match_sets import SETS
from models.predictors import KINDS, Kind
from models.rows import PRE_MATCH, Told, history_rows
from models.segments import BY
from models.walk_forward import Forecasts, Plan, forecasts
from models.walking import Fit, Step, TooFewError
from streams.commands.backtest_files import check_charts, write_forecasts, write_report
from streams.commands.backtest_tables import show_tables
from streams.commands.errors import UserError
from streams.commands.feature_files import check_known, read_feature_set, read_told
from streams.commands.model_options import (
    days_of,
    fitting_options,
    judging_options,
    read_days,
    read_history,
    read_kind,
    read_set,
)
from streams.commands.training_progress import training_progress
from streams.performance.roles import costs_of
from streams.reporting.backtest_report import Backtest

DEFAULT_KINDS: Final = "heuristic,xgboost,lightgbm,mlp,mean,stack"


@dataclass(frozen=True, slots=True)
class _Order:
    """What is to be judged, checked."""

    name: str
    kinds: Sequence[Kind]
    features: FeatureSet
    told: Told
    days: tuple[date, date]
    since: date
    every: int
    by: Sequence[str]
    sizes: Sizes
    costs: Costs | None

    @property
    def plan(self) -> Plan:
        """Return it as a plan."""
        first, last = self.days
        return Plan(self.kinds, days_of(first), days_of(last), self.every)


@click.command("backtest")
@judging_options
@click.option(
    "--kinds", default=DEFAULT_KINDS, show_default=True, metavar="KINDS", help=f"Some of {', '.join(KINDS)}, by commas."
)
@click.option(
    "--by", multiple=True, metavar="PART", help=f"Tell of parts, too: {', '.join(BY)}; several by repeating it."
)
@click.option(
    "--cost-matrix",
    envvar="TOUCHLINE_COST_MATRIX",
    metavar="COSTS",
    help="Tell what decisions cost, too: of a result said (row) when another comes (column), home, draw, away, such as "
    "'0,1,2; 1,0,1; 2,1,0', or zero-one (default: TOUCHLINE_COST_MATRIX, or none).",
)
@click.option(
    "--forecasts",
    "forecast_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write each forecast to a CSV file.",
)
@click.option(
    "--report",
    "report_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write a page (HTML) which tells and shows all of it; needs the extra `report`.",
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
    cost_matrix: str | None,
    forecast_file: Path | None,
    report_file: Path | None,
    feature_set: str,
    feature_events: Path | None,
    share: float,
    threads: int,
    *,
    as_json: bool,
) -> None:
    """Forecast past matches with models which did not know them, and tell what that was worth.

    All matches of the days count. Each is forecast by models that were fitted to earlier days, from ratings of earlier
    days. Intervals are of the difference in log loss to Elo under a logit, and to the plain mean: below 0 is better.
    With --cost-matrix each forecast is turned into the decision that is expected to cost least: what that did cost, on
    the mean, and what it was expected to.

    \b
    Example:
      touchline backtest --test-from 2022-01-01 --test-until 2025-06-30 --kinds lightgbm,mean
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    if report_file is not None:
        check_charts()
    chosen = read_set(name)
    first_learned, first, last = read_days(since, test_from, test_until)
    features = read_feature_set(feature_set)
    order = _Order(
        name,
        list(dict.fromkeys(read_kind(kind.strip(), "--kinds") for kind in kinds.split(","))),
        features,
        read_told(feature_events, features),
        (first, last),
        first_learned,
        retrain_days,
        [_part(one) for one in by],
        Sizes(threads=threads).scaled(share),
        _costs(cost_matrix),
    )
    matches = [match for match in read_history(chosen.read, data) if match.day <= last]
    with training_progress(2 + order.plan.fits, quiet=as_json) as step:
        try:
            found = _found(order, matches, step)
        except TooFewError as error:
            raise UserError(str(error)) from error
        step("drawing matches for the intervals")
        told = _told(order, matches, found)
    if forecast_file is not None:
        write_forecasts(forecast_file, found)
    if report_file is not None:
        write_report(report_file, _backtest(order, matches, found))
    if as_json:
        click.echo(json.dumps(told))
    else:
        show_tables(told, order.by)


def _costs(text: str | None) -> Costs | None:
    try:
        costs = costs_of(text)
    except ValueError as error:
        raise UserError(f"--cost-matrix is {text!r}: {error}") from error
    return None if costs is None else np.array(costs)


def _part(by: str) -> str:
    if by not in BY:
        raise UserError(f"--by is {by!r}, not one of {', '.join(BY)}")
    return by


def _found(order: _Order, matches: Sequence[HistoricMatch], step: Step) -> Forecasts:
    chosen = SETS[order.name]
    step(f"folding {len(matches):,} matches")
    learned = history_rows(matches, order.features, chosen.learned, days_of(order.since), order.told)
    check_known(order.features, learned)
    tested = history_rows(matches, order.features, chosen.tested, days_of(order.days[0]), order.told)
    return forecasts(order.plan, learned, tested, Fit(order.features.names, order.sizes, step))


def _told(order: _Order, matches: Sequence[HistoricMatch], found: Forecasts) -> dict[str, Any]:
    """Return what is printed as JSON."""
    first, last = order.days
    told: dict[str, Any] = {
        "set": order.name, "test_from": str(first), "test_until": str(last), "retrain_days": order.every,
    }  # fmt: skip
    competition = {match.match_id: match.competition for match in matches}
    minutes = [
        {"minute": minute, **asdict(evaluate(part, order.costs)), **_parts(order, part, competition)}
        for minute, part in moments(found).items()
    ]
    if SETS[order.name].in_play:
        together = asdict(evaluate(found.where(found.rows.minutes != PRE_MATCH), order.costs))
        return told | together | {"minutes": [one for one in minutes if one["minute"] != PRE_MATCH]}
    (only,) = minutes
    del only["minute"]
    return told | only


def _backtest(order: _Order, matches: Sequence[HistoricMatch], found: Forecasts) -> Backtest:
    first, last = order.days
    told = (
        f"Every match from {first} to {last} is forecast by models that were fitted to matches of earlier days, since "
        f"{order.since}, anew every {order.every} days, from ratings of earlier days; feature set "
        f"{order.features.version}."
    )
    judged = found.where(found.rows.minutes != PRE_MATCH) if SETS[order.name].in_play else found
    by_id = {match.match_id: match for match in matches}
    return Backtest(f"Backtest: {order.name}, {first} to {last}", told, judged, by_id)


def _parts(order: _Order, found: Forecasts, competition: Mapping[str, str]) -> dict[str, Any]:
    return {
        f"by_{by}": {
            part: asdict(one) for part, one in evaluate_parts(found, BY[by](found, competition), order.costs).items()
        }
        for by in order.by
    }
