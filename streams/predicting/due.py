"""Predictions that are to be made: what is known after their causes, and how they are written once it is scored."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from features.told import Reads
from models.bundle import Bundle
from schemas.codec import Codec
from schemas.records import Prediction, Variant
from streams.engine.outbox import Message

Scored: TypeAlias = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Features and probabilities, a row a cause."""

Placed: TypeAlias = Sequence[tuple[int, Message]]
"""Predictions, each with the index of its slice."""


class Voice(NamedTuple):
    """In whose name predictions are written, and where."""

    bundle: Bundle
    variant: Variant
    topic: str
    codec: Codec[Prediction]


class Due(NamedTuple):
    """Predictions to be made by one bundle.

    Attributes:
        bundle: Its index.
        facts: What is known after each cause, a row a cause.
        reads: What of users' feature events is among the facts.
        predict: Writes them: in whose name, what was scored, when slices were decoded and the ensemble had answered.
    """

    bundle: int
    facts: NDArray[np.float64]
    reads: Reads
    predict: Callable[[Voice, Scored, tuple[int, int]], Placed]


def facts_for(due: Sequence[Due], bundle: Bundle) -> NDArray[np.float64]:
    """Return the facts of at least one as *bundle* reads them, a row a cause."""
    found = [bundle.features.reads.taken_from(one.facts, one.reads) for one in due]
    return found[0] if len(found) == 1 else np.concatenate(found)


def predicted(due: Sequence[Due], voice: Voice, scored: Scored, times_us: tuple[int, int]) -> list[tuple[int, Message]]:
    """Return the predictions of *due*, whose facts were scored together."""
    found: list[tuple[int, Message]] = []
    first = 0
    for one in due:
        end = first + len(one.facts)
        found += one.predict(voice, (scored[0][first:end], scored[1][first:end]), times_us)
        first = end
    return found
