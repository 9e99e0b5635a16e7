"""What champion and challenger said of the same events of the running stream, match by match.

A window is what records with a timestamp before its end say. Everything is counted once, in the first window which
knows of it, so that neither the order in which the topics are read nor a record that is there twice changes a figure.
And each window tells from when on records are of matches which go on: who begins there goes on with the next window.
"""

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitors.cbpe import estimated
from monitors.differences import differences, match_difference
from monitors.latency import LatencySketch
from monitors.rollout_evidence import Evidence, cells
from schemas.records import EventKind
from streams.rollouts.answers import CHALLENGER, CHAMPION, Answer, Match, Said, Told

GRACE_MS: Final = 2_000
"""For so long after the end of a window the last answers of its matches are on their way."""

_SLACK_MS: Final = 60_000  # a producer that was held up writes a record later than the next one by this at most
_LONGEST_MS: Final = 86_400_000  # a match without an end after a day is given up
_TOLD: Final = frozenset({EventKind.KICK_OFF, EventKind.CANCELLED, EventKind.FULL_TIME})


@dataclass(frozen=True, slots=True)
class Seen:
    """One window.

    Attributes:
        evidence: What the checks are told.
        divergences: Total variation distance of the two on each event of matches that ended in it, shape ``(n,)``.
        open_since_ms: Records from then on tell all of the matches that go on.
    """

    evidence: Evidence
    divergences: NDArray[np.float64]
    open_since_ms: int


class LiveEvidence:
    """Pairs answers of the two bundles, whichever of them served; records come in any order, from any thread.

    Args:
        champion: Digest of its bundle.
        challenger: As champion.
        clip: A match's difference in log loss counts as this at most, in nats.
        open_since_ms: What happened before is of matches that are counted, and left out.

    Attributes:
        versions: Of the two models, by digest, as their predictions say.
    """

    def __init__(self, champion: str, challenger: str, clip: float, open_since_ms: int = 0) -> None:
        self.versions: dict[str, str] = {}
        self._sides = {challenger: CHALLENGER, champion: CHAMPION}
        self._clip = clip
        self._open_since_ms = open_since_ms
        self._matches: dict[str, Match] = {}
        self._counted: dict[str, int] = {}  # until when, by match
        self._lock = threading.Lock()

    def take_prediction(self, said: Said, at_ms: int) -> None:
        """Take what one of them said, also in the shadow, and the timestamp of the record.

        What is said before a match, with its result or by another bundle is left out.
        """
        side, caused_ms = self._sides.get(said.bundle_digest), said.source_timestamp_ms
        if side is None or said.minute < 0 or said.cause == EventKind.FULL_TIME:
            return
        seconds = (said.scored_at_us - said.received_at_us) / 1e6
        answer = Answer(at_ms, said.scored_at_us, caused_ms, seconds, (said.home, said.draw, said.away))
        with self._lock:
            self.versions[said.bundle_digest] = said.model_version
            match = self._match(said.match_id, caused_ms, at_ms)
            if match is not None:
                match.answered(said.event_id, side, answer)

    def take_event(self, event: Told, at_ms: int) -> None:
        """Take that a match began, how it ended, and when that was said; or that it was cancelled."""
        if event.kind not in _TOLD:
            return
        with self._lock:
            match = self._match(event.match_id, at_ms, at_ms)
            if match is not None and event.kind is not EventKind.KICK_OFF:
                match.ends.append((at_ms, _outcome(event)))

    def _match(self, name: str, happened_ms: int, at_ms: int) -> Match | None:
        """Return a match of which something is known to have happened; None when it is counted."""
        match = self._matches.get(name)
        if match is None:
            if happened_ms < self._open_since_ms or name in self._counted:
                return None
            match = self._matches[name] = Match(at_ms, happened_ms)
        match.known_ms, match.first_ms = min(match.known_ms, at_ms), min(match.first_ms, happened_ms)
        return match

    def window(self, until_ms: int) -> Seen:
        """Return what is known before *until_ms* and was not told yet; matches that ended are not kept."""
        found = _Counts(self._clip)
        with self._lock:
            names = sorted(self._matches)
        for name in names:
            with self._lock:  # for a match only, so that those who read go on
                match = self._matches[name]
                ended = match.end_before(until_ms)
                found.take(match, until_ms, ended)
                if ended is not None or match.known_ms < until_ms - _LONGEST_MS:
                    self._counted[name] = until_ms
                    del self._matches[name]
        with self._lock:
            first_ms = min((one.first_ms for one in self._matches.values()), default=until_ms)
            since_ms = max(min(first_ms, until_ms), until_ms - _LONGEST_MS) - _SLACK_MS
            self._open_since_ms = max(self._open_since_ms, since_ms)
            self._counted = {name: at_ms for name, at_ms in self._counted.items() if at_ms >= self._open_since_ms}
        return found.seen(self._open_since_ms)


