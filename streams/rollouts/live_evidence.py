"""What champion and challenger said of the same events of the running stream, match by match."""

import threading
from dataclasses import dataclass, field

import numpy as np

from monitors.differences import differences, match_difference
from monitors.latency import LatencySketch
from monitors.rollout_evidence import Evidence, cells
from monitors.sampling import hash64
from schemas.records import EventKind, MatchEvent, Prediction

_SIDES = 2


@dataclass(slots=True)
class _Match:
    """One match until it is counted.

    Attributes:
        said: Probabilities by event id, and then by side: the challenger's is 0.
        came: Index of the outcome by the last FULL_TIME; None before.
        ended_ms: Timestamp of the first record which said so.
        cancelled: Whether it counts for nothing.
        latencies: Seconds from the receipt of an event to the challenger's answer, whether it served or not.
    """

    said: dict[str, dict[int, tuple[float, float, float]]] = field(default_factory=dict)
    came: int | None = None
    ended_ms: int = 0
    cancelled: bool = False
    latencies: list[float] = field(default_factory=list)


class LiveEvidence:
    """Pairs predictions of the two bundles, whichever of them served; records come in any order, from any thread.

    Args:
        champion: Digest of its bundle.
        challenger: As champion.
        clip: A match's difference in log loss counts as this at most, in nats.
    """

    def __init__(self, champion: str, challenger: str, clip: float) -> None:
        self._sides = {challenger: 0, champion: 1}
        self._clip = clip
        self._matches: dict[str, _Match] = {}
        self._counted: set[str] = set()
        self._lock = threading.Lock()

    def take_prediction(self, said: Prediction) -> None:
        """Take what one of them said, also in the shadow; what is said before a match or of another one is left out."""
        side = self._sides.get(said.bundle_digest)
        if side is None or said.minute < 0 or said.match_id in self._counted:
            return
        with self._lock:
            match = self._matches.setdefault(said.match_id, _Match())
            match.said.setdefault(said.event_id, {})[side] = (said.home, said.draw, said.away)
            if side == 0:
                match.latencies.append((said.scored_at_us - said.received_at_us) / 1e6)

    def take_event(self, event: MatchEvent, at_ms: int) -> None:
        """Take how a match ended, and when that was said; or that it was cancelled."""
        if event.kind not in {EventKind.CANCELLED, EventKind.FULL_TIME} or event.match_id in self._counted:
            return
        with self._lock:
            match = self._matches.setdefault(event.match_id, _Match())
            match.ended_ms = match.ended_ms or at_ms
            match.cancelled |= event.kind is EventKind.CANCELLED
            if event.kind is EventKind.FULL_TIME:
                home, away = event.home_score or 0, event.away_score or 0
                match.came = 1 + (away > home) - (home > away)

    def window(self, until_ms: int) -> Evidence:
        """Return what the matches tell which ended before *until_ms* and were not told yet; they are not kept."""
        paired = [
            (match, match.came, both)
            for match in self._ended(until_ms)
            if match.came is not None and not match.cancelled
            if (
                both := [
                    match.said[event] for event in sorted(match.said, key=hash64) if len(match.said[event]) == _SIDES
                ]
            )
        ]
        if not paired:
            return Evidence()
        known = [match_difference(_side(both, 0), _side(both, 1), came) for _, came, both in paired]
        drawn = [both[0] for _, _, both in paired]
        latency = LatencySketch()
        latency.update_many([seconds for match, _, _ in paired for seconds in match.latencies])
        return Evidence(
            differences(np.array(known), self._clip),
            events=sum(len(both) for _, _, both in paired),
            latency=latency,
            challenger_outputs=cells(_side(drawn, 0)),
            champion_outputs=cells(_side(drawn, 1)),
        )

    def _ended(self, until_ms: int) -> list[_Match]:
        with self._lock:
            names = [name for name, match in self._matches.items() if 0 < match.ended_ms < until_ms]
            self._counted.update(names)
            return [self._matches.pop(name) for name in sorted(names)]


def _side(
    said: list[dict[int, tuple[float, float, float]]], side: int
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.array([one[side] for one in said], np.float64)
