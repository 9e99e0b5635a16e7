"""The view of the matches: the api's own index, the biggest swings first, with the course of each match."""

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, Final

from schemas.records import MatchEvent
from streams.api.index import Fixture, Limits, MatchIndex
from streams.api.known import Known
from streams.api.queries import Listing
from streams.dashboard.marks import Marks
from streams.dashboard.parts import Shown, encoded

MOST_SHOWN: Final = 24
LIMITS: Final = Limits(matches=200, predictions=400, memory_bytes=64 * 2**20)
_MARKED_MATCHES: Final = 4 * LIMITS.matches
_CHUNK_MINUTES: Final = 15  # so that a prediction changes a small part

Point = tuple[int, float, float, float]
"""Minute, and the probabilities of home, draw and away after the last prediction of that minute."""


class MatchesView:
    """Owned by the event loop.

    Attributes:
        index: As the api's.
    """

    def __init__(self) -> None:
        self.index = MatchIndex(LIMITS, settled=False)
        self._marks = Marks(_MARKED_MATCHES)
        self._changed: set[str] = set()
        self._made: dict[str, dict[str, bytes]] = {}

    def predicted(self, batch: Sequence[Known]) -> None:
        """Take predictions in the order of each log."""
        for one in batch:
            self.index.take(one)
            self._changed.add(one.match_id)

    def announced(self, batch: Sequence[tuple[str, Fixture]]) -> None:
        """Take who plays."""
        for match_id, fixture in batch:
            self.index.announce(match_id, fixture)
            self._changed.add(match_id)

    def happened(self, batch: Sequence[MatchEvent]) -> None:
        """Take what happened in matches."""
        for event in batch:
            self._marks.take(event)
            self._changed.add(event.match_id)

    def shown(self) -> Shown:
        """Return for each match the api's answer, its marks, and its course in chunks; and the order."""
        order = [match["match_id"] for match in self._listed()]
        self._made = {one: self._match(one) for one in order}
        self._changed.clear()
        parts = {name: text for match in self._made.values() for name, text in match.items()}
        return {"order": encoded(order), **parts}

    def _listed(self) -> list[dict[str, Any]]:
        live = self._listing(Listing(live=True, limit=MOST_SHOWN, sort="swing"))
        return [*live, *self._listing(Listing(live=False, limit=MOST_SHOWN, sort="newest"))][:MOST_SHOWN]

    def _listing(self, wanted: Listing) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.index.listing(wanted))
        return found

    def _match(self, match_id: str) -> dict[str, bytes]:
        known = self._made.get(match_id)
        if known is not None and match_id not in self._changed:
            return known
        answer, course = self.index.match(match_id) or b"null", self.index.course(match_id) or b"[]"
        return {
            f"match:{match_id}": answer,
            f"marks:{match_id}": encoded(self._marks.of(match_id)),
            **dict(_chunks(match_id, points(json.loads(course)))),
        }


def points(course: Sequence[dict[str, Any]]) -> list[Point]:
    """Return the course by minute: of the predictions of one minute the last, and none that goes back in time."""
    found: dict[int, Point] = {}
    for one in course:
        found.pop(one["minute"], None)
        found[one["minute"]] = (one["minute"], one["home"], one["draw"], one["away"])
    return sorted(found.values())


def _chunks(match_id: str, course: Sequence[Point]) -> Iterator[tuple[str, bytes]]:
    for number, chunk in groupby(course, key=lambda point: max(point[0], 0) // _CHUNK_MINUTES):
        yield f"course:{number}:{match_id}", encoded(list(chunk))
