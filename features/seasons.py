"""What becomes of a team's ratings between its matches: a break, and a move to another division.

A promoted team was among the best of a tier and is now among the weakest of a better one; what such teams turned out
to be is worth more than what they were. After a break all teams are a little nearer to the mean, and less certain.
The constants were chosen on matches before 2021-07-01 alone.
"""

from dataclasses import dataclass, replace
from typing import Final

from features.divisions import tier_of
from features.team_ratings import TeamRating

BREAK_DAYS: Final = 45  # longer than that without a match is the time between two seasons
AFTER_BREAK: Final = 0.986  # of attack and defence
SETTLED_AFTER_BREAK: Final = 5
SETTLED_AFTER_MOVE: Final = 2


@dataclass(frozen=True, slots=True)
class _Move:
    """What becomes of a team's attack, defence and pi-ratings when it comes to another division.

    Attributes:
        kept: Share of attack and defence; *added*: To both.
        pi_kept: Share of the pi-ratings; *pi_added*: To both, in their units.
    """

    kept: float
    added: float
    pi_kept: float = 1.0
    pi_added: float = 0.0


_PROMOTED: Final = _Move(0.74, -0.28, 0.3, -0.35)
_RELEGATED: Final = _Move(0.29, 0.148, 0.3, 0.3)
_NEW: Final = _Move(1.0, -0.077)
_SAME_TIER: Final = _Move(1.0, 0.0)


def entering(team: TeamRating, competition: str, day: int) -> TeamRating:
    """Return *team* as it goes into a match of *competition* on *day*."""
    rested = team.last_match_day is not None and day - team.last_match_day > BREAK_DAYS
    season_matches = 0 if rested else team.season_matches
    tier = tier_of(competition)
    if tier is None:
        return team if season_matches == team.season_matches else replace(team, season_matches=season_matches)
    if team.division != competition:
        return replace(_moved(team, _move(team.division, tier)), division=competition, season_matches=season_matches)
    if not rested:
        return team
    return replace(
        team,
        attack=AFTER_BREAK * team.attack,
        defence=AFTER_BREAK * team.defence,
        settled=min(team.settled, SETTLED_AFTER_BREAK),
        season_matches=season_matches,
    )


def _move(division: str | None, tier: int) -> _Move:
    before = None if division is None else tier_of(division)
    if before is None:
        return _NEW
    if tier == before:
        return _SAME_TIER
    return _PROMOTED if tier < before else _RELEGATED


def _moved(team: TeamRating, move: _Move) -> TeamRating:
    return replace(
        team,
        attack=move.kept * team.attack + move.added,
        defence=move.kept * team.defence + move.added,
        pi_home=move.pi_kept * team.pi_home + move.pi_added,
        pi_away=move.pi_kept * team.pi_away + move.pi_added,
        settled=team.settled if move is _SAME_TIER else min(team.settled, SETTLED_AFTER_MOVE),
    )
