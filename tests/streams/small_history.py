"""A small history of internationals, written as the public one is."""

import csv
import gzip
import random
from datetime import date, timedelta
from pathlib import Path

MATCHES = [
    "match_id",
    "date",
    "home_team",
    "away_team",
    "home_score",
    "away_score",
    "tournament",
    "neutral",
    "goals_timed",
]
GOALS = ["match_id", "minute", "side", "kind"]


def write(file: Path, columns, rows) -> None:
    """Write a compressed table."""
    with gzip.open(file, "wt", newline="") as text:
        csv.writer(text).writerows([columns, *rows])


def write_history(folder: Path, days: int = 600, first: date = date(2000, 1, 1)) -> None:
    """Write a history of *days* matches between eight teams, one each day from *first* on."""
    chance = random.Random(0)
    matches, goals = [], []
    for number in range(days):
        teams = chance.sample("ABCDEFGH", 2)
        score = [chance.randrange(4), chance.randrange(3)]
        day = first + timedelta(days=number)
        matches.append([f"m{number}", day, *teams, *score, "Gold Cup", 0, 1])
        for side, count in zip("HA", score, strict=True):
            goals += [[f"m{number}", chance.randrange(1, 91), side, "goal"] for _ in range(count)]
    write(folder / "international_matches.csv.gz", MATCHES, matches)
    write(folder / "international_goals.csv.gz", GOALS, goals)


def write_clubs(folder: Path) -> None:
    """Write the matches of the history in *folder* again, as those of clubs in two divisions."""
    with gzip.open(folder / "international_matches.csv.gz", "rt", newline="") as text:
        matches = list(csv.DictReader(text))
    shared = ("date", "home_team", "away_team", "home_score", "away_score")
    clubs = [[*(one[name] for name in shared), "en.1" if one["home_team"] < "D" else "en.2"] for one in matches]
    columns = ["date", "home_team", "away_team", "home_goals", "away_goals", "league"]
    write(folder / "club_matches.csv.gz", columns, clubs)
