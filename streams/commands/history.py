"""Options which name the match history and its days, and its reading."""

from pathlib import Path

import click

from features.history import HistoricMatch, HistoryError, international_matches
from streams.commands.errors import UserError

DAY = click.DateTime(["%Y-%m-%d"])
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


def read_history(folder: Path) -> list[HistoricMatch]:
    """Return the internationals in *folder*.

    Raises:
        UserError: A file is missing or damaged.
    """
    try:
        return list(international_matches(folder))
    except FileNotFoundError as error:
        raise UserError(f"{folder} has no {Path(error.filename).name}") from error
    except HistoryError as error:
        raise UserError(str(error)) from error
