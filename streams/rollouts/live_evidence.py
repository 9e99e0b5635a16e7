"""What champion and challenger said of the same events of the running stream, match by match.

A window is what records with a timestamp before its end say. Everything is counted once, in the first window which
knows of it, so that neither the order in which the topics are read nor a record that is there twice changes a figure.
"""

import math
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitors.cbpe import Estimate, estimated
from monitors.differences import differences, match_difference
from monitors.latency import LatencySketch
from monitors.rollout_evidence import Evidence, cells
from monitors.sampling import hash64
from schemas.records import EventKind, MatchEvent, Prediction

GRACE_MS: Final = 2_000
"""For so long after the end of a window the last answers of its matches are on their way."""

_CHALLENGER, _CHAMPION = range(2)


class Answer(NamedTuple):
    """What one of them said of an event, the earliest record of it.

    Attributes:
        at_ms: Timestamp of that record.
        scored_at_us: Tells apart records of one timestamp.
        caused_at_ms: Timestamp of the event's record.
        seconds: From the receipt of the event to the answer.
        chances: Of home win, draw and away win; NaN when it could not score the event.
    """

    at_ms: int
    scored_at_us: int
    caused_at_ms: int
    seconds: float
    chances: tuple[float, float, float]

    @property
    def scored(self) -> bool:
        """Whether it is one."""
        return all(map(math.isfinite, self.chances))


@dataclass(slots=True)
class _Match:
    """One match until it is counted.

    Attributes:
        said: Answers by event id, and then by side.
        ends: Timestamp and index of the outcome of each record that ended it; None for a cancellation.
        told: Events which a window has counted, by event id.
    """

    said: dict[str, dict[int, Answer]] = field(default_factory=dict)
    ends: list[tuple[int, int | None]] = field(default_factory=list)
    told: set[str] = field(default_factory=set)

    def end_before(self, until_ms: int) -> tuple[int, int | None] | None:
        """Return when it ended, and how by what was said until then; None when it goes on."""
        known = [one for one in self.ends if one[0] < until_ms]
        if not known:
            return None
        cancelled = any(came is None for _, came in known)
        return min(at_ms for at_ms, _ in known), None if cancelled else known[-1][1]

    def known(self, until_ms: int, ended_ms: float) -> Iterator[tuple[str, dict[int, Answer]]]:
        """Yield what was answered before *until_ms* of events that did not know how the match would end."""
        for event in sorted(self.said, key=hash64):
            sides = self.said[event]
            if (its := {side: one for side, one in sides.items() if one.at_ms < until_ms}) and all(
                one.caused_at_ms <= ended_ms for one in its.values()
            ):
                yield event, its


@dataclass(frozen=True, slots=True)
class Seen:
    """One window.

    Attributes:
        evidence: What the checks are told.
        divergences: Total variation distance of the two on each event of matches that ended in it, shape ``(n,)``.
    """

    evidence: Evidence
    divergences: NDArray[np.float64]


