"""What is shown of matches while they are played: one owner, fed by several threads, read as a snapshot."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from schemas.records import EventKind, MatchEvent, Prediction
from streams.playing.watching import Pulse, Stopwatch

_MOST_MATCHES = 64
_MOST_NAMES = 4096
_GOAL_WORDS = {"GOAL": "goal", "OWN_GOAL": "own goal", "PENALTY_GOAL": "penalty goal"}
_SILENT = frozenset({"TICK", "SHOT", "CORNER", "SUBSTITUTION"})
_WORDS = {"SCHEDULED": "announced", "FEATURES": "ratings known", "CORRECTION": "corrected"}


@dataclass(frozen=True, slots=True)
class MatchView:
    """One match.

    Attributes:
        minute: -1 before kick-off.
        home: Probability, as draw and away; they are 0 before the first prediction.
        last_event: In words; empty before any.
    """

    match_id: str
    home_team: str
    away_team: str
    minute: int = -1
    home_score: int = 0
    away_score: int = 0
    home: float = 0.0
    draw: float = 0.0
    away: float = 0.0
    last_event: str = ""
    over: bool = False

    @property
    def clock(self) -> str:
        """The minute as people write it."""
        if self.over:
            return "FT"
        return "" if self.minute < 0 else f"{self.minute}'"


@dataclass(frozen=True, slots=True)
class RoleLag:
    """How far a role is behind; None for what is not known."""

    role: str
    records: float | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that is shown, at one moment."""

    title: str = ""
    note: str = ""
    matches: Sequence[MatchView] = ()
    pulse: Pulse = field(default_factory=Pulse)
    lags: Sequence[RoleLag] = ()
    sent: int = 0
    predictions: int = 0
    links: Mapping[str, str] = field(default_factory=dict)


class Scoreboard:
    """Takes events, predictions and lags from any thread."""

    def __init__(self, stopwatch: Stopwatch) -> None:
        self._stopwatch = stopwatch
        self._lock = threading.Lock()
        self._matches: dict[str, MatchView] = {}
        self._teams: dict[str, tuple[str, str]] = {}  # also of matches announced on an earlier day
        self._shown = Snapshot()

    def say(self, *, title: str | None = None, note: str | None = None, links: Mapping[str, str] | None = None) -> None:
        """Change the words around the matches; None leaves them."""
        with self._lock:
            self._shown = replace(
                self._shown,
                title=self._shown.title if title is None else title,
                note=self._shown.note if note is None else note,
                links=self._shown.links if links is None else links,
            )

    def begin_day(self, title: str) -> None:
        """Clear the matches for those of another day."""
        with self._lock:
            self._matches.clear()
            self._shown = replace(self._shown, title=title)

    def take(self, one: MatchEvent | Prediction) -> None:
        """Show what was sent or predicted."""
        with self._lock:
            if isinstance(one, Prediction):
                self._predicted(one)
            else:
                self._sent(one)

    def _sent(self, event: MatchEvent) -> None:
        self._shown = replace(self._shown, sent=self._shown.sent + 1)
        if event.kind is EventKind.SCHEDULED and event.home_team and event.away_team:
            self._teams[event.match_id] = (event.home_team, event.away_team)
            if len(self._teams) > _MOST_NAMES:
                del self._teams[next(iter(self._teams))]
            home, away = self._teams[event.match_id]
            self._matches[event.match_id] = replace(self._match(event.match_id), home_team=home, away_team=away)

    def _match(self, match_id: str) -> MatchView:
        known = self._matches.get(match_id)
        if known is None:
            if len(self._matches) >= _MOST_MATCHES:
                oldest = next((name for name, match in self._matches.items() if match.over), next(iter(self._matches)))
                del self._matches[oldest]
            known = self._matches[match_id] = MatchView(match_id, *self._teams.get(match_id, (match_id, "")))
        return known

    def _predicted(self, prediction: Prediction) -> None:
        self._shown = replace(self._shown, predictions=self._shown.predictions + 1)
        before = self._match(prediction.match_id)
        after = replace(
            before,
            minute=prediction.minute,
            home_score=prediction.home_score,
            away_score=prediction.away_score,
            home=prediction.home,
            draw=prediction.draw,
            away=prediction.away,
            over=before.over or prediction.cause in {"FULL_TIME", "CANCELLED"},
        )
        if prediction.cause not in _SILENT:
            after = replace(after, last_event=in_words(before, prediction))
        self._matches[prediction.match_id] = after

    def lagging(self, lags: Sequence[RoleLag]) -> None:
        """Show how far the roles are behind."""
        with self._lock:
            self._shown = replace(self._shown, lags=tuple(lags))

    def snapshot(self) -> Snapshot:
        """Return what is to be shown now."""
        pulse = self._stopwatch.pulse()
        with self._lock:
            return replace(self._shown, matches=tuple(self._matches.values()), pulse=pulse)


def in_words(before: MatchView, prediction: Prediction) -> str:
    """Return the cause of *prediction* in words; whose goal it was follows from the score before it."""
    cause, minute = prediction.cause, f"{prediction.minute}' " if prediction.minute > 0 else ""
    if cause in _GOAL_WORDS:
        scorer = before.home_team if prediction.home_score > before.home_score else before.away_team
        return f"{minute}{_GOAL_WORDS[cause]} {scorer}"
    return f"{minute}{_WORDS.get(cause, cause.lower().replace('_', ' '))}"
