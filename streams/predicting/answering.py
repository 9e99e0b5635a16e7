"""What a bundle that is tried says, row by row: one that fails costs its own rows, and nobody else's."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle
from streams.predicting.due import Scored

NOT_FINITE = "its probabilities are not finite"
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
