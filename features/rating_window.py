"""RatingWindow: ratings now, and the results of the last days, so that a late one can be folded in its place.

Below the window stands the base. What a day's results changed is kept as the ratings before it; to refold from a day,
those are put back, last day first.
"""

from features.divisions import DivisionRates
from features.ratings import Meeting, Ratings
from features.team_ratings import FinishedMatch, TeamRating

WINDOW_DAYS = 30


class RatingWindow:
    """The ratings of all teams and divisions.

    Attributes:
        base: Ratings after all results before base_day; the window's own from now on.
        base_day: Days since the epoch.
        day: Results of days before it are folded.
    """

    def __init__(self, base: Ratings, base_day: int, day: int) -> None:
        self.base = base
        self.base_day = base_day
        self.day = day
        self._now = Ratings(dict(base.teams), dict(base.divisions))
        self._results: dict[int, dict[str, FinishedMatch]] = {}
        self._before: dict[int, Ratings] = {}

    def rating(self, team: str, day: int) -> TeamRating:
        """Return what results of days strictly before *day* say of *team*."""
        for one in self._from(day):
            if team in one.teams:
                return one.teams[team]
        return self._now.team(team)

    def values(self, meeting: Meeting) -> dict[str, float | None]:
        """Return what results of strictly earlier days say of *meeting*."""
        teams = [self.rating(team, meeting.day) for team in (meeting.home_team, meeting.away_team)]
        rates = self._division(meeting.competition, meeting.day)
        return Ratings.of(teams, [] if rates is None else [rates]).values(meeting)

    def ratings(self) -> list[TeamRating]:
        """Return the ratings of all teams as they are now."""
        return list(self._now.teams.values())

    def replace(self, old: FinishedMatch | None, new: FinishedMatch | None) -> set[str]:
        """Put *new* in the place of *old*; return the teams and divisions which may have moved."""
        days = []
        if old is not None:
            del self._results[old.day][old.match_id]
            days.append(old.day)
        if new is not None:
            self._results.setdefault(new.day, {})[new.match_id] = new
            days.append(new.day)
        return self._refold(min(days)) if days and min(days) < self.day else set()

    def advance(self, day: int) -> tuple[set[str], Ratings]:
        """Close all days before *day*; return what moved, and the base ratings before those that moved."""
        moved = self._fold(self.day, day)
        self.day = day
        return moved, self._advance_base(day - WINDOW_DAYS)

    def _from(self, day: int) -> list[Ratings]:
        return [self._before[one] for one in sorted(one for one in self._before if one >= day)]

    def _division(self, competition: str, day: int) -> DivisionRates | None:
        for one in self._from(day):
            if competition in one.divisions:
                return one.divisions[competition]
        return self._now.division(competition)

    def _refold(self, first: int) -> set[str]:
        moved: set[str] = set()
        for day in sorted((day for day in self._before if day >= first), reverse=True):
            before = self._before.pop(day)
            self._now.update(before)
            moved |= before.names
        return moved | self._fold(first, self.day)

    def _fold(self, first: int, until: int) -> set[str]:
        moved: set[str] = set()
        for day in sorted(day for day in self._results if first <= day < until):
            self._before[day] = self._now.fold_day(self._results[day].values())
            moved |= self._before[day].names
        return moved

    def _advance_base(self, day: int) -> Ratings:
        moved = Ratings()
        for one in sorted(one for one in self._results if one < day):
            before = self.base.fold_day(self._results.pop(one).values())
            before.update(moved)
            moved = before
            self._before.pop(one, None)
        self.base_day = max(self.base_day, day)
        return moved
