"""When goals come, and how the score changes that: the constants of feature set v3 (features/facts.py), fitted again.

Run it with ``.venv/bin/python -m benchmarks.goal_times``, with the history of internationals in ../shared/data. It
prints the share of the goals that came later than each minute, and the factor for one goal between the sides under
which the results were the likeliest; what the one of earlier years is worth in later ones is told by minute.
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.optimize import minimize_scalar

from features.facts import AWAY_GOALS, HOME_GOALS, LATE, LATE_MINUTES, remaining_goals
from features.feature_sets import facts_of
from features.history import EPOCH, HistoricMatch, international_matches
from features.outcome import outcome_chances
from models.bootstrap import paired_interval
from models.heuristic import COLUMNS, heuristic_member
from models.rows import result_of, snapshots, with_ratings
from models.scores import log_losses

MINUTES: Final = (15, 30, 45, 60, 75, 80, 85)
BEFORE: Final = (date(1998, 1, 1), date(2011, 12, 31))
LATER: Final = (date(2012, 1, 1), date(2021, 6, 30))
HEURISTIC: Final = heuristic_member(COLUMNS)
_FULL_TIME: Final = 90
_FACTORS: Final = (0.5, 2.0)

Array = NDArray[np.float64]
Played = Sequence[tuple[int, Array, int]]
"""Minute, facts and result, a row each."""


def shares(matches: Sequence[HistoricMatch]) -> list[float]:
    """Return for LATE_MINUTES the share of the goals that came later; of minute 90, without those of a usual minute.

    The history calls minute 90 whatever came from then on.
    """
    goals = np.array([goal.minute for one in matches for goal in one.goals if goal.minute <= _FULL_TIME])
    later = [float(np.mean(goals > minute)) for minute in LATE_MINUTES]
    a_minute = float(np.mean((goals > LATE_MINUTES[-5]) & (goals < _FULL_TIME))) / (_FULL_TIME - 1 - LATE_MINUTES[-5])
    return [*later[:-1], float(np.mean(goals == _FULL_TIME)) - a_minute]


def played(matches: Sequence[HistoricMatch], days: tuple[date, date]) -> Played:
    """Return the rows of MINUTES of the matches of *days* whose goals are timed."""
    found = []
    for match, _, ratings in with_ratings(matches, (days[0] - EPOCH).days):
        if match.goals_timed and match.day <= days[1]:
            states = [state for _, state, _ in snapshots(match, ratings, MINUTES)]
            rows = zip(MINUTES, facts_of(states), strict=True)
            found += [(minute, facts, result_of(match)) for minute, facts in rows]
    return found


def losses(rows: Played, apart: float) -> Array:
    """Return the log losses of the heuristic, with goals *apart* times as often while one is between the sides."""
    said = np.empty((len(rows), 3))
    for place, (_, facts, _) in enumerate(rows):
        means = remaining_goals(facts, LATE, apart)
        said[place] = outcome_chances(*means, int(facts[HOME_GOALS] - facts[AWAY_GOALS]))
    return log_losses(HEURISTIC.predict_proba(said.astype(np.float32)), np.array([row[2] for row in rows]))


def likeliest(rows: Played) -> float:
    """Return the factor under which the results of *rows* are the likeliest."""
    return float(minimize_scalar(lambda apart: losses(rows, apart).sum(), bounds=_FACTORS, method="bounded").x)


@click.command()
@click.option("--data", type=click.Path(exists=True, path_type=Path), default=Path("../shared/data"), show_default=True)
def main(*, data: Path) -> None:
    """Fit when goals come.

    \b
    Example:
      python -m benchmarks.goal_times --data ../shared/data
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    matches = list(international_matches(data))
    recent = [one for one in matches if one.goals_timed and LATER[0] <= one.day <= LATER[1]]
    console = Console()
    console.print(f"{len(recent):,} matches from {LATER[0]} to {LATER[1]}; share of the goals later than each minute:")
    console.print(", ".join(map("{} {:.4f}".format, LATE_MINUTES, shares(recent))))
    before, later = played(matches, BEFORE), played(matches, LATER)
    factor, of_both = likeliest(before), likeliest([*before, *later])
    console.print(
        f"factor of {BEFORE[0]} to {LATER[1]}: {of_both:.3f}; of {BEFORE[0]} to {BEFORE[1]}: {factor:.3f}, which in"
    )
    columns = ("minute", "matches", "log loss without", "with", "difference, 95 %")
    table = Table(*columns, title=f"{LATER[0]} to {LATER[1]}")
    for minute in MINUTES:
        rows = [row for row in later if row[0] == minute]
        without, with_it = losses(rows, 1.0), losses(rows, factor)
        low, high = paired_interval(with_it, without)
        told = f"{without.mean():.4f}", f"{with_it.mean():.4f}", f"{low:+.4f} to {high:+.4f}"
        table.add_row(str(minute), f"{len(rows):,}", *told)
    console.print(table)


if __name__ == "__main__":
    main()