def _outcome(end: Told) -> int | None:
    home, away = end.home_score or 0, end.away_score or 0
    return None if end.kind is EventKind.CANCELLED else 1 + (away > home) - (home > away)


class _Counts:
    """One window, match by match."""

    def __init__(self, clip: float) -> None:
        self._clip = clip
        self._answers: list[Answer] = []
        self._left_out = 0
        self._pairs: list[Sequence[dict[int, Answer]]] = []
        self._known: list[float] = []
        self._pending: list[dict[int, Answer]] = []
        self._pending_matches = 0

    def take(self, match: Match, until_ms: int, ended: tuple[int, int | None] | None) -> None:
        """Count what is new of *match*, and the whole of it once it has *ended*."""
        limit = until_ms if ended is None else until_ms + GRACE_MS
        at_hand = list(match.known(until_ms + GRACE_MS, math.inf if ended is None else ended[0]))
        new = [
            (event, sides)
            for event, sides in at_hand
            if event in match.new and min(one.at_ms for one in sides.values()) < limit
        ]
        match.new.difference_update(event for event, _ in new)
        self._answers += [sides[CHALLENGER] for _, sides in new if CHALLENGER in sides]
        self._left_out += sum(CHALLENGER not in sides for _, sides in new)
        if ended is None:
            both = _pairs(new)
            self._pending += both
            self._pending_matches += bool(both)
        elif ended[1] is not None and (both := _pairs(at_hand)):
            self._pairs.append(both)
            self._known.append(match_difference(_side(both, CHALLENGER), _side(both, CHAMPION), ended[1]))

    def seen(self, open_since_ms: int) -> Seen:
        """Return what has been counted; see `Seen` for *open_since_ms*."""
        latency = LatencySketch()
        latency.update_many([one.seconds for one in self._answers if one.scored])
        all_of, drawn = [pair for both in self._pairs for pair in both], [both[0] for both in self._pairs]
        evidence = Evidence(
            differences(np.array(self._known, np.float64), self._clip),
            len(self._answers),
            sum(not one.scored for one in self._answers),
            latency,
            cells(_side(drawn, CHALLENGER)),
            cells(_side(drawn, CHAMPION)),
            estimated(_side(self._pending, CHALLENGER), self._pending_matches),
            estimated(_side(self._pending, CHAMPION), self._pending_matches),
            self._left_out,
        )
        gaps = np.abs(_side(all_of, CHALLENGER) - _side(all_of, CHAMPION))
        return Seen(evidence, gaps.sum(axis=1) / 2, open_since_ms)


def _pairs(events: Sequence[tuple[str, dict[int, Answer]]]) -> list[dict[int, Answer]]:
    return [
        sides
        for _, sides in events
        if CHALLENGER in sides and CHAMPION in sides and all(one.scored for one in sides.values())
    ]


def _side(pairs: Sequence[dict[int, Answer]], side: int) -> NDArray[np.float64]:
    return np.array([one[side].chances for one in pairs], np.float64).reshape(-1, 3)
