"""What `touchline backtest` writes: a line for each match, moment and model, so that anyone can count anew; a page."""

import csv
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from features.history import EPOCH
from models.predictors import CLASSES
from models.walk_forward import Forecasts
from streams.commands.errors import UserError
from streams.reporting.backtest_report import Backtest, report

COLUMNS: Final = ("match_id", "date", "minute", "result", "kind", *CLASSES)


def write_forecasts(file: Path, found: Forecasts) -> None:
    """Write *found* to *file* as CSV; minute -1 is before kick-off, probabilities are exact as float32.

    Raises:
        UserError: The file cannot be written.
    """
    rows = found.rows
    keys = [
        (match_id, (EPOCH + timedelta(days=day)).isoformat(), minute, CLASSES[result])
        for match_id, day, minute, result in zip(
            rows.match_ids, rows.days.tolist(), rows.minutes.tolist(), rows.results.tolist(), strict=True
        )
    ]
    try:
        with file.open("w", encoding="utf-8", newline="") as text:
            writer = csv.writer(text)
            writer.writerow(COLUMNS)
            for name, said in found.probabilities.items():
                writer.writerows((*key, name, *(str(one) for one in row)) for key, row in zip(keys, said, strict=True))
    except OSError as error:
        raise UserError(f"--forecasts {file} cannot be written: {error.strerror}") from error


def check_charts() -> None:
    """Check that charts can be drawn.

    Raises:
        UserError: What draws them is not installed.
    """
    if find_spec("matplotlib") is None:
        raise UserError("--report draws with matplotlib, which is not installed: pip install 'touchline[report]'")


def write_report(file: Path, backtest: Backtest) -> None:
    """Write the page about *backtest*.

    Raises:
        UserError: The file cannot be written.
    """
    try:
        file.write_text(report(backtest), encoding="utf-8")
    except OSError as error:
        raise UserError(f"--report {file} cannot be written: {error.strerror}") from error
