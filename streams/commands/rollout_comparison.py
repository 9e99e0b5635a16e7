"""`touchline rollout compare`: what the gate would have said of two bundles on past matches."""

from datetime import date
from pathlib import Path

import click

from features.history import EPOCH
from models.match_sets import SETS
from streams.commands.errors import UserError
from streams.commands.feature_files import feature_events_option, match_events_option, read_told, with_recorded
from streams.commands.model_options import data_option, days_of, read_date, read_history, read_set
from streams.commands.rollout_options import chosen_plan, first_unseen, plan_option, read_bundle
from streams.commands.rollout_views import tell
from streams.rollouts.comparing import compared, offline

_BUNDLE = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.argument("champion", type=_BUNDLE)
@click.argument("challenger", type=_BUNDLE)
@plan_option
@data_option
@match_events_option
@feature_events_option
@click.option("--set", "name", default="in-play", show_default=True, metavar="SET", help=f"One of {', '.join(SETS)}.")
@click.option("--from", "first", metavar="DATE", help="First day (default: the one after both were trained).")
@click.option("--until", "last", metavar="DATE", help="Last day (default: the last of the history).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def compare(  # noqa: PLR0917 - click passes them by name
    champion: Path,
    challenger: Path,
    plan_file: Path | None,
    data: Path,
    match_events: Path | None,
    feature_events: Path | None,
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
      touchline rollout compare models/bundles/internationals-3-xgboost models/bundles/internationals-3-mlp
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    plan = offline(chosen_plan(plan_file))
    bundles = read_bundle(champion), read_bundle(challenger)
    chosen = read_set(name)
    start = first_unseen(first, bundles) or EPOCH
    end = date.max if last is None else read_date("--until", last)
    known = with_recorded(read_history(chosen.read, data), match_events)
    matches = [match for match in known if match.day <= end]
    told = read_told(feature_events, *(one.features for one in bundles))
    found = compared(*bundles, matches, chosen.tested, days_of(start), told)
    if not len(found.match_ids):
        raise UserError(f"no match of the history in {data} was played from {start} on, up to --until")
    tell(plan, found, bundles, as_json=as_json)
