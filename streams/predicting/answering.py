"""What a bundle that is tried says, row by row: one that fails costs its own rows, and nobody else's."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, ParamSpec, TypeVar

import numpy as np
import structlog
from numpy.typing import NDArray

from models.bundle import Bundle
from streams.engine.outbox import Message
from streams.predicting.due import Due, Scored, Voice, predicted

log = structlog.get_logger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

FAILURE: Final = "failure"
"""Header of the record of an event that a bundle could not score: why, in UTF-8. Its probabilities are NaN."""

NOT_FINITE: Final = "its probabilities are not finite"
SMALL_BATCH: Final = 64
_LONGEST_REASON = 500  # it goes into a record, which may not grow with what a library says


class Answers(NamedTuple):
    """What a bundle said.

    Attributes:
        scored: Features and probabilities; a row that it could not score has NaN for probabilities.
        failures: Why it could not, by the number of the row.
    """

    scored: Scored
    failures: Mapping[int, str]


def answers(bundle: Bundle, facts: NDArray[np.float64]) -> Answers:
    """Return what *bundle* says of *facts*, a row a cause, at least one.

    When it refuses them together it is asked row by row, so that one row of which it cannot say anything does not count
    against the others. Whatever it raises is its own failure: nothing is raised here.
    """
    try:
        features = bundle.features.of(facts)
        chances = bundle.score(features, bundle.feature_set)
    except Exception as error:  # noqa: BLE001 - a bundle that is tried stops nobody
        if len(facts) == 1:
            nothing = np.full((1, len(bundle.feature_names)), np.nan, np.float32)
            why = f"{type(error).__name__}: {error}"[:_LONGEST_REASON]
            return Answers((nothing, np.full((1, 3), np.nan, np.float32)), {0: why})
        return _joined([answers(bundle, facts[row : row + 1]) for row in range(len(facts))])
    failed = np.flatnonzero(~np.isfinite(chances).all(axis=1))
    told = chances.copy()
    told[failed] = np.nan
    return Answers((features, told), dict.fromkeys(failed.tolist(), NOT_FINITE))


def _joined(rows: list[Answers]) -> Answers:
    features, chances = (np.concatenate([one.scored[part] for one in rows]) for part in (0, 1))
    return Answers((features, chances), {row: one.failures[0] for row, one in enumerate(rows) if one.failures})


def told(due: Sequence[Due], voice: Voice, got: Answers, times_us: tuple[int, int]) -> list[tuple[int, Message]]:
    """Return a record of each row of *due*: what was said of it, or why nothing could be."""
    made = predicted(due, voice, got.scored, times_us)
    if not got.failures:
        return made
    return [
        (place, one._replace(headers=[(FAILURE, got.failures[row].encode())] if row in got.failures else ()))
        for row, (place, one) in enumerate(made)
    ]


class FailureLog:
    """Logs the first failure of a bundle after it could score, and no others."""

    def __init__(self) -> None:
        self._failing: set[str] = set()

    def note(self, digest: str, failures: Mapping[int, str]) -> None:
        """Take note of the rows of a batch which the bundle with *digest* could not score."""
        if not failures:
            self._failing.discard(digest)
        elif digest not in self._failing:
            self._failing.add(digest)
            log.warning("shadow.not_scored", bundle=digest, rows=len(failures), error=next(iter(failures.values())))


async def called(rows: int, call: Callable[P, R], *args: P.args, **more: P.kwargs) -> R:
    """Return what *call* says of so many *rows*."""
    if rows <= SMALL_BATCH:  # a thread costs more than it frees
        return call(*args, **more)
    return await asyncio.to_thread(call, *args, **more)
