"""The newest predictions of the newest matches, in bounded memory; answers are encoded once and kept until they change.

Beyond a bound whole matches leave: of the finished ones that whose latest prediction is the oldest, and of the others
only when no finished one is left. Of one match the oldest predictions leave. Owned by the event loop.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush, nlargest
from itertools import chain
from operator import attrgetter

from streams.api.known import Known
from streams.api.queries import Listing

SWING_MINUTES = 10
_MATCH_BYTES = 2_500  # with its answer, as it is kept
_MOST_LISTINGS = 16
_LEAST_REBUILT = 1_000
_TEAMS_A_MATCH = 8  # fixtures are announced long before they are played


@dataclass(frozen=True, slots=True)
class Limits:
    """How much the index holds.

    Attributes:
        matches: At most.
        predictions: Of one match, at most.
        memory_bytes: Of all of it, about.
    """

    matches: int
    predictions: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Fixture:
    """Who plays, and when: milliseconds since the epoch."""

    home_team: str
    away_team: str
    kick_off_ms: int


@dataclass(slots=True, eq=False)
class _Match:
    """The course of one match, oldest first, its size in bytes, and how many of its predictions end it.

    Attributes:
        newest: When it was predicted last, in microseconds since the epoch, and its id.
    """

    course: list[Known] = field(default_factory=list)
    size: int = _MATCH_BYTES
    ends: int = 0
    swing: float = 0.0
    newest: tuple[int, str] = (0, "")
    answer: bytes | None = None

    @property
    def latest(self) -> Known:
        return self.course[-1]

    @property
    def live(self) -> bool:
        return not self.ends and self.latest.minute >= 0


class _Group:
    """Matches, and which of them has been silent for longest."""

    def __init__(self) -> None:
        self.by_id: dict[str, _Match] = {}
        # When each match was predicted, with what was true before: an entry counts while it is the match's latest.
        self._silent: list[tuple[int, str]] = []

    def put(self, match_id: str, match: _Match) -> None:
        self.by_id[match_id] = match
        heappush(self._silent, (match.latest.scored_at_us, match_id))
        if len(self._silent) > 2 * len(self.by_id) + _LEAST_REBUILT:
            self._silent = [(one.latest.scored_at_us, name) for name, one in self.by_id.items()]
            heapify(self._silent)

    def pop_silent(self) -> _Match:
        while True:
            at_us, match_id = heappop(self._silent)
            match = self.by_id.get(match_id)
            if match is not None and match.latest.scored_at_us == at_us:
                return self.by_id.pop(match_id)


class MatchIndex:
    """Holds what *limits* allow.

    Args:
        limits: How much.
        settled: Whether there may be no more matches than that already. While history is read, one partition may be
            far ahead of another, and which matches are the newest is known at the end only; memory counts always.

    Attributes:
        size: Bytes of memory, about.
        evicted: Matches which had to leave.
    """

    def __init__(self, limits: Limits, *, settled: bool = True) -> None:
        self._limits, self._settled = limits, settled
        self._open, self._over = _Group(), _Group()
        self._by_id: dict[str, Known] = {}
        self._fixtures: dict[str, Fixture] = {}
        self._listings: dict[Listing, bytes] = {}
        self.size = 0
        self.evicted = 0

    @property
    def matches(self) -> int:
        """Return how many matches there are."""
        return len(self._open.by_id) + len(self._over.by_id)

    @property
    def predictions(self) -> int:
        """Return how many predictions there are."""
        return len(self._by_id)

    def take(self, one: Known) -> bool:
        """Keep *one* in its place; tell whether it is kept and was not there before."""
        before = self._by_id.get(one.prediction_id)
        if before is not None and (before.match_id != one.match_id or _repeats(before, one)):
            return False
        match = self._taken_out(one.match_id)
        if before is not None:
            self._drop(match, before)
        self._insert(match, one)
        if len(match.course) > self._limits.predictions:
            self._drop(match, match.course[0])
        match.swing = _swing(match.course)
        match.newest = match.latest.scored_at_us, one.match_id
        match.answer = None
        (self._over if match.ends else self._open).put(one.match_id, match)
        self._listings.clear()
        self._keep_within_limits()
        return before is None and one.prediction_id in self._by_id

    def _taken_out(self, match_id: str) -> _Match:
        match = self._open.by_id.pop(match_id, None) or self._over.by_id.pop(match_id, None)
        if match is None:
            match = _Match()
            self.size += match.size
        return match

    def _insert(self, match: _Match, one: Known) -> None:
        at = len(match.course)
        while at and match.course[at - 1].is_newer(one):
            at -= 1
        match.course.insert(at, one)
        self._by_id[one.prediction_id] = one
        self._weigh(match, one, 1)

    def _drop(self, match: _Match, one: Known) -> None:
        match.course.remove(one)
        del self._by_id[one.prediction_id]
        self._weigh(match, one, -1)

    def _weigh(self, match: _Match, one: Known, sign: int) -> None:
        match.size += sign * one.size
        self.size += sign * one.size
        match.ends += sign * one.over

    def settle(self) -> None:
        """Keep to the number of matches from now on."""
        self._settled = True
        self._listings.clear()
        self._keep_within_limits()

    def _too_much(self) -> bool:
        too_many = self._settled and self.matches > self._limits.matches
        return too_many or (self.size > self._limits.memory_bytes and self.matches > 0)

    def _keep_within_limits(self) -> None:
        while self._too_much():
            match = (self._over if self._over.by_id else self._open).pop_silent()
            for one in match.course:
                del self._by_id[one.prediction_id]
            self.size -= match.size
            self.evicted += 1

    def announce(self, match_id: str, fixture: Fixture) -> None:
        """Remember who plays in a match."""
        self._fixtures.pop(match_id, None)
        self._fixtures[match_id] = fixture
        if len(self._fixtures) > self._limits.matches * _TEAMS_A_MATCH:
            del self._fixtures[next(iter(self._fixtures))]
        match = self._match(match_id)
        if match is not None:
            match.answer = None
            self._listings.clear()

    def _match(self, match_id: str) -> _Match | None:
        return self._open.by_id.get(match_id) or self._over.by_id.get(match_id)

    def match(self, match_id: str) -> bytes | None:
        """Return the JSON of a match; None where there is none."""
        match = self._match(match_id)
        return None if match is None else self._answer(match)

    def _answer(self, match: _Match) -> bytes:
        if match.answer is None:
            one = match.latest
            known: Mapping[str, object] = {
                "live": match.live, "over": match.ends > 0, "swing": match.swing, "predictions": len(match.course),
            }  # fmt: skip
            match.answer = match_json(one.match_id, one.competition, self.fixture(one.match_id), known, one.line)
        return match.answer

    def fixture(self, match_id: str) -> Fixture | None:
        """Return who plays, if that is known."""
        return self._fixtures.get(match_id)

    def course(self, match_id: str) -> bytes | None:
        """Return the predictions of a match as a JSON list, oldest first; None where there is no match."""
        match = self._match(match_id)
        return None if match is None else b"[%b]" % b",".join([one.line for one in match.course])

    def prediction(self, prediction_id: str) -> Known | None:
        """Return a prediction by its id."""
        return self._by_id.get(prediction_id)

    def listing(self, wanted: Listing) -> bytes:
        """Return the matches as a JSON list, in the order that is wanted."""
        found = self._listings.get(wanted)
        if found is None:
            if len(self._listings) >= _MOST_LISTINGS:
                self._listings.clear()
            chosen = nlargest(wanted.limit, self._wanted(wanted), key=_RANKS[wanted.sort])
            found = self._listings[wanted] = b"[%b]" % b",".join(map(self._answer, chosen))
        return found

    def _wanted(self, wanted: Listing) -> Iterable[_Match]:
        found: Iterable[_Match] = chain(self._open.by_id.values(), self._over.by_id.values())
        if wanted.live is not None:
            found = (match for match in found if match.live == wanted.live)
        if wanted.competition is not None:
            found = (match for match in found if match.latest.competition == wanted.competition)
        return found


def _repeats(before: Known, one: Known) -> bool:
    """Tell whether *one* is *before* again: what counts is where it stood first.

    When a topic was made anew, records of it may be read as ones of the old topic before that is noticed; then they are
    read once more, and where they stand now counts.
    """
    return before.place.topic_id == one.place.topic_id and not before.is_newer(one)


_RANKS = {"newest": attrgetter("newest"), "swing": attrgetter("swing", "newest")}


def _swing(course: list[Known]) -> float:
    """Return the largest change of one probability in the last SWING_MINUTES of play, 0 to 1."""
    latest = course[-1]
    before = latest
    for before in reversed(course):
        if before.minute <= latest.minute - SWING_MINUTES:
            break
    return max(abs(now - then) for now, then in zip(latest.chances, before.chances, strict=True))


def match_json(
    match_id: str, competition: str, fixture: Fixture | None, known: Mapping[str, object], line: bytes
) -> bytes:
    """Return the JSON of a match whose latest prediction is *line*."""
    fields = {
        "match_id": match_id,
        "home_team": fixture and fixture.home_team,
        "away_team": fixture and fixture.away_team,
        "competition": competition or None,
        "kick_off_ms": fixture and fixture.kick_off_ms,
        **known,
    }
    return b'%b,"prediction":%b}' % (json.dumps(fields, separators=(",", ":")).encode()[:-1], line)
