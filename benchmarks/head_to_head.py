"""What earlier meetings of two teams would add to the feature set: nothing that shows, so that it has none of them.

Run it with ``.venv/bin/python -m benchmarks.head_to_head``, with the history in ../shared/data. Each match gets, beside
the newest feature set, what became of earlier meetings: by how much the goal difference exceeded the expected one
(halved every four years, pulled to zero), the same on this ground, how many meetings, and wins less losses. Boosters
are fitted with and without these four columns; it prints how they correlate with what the ratings miss, and both log
losses on later years.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from features.feature_sets import FEATURE_SETS, NEWEST
from features.history import EPOCH, HistoricMatch, club_matches, international_matches
from models.bootstrap import paired_interval
from models.fitting import Examples, Sizes, fit_member
from models.heuristic import heuristic_member
from models.predictors import Kind
from models.rows import Rows, before_kick_off, history_rows
from models.scores import log_losses

SET: Final = FEATURE_SETS[NEWEST]
COLUMNS: Final = ("excess", "excess on this ground", "meetings", "wins less losses")
KINDS: Final[Sequence[Kind]] = ("xgboost", "lightgbm")
SHARE: Final = 0.3  # of the trees
FIRST: Final = date(1995, 1, 1)
_HALF_LIFE_DAYS: Final = 1461.0
_PULL: Final = 2.0  # meetings that went as expected

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Test:
    """Which matches, and which of them are judged; earlier ones are learned from."""

    read: Callable[[Path], Iterator[HistoricMatch]]
    since: date
    until: date


TESTS: Final[Mapping[str, Test]] = {
    "internationals": Test(international_matches, date(2016, 1, 1), date(2021, 12, 31)),
    "clubs": Test(club_matches, date(2018, 7, 1), date(2021, 6, 30)),
}


@dataclass(frozen=True, slots=True)
class Meeting:
    """One that was: goals by which the first team in the alphabet exceeded what was expected, and who was at home."""

    day: int
    excess: float
    lead: int
    home: str


def meetings(rows: Rows, matches: Mapping[str, HistoricMatch]) -> tuple[Array, Array]:
    """Return COLUMNS of the meetings before each row, shape ``(n, 4)``, and the excess of each itself, ``(n,)``."""
    goals = [rows.matrix[:, SET.names.index(f"expected_{side}_goals")].astype(float) for side in ("home", "away")]
    expected = goals[0] - goals[1]
    known: defaultdict[tuple[str, str], list[Meeting]] = defaultdict(list)
    found, excess = np.zeros((len(expected), len(COLUMNS))), np.full(len(expected), np.nan)
    for place, (name, day) in enumerate(zip(rows.match_ids, rows.days.tolist(), strict=True)):
        match = matches[name]
        first, second = sorted((match.home_team, match.away_team))
        sign, lead = (1 if first == match.home_team else -1), match.home_score - match.away_score
        before = known[first, second]
        found[place] = _columns(before, sign, match.home_team, day)
        excess[place] = lead - expected[place]
        if not np.isnan(excess[place]):
            before.append(Meeting(day, sign * excess[place], sign * lead, match.home_team))
    return found, excess


def _columns(before: Sequence[Meeting], sign: int, home: str, day: int) -> tuple[float, float, float, float]:
    weights = np.array([0.5 ** ((day - one.day) / _HALF_LIFE_DAYS) for one in before])
    excess = np.array([sign * one.excess for one in before])
    here = np.array([one.home == home for one in before], dtype=float)
    of_all = float(weights @ excess) / (float(weights.sum()) + _PULL)
    of_here = float((weights * here) @ excess) / (float(weights @ here) + _PULL)
    return of_all, of_here, float(weights.sum()), float(sum(np.sign(sign * one.lead) for one in before))


def judged(kind: Kind, rows: Rows, matrix: NDArray[np.float32], since: int) -> Array:
    """Return the log losses of a model of *matrix* in the rows from day *since* on, fitted to those before."""
    learned = rows.days < since
    examples = Examples(matrix[learned], rows.results[learned], np.ones(learned.sum()), heuristic_member(SET.names))
    said = fit_member(kind, examples, Sizes().scaled(SHARE)).predict_proba(matrix[~learned])
    return log_losses(said, rows.results[~learned])


@click.command()
@click.option("--data", type=click.Path(exists=True, path_type=Path), default=Path("../shared/data"), show_default=True)
def main(*, data: Path) -> None:
    """Tell what earlier meetings of two teams would add.

    \b
    Example:
      python -m benchmarks.head_to_head --data ../shared/data
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    table = Table("matches", "n", "model", "log loss without", "with", "difference, 95 %", title="Earlier meetings")
    console = Console()
    for name, test in TESTS.items():
        matches = {one.match_id: one for one in test.read(data) if one.day <= test.until}
        ordered = sorted(matches.values(), key=lambda one: one.day)
        rows = history_rows(ordered, SET, before_kick_off, (FIRST - EPOCH).days)
        columns, excess = meetings(rows, matches)
        since = (test.since - EPOCH).days
        chosen = (rows.days >= since) & (columns[:, COLUMNS.index("meetings")] > 0) & ~np.isnan(excess)
        told = [f"{one} {np.corrcoef(columns[chosen, n], excess[chosen])[0, 1]:+.3f}" for n, one in enumerate(COLUMNS)]
        console.print(f"{name}, {chosen.sum():,} matches of teams that met before; correlations: {', '.join(told)}")
        for kind in KINDS:
            without = judged(kind, rows, rows.matrix, since)
            with_it = judged(kind, rows, np.hstack([rows.matrix, columns.astype(np.float32)]), since)
            low, high = paired_interval(with_it, without)
            means = f"{without.mean():.4f}", f"{with_it.mean():.4f}"
            table.add_row(name, f"{len(without):,}", kind, *means, f"{low:+.4f} to {high:+.4f}")
    console.print(table)


if __name__ == "__main__":
    main()
