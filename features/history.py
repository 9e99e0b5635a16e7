"""The public match history: compressed CSV files to frozen records."""

import csv
import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TypeVar

from features.team_ratings import FinishedMatch

# Tournaments whose goal minutes are complete. Never chosen by "has goals recorded": that would select on the outcome.
TIMED_TOURNAMENTS = frozenset(
    {
        "AFC Asian Cup",
        "African Cup of Nations",
        "Copa América",
        "FIFA World Cup",
        "FIFA World Cup qualification",
        "Gold Cup",
        "UEFA Euro",
        "UEFA Euro qualification",
        "UEFA Nations League",
    }
)
EPOCH = date(1970, 1, 1)
HIGHEST_SCORE = 99
LAST_MINUTE = 150

T = TypeVar("T")
Row = Mapping[str, str]


class HistoryError(ValueError):
    """A line of the history that cannot be read; says file, line and what is wrong."""


@dataclass(frozen=True, slots=True)
class HistoricGoal:
    """One goal.

    Attributes:
        minute: 1 to 150; a goal in stoppage time is minute 45 or 90 (105, 120 in extra time).
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
        home_score: Final score; with extra time in internationals, of 90 minutes in club matches.
        goals: In order of minutes; those whose minute is known.
        goals_timed: True for the tournaments whose goal minutes are complete (bar a few matches decided at a table).
        kick_off_ms: Milliseconds since the epoch, on *day* (UTC); None when the history does not say.
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
    kick_off_ms: int | None = None


def as_result(match: HistoricMatch) -> FinishedMatch:
    """Return *match* as the rating fold needs it."""
    return FinishedMatch(
        match.match_id,
        (match.day - EPOCH).days,
        match.competition,
        match.home_team,
        match.away_team,
        match.neutral,
        match.home_score,
        match.away_score,
    )


def international_matches(folder: Path) -> Iterator[HistoricMatch]:
    """Read the internationals of *folder*, in the file's order (by date).

    Raises:
        HistoryError: A line is malformed.
        FileNotFoundError: A file is missing.
    """
    goals = _goals(folder / "international_goals.csv.gz")

    def match(row: Row) -> HistoricMatch:
        return HistoricMatch(
            match_id=_text(row, "match_id"),
            day=_day(row),
            home_team=_text(row, "home_team"),
            away_team=_text(row, "away_team"),
            home_score=_number(row, "home_score", 0, HIGHEST_SCORE),
            away_score=_number(row, "away_score", 0, HIGHEST_SCORE),
            competition=_text(row, "tournament"),
            neutral=_one_of(row, "neutral", ("0", "1")) == "1",
            goals=tuple(sorted(goals.get(row["match_id"], ()), key=lambda goal: goal.minute)),
            goals_timed=row["tournament"] in TIMED_TOURNAMENTS,
            kick_off_ms=_kick_off(row),
        )

    return _read(folder / "international_matches.csv.gz", match)


def club_matches(folder: Path) -> Iterator[HistoricMatch]:
    """Read the club matches of *folder*, in the file's order (by date); match ids are made of date, league and teams.

    Raises:
        HistoryError: A line is malformed.
        FileNotFoundError: The file is missing.
    """

    def match(row: Row) -> HistoricMatch:
        home, away, league, day = _text(row, "home_team"), _text(row, "away_team"), _text(row, "league"), _day(row)
        return HistoricMatch(
            match_id=f"{day}/{league}/{home}/{away}",
            day=day,
            home_team=home,
            away_team=away,
            home_score=_number(row, "home_goals", 0, HIGHEST_SCORE),
            away_score=_number(row, "away_goals", 0, HIGHEST_SCORE),
            competition=league,
            neutral=False,
            kick_off_ms=_kick_off(row),
        )

    return _read(folder / "club_matches.csv.gz", match)


def _goals(file: Path) -> dict[str, list[HistoricGoal]]:
    goals: dict[str, list[HistoricGoal]] = {}
    for match_id, goal in _read(file, _goal):
        if goal is not None:
            goals.setdefault(match_id, []).append(goal)
    return goals


def _goal(row: Row) -> tuple[str, HistoricGoal | None]:
    match_id = _text(row, "match_id")
    home = _one_of(row, "side", ("H", "A")) == "H"
    kind = _one_of(row, "kind", ("goal", "pen", "own"))
    if not row["minute"]:
        return match_id, None
    return match_id, HistoricGoal(_number(row, "minute", 1, LAST_MINUTE), home, kind)


def _read(file: Path, record: Callable[[Row], T]) -> Iterator[T]:
    with gzip.open(file, "rt", encoding="utf-8", newline="") as text:
        reader = csv.DictReader(text, strict=True)
        try:
            for row in reader:
                if None in row or None in row.values():
                    raise ValueError(f"{len(reader.fieldnames or ())} columns were expected")  # noqa: TRY301 # all say where
                yield record(row)
        except KeyError as error:
            raise HistoryError(f"{file.name} has no column {error}, only {reader.fieldnames}") from error
        except (ValueError, OverflowError, csv.Error) as error:
            raise HistoryError(f"{file.name}, line {reader.line_num}: {error}") from error
        except (EOFError, OSError, zlib.error) as error:
            raise HistoryError(f"{file.name} is damaged after line {reader.line_num}: {error}") from error


def _text(row: Row, column: str) -> str:
    if not row[column]:
        raise ValueError(f"{column} is empty")
    return row[column]


def _day(row: Row) -> date:
    return date.fromisoformat(row["date"])


def _kick_off(row: Row) -> int | None:
    """Return the kick-off, from a column which need not be there."""
    text = row.get("kick_off")
    if not text:
        return None
    at = datetime.fromisoformat(text)
    if at.tzinfo is None or at.astimezone(UTC).date() != _day(row):
        raise ValueError(
            f"kick_off is {text!r}, not a time of {row['date']} (UTC) such as {row['date']}T16:00:00+00:00"
        )
    return round(at.timestamp() * 1000)


def _number(row: Row, column: str, low: int, high: int) -> int:
    text = row[column]
    if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
        raise ValueError(f"{column} is {text!r}, not a whole number from {low} to {high}")
    return int(text)


def _one_of(row: Row, column: str, values: tuple[str, ...]) -> str:
    if row[column] not in values:
        raise ValueError(f"{column} is {row[column]!r}, not one of {', '.join(values)}")
    return row[column]
