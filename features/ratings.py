"""Ratings: those of all teams and the rates of all divisions at one time, and the fold of a day's results."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from features.divisions import DivisionRates, rates_after, tier_of
from features.rating_values import rating_values
from features.seasons import entering
from features.team_ratings import FinishedMatch, TeamRating, after_result, expected_goals


class Meeting(Protocol):
    """Two teams on a day, whether they have played yet or not."""

    @property
    def day(self) -> int:
        """Date of the kick-off, UTC, in days since the epoch."""
        ...

    @property
    def competition(self) -> str:
        """Name of the competition."""
        ...

    @property
    def home_team(self) -> str:
        """Name of the home team."""
        ...

    @property
    def away_team(self) -> str:
        """Name of the away team."""
        ...

    @property
    def neutral(self) -> bool:
        """Whether neither side plays at home."""
        ...


@dataclass(slots=True)
class Ratings:
    """Ratings of teams by name, and rates of divisions by theirs."""

    teams: dict[str, TeamRating] = field(default_factory=dict)
    divisions: dict[str, DivisionRates] = field(default_factory=dict)

    @classmethod
    def of(cls, teams: Iterable[TeamRating], divisions: Iterable[DivisionRates]) -> "Ratings":
        """Return ratings which are those given."""
        return cls({one.team: one for one in teams}, {one.division: one for one in divisions})

    @property
    def names(self) -> set[str]:
        """Of all teams and divisions."""
        return self.teams.keys() | self.divisions.keys()

    def team(self, name: str) -> TeamRating:
        """Return the rating of a team, which may be new."""
        return self.teams.get(name) or TeamRating(name)

    def division(self, competition: str) -> DivisionRates | None:
        """Return the rates of *competition*, which may be new; None when it is no division."""
        if tier_of(competition) is None:
            return None
        return self.divisions.get(competition) or DivisionRates(competition)

    def values(self, meeting: Meeting) -> dict[str, float | None]:
        """Return what these ratings say of *meeting*: the values of its ``ratings`` feature event."""
        return rating_values(
            entering(self.team(meeting.home_team), meeting.competition, meeting.day),
            entering(self.team(meeting.away_team), meeting.competition, meeting.day),
            neutral=meeting.neutral,
            day=meeting.day,
            rates=self.division(meeting.competition),
        )

    def fold_day(self, results: Iterable[FinishedMatch]) -> "Ratings":
        """Fold one day's *results*, by match_id; return the ratings before it of the teams and divisions that moved."""
        before = Ratings()
        for result in sorted(results, key=lambda one: one.match_id):
            self._fold(result, before)
        return before

    def update(self, others: "Ratings") -> None:
        """Put *others* in the place of those which they name."""
        self.teams.update(others.teams)
        self.divisions.update(others.divisions)

    def _fold(self, result: FinishedMatch, before: "Ratings") -> None:
        teams = self.team(result.home_team), self.team(result.away_team)
        for team in teams:
            before.teams.setdefault(team.team, team)
        home, away = (entering(team, result.competition, result.day) for team in teams)
        rates = self.division(result.competition)
        if rates is not None:
            before.divisions.setdefault(rates.division, rates)
            means = expected_goals(home, away, neutral=result.neutral, rates=rates)
            self.divisions[rates.division] = rates_after(rates, means, (result.home_score, result.away_score))
        self.teams[home.team], self.teams[away.team] = after_result(home, away, result, rates)
