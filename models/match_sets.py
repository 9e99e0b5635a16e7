"""Matches that are learned from and judged together, by name."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from features.history import HistoricMatch, club_matches, international_matches
from models.rows import Minutes, before_kick_off, grid_minutes, spread_minutes


@dataclass(frozen=True, slots=True)
class MatchSet:
    """Matches that are judged together.

    Attributes:
        read: Finds them in a folder.
        learned: At which minutes of a match there is a row to learn from.
        tested: At which minutes it is judged.
        in_play: Whether what is judged is the course of a match, and not what was said before it.
    """

    read: Callable[[Path], Iterator[HistoricMatch]]
    learned: Minutes
    tested: Minutes
    in_play: bool = False


BIG_5: Final = frozenset({"de.1", "en.1", "es.1", "fr.1", "it.1"})
"""First divisions, as the history names them."""


def _of_big_5(match: HistoricMatch) -> Sequence[int]:
    return before_kick_off(match) if match.competition in BIG_5 else ()


SETS: Final[Mapping[str, MatchSet]] = {
    "internationals": MatchSet(international_matches, spread_minutes, before_kick_off),
    "clubs": MatchSet(club_matches, before_kick_off, before_kick_off),
    "big-5": MatchSet(club_matches, before_kick_off, _of_big_5),
    "in-play": MatchSet(international_matches, spread_minutes, grid_minutes, in_play=True),
}