class LiveEvidence:
    """Pairs answers of the two bundles, whichever of them served; records come in any order, from any thread.

    Args:
        champion: Digest of its bundle.
        challenger: As champion.
        clip: A match's difference in log loss counts as this at most, in nats.

    Attributes:
        versions: Of the two models, by digest, as their predictions say.
    """

    def __init__(self, champion: str, challenger: str, clip: float) -> None:
        self.versions: dict[str, str] = {}
        self._sides = {challenger: _CHALLENGER, champion: _CHAMPION}
        self._clip = clip
        self._matches: dict[str, _Match] = {}
        self._counted: set[str] = set()
        self._lock = threading.Lock()

    def take_prediction(self, said: Prediction, at_ms: int) -> None:
        """Take what one of them said, also in the shadow, and the timestamp of the record.

        What is said before a match, with its result or by another bundle is left out.
        """
        side = self._sides.get(said.bundle_digest)
        if side is None or said.minute < 0 or said.cause == EventKind.FULL_TIME or said.match_id in self._counted:
            return
        seconds = (said.scored_at_us - said.received_at_us) / 1e6
        chances = (said.home, said.draw, said.away)
        answer = Answer(at_ms, said.scored_at_us, said.source_timestamp_ms, seconds, chances)
        with self._lock:
            self.versions[said.bundle_digest] = said.model_version
            sides = self._matches.setdefault(said.match_id, _Match()).said.setdefault(said.event_id, {})
            sides[side] = min(sides.get(side, answer), answer, key=lambda one: one[:2])

    def take_event(self, event: MatchEvent, at_ms: int) -> None:
        """Take how a match ended, and when that was said; or that it was cancelled."""
        if event.kind not in {EventKind.CANCELLED, EventKind.FULL_TIME} or event.match_id in self._counted:
            return
        home, away = event.home_score or 0, event.away_score or 0
        came = None if event.kind is EventKind.CANCELLED else 1 + (away > home) - (home > away)
        with self._lock:
            self._matches.setdefault(event.match_id, _Match()).ends.append((at_ms, came))

    def window(self, until_ms: int) -> Seen:
        """Return what is known before *until_ms* and was not told yet; matches that ended are not kept."""
        found = _Counts(self._clip)
        with self._lock:
            for name in sorted(self._matches):
                match = self._matches[name]
                ended = match.end_before(until_ms)
                found.take(match, until_ms, ended)
                if ended is not None:
                    self._counted.add(name)
                    del self._matches[name]
        return found.seen()


class _Counts:
    """One window, match by match."""

    def __init__(self, clip: float) -> None:
        self._clip = clip
        self._answers: list[Answer] = []
        self._left_out = 0
        self._pairs: list[Sequence[dict[int, Answer]]] = []
        self._known: list[float] = []
        self._pending = [Estimate(), Estimate()]

    def take(self, match: _Match, until_ms: int, ended: tuple[int, int | None] | None) -> None:
        """Count what is new of *match*, and the whole of it once it has *ended*."""
        limit = until_ms if ended is None else until_ms + GRACE_MS
        at_hand = list(match.known(until_ms + GRACE_MS, math.inf if ended is None else ended[0]))
        new = [
            (event, sides)
            for event, sides in at_hand
            if event not in match.told and min(one.at_ms for one in sides.values()) < limit
        ]
        match.told.update(event for event, _ in new)
        self._answers += [sides[_CHALLENGER] for _, sides in new if _CHALLENGER in sides]
        self._left_out += sum(_CHALLENGER not in sides for _, sides in new)
        if ended is None:
            self._expect(_pairs(new))
        elif ended[1] is not None and (both := _pairs(at_hand)):
            self._pairs.append(both)
            self._known.append(match_difference(_side(both, _CHALLENGER), _side(both, _CHAMPION), ended[1]))

    def _expect(self, both: Sequence[dict[int, Answer]]) -> None:
        if both:
            for side in (_CHALLENGER, _CHAMPION):
                self._pending[side] += estimated(_side(both, side))

    def seen(self) -> Seen:
        """Return what has been counted."""
        latency = LatencySketch()
        latency.update_many([one.seconds for one in self._answers if one.scored])
        all_of, drawn = [pair for both in self._pairs for pair in both], [both[0] for both in self._pairs]
        evidence = Evidence(
            differences(np.array(self._known, np.float64), self._clip),
            len(self._answers),
            sum(not one.scored for one in self._answers),
            latency,
            cells(_side(drawn, _CHALLENGER)),
            cells(_side(drawn, _CHAMPION)),
            self._pending[_CHALLENGER],
            self._pending[_CHAMPION],
            self._left_out,
        )
        gaps = np.abs(_side(all_of, _CHALLENGER) - _side(all_of, _CHAMPION))
        return Seen(evidence, gaps.sum(axis=1) / 2)


def _pairs(events: Sequence[tuple[str, dict[int, Answer]]]) -> list[dict[int, Answer]]:
    return [
        sides
        for _, sides in events
        if _CHALLENGER in sides and _CHAMPION in sides and all(one.scored for one in sides.values())
    ]


def _side(pairs: Sequence[dict[int, Answer]], side: int) -> NDArray[np.float64]:
    return np.array([one[side].chances for one in pairs], np.float64).reshape(-1, 3)
