"""Goals and cards of matches, to be marked on their courses; what was struck off is left out."""

from dataclasses import dataclass, field
from typing import Final

from schemas.records import EventKind, MatchEvent

_MARKED: Final = frozenset(
    {
        EventKind.GOAL,
        EventKind.OWN_GOAL,
        EventKind.PENALTY_GOAL,
        EventKind.YELLOW_CARD,
        EventKind.RED_CARD,
    }
)
_MOST: Final = 60  # of a match


@dataclass(frozen=True, slots=True)
class Mark:
    """A goal or a card.

    Attributes:
        side: HOME or AWAY; of a goal, the side it counts for. None when the feed does not say.
    """

    minute: int
    kind: str
    side: str | None


@dataclass(slots=True)
class _Match:
    marks: dict[str, Mark] = field(default_factory=dict)
    struck: dict[str, None] = field(default_factory=dict)


class Marks:
    """The marks of the last *most* matches of which something was heard."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._matches: dict[str, _Match] = {}

    def take(self, event: MatchEvent) -> None:
        """Keep what *event* marks, or strikes off; in whatever order they come."""
        if event.kind not in _MARKED and event.kind is not EventKind.CORRECTION:
            return
        match = self._matches.pop(event.match_id, None) or _Match()
        self._matches[event.match_id] = match
        if len(self._matches) > self._most:
            del self._matches[next(iter(self._matches))]
        if event.kind is EventKind.CORRECTION:
            match.struck[event.corrects or ""] = None
            _shorten(match.struck)
        else:
            side = None if event.side is None else event.side.value
            match.marks[event.event_id] = Mark(event.minute, event.kind.value, side)
            _shorten(match.marks)

    def of(self, match_id: str) -> list[Mark]:
        """Return the marks of a match by minute."""
        match = self._matches.get(match_id, _Match())
        found = [mark for event_id, mark in match.marks.items() if event_id not in match.struck]
        return sorted(found, key=lambda mark: (mark.minute, mark.kind, mark.side or ""))


def _shorten(entries: dict[str, Mark] | dict[str, None]) -> None:
    if len(entries) > _MOST:
        del entries[next(iter(entries))]
