"""Team ratings: what is known of a team from its finished matches, and the fold of one result.

- Elo with goal margin and home advantage: World Football Elo Ratings (eloratings.net/about): expected score
  1 / (1 + 10^(-d/400)), home advantage 100, K of 20 to 60 by tournament, times 1.5 for two goals, (11 + n) / 8 for n.
- Attack and defence: goals are Poisson with log means intercept + attack - defence (Maher 1982, "Modelling
  association football scores"); each result is one step up the gradient of its log likelihood, as in score-driven
  models (Koopman and Lit 2019). The step does not shrink with the matches, so that old results decay.
- Pi-ratings at home and away (features.pi_ratings).
- Form: exponentially weighted means (Hyndman and Athanasopoulos, "Forecasting: Principles and Practice", 8.1).

In divisions (features.divisions) the goals of a mean team and home advantage are those of the division; what becomes of
a team between two seasons is in features.seasons.

The constants were chosen on matches before 2022-01-01 alone, those of divisions on matches before 2021-07-01.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from math import exp

from features.divisions import DivisionRates, tier_of
from features.pi_ratings import CARRIED, lesson

MEAN_ELO = 1500.0
ELO_SCALE = 400.0
HOME_ADVANTAGE = 100.0  # Elo points
HOME_LOG_GOALS = 0.30
LOG_GOALS = 0.11
STEP = 0.03
FIRST_STEPS = 6.0  # a new team's steps are larger: 1 + FIRST_STEPS / (1 + matches)
LARGEST_LOG_GOALS = 2.5
FORM_WEIGHT = 0.15

DIVISION_ELO = 20.0
DIVISION_STEP = 0.017
DIVISION_FIRST_STEPS = 4.0
FORM_AT_WEIGHT = 0.12

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
        division: The last one in which it played.
        settled: Matches folded since its ratings were last in doubt, and some.
        season_matches: Those since the last break.
        pi_home: Pi-rating at home.
        pi_away: Pi-rating away.
        form_at_home: Exponentially weighted mean of the margin at home, in goals.
        form_away: The same away.
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
    division: str | None = None
    settled: int = 0
    season_matches: int = 0
    pi_home: float = 0.0
    pi_away: float = 0.0
    form_at_home: float = 0.0
    form_away: float = 0.0


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
    return float(1.0 / (1.0 + 10.0 ** (-elo_difference(home, away, neutral=neutral) / ELO_SCALE)))


def expected_goals(
    home: TeamRating, away: TeamRating, *, neutral: bool, rates: DivisionRates | None = None
) -> tuple[float, float]:
    """Return the Poisson means of both sides' goals; *rates* are those of the division, if it is one."""
    goals, host = (LOG_GOALS, HOME_LOG_GOALS) if rates is None else (rates.log_goals, rates.home_log_goals)
    log_home = goals + (0.0 if neutral else host) + home.attack - away.defence
    log_away = goals + away.attack - home.defence
    return exp(min(log_home, LARGEST_LOG_GOALS)), exp(min(log_away, LARGEST_LOG_GOALS))


def after_result(
    home: TeamRating, away: TeamRating, result: FinishedMatch, rates: DivisionRates | None = None
) -> tuple[TeamRating, TeamRating]:
    """Return both ratings, which are those entering the match, after *result*."""
    margin = result.home_score - result.away_score
    score = 0.5 + 0.5 * ((margin > 0) - (margin < 0))
    surprise = score - expected_score(home, away, neutral=result.neutral)
    weight = importance(result.competition) if rates is None else DIVISION_ELO
    points = weight * _margin_factor(abs(margin)) * surprise
    means = expected_goals(home, away, neutral=result.neutral, rates=rates)
    more = result.home_score - means[0], result.away_score - means[1]
    scores = result.home_score, result.away_score
    learned = lesson(home.pi_home, away.pi_away, margin)
    return (
        replace(
            _after(home, points, more, result, scores),
            pi_home=home.pi_home + learned,
            pi_away=home.pi_away + CARRIED * learned,
            form_at_home=home.form_at_home + FORM_AT_WEIGHT * (margin - home.form_at_home),
        ),
        replace(
            _after(away, -points, more[::-1], result, scores[::-1]),
            pi_home=away.pi_home - CARRIED * learned,
            pi_away=away.pi_away - learned,
            form_away=away.form_away + FORM_AT_WEIGHT * (-margin - away.form_away),
        ),
    )


def elo_difference(home: TeamRating, away: TeamRating, *, neutral: bool) -> float:
    """Return the Elo points by which the home side is better, home advantage included."""
    return home.elo - away.elo + (0.0 if neutral else HOME_ADVANTAGE)


def _margin_factor(goals: int) -> float:
    if goals <= 1:
        return 1.0
    return 1.5 if goals == 2 else (11 + goals) / 8  # noqa: PLR2004 # the formula's own two


def _step(team: TeamRating, *, in_division: bool) -> float:
    if in_division:
        return DIVISION_STEP * (1.0 + DIVISION_FIRST_STEPS / (1.0 + team.settled))
    return STEP * (1.0 + FIRST_STEPS / (1.0 + team.matches))


def _after(  # what is the same at home and away
    team: TeamRating, points: float, more: tuple[float, float], result: FinishedMatch, scores: tuple[int, int]
) -> TeamRating:
    scored, conceded = scores
    step = _step(team, in_division=tier_of(result.competition) is not None)
    won = 3.0 if scored > conceded else float(scored == conceded)
    return replace(
        team,
        elo=team.elo + points,
        attack=team.attack + step * more[0],
        defence=team.defence - step * more[1],
        form_points=team.form_points + FORM_WEIGHT * (won - team.form_points),
        form_goals_for=team.form_goals_for + FORM_WEIGHT * (scored - team.form_goals_for),
        form_goals_against=team.form_goals_against + FORM_WEIGHT * (conceded - team.form_goals_against),
        matches=team.matches + 1,
        settled=team.settled + 1,
        season_matches=team.season_matches + 1,
        last_match_day=result.day,
    )
