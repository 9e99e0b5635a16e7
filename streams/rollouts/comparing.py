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
from models.rows import Minutes, history_rows
from monitors.differences import differences, match_difference
from monitors.rollout import HOUR_MS, Judgement, Rollout, begun, judged
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
    """

    match_ids: Sequence[str]
    known_ms: NDArray[np.int64]
    results: NDArray[np.int64]
    challenger: Probabilities
    champion: Probabilities


def compared(
    champion: Bundle, challenger: Bundle, matches: Sequence[HistoricMatch], minutes: Minutes, first: int
) -> Compared:
    """Return what both say of the *matches* from day *first* (since the epoch) on, at *minutes* of each."""
    rows = history_rows(matches, champion.features, minutes, first)
    same = challenger.features.names == champion.features.names
    theirs = rows if same else history_rows(matches, challenger.features, minutes, first)
    return Compared(
        rows.match_ids,
        rows.days * DAY_MS,
        rows.results,
        challenger.score(theirs.matrix, challenger.feature_set),
        champion.score(rows.matrix, champion.feature_set),
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
    length = int(plan.window_hours * HOUR_MS)
    start = int(found.known_ms[0]) // DAY_MS * DAY_MS
    rollout = begun(start)
    numbers = ((found.known_ms - start) // length).tolist()
    for number, group in groupby(range(len(numbers)), key=numbers.__getitem__):
        window = _evidence(found, list(group), plan.checks.log_loss.clip)
        rollout, judgement = judged(plan, rollout, start + (number + 1) * length, window)
        if judgement is None:
            return
        yield rollout, judgement


def _evidence(found: Compared, places: Sequence[int], clip: float) -> Evidence:
    challenger, champion = (said[places].astype(np.float64) for said in (found.challenger, found.champion))
    ids = [found.match_ids[place] for place in places]
    known = []
    for _, group in groupby(range(len(places)), key=ids.__getitem__):
        its = list(group)
        known.append(match_difference(challenger[its], champion[its], int(found.results[places[its[0]]])))
    drawn = one_row_per_match(ids)
    return Evidence(
        differences(np.array(known), clip),
        events=len(places),
        challenger_outputs=cells(challenger[drawn]),
        champion_outputs=cells(champion[drawn]),
    )
