"""Team ratings: what is known of a team from its finished matches, and the fold of one result."""

from dataclasses import dataclass

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class TeamRating:
    """What a team's finished matches say of it.

    Attributes:
        elo: Elo points; 1500 is where a team begins.
        attack: Log of the factor on the goals it scores; 0 is a mean team.
        defence: Log of the factor on the goals it concedes, with the sign turned; higher is better.
        form_points: Exponentially weighted mean of points, 0 to 3.
        form_goals_for: Exponentially weighted mean of goals scored.
        form_goals_against: Exponentially weighted mean of goals conceded.
        matches: Finished matches folded.
        last_match_day: Date of the last one, in days since the epoch; None before any.
    """

    team: str
    elo: float = 1500.0
    attack: float = 0.0
    defence: float = 0.0
    form_points: float = 1.4
    form_goals_for: float = 1.4
    form_goals_against: float = 1.4
    matches: int = 0
    last_match_day: int | None = None


@dataclass(frozen=True, slots=True)
class FinishedMatch:
    """A result as the rating fold needs it.

    Attributes:
        day: Date of the kick-off, UTC, in days since the epoch.
    """

    match_id: str
    day: int
    competition: str
    home_team: str
    away_team: str
    neutral: bool
    home_score: int
    away_score: int


def after_result(home: TeamRating, away: TeamRating, result: FinishedMatch) -> tuple[TeamRating, TeamRating]:
    """Return both ratings after *result*."""
    raise NotImplementedError


def rating_values(home: TeamRating, away: TeamRating, *, neutral: bool, day: int) -> dict[str, float | None]:
    """Return the values of the ``ratings`` feature event of a match on *day* (days since the epoch)."""
    raise NotImplementedError
