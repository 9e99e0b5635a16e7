"""A history that was downloaded a year ago, and the same with what has been played since, forecast the past alike."""

import gzip
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from features.feature_sets import FEATURE_SETS, NEWEST
from features.history import EPOCH, HistoricMatch, international_matches
from models.fitting import Sizes
from models.rows import Rows, before_kick_off, grid_minutes, history_rows
from models.walk_forward import Plan, forecasts
from models.walking import Fit

SET = FEATURE_SETS[NEWEST]
SMALL = Sizes(xgboost_trees=20, threads=1)
# The last year of the history is what comes after LAST.
BEGIN, FIRST, LAST = "2021-01-01", "2024-01-01", "2024-06-30"
MATCHES, GOALS = "international_matches.csv.gz", "international_goals.csv.gz"


def day_of(text: str) -> int:
    return (date.fromisoformat(text) - EPOCH).days


def packed(lines: list[str]) -> bytes:
    return gzip.compress("".join(lines).encode())


def write(folder: Path, source: Path, *, later: bool) -> Path:
    """Copy the history since BEGIN without its last year, and add that again at the end when *later* is wanted."""
    folder.mkdir()
    with gzip.open(source / MATCHES, "rt", encoding="utf-8") as text:
        head, *lines = text
    days = {line.split(",")[0]: line.split(",")[1] for line in lines}
    with gzip.open(source / GOALS, "rt", encoding="utf-8") as text:
        goals_head, *goals = text
    for name, first, all_lines in ((MATCHES, head, lines), (GOALS, goals_head, goals)):
        old = [line for line in all_lines if BEGIN <= days[line.split(",")[0]] <= LAST]
        new = [line for line in all_lines if LAST < days[line.split(",")[0]]]
        (folder / name).write_bytes(packed([first, *old]) + (packed(new) if later else b""))
    return folder


@pytest.fixture(scope="module")
def copies(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[list[HistoricMatch]]:
    """The history since BEGIN as it is, without its last year, and with that year added again."""
    folder = tmp_path_factory.mktemp("copies")
    whole = [match for match in international_matches(shared_data) if match.day >= date.fromisoformat(BEGIN)]
    cut, again = (write(folder / str(later), shared_data, later=later) for later in (False, True))
    return [whole, *(list(international_matches(one)) for one in (cut, again))]


@pytest.fixture(scope="module")
def learned(copies: list[list[HistoricMatch]]) -> list[Rows]:
    return [history_rows(one, SET, before_kick_off, day_of("2022-01-01")) for one in copies]


def test_a_year_that_is_added_changes_no_row_of_before_it(copies, learned):
    whole, cut, again = copies

    assert len(whole) - len(cut) > 1000
    assert whole == again
    common = [rows.where(rows.days <= day_of(LAST)).digest for rows in learned]
    assert common == [common[0]] * 3
    assert learned[0].digest == learned[2].digest != learned[1].digest


def test_a_year_that_is_added_changes_no_forecast_of_before_it(copies, learned):
    plan = Plan(("heuristic", "xgboost"), day_of(FIRST), day_of(LAST), every=91)
    tested = [history_rows(one, SET, grid_minutes, plan.first) for one in copies]
    fit = Fit(SET.names, SMALL, lambda _: None)

    first, *others = [forecasts(plan, rows, those, fit) for rows, those in zip(learned, tested, strict=True)]

    assert len(set(first.rows.match_ids)) > 400
    for other in others:
        assert first.rows.digest == other.rows.digest
        assert first.probabilities.keys() == other.probabilities.keys()
        for kind, said in first.probabilities.items():
            assert said.tobytes() == other.probabilities[kind].tobytes(), kind
    assert np.ptp(first.probabilities["xgboost"][:, 0]) > 0.5
