"""Matches that are learned from and judged together, by name."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from features.feature_sets import FeatureSet
from features.history import HistoricMatch, club_matches, international_matches
from models.rows import Minutes, before_kick_off, grid_minutes, spread_minutes


@dataclass(frozen=True, slots=True)
class MatchSet:
    """Matches that are judged together.

    Attributes:
        read: Finds them in a folder.
        learned: At which minutes of a match there is a row to learn from.
        tested: At which minutes it is judged.
        told: Which matches these are, in words.
        limits: What the history does not tell, a sentence each.
        in_play: Whether what is judged is the course of a match, and not what was said before it.
    """

    read: Callable[[Path], Iterator[HistoricMatch]]
    learned: Minutes
    tested: Minutes
    told: str
    limits: Sequence[str]
    in_play: bool = False


BIG_5: Final = frozenset({"de.1", "en.1", "es.1", "fr.1", "it.1"})
"""First divisions, as the history names them."""


def _of_big_5(match: HistoricMatch) -> Sequence[int]:
    return before_kick_off(match) if match.competition in BIG_5 else ()


_INTERNATIONALS: Final = "international matches of men's teams (martj42/international_results, CC0)"
_CLUBS: Final = "league matches of clubs (openfootball, CC0)"
_RESULTS_ONLY: Final = "It knows results, not line-ups, injuries, weather or odds."
_BOTH: Final = (
    _RESULTS_ONLY,
    "In seasons without spectators home advantage was smaller than it says.",
)
_OF_INTERNATIONALS: Final = (
    "Scores include extra time, so that a draw means one after it; shoot-outs do not count.",
    "Goals in stoppage time are minute 45 or 90 in what it learned from.",
    "Matches in play were learned from tournaments whose goal minutes are complete.",
    "Red cards are not in the history, and count as the literature says.",
    *_BOTH,
)
_OF_CLUBS: Final = (
    "It was not trained on matches in play; what it says after kick-off is not to be trusted.",
    "Only leagues are in the history: cups and the matches between leagues move no rating.",
    "A few clubs of small leagues may be in the history under two names.",
    *_BOTH,
)

SETS: Final[Mapping[str, MatchSet]] = {
    "internationals": MatchSet(
        international_matches, spread_minutes, before_kick_off, _INTERNATIONALS, _OF_INTERNATIONALS
    ),
    "clubs": MatchSet(club_matches, before_kick_off, before_kick_off, _CLUBS, _OF_CLUBS),
    "big-5": MatchSet(club_matches, before_kick_off, _of_big_5, _CLUBS, _OF_CLUBS),
    "in-play": MatchSet(
        international_matches, spread_minutes, grid_minutes, _INTERNATIONALS, _OF_INTERNATIONALS, in_play=True
    ),
}


def limits_of(chosen: MatchSet, features: FeatureSet) -> Sequence[str]:
    """Return the limits of a model of *chosen* that was trained with *features*."""
    sources = [source for source, _ in features.reads.sources]
    if not sources:
        return chosen.limits
    told = f"Beyond results it knows only what feature events told of these sources: {', '.join(sources)}."
    return [told if limit == _RESULTS_ONLY else limit for limit in chosen.limits]
