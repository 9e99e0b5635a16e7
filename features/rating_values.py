"""The values of the ``ratings`` feature event: what the ratings of both teams say of one match."""

from features.divisions import DivisionRates
from features.pi_ratings import expected_margin
from features.team_ratings import TeamRating, elo_difference, expected_goals

LONGEST_REST_DAYS = 365


def rating_values(
    home: TeamRating, away: TeamRating, *, neutral: bool, day: int, rates: DivisionRates | None = None
) -> dict[str, float | None]:
    """Return the values of the ``ratings`` feature event of a match on *day* (days since the epoch).

    Both ratings are those entering it.
    """
    means = expected_goals(home, away, neutral=neutral, rates=rates)
    values: dict[str, float | None] = {
        "elo_difference": elo_difference(home, away, neutral=neutral),
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
            f"{side}_season_matches": float(team.season_matches),
        }
    values |= {
        "pi_difference": expected_margin(home.pi_home, away.pi_away),
        "home_pi": home.pi_home,
        "away_pi": away.pi_away,
        "home_form_at_home": home.form_at_home,
        "away_form_away": away.form_away,
    }
    if rates is not None:
        values |= {
            "division_goals": rates.log_goals,
            "home_advantage": rates.home_log_goals,
            "draw_factor": rates.draw_factor,
        }
    return values


def _rest_days(team: TeamRating, day: int) -> float | None:
    if team.last_match_day is None:
        return None
    return float(min(max(day - team.last_match_day, 0), LONGEST_REST_DAYS))
