"""Forecasts as a file: a line for each match, moment and model, so that anyone can count anew."""

import csv
from datetime import timedelta
from pathlib import Path
from typing import Final

from features.history import EPOCH
from models.predictors import CLASSES
from models.walk_forward import Forecasts
from streams.commands.errors import UserError

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
