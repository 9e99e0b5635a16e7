"""`touchline ratings`: loaded as one snapshot, and shown."""

import json
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table

from features.history import HistoricMatch
from features.rating_book import RatingBook
from features.team_ratings import TeamRating
from streams.commands.history import DAY, FOLDER, read_history
from streams.commands.options import cluster_options
from streams.commands.sentences import in_one_sentence
from streams.playing.errors import PlayError
from streams.playing.seeding import rating_table, seeded_book
from streams.settings import Settings


@click.group()
def ratings() -> None:
    """Load or show the ratings of the teams.

    \b
    Example:
      touchline ratings seed --data ../shared/data --until 2022-11-20
      touchline ratings show --top 10
    """  # noqa: D301 - \b is click's mark for a block kept as it is


@ratings.command()
@click.option("--data", type=FOLDER, required=True, help="Folder of the match history.")
@click.option("--until", type=DAY, required=True, metavar="DATE", help="Results before this day (YYYY-MM-DD) count.")
@click.option("--replace", is_flag=True, help="Put them in the place of ratings and fixtures which are there already.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@cluster_options
@in_one_sentence
def seed(settings: Settings, *, data: Path, until: datetime, replace: bool, as_json: bool) -> None:
    """Load the ratings which follow from all results before a day, as one snapshot, before the rate role starts.

    It is refused while the rate role runs.

    \b
    Example:
      touchline ratings seed --data ../shared/data --until 2022-11-20
    """  # noqa: D301 - as above
    table = rating_table(settings)
    console = Console(stderr=True, quiet=as_json)
    matches = [match for match in read_history(data) if match.day < until.date()]
    if not matches:
        raise PlayError(f"{data} holds no match before {until.date()}")
    book = _folded(matches, until.date(), console)
    written = table.seed(book, replace=replace)
    teams = len(book.ratings())
    if as_json:
        click.echo(json.dumps({"matches": len(matches), "teams": teams, "records": written}))
    else:
        click.echo(f"{teams} ratings of {len(matches)} matches before {until.date()} are in {table.changelog.topic}")


def _folded(matches: list[HistoricMatch], until: date, console: Console) -> RatingBook:
    shown = track(
        matches, "Folding results", console=console, transient=True, disable=console.quiet or not console.is_terminal
    )
    return seeded_book(shown, until)


@ratings.command()
@click.option("--top", type=click.IntRange(min=1), default=20, show_default=True, help="How many, by Elo.")
@click.option("--team", metavar="TEXT", help="Only teams whose name contains it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@cluster_options
@in_one_sentence
def show(settings: Settings, *, top: int, team: str | None, as_json: bool) -> None:
    """Show the ratings as they are after all closed days, best first.

    \b
    Example:
      touchline ratings show --team brazil
      touchline ratings show --top 5 --json
    """  # noqa: D301 - as above
    found = sorted(rating_table(settings).book().ratings(), key=lambda rating: (-rating.elo, rating.team))
    if not found:
        raise PlayError(f"there are no ratings in {settings.changelog('rate', 'teams')}; try: touchline ratings seed")
    wanted = [rating for rating in found if team is None or team.casefold() in rating.team.casefold()][:top]
    if as_json:
        click.echo(json.dumps([asdict(rating) for rating in wanted], ensure_ascii=False))
    else:
        _show(wanted)


def _show(found: list[TeamRating]) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("team")
    for name in ("elo", "attack", "defence", "form", "matches"):
        table.add_column(name, justify="right")
    for rating in found:
        table.add_row(
            rating.team,
            f"{rating.elo:.0f}",
            f"{rating.attack:+.2f}",
            f"{rating.defence:+.2f}",
            f"{rating.form_points:.2f}",
            str(rating.matches),
        )
    Console().print(table)
