"""`touchline data`: the match history that models learn from."""

import json
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console

from streams.commands.errors import UserError
from streams.history_source import PROVENANCE, SOURCE, SourceError, fetch
from streams.playing.interruption import interruptible


@click.group()
def data() -> None:
    """Get the public history of matches, on which models are trained and judged.

    \b
    Example:
      touchline data fetch
    """  # noqa: D301 - \b is click's mark for a block kept as it is


@data.command("fetch")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default=Path("data"), show_default=True,
    help="Folder; commands look there when --data names none.",
)  # fmt: skip
@click.option(
    "--url", envvar="TOUCHLINE_HISTORY_URL", default=SOURCE, show_default=True, metavar="URL",
    help="Where results.csv and goalscorers.csv are (or TOUCHLINE_HISTORY_URL).",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def fetch_command(*, out: Path, url: str, as_json: bool) -> None:
    """Download the international matches of men's teams since 1872 with their goals (CC0), about 7 MB.

    What is there already is replaced only when all of it has come, can be read and has no fewer matches. The history of
    clubs is not fetched.

    \b
    Example:
      touchline data fetch
      touchline train --data data --kind xgboost --out bundles/xgboost
    """  # noqa: D301 - as above
    console = Console(stderr=True, quiet=as_json)
    try:
        with interruptible(), console.status(f"Downloading from {url}"):
            found = fetch(url, out)
    except SourceError as error:
        raise UserError(f"{error}; {out} is as it was") from error
    except OSError as error:
        raise UserError(f"{out} cannot be written: {error.strerror or error}") from error
    except KeyboardInterrupt:
        raise UserError(f"interrupted; {out} is as it was") from None
    if as_json:
        click.echo(json.dumps(asdict(found)))
        return
    click.echo(f"{found.matches:,} matches from {found.first} to {found.last}, {found.goals:,} goals, in {out}")
    click.echo(f"{out / PROVENANCE} has the SHA-256 of what was downloaded.")
