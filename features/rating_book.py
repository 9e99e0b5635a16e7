"""RatingBook: the state of the ``rate`` role, from team events to ratings features."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from features.team_ratings import FinishedMatch, TeamRating
from schemas.records import FeatureEvent, TeamEvent


@dataclass(frozen=True, slots=True)
class Fixture:
    """What the book remembers of one match; persisted as ``fixture.v1.avsc``, key match_id.

    Attributes:
        heard: 64-bit digests of the team events folded, signed.
        as_of_ms: Of the last feature event; 0 before any.
        values: Of the last feature event.
    """

    match_id: str
    kick_off_ms: int
    competition: str
    home_team: str
    away_team: str
    neutral: bool
    home_score: int | None = None
    away_score: int | None = None
    cancelled: bool = False
    heard: tuple[int, ...] = ()
    as_of_ms: int = 0
    values: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BaseRating:
    """A team's rating below the window of days that can be refolded; persisted as ``base_rating.v1.avsc``, key team.

    Attributes:
        rating: As after all results before base_day.
        base_day: Days since the epoch.
        previous: The rating before that; counts when the clock was not written any more after this record.
    """

    rating: TeamRating
    base_day: int
    previous: TeamRating | None = None


@dataclass(frozen=True, slots=True)
class RatingClock:
    """How far the book is; persisted as ``rating_clock.v1.avsc``, one record.

    Attributes:
        day: Current day, in days since the epoch; results of earlier days are folded.
        base_day: Results of days before it are in the base.
        occurred_at_ms: Highest event time seen.
        too_late: Results that came after their day had left the window; ignored.
    """

    day: int = 0
    base_day: int = 0
    occurred_at_ms: int = 0
    too_late: int = 0


@dataclass(frozen=True, slots=True)
class Changes:
    """What must be written, bases first, dropped last, so that any prefix of it is restored right."""

    bases: Sequence[BaseRating]
    fixtures: Sequence[Fixture]
    clock: RatingClock | None
    dropped: Sequence[str]


class RatingBook:
    """Ratings of all teams and what is open; one owner, who calls ``after`` for each team event in log order."""

    def __init__(self) -> None:
        self._clock = RatingClock()

    @classmethod
    def restore(
        cls, bases: Iterable[BaseRating], fixtures: Iterable[Fixture], clock: RatingClock | None
    ) -> "RatingBook":
        """Return the book whose written records these are."""
        raise NotImplementedError

    @classmethod
    def seeded(cls, results: Iterable[FinishedMatch], day: int) -> "RatingBook":
        """Return a book that begins on *day* with all *results* of earlier days in its base."""
        raise NotImplementedError

    def after(self, event: TeamEvent) -> list[FeatureEvent]:
        """Fold *event*; return a feature event for each open fixture that is new or whose teams moved."""
        raise NotImplementedError

    def changed(self) -> Changes:
        """Return what has changed since the last call, and forget it."""
        raise NotImplementedError

    @property
    def clock(self) -> RatingClock:
        """How far the book is."""
        return self._clock

    def rating(self, team: str) -> TeamRating:
        """Return the team's current rating."""
        raise NotImplementedError
