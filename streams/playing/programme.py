"""What a demo plays: match days of the history when there is one, else simulated ones."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from features.history import EPOCH, HistoricMatch
from features.narrative import DAY_MS, MINUTE_MS
from features.rating_book import RatingBook
from features.simulation import Simulation
from streams.playing.match_days import Choice, MatchDay, chosen, historic_days, recorded_days
from streams.playing.seeding import seeded_book

HISTORY_FILE = "international_matches.csv.gz"
PLACES = (Path("data"), Path("../shared/data"))
"""Of the history, seen from the working directory."""
WORLD_CUP = "FIFA World Cup"
GROUP_STAGE = (date(2022, 11, 22), date(2022, 12, 2))  # its days with several matches
_FIRST_KICK_OFF_MS = 12 * 60 * MINUTE_MS
_BETWEEN_KICK_OFFS_MS = 20 * MINUTE_MS
_SIMULATED_DAYS = 30
_SIMULATED_MATCHES = 4
_SIMULATION_START = date(2026, 1, 1)


@dataclass(frozen=True, slots=True)
class Programme:
    """Days to be played, and the ratings before them."""

    title: str
    days: Sequence[MatchDay]
    book: RatingBook


def history_folder(given: Path | None, here: Path) -> Path | None:
    """Return where the match history is: as given, or beside the working directory *here*; None without any."""
    if given is not None:
        return given
    found = ((here / place).resolve() for place in PLACES)
    return next((place for place in found if (place / HISTORY_FILE).is_file()), None)


def historic_programme(matches: Iterable[HistoricMatch], choice: Choice) -> Programme:
    """Return the days of *choice*, the matches of a day overlapping, with the ratings of all results before.

    Raises:
        PlayError: There is no such match.
    """
    known = list(matches)
    played = chosen(known, choice)
    kick_offs = overlapping(played)
    days = historic_days(played, lambda match: kick_offs[match.match_id])
    name = choice.tournament or "All matches"
    return Programme(f"{name} {days[0].date:%Y}", days, seeded_book(known, days[0].date))


def overlapping(matches: Iterable[HistoricMatch]) -> dict[str, int]:
    """Return a kick-off for each match, milliseconds since the epoch: a day's matches begin shortly one after another.

    A day with many matches begins several at once, so that all end before midnight.
    """
    found: dict[str, int] = {}
    ordered = sorted(matches, key=lambda match: (match.day, match.match_id))
    for day, those in itertools.groupby(ordered, lambda match: match.day):
        midnight = (day - EPOCH).days * DAY_MS
        for place, match in enumerate(those):
            found[match.match_id] = midnight + _FIRST_KICK_OFF_MS + place % 15 * _BETWEEN_KICK_OFFS_MS
    return found


def simulated_programme(days: int = _SIMULATED_DAYS, seed: int = 1) -> Programme:
    """Return the first days of a simulated season; its teams begin without ratings."""
    start = (_SIMULATION_START - EPOCH).days * DAY_MS
    simulation = Simulation(_SIMULATED_MATCHES, start, seed=seed)
    end = start + days * DAY_MS
    events = itertools.takewhile(lambda sent: sent.event.occurred_at_ms < end, simulation.events())
    return Programme("Simulated league", recorded_days(sent.event for sent in events), RatingBook())
