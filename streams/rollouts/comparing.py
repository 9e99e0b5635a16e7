"""The gate over matches that are past: two bundles on the same rows, as if both had scored them in turn."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.history import HistoricMatch
from features.narrative import DAY_MS
from models.bundle import Bundle
from models.predictors import Probabilities
from models.rows import NOTHING_TOLD, Minutes, Told, history_rows
from monitors.differences import Differences, differences, match_difference
from monitors.rollout import HOUR_MS, Judgement, Rollout, begun, judged
from monitors.rollout_allocation import shares
from monitors.rollout_evidence import Evidence, cells
from monitors.rollout_plan import Plan
from monitors.sampling import one_row_per_match

NOT_KNOWN_OFFLINE: Final = ("error_rate", "p99_seconds")


@dataclass(frozen=True, slots=True)
class Compared:
    """What two bundles say of the same events, in the order in which the results of their matches came.

    Attributes:
        match_ids: One a row; the rows of a match stand together.
        known_ms: When the result of the row's match was known, event time, shape ``(n,)``, rising.
        results: Index into CLASSES of what came, shape ``(n,)``.
        challenger: Probabilities, shape ``(n, 3)``; so for champion.
        segments: Competition of each row's match.
    """

    match_ids: Sequence[str]
    known_ms: NDArray[np.int64]
    results: NDArray[np.int64]
    challenger: Probabilities
    champion: Probabilities
    segments: Sequence[str]


@dataclass(frozen=True, slots=True)
class Served:
    """Who would have served the matches.

    Attributes:
        by_challenger: Matches that the challenger is expected to have served, by the shares of the steps.
        nats: What that is expected to have cost, in log loss against the champion alone, over all matches; below 0 it
            is a gain.
    """

    by_challenger: float = 0.0
    nats: float = 0.0


def compared(  # noqa: PLR0917 - two bundles, and the rows of which
    champion: Bundle,
    challenger: Bundle,
    matches: Sequence[HistoricMatch],
    minutes: Minutes,
    first: int,
    told: Told = NOTHING_TOLD,
) -> Compared:
    """Return what both say of the *matches* from day *first* (since the epoch) on, at *minutes* of each.

    *told* is what users' feature events have said of them.
    """
    rows = history_rows(matches, champion.features, minutes, first, told)
    ours, others = ((one.features.names, one.features.declared) for one in (champion, challenger))
    competitions = {match.match_id: match.competition for match in matches}
    theirs = rows if ours == others else history_rows(matches, challenger.features, minutes, first, told)
    return Compared(
        rows.match_ids,
        rows.days * DAY_MS,
        rows.results,
        challenger.score(theirs.matrix, challenger.feature_set),
        champion.score(rows.matrix, champion.feature_set),
        [competitions[match_id] for match_id in rows.match_ids],
    )


def offline(plan: Plan) -> Plan:
    """Return *plan* as it is for the past: without the checks of errors and latency, and with all the time it needs.

    Those are known of running workers only, and there is nobody who could be asked whether a step goes on.
    """
    checks = plan.checks.model_copy(update=dict.fromkeys(NOT_KNOWN_OFFLINE))
    steps = tuple(step.model_copy(update={"max_hours": math.inf}) for step in plan.steps)
    return plan.model_copy(update={"checks": checks, "steps": steps})


def judgements(plan: Plan, found: Compared) -> Iterator[tuple[Rollout, Judgement]]:
    """Give the roll-out after each window with matches, up to its end, and why; windows begin with the first day."""
    rollout = begun(_start(found))
    for until_ms, places in _windows(plan, found):
        window = _evidence(found, places, plan.checks.log_loss.clip)
        rollout, judgement = judged(plan, rollout, until_ms, window)
        if judgement is None:
            return
        yield rollout, judgement


def served(plan: Plan, found: Compared, told: Sequence[tuple[Rollout, Judgement]]) -> Served:
    """Return who would have served the matches of the windows that `judgements` has *told*.

    A match is served by what was known before the window in which its result came.
    """
    by_challenger = nats = 0.0
    before = begun(_start(found))
    for (_, places), (after, _) in zip(_windows(plan, found), told, strict=False):
        known = list(_matches(found, places))
        new = dict.fromkeys((segment for segment, _ in known), Differences())
        share = shares(plan.steps[before.step], {**new, **before.segments})
        by_challenger += math.fsum(share[segment] for segment, _ in known)
        nats += math.fsum(share[segment] * difference for segment, difference in known)
        before = after
    return Served(by_challenger, nats)


def _start(found: Compared) -> int:
    return int(found.known_ms[0]) // DAY_MS * DAY_MS


def _windows(plan: Plan, found: Compared) -> Iterator[tuple[int, Sequence[int]]]:
    """Yield the end of each window with matches, and its rows."""
    length, start = int(plan.window_hours * HOUR_MS), _start(found)
    numbers = ((found.known_ms - start) // length).tolist()
    for number, group in groupby(range(len(numbers)), key=numbers.__getitem__):
        yield start + (number + 1) * length, list(group)


def _matches(found: Compared, places: Sequence[int]) -> Iterator[tuple[str, float]]:
    """Yield the segment of each match, and the challenger's log loss less the champion's, in nats."""
    for _, group in groupby(places, key=found.match_ids.__getitem__):
        its = list(group)
        challenger, champion = (said[its].astype(np.float64) for said in (found.challenger, found.champion))
        yield found.segments[its[0]], match_difference(challenger, champion, int(found.results[its[0]]))


def _evidence(found: Compared, places: Sequence[int], clip: float) -> Evidence:
    known = list(_matches(found, places))
    by_segment: dict[str, list[float]] = {}
    for segment, difference in known:
        by_segment.setdefault(segment, []).append(difference)
    drawn = [places[row] for row in one_row_per_match([found.match_ids[place] for place in places]).tolist()]
    return Evidence(
        differences(np.array([difference for _, difference in known]), clip),
        events=len(places),
        challenger_outputs=cells(found.challenger[drawn].astype(np.float64)),
        champion_outputs=cells(found.champion[drawn].astype(np.float64)),
        segments={name: differences(np.array(one), clip) for name, one in by_segment.items()},
    )
