"""The public match history: compressed CSV files to frozen records."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path


class HistoryError(ValueError):
    """A line of the history that cannot be read; says file, line and what is wrong."""


@dataclass(frozen=True, slots=True)
class HistoricGoal:
    """One goal.

    Attributes:
        minute: 1 to 120; a goal in stoppage time is minute 45 or 90 (or 105, 120).
        home: True when it counts for the home side.
        kind: ``goal``, ``pen`` or ``own``.
    """

    minute: int
    home: bool
    kind: str


@dataclass(frozen=True, slots=True)
class HistoricMatch:
    """One match that was played.

    Attributes:
        goals: In order of minutes; empty when they are not known.
        goals_timed: True when every goal of the tournament has its minute.
    """

    match_id: str
    day: date
    home_team: str
    away_team: str
    home_score: int
    away_score: int
    competition: str
    neutral: bool
    goals: tuple[HistoricGoal, ...] = ()
    goals_timed: bool = False


def international_matches(folder: Path) -> Iterator[HistoricMatch]:
    """Read the internationals of *folder*, in the file's order (by date).

    Raises:
        HistoryError: A line is malformed.
        FileNotFoundError: A file is missing.
    """
    raise NotImplementedError


def club_matches(folder: Path) -> Iterator[HistoricMatch]:
    """Read the club matches of *folder*, in the file's order (by date); match ids are made of date, league and teams.

    Raises:
        HistoryError: A line is malformed.
        FileNotFoundError: The file is missing.
    """
    raise NotImplementedError
