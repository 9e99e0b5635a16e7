"""Rows to learn from: history, told as events, through the very folds and features that serve."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.feature_sets import FeatureSet
from features.history import HistoricMatch, as_result
from features.match_state import MatchState, after_event, after_feature_event, event_time_ms
from features.narrative import kick_off_of, narrate
from features.rating_book import SOURCE
from features.ratings import Ratings
from features.remembered import digest
from features.team_ratings import FinishedMatch
from models.predictors import Matrix
from schemas.records import EventKind, FeatureEvent, MatchEvent

PRE_MATCH: Final = -1
FULL_TIME: Final = 1000
GRID: Final = (0, 15, 30, 45, 60, 75, 85)
STRETCH: Final = 10
LAST: Final = 90
BATCH: Final = 4096
EVENTS: Final = 100  # of a match, about; of which OUTSIDE are before it, and as many after
OUTSIDE: Final = 2

Minutes = Callable[[HistoricMatch], Sequence[int]]
Told = Mapping[str, Sequence[FeatureEvent]]
NOTHING_TOLD: Final[Told] = {}


@dataclass(frozen=True, slots=True)
class Rows:
    """Feature vectors of matches at chosen minutes, and how the matches ended; in order of days.

    Attributes:
        matrix: float32 ``(n, k)``, NaN is missing.
        results: Index into CLASSES, shape ``(n,)``.
        days: Days since the epoch, shape ``(n,)``, rising.
        minutes: Match clock of the row, PRE_MATCH before kick-off, FULL_TIME once it ended, shape ``(n,)``.
        match_ids: One a row.
    """

    matrix: Matrix
    results: NDArray[np.int64]
    days: NDArray[np.int64]
    minutes: NDArray[np.int64]
    match_ids: Sequence[str]

    def where(self, chosen: NDArray[np.bool_]) -> "Rows":
        """Return the *chosen* rows."""
        ids = [self.match_ids[place] for place in np.flatnonzero(chosen).tolist()]
        return Rows(self.matrix[chosen], self.results[chosen], self.days[chosen], self.minutes[chosen], ids)

    @property
    def digest(self) -> str:
        """SHA-256 of all values, in hexadecimal."""
        found = hashlib.sha256("\n".join(self.match_ids).encode())
        for values in (self.matrix, self.results, self.days, self.minutes):
            found.update(np.ascontiguousarray(values).tobytes())
        return found.hexdigest()


def result_of(match: HistoricMatch) -> int:
    """Return the index into CLASSES of how *match* ended."""
    return 1 + (match.away_score > match.home_score) - (match.home_score > match.away_score)


def spread_minutes(match: HistoricMatch) -> Sequence[int]:
    """Return the minutes at which a match is learned from: before it and, if its goals are timed, once in each stretch.

    And once after it, because a prediction follows FULL_TIME too. Which minute of a stretch depends on the match's name
    alone, so that training sees all of them.
    """
    if not match.goals_timed:
        return (PRE_MATCH,)
    chance = digest(match.match_id + "/minutes") + digest(match.match_id + "/more")
    return (
        PRE_MATCH,
        *(start + chance[start // STRETCH] % STRETCH for start in range(0, LAST, STRETCH)),
        LAST,
        FULL_TIME,
    )


def before_kick_off(_match: HistoricMatch) -> Sequence[int]:
    """Return the one moment at which every match can be forecast."""
    return (PRE_MATCH,)


def grid_minutes(match: HistoricMatch) -> Sequence[int]:
    """Return the minutes at which a match is judged: before it and, if its goals are timed, those of GRID."""
    return (PRE_MATCH, *GRID) if match.goals_timed else (PRE_MATCH,)


def as_served(rows: Rows) -> Rows:
    """Return one row of each match with rows in play, drawn as a worker sees them: nearly all while it is played.

    If there are none in play, all.
    """
    chosen = np.zeros(len(rows.days), dtype=np.bool_)
    for match_id, group in groupby(enumerate(rows.match_ids), key=lambda pair: pair[1]):
        places = [place for place, _ in group]
        if len(places) > 1:
            chance = int.from_bytes(digest(match_id + "/served"), "big")
            before, after = chance % EVENTS < OUTSIDE, chance % EVENTS >= EVENTS - OUTSIDE
            played = places[1 + chance // EVENTS % (len(places) - 2)]
            chosen[places[0] if before else places[-1] if after else played] = True
    return rows.where(chosen) if chosen.any() else rows


def history_rows(
    matches: Iterable[HistoricMatch], features: FeatureSet, minutes: Minutes, first_day: int, told: Told = NOTHING_TOLD
) -> Rows:
    """Return the rows of *matches* from *first_day* (days since the epoch) on; earlier ones only move the ratings.

    The ratings of a day are those after all strictly earlier days.

    Args:
        matches: In order of days.
        features: The feature set.
        minutes: At which minutes of a match there is a row.
        first_day: First day with rows.
        told: Users' feature events by match, in any order.
    """
    matrices: list[Matrix] = [np.empty((0, len(features.names)), dtype=np.float32)]
    states: list[MatchState] = []
    moments: list[int] = []
    keys: list[tuple[int, int, int, str]] = []
    for match, day, ratings in with_ratings(matches, first_day):
        for minute, state, moment in snapshots(match, ratings, minutes(match), told.get(match.match_id, ())):
            states.append(state)
            moments.append(moment)
            keys.append((result_of(match), day, minute, match.match_id))
        if len(states) >= BATCH:
            matrices.append(features.matrix(states, moments))
            states, moments = [], []
    matrices.append(features.matrix(states, moments))
    columns = np.array([key[:3] for key in keys], dtype=np.int64).reshape(-1, 3)
    return Rows(np.concatenate(matrices), columns[:, 0], columns[:, 1], columns[:, 2], [key[3] for key in keys])


def with_ratings(
    matches: Iterable[HistoricMatch], first_day: int | None = None
) -> Iterator[tuple[HistoricMatch, int, FeatureEvent]]:
    """Give each match, its day and the ratings event which the ``rate`` role would have sent for it.

    Matches before *first_day* (days since the epoch) are not given, and move the ratings only.
    """
    ratings = Ratings()
    for day, group in groupby(map(_rated, matches), key=lambda pair: pair[1].day):
        today = list(group)
        for match, result in today if first_day is None or day >= first_day else ():
            told = FeatureEvent(
                f"{match.match_id}/ratings", match.match_id, SOURCE, kick_off_of(match), ratings.values(result)
            )
            yield match, day, told
        ratings.fold_day(result for _, result in today)


def snapshots(
    match: HistoricMatch, ratings: FeatureEvent, minutes: Sequence[int], told: Sequence[FeatureEvent] = ()
) -> Iterator[tuple[int, MatchState, int]]:
    """Give, for each of the rising *minutes*, the state of *match* before its next event, and the time of its last.

    That is the event after which a worker would have predicted from this state: an event of the match, or one of
    *told*, which count from their as_of_ms on. When the history does not say when the match kicked off, the clock of
    its events is made up, and *told* counts only until its fixture, at midnight (UTC) of its day: what was told later
    may have been told after the match.
    """
    steps = course(match, ratings, told)
    (event, state), following = next(steps), next(steps, None)
    for minute in minutes:
        while following is not None and _clock(following[0]) <= minute:
            (event, state), following = following, next(steps, None)
        yield minute, state, event_time_ms(event)


def course(
    match: HistoricMatch, ratings: FeatureEvent, told: Sequence[FeatureEvent] = ()
) -> Iterator[tuple[MatchEvent | FeatureEvent, MatchState]]:
    """Give each event of *match*, and what is *told* of it, in order of time, with the state after it.

    The state has the *ratings* from the beginning. See `snapshots` for what of *told* counts.
    """
    state = after_feature_event(MatchState(match.match_id), ratings)
    events = narrate(match, kick_off_of(match))
    last_ms = events[0 if match.kick_off_ms is None else -1].occurred_at_ms
    known = [one for one in told if one.as_of_ms <= last_ms]
    ordered: Sequence[MatchEvent | FeatureEvent] = sorted([*events, *known], key=event_time_ms) if known else events
    for event in ordered:
        state = after_event(state, event)
        yield event, state


def _clock(event: MatchEvent | FeatureEvent) -> int:
    if isinstance(event, FeatureEvent):
        return PRE_MATCH  # at any minute: only an event of the match ends a row
    return {EventKind.SCHEDULED: PRE_MATCH, EventKind.FULL_TIME: FULL_TIME}.get(event.kind, event.minute)


def _rated(match: HistoricMatch) -> tuple[HistoricMatch, FinishedMatch]:
    return match, as_result(match)
