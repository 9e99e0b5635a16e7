"""Alarms for forecasts which know what they should not: each looks for what only a leak can do.

Published forecasts of football with 65 or 99 % of results right come from leaks: half-time scores, shots of the same
match, ratings that are read after their update (docs/forecasts.md).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from features.feature_sets import FeatureSet
from features.history import EPOCH, HistoricMatch
from models.baselines import ELO, EloLogit, prior
from models.bootstrap import paired_interval
from models.predictors import Probabilities
from models.rows import GRID, NOTHING_TOLD, PRE_MATCH, Minutes, Rows, Told, history_rows
from models.scores import log_losses
from models.walking import FEWEST, TooFewError

MOST_GAIN: Final = 0.05
"""Nats before kick-off by which nobody is better than Elo under a logit; the best here are better by 0.013."""

MOST_OF_FREQUENCIES: Final = 0.3
"""The same against the frequencies of the results; internationals, the easier ones, are better by 0.18."""

CHANGED_DAYS: Final = 3
_HALF: Final = 45


@dataclass(frozen=True, slots=True)
class LeakAlarm:
    """What one look has found.

    Attributes:
        name: ``future`` or ``too_good``.
        alarmed: Whether it can only be a leak.
        said: In a sentence.
    """

    name: str
    alarmed: bool
    said: str


@dataclass(frozen=True, slots=True)
class Suspect:
    """What is looked at: features, and the rows that they make.

    Attributes:
        matches: In order of days.
        features: The feature set.
        minutes: At which minutes of a match there is a row to learn from.
        told: Users' feature events by match.
        first: First day that is judged, days since the epoch; a model was fitted on earlier days.
        learned: Rows of earlier days.
        judged: Rows from that day on, before kick-off.
    """

    matches: Sequence[HistoricMatch]
    features: FeatureSet
    minutes: Minutes
    told: Told
    first: int
    learned: Rows
    judged: Rows


def suspect(
    matches: Sequence[HistoricMatch],
    features: FeatureSet,
    minutes: Minutes,
    days: tuple[int, int],
    told: Told = NOTHING_TOLD,
) -> Suspect:
    """Return what is looked at, of *days*: the first to learn from and the first to judge by, since the epoch.

    Raises:
        TooFewError: Too few rows to learn from, or to judge by.
    """
    since, first = days
    rows = history_rows(matches, features, minutes, since, told)
    learned = rows.where(rows.days < first)
    judged = rows.where((rows.days >= first) & (rows.minutes == PRE_MATCH))
    for some, what in ((learned, "before the first day that is judged"), (judged, "from that day on")):
        if len(some.days) < FEWEST:
            raise TooFewError(f"there are {len(some.days)} rows {what}; at least {FEWEST} are needed")
    return Suspect(matches, features, minutes, told, first, learned, judged)


def looks(found: Suspect, said: Probabilities) -> list[LeakAlarm]:
    """Return what both looks have found; *said* is what the model says of ``found.judged``, shape ``(n, 3)``."""
    return [too_good(found, said), future(found)]


def too_good(found: Suspect, said: Probabilities) -> LeakAlarm:
    """Compare what was *said* with Elo under a logit, or the frequencies where the features have no Elo."""
    names = found.features.names
    baseline, named = (EloLogit(names), "Elo under a logit") if ELO in names else (prior, "the frequencies")
    most = MOST_GAIN if ELO in names else MOST_OF_FREQUENCIES
    results = found.judged.results
    ours, theirs = (log_losses(one, results) for one in (said, baseline(found.learned, found.judged)))
    low, high = (-bound for bound in reversed(paired_interval(ours, theirs)))
    gain = f"{theirs.mean() - ours.mean():+.4f} ({low:+.4f} to {high:+.4f}) better than {named}"
    told = f"log loss {ours.mean():.4f} on {len(results):,} matches it has not seen, {gain}"
    return LeakAlarm("too_good", low > most, f"{told}; surely more than {most:g} would be too good to be true")


def future(found: Suspect) -> LeakAlarm:
    """Change what happens after a moment, and compare the rows of before bit by bit.

    On each of the days with most matches, every match gets another score and other goals after half-time. Nothing that
    was said before may change.
    """
    counts = Counter((match.day - EPOCH).days for match in found.matches)
    days = sorted((day for day in counts if day >= found.first), key=lambda day: (-counts[day], day))[:CHANGED_DAYS]
    rows = 0
    for day in days:
        until = [match for match in found.matches if (match.day - EPOCH).days <= day]
        changed = [_changed(match) if (match.day - EPOCH).days == day else match for match in until]
        real, other = (history_rows(those, found.features, _first_half, day, found.told) for those in (until, changed))
        unlike = real.matrix.view(np.uint32) != other.matrix.view(np.uint32)
        if unlike.any():
            row, column = (int(place) for place in np.argwhere(unlike)[0])
            told = f"{found.features.names[column]} of match {real.match_ids[row]} {_when(int(real.minutes[row]))}"
            return LeakAlarm("future", True, f"{told} changes when what happens later does")  # noqa: FBT003 - alarmed
        rows += len(real.days)
    return LeakAlarm("future", False, f"{rows:,} rows of {len(days)} days do not change when what happens later does")  # noqa: FBT003 - as above


def _changed(match: HistoricMatch) -> HistoricMatch:
    """Return *match* as it might have ended after half-time: the other side wins, or somebody does."""
    kept = tuple(goal for goal in match.goals if goal.minute <= _HALF)
    home, away = (9, 0) if match.home_score <= match.away_score else (0, 9)
    return replace(match, home_score=home, away_score=away, goals=kept)


def _first_half(match: HistoricMatch) -> Sequence[int]:
    return (PRE_MATCH, *(minute for minute in GRID if minute < _HALF)) if match.goals_timed else (PRE_MATCH,)


def _when(minute: int) -> str:
    return "before kick-off" if minute == PRE_MATCH else f"in minute {minute}"
