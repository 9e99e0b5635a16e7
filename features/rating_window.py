"""RatingWindow: ratings now, and the results of the last days, so that a late one can be folded in its place.

Below the window stands the base. What a day's results changed is kept as the ratings before it; to refold from a day,
those are put back, last day first.
"""

from collections.abc import Mapping

from features.team_ratings import FinishedMatch, TeamRating, after_result

WINDOW_DAYS = 30


class RatingWindow:
    """The ratings of all teams.

    Attributes:
        base: Ratings after all results before base_day.
        base_day: Days since the epoch.
        day: Results of days before it are folded.
    """

    def __init__(self, base: Mapping[str, TeamRating], base_day: int, day: int) -> None:
        self.base = dict(base)
        self.base_day = base_day
        self.day = day
        self._now = dict(base)
        self._results: dict[int, dict[str, FinishedMatch]] = {}
        self._before: dict[int, dict[str, TeamRating]] = {}

    def rating(self, team: str, day: int) -> TeamRating:
        """Return what results of days strictly before *day* say of *team*."""
        for one in sorted(one for one in self._before if one >= day):
            if team in self._before[one]:
                return self._before[one][team]
        return self._now.get(team) or TeamRating(team)

    def ratings(self) -> list[TeamRating]:
        """Return all ratings as they are now."""
        return list(self._now.values())

    def replace(self, old: FinishedMatch | None, new: FinishedMatch | None) -> set[str]:
        """Put *new* in the place of *old*; return the teams whose rating may have moved."""
        days = []
        if old is not None:
            del self._results[old.day][old.match_id]
            days.append(old.day)
        if new is not None:
            self._results.setdefault(new.day, {})[new.match_id] = new
            days.append(new.day)
        return self._refold(min(days)) if days and min(days) < self.day else set()

    def advance(self, day: int) -> tuple[set[str], dict[str, TeamRating]]:
        """Close all days before *day*; return the teams that moved, and the base ratings before those that moved."""
        moved = self._fold(self.day, day)
        self.day = day
        return moved, self._advance_base(day - WINDOW_DAYS)

    def _refold(self, first: int) -> set[str]:
        moved: set[str] = set()
        for day in sorted((day for day in self._before if day >= first), reverse=True):
            before = self._before.pop(day)
            self._now.update(before)
            moved.update(before)
        return moved | self._fold(first, self.day)

    def _fold(self, first: int, until: int) -> set[str]:
        moved: set[str] = set()
        for day in sorted(day for day in self._results if first <= day < until):
            self._before[day] = fold_day(self._now, self._results[day])
            moved.update(self._before[day])
        return moved

    def _advance_base(self, day: int) -> dict[str, TeamRating]:
        moved: dict[str, TeamRating] = {}
        for one in sorted(one for one in self._results if one < day):
            moved = fold_day(self.base, self._results.pop(one)) | moved
            self._before.pop(one, None)
        self.base_day = max(self.base_day, day)
        return moved


def fold_day(ratings: dict[str, TeamRating], results: Mapping[str, FinishedMatch]) -> dict[str, TeamRating]:
    """Fold one day's *results* into *ratings*, by match_id; return the ratings before it of those who played."""
    before: dict[str, TeamRating] = {}
    for _, result in sorted(results.items()):
        home = ratings.get(result.home_team) or TeamRating(result.home_team)
        away = ratings.get(result.away_team) or TeamRating(result.away_team)
        before.setdefault(result.home_team, home)
        before.setdefault(result.away_team, away)
        ratings[result.home_team], ratings[result.away_team] = after_result(home, away, result)
    return before
