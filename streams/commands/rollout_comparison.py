"""`touchline rollout compare`: what the gate would have said of two bundles on past matches."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path

import click

from features.history import EPOCH
from models.bundle import Bundle, BundleError, load_bundle
from models.match_sets import SETS
from monitors.rollout import Judgement, Rollout
from monitors.rollout_plan import Plan
from streams.commands.errors import UserError
from streams.commands.model_options import days_of, read_date, read_history, read_set
from streams.commands.rollout_options import chosen_plan, plan_option
from streams.rollouts.comparing import compared, judgements, offline

_BUNDLE = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.argument("champion", type=_BUNDLE)
@click.argument("challenger", type=_BUNDLE)
@plan_option
@click.option(
    "--data", type=click.Path(path_type=Path), default=Path("../shared/data"), show_default=True,
    help="Folder with the match history.",
)  # fmt: skip
@click.option("--set", "name", default="in-play", show_default=True, metavar="SET", help=f"One of {', '.join(SETS)}.")
@click.option("--from", "first", metavar="DATE", help="First day (default: the one after both were trained).")
@click.option("--until", "last", metavar="DATE", help="Last day (default: the last of the history).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def compare(  # noqa: PLR0917 - click passes them by name
    champion: Path,
    challenger: Path,
    plan_file: Path | None,
    data: Path,
    name: str,
    first: str | None,
    last: str | None,
    *,
    as_json: bool,
) -> None:
    """Tell what the gate would have said of CHALLENGER beside CHAMPION, two bundles, on past matches.

    Both score the same moments of the same matches, in order of days, from ratings of earlier days; windows are those
    of the plan, in event time. Errors and latency are known of running workers only, and are not checked; no step is
    held, for there is nobody to ask.

    \b
    Example:
      touchline rollout compare models/bundles/internationals-1-xgboost models/bundles/internationals-1-mlp
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    plan = offline(chosen_plan(plan_file))
    bundles = _bundle(champion), _bundle(challenger)
    chosen = read_set(name)
    start = _first(first, bundles)
    end = date.max if last is None else read_date("--until", last)
    matches = [match for match in read_history(chosen.read, data) if match.day <= end]
    found = compared(*bundles, matches, chosen.tested, days_of(start))
    if not len(found.rows.days):
        raise UserError(f"no match of the history in {data} was played from {start} on, up to --until")
    told = list(judgements(plan, found))
    if as_json:
        click.echo(json.dumps(_document(told, bundles, plan)))
    else:
        _show(told)


def _bundle(folder: Path) -> Bundle:
    try:
        found = load_bundle(folder)
    except BundleError as error:
        raise UserError(str(error)) from error
    if sources := [source for source, _ in found.features.reads.sources]:
        raise UserError(f"{folder} reads feature events of {', '.join(sources)}, which the match history does not have")
    return found


def _first(first: str | None, bundles: Sequence[Bundle]) -> date:
    """Return the first day that is judged; no bundle may have learned from it."""
    day = None if first is None else read_date("--from", first)
    trained = _learned_until(bundles)
    if trained is None:
        return day or EPOCH
    if day is not None and day <= trained:
        raise UserError(f"--from is {day}, but one of the bundles has learned from matches until {trained}")
    return day or trained + timedelta(days=1)


def _learned_until(bundles: Sequence[Bundle]) -> date | None:
    """Return the last day that one of them has learned from; None when all are made without training."""
    untils = [one.manifest.training.until for one in bundles]
    return max((read_date("the end of the training", until) for until in untils if until is not None), default=None)


def _turns(told: Sequence[tuple[Rollout, Judgement]]) -> Sequence[tuple[Rollout, Judgement]]:
    """Return those after which another step began, and the last."""
    steps = [rollout.step for rollout, _ in told]
    return [one for one, before, now in zip(told, [0, *steps], steps, strict=False) if before != now or one is told[-1]]


def _document(told: Sequence[tuple[Rollout, Judgement]], bundles: Sequence[Bundle], plan: Plan) -> dict[str, object]:
    rollout, last = told[-1]
    champion, challenger = (one.digest for one in bundles)
    return {
        "champion": champion,
        "challenger": challenger,
        "alpha": plan.alpha,
        "status": rollout.status,
        "verdict": last.verdict,
        "step": last.step,
        "matches": rollout.outcomes.matches,
        "windows": len(told),
        "why": last.why,
        "turns": [{"until": _day(one), **asdict(judgement)} for one, judgement in _turns(told)],
    }


def _show(told: Sequence[tuple[Rollout, Judgement]]) -> None:
    for rollout, judgement in _turns(told):
        click.echo(f"{_day(rollout)}  {judgement.why}")
    rollout, last = told[-1]
    click.echo(f"{rollout.status} after {rollout.outcomes.matches:,} matches in {len(told):,} windows: {last.verdict}")


def _day(rollout: Rollout) -> str:
    return str(EPOCH + timedelta(milliseconds=rollout.until_ms))
