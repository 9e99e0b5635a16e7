"""`touchline leaks`: does a bundle know what it should not?"""

import json
from dataclasses import asdict
from pathlib import Path

import click

from models.bundle import Bundle
from models.leaks import Suspect, looks, suspect
from models.match_sets import SETS
from models.walking import TooFewError
from streams.commands.errors import UserError
from streams.commands.feature_files import feature_events_option, match_events_option, read_told, with_recorded
from streams.commands.model_options import data_option, days_of, read_date, read_history
from streams.commands.rollout_options import first_unseen, read_bundle


@click.command("leaks")
@click.argument("bundle", type=click.Path(file_okay=False, path_type=Path))
@data_option
@match_events_option
@feature_events_option
@click.option(
    "--set", "history", type=click.Choice(["internationals", "clubs"]), default="internationals", show_default=True,
    help="Which matches it has learned from.",
)  # fmt: skip
@click.option("--since", default="1990-01-01", show_default=True, metavar="DATE", help="First day to learn from.")
@click.option("--from", "first", metavar="DATE", help="First day that is judged (default: the one after its training).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def leaks(  # noqa: PLR0917 - click passes them by name
    bundle: Path,
    data: Path,
    match_events: Path | None,
    feature_events: Path | None,
    history: str,
    since: str,
    first: str | None,
    *,
    as_json: bool,
) -> None:
    """Look for signs that BUNDLE, a folder, knows what it should not; the exit code is 1 when there is one.

    Is it better on matches it has not seen than anybody can be? Do the features of a moment change, bit by bit, when
    what happens after it does? Neither proves that there is no leak; each has found real ones.

    \b
    Example:
      touchline leaks bundles/lightgbm
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    found = read_bundle(bundle)
    start = first_unseen(first, [found])
    if start is None:
        raise UserError("this bundle was made without training; name the first day that is judged with --from")
    matches = with_recorded(read_history(SETS[history].read, data), match_events)
    try:
        days = days_of(read_date("--since", since)), days_of(start)
        looked = suspect(
            matches, found.features, SETS[history].learned, days, read_told(feature_events, found.features)
        )
    except TooFewError as error:
        raise UserError(f"{bundle} cannot be judged from {start} on: {error}") from error
    _tell(found, looked, as_json=as_json)


def _tell(bundle: Bundle, looked: Suspect, *, as_json: bool) -> None:
    alarms = looks(looked, bundle.score(looked.judged.matrix, bundle.feature_set))
    if as_json:
        click.echo(json.dumps([asdict(one) for one in alarms]))
    else:
        for one in alarms:
            click.echo(f"{'LEAK ' if one.alarmed else 'quiet'}  {one.said}")
    raise SystemExit(1 if any(one.alarmed for one in alarms) else 0)
