"""Team ratings: what is known of a team from its finished matches, and the fold of one result.

- Elo with goal margin and home advantage: World Football Elo Ratings (eloratings.net/about): expected score
  1 / (1 + 10^(-d/400)), home advantage 100, K of 20 to 60 by tournament, times 1.5 for two goals, (11 + n) / 8 for n.
- Attack and defence: goals are Poisson with log means intercept + attack - defence (Maher 1982, "Modelling
  association football scores"); each result is one step up the gradient of its log likelihood, as in score-driven
  models (Koopman and Lit 2019). The step does not shrink with the matches, so that old results decay.
- Form: exponentially weighted means (Hyndman and Athanasopoulos, "Forecasting: Principles and Practice", 8.1).

The constants were chosen on matches before 2022-01-01 alone.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import exp

MEAN_ELO = 1500.0
ELO_SCALE = 400.0
HOME_ADVANTAGE = 100.0  # Elo points
HOME_LOG_GOALS = 0.30
LOG_GOALS = 0.11
STEP = 0.03
FIRST_STEPS = 6.0  # a new team's steps are larger: 1 + FIRST_STEPS / (1 + matches)
LARGEST_LOG_GOALS = 2.5
FORM_WEIGHT = 0.15
LONGEST_REST_DAYS = 365

_IMPORTANCE = (
    ("qualification", 40.0),
    ("Friendly", 20.0),
    ("FIFA World Cup", 60.0),
    ("Nations League", 40.0),
    ("Confederations Cup", 50.0),
    ("UEFA Euro", 50.0),
    ("Copa América", 50.0),
    ("African Cup of Nations", 50.0),
    ("AFC Asian Cup", 50.0),
    ("Gold Cup", 50.0),
    ("Oceania Nations Cup", 50.0),
)
OTHER_IMPORTANCE = 30.0


@lru_cache(maxsize=1024)
def importance(competition: str) -> float:
    """Return the K of Elo for a match of *competition*: 20 (friendly) to 60 (World Cup); 30 for one not known.

    >>> importance("FIFA World Cup qualification"), importance("FIFA World Cup"), importance("en.1")
    (40.0, 60.0, 30.0)
    """
    return next((k for words, k in _IMPORTANCE if words in competition), OTHER_IMPORTANCE)


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
    elo: float = MEAN_ELO
    attack: float = 0.0
    defence: float = 0.0
    form_points: float = 1.35
    form_goals_for: float = 1.35
    form_goals_against: float = 1.35
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


def expected_score(home: TeamRating, away: TeamRating, *, neutral: bool) -> float:
    """Return Elo's expected score of the home side, 0 to 1; a draw is half a win."""
    return float(1.0 / (1.0 + 10.0 ** (-_elo_difference(home, away, neutral=neutral) / ELO_SCALE)))


def expected_goals(home: TeamRating, away: TeamRating, *, neutral: bool) -> tuple[float, float]:
    """Return the Poisson means of both sides' goals."""
    host = 0.0 if neutral else HOME_LOG_GOALS
    log_home = LOG_GOALS + host + home.attack - away.defence
    log_away = LOG_GOALS + away.attack - home.defence
    return exp(min(log_home, LARGEST_LOG_GOALS)), exp(min(log_away, LARGEST_LOG_GOALS))


def after_result(home: TeamRating, away: TeamRating, result: FinishedMatch) -> tuple[TeamRating, TeamRating]:
    """Return both ratings after *result*."""
    margin = result.home_score - result.away_score
    score = 0.5 + 0.5 * ((margin > 0) - (margin < 0))
    surprise = score - expected_score(home, away, neutral=result.neutral)
    points = importance(result.competition) * _margin_factor(abs(margin)) * surprise
    means = expected_goals(home, away, neutral=result.neutral)
    more = result.home_score - means[0], result.away_score - means[1]
    scores = result.home_score, result.away_score
    return (
        _after(home, points, more, scores, result.day),
        _after(away, -points, more[::-1], scores[::-1], result.day),
    )


def rating_values(home: TeamRating, away: TeamRating, *, neutral: bool, day: int) -> dict[str, float | None]:
    """Return the values of the ``ratings`` feature event of a match on *day* (days since the epoch)."""
    means = expected_goals(home, away, neutral=neutral)
    values: dict[str, float | None] = {
        "elo_difference": _elo_difference(home, away, neutral=neutral),
        "expected_home_goals": means[0],
        "expected_away_goals": means[1],
    }
    for side, team in (("home", home), ("away", away)):
        values |= {
            f"{side}_elo": team.elo,
            f"{side}_attack": team.attack,
            f"{side}_defence": team.defence,
            f"{side}_form_points": team.form_points,
            f"{side}_form_goals_for": team.form_goals_for,
            f"{side}_form_goals_against": team.form_goals_against,
            f"{side}_matches": float(team.matches),
            f"{side}_rest_days": _rest_days(team, day),
        }
    return values


def _elo_difference(home: TeamRating, away: TeamRating, *, neutral: bool) -> float:
    return home.elo - away.elo + (0.0 if neutral else HOME_ADVANTAGE)


def _margin_factor(goals: int) -> float:
    if goals <= 1:
        return 1.0
    return 1.5 if goals == 2 else (11 + goals) / 8  # noqa: PLR2004 # the formula's own two


def _rest_days(team: TeamRating, day: int) -> float | None:
    if team.last_match_day is None:
        return None
    return float(min(max(day - team.last_match_day, 0), LONGEST_REST_DAYS))


def _after(team: TeamRating, points: float, more: tuple[float, float], scores: tuple[int, int], day: int) -> TeamRating:
    scored, conceded = scores
    step = STEP * (1.0 + FIRST_STEPS / (1.0 + team.matches))
    won = 3.0 if scored > conceded else float(scored == conceded)
    return TeamRating(
        team.team,
        team.elo + points,
        team.attack + step * more[0],
        team.defence - step * more[1],
        team.form_points + FORM_WEIGHT * (won - team.form_points),
        team.form_goals_for + FORM_WEIGHT * (scored - team.form_goals_for),
        team.form_goals_against + FORM_WEIGHT * (conceded - team.form_goals_against),
        team.matches + 1,
        day,
    )
