"""What a RatingBook remembers and writes: fixtures, base ratings and how far it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from features.divisions import DivisionRates
from features.team_ratings import FinishedMatch, TeamRating

DAY_MS = 86_400_000


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

    @property
    def day(self) -> int:
        """Date of the kick-off, UTC, in days since the epoch."""
        return self.kick_off_ms // DAY_MS

    @property
    def open(self) -> bool:
        """True while neither a result nor a cancellation is known."""
        return self.home_score is None and not self.cancelled

    @property
    def result(self) -> FinishedMatch | None:
        """The result, when there is one that counts."""
        if self.home_score is None or self.away_score is None or self.cancelled:
            return None
        return FinishedMatch(
            self.match_id,
            self.day,
            self.competition,
            self.home_team,
            self.away_team,
            self.neutral,
            self.home_score,
            self.away_score,
        )


@dataclass(frozen=True, slots=True)
class BaseRating:
    """A team's rating below the window of days that can be refolded; persisted as ``base_rating.v2.avsc``, key team.

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
    """How far the book is; persisted as ``rating_clock.v2.avsc``, one record.

    Attributes:
        day: Current day, in days since the epoch; results of earlier days are folded.
        base_day: Results of days before it are in the base.
        occurred_at_ms: Highest event time seen.
        too_late: Results that came after their day had left the window; ignored.
        divisions: The rates of the divisions after all results before base_day, by name. They are few, and stand here
            so that they are written at once with base_day.
    """

    day: int = 0
    base_day: int = 0
    occurred_at_ms: int = 0
    too_late: int = 0
    divisions: tuple[DivisionRates, ...] = ()


@dataclass(frozen=True, slots=True)
class Changes:
    """What must be written, bases first, dropped last, so that any prefix of it is restored right."""

    bases: Sequence[BaseRating]
    fixtures: Sequence[Fixture]
    clock: RatingClock | None
    dropped: Sequence[str]
