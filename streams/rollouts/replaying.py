"""Recorded events through two bundles, as the stream would take them: a prediction after each, by both."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from features.match_state import MatchState, event_time_ms
from features.rating_book import RatingBook
from models.bundle import Bundle
from models.predictors import Probabilities
from streams.playing.match_days import MatchDay
from streams.playing.parity import Due, due
from streams.rollouts.comparing import Compared


@dataclass(slots=True)
class _Said:
    """What the bundles said, day by day, and how the matches ended."""

    bundles: Sequence[Bundle]
    match_ids: list[str] = field(default_factory=list)
    segments: dict[str, str] = field(default_factory=dict)
    said: list[list[Probabilities]] = field(default_factory=list)
    ends: dict[str, tuple[int, int]] = field(default_factory=dict)

    def take(self, steps: Sequence[Due]) -> None:
        for _, state in steps:
            self.ends.pop(state.match_id, None)  # a result may be struck off
            if (end := _end(state)) is not None:
                self.ends[state.match_id] = end
        # What stands behind a result knew it.
        before = [(event, state) for event, state in steps if state.ended_at_ms is None]
        times = [event_time_ms(event) for event, _ in before]
        states = [state for _, state in before]
        self.match_ids += [state.match_id for state in states]
        self.segments |= {state.match_id: state.fixture.competition for state in states if state.fixture}
        self.said.append([one.score(one.features.matrix(states, times), one.feature_set) for one in self.bundles])


def replayed(champion: Bundle, challenger: Bundle, days: Iterable[MatchDay], book: RatingBook) -> Compared:
    """Return what both say after each event of *days* that changes what is known, until its match has a result.

    Matches without a result are left out. *book* holds the ratings before the first day, and those after the last in
    the end.
    """
    found = _Said((challenger, champion))
    for steps in due(days, book):
        if steps:
            found.take(steps)
    ends = np.array([found.ends.get(match_id, (-1, -1)) for match_id in found.match_ids], np.int64).reshape(-1, 2)
    order = np.lexsort((np.array(found.match_ids, np.str_), ends[:, 0]))
    kept = order[ends[order, 0] >= 0]
    challengers, champions = (_joined([day[place] for day in found.said]) for place in range(2))
    return Compared(
        [found.match_ids[place] for place in kept.tolist()],
        ends[kept, 0],
        ends[kept, 1],
        challengers[kept],
        champions[kept],
        [found.segments.get(found.match_ids[place], "") for place in kept.tolist()],
    )


def _end(state: MatchState) -> tuple[int, int] | None:
    """Return when the result came, and the index into CLASSES of what it was."""
    result = state.result
    if result is None or state.cancelled:
        return None
    home, away = result.home_score, result.away_score
    return result.occurred_at_ms, 1 + (away > home) - (home > away)


def _joined(parts: Sequence[Probabilities]) -> Probabilities:
    return np.concatenate([np.empty((0, 3), np.float32), *parts])
