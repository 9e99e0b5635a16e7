"""How long a model takes for one prediction, and whether that is too long."""

from collections.abc import Callable
from statistics import median
from typing import Final

from models.manifest import BundleError
from models.predictors import Matrix, Predictor

BUDGET_SECONDS: Final = 150e-6
TOLERANCE: Final = 4
"""Times the budget that a model may take before it is refused: other machines, and busy moments of this one."""
_CALLS: Final = 3


def seconds_per_prediction(predictor: Predictor, rows: Matrix, clock: Callable[[], float]) -> float:
    """Return how long *predictor* takes for a row that comes alone, in seconds.

    It is the median over *rows* ``(n, k)`` of the fastest of three calls: what interrupts a call does not count.
    """
    return median(min(_timed(predictor, rows[one : one + 1], clock) for _ in range(_CALLS)) for one in range(len(rows)))


def _timed(predictor: Predictor, row: Matrix, clock: Callable[[], float]) -> float:
    begun = clock()
    predictor.predict_proba(row)
    return clock() - begun


def check_speed(predictor: Predictor, rows: Matrix, where: str, budget: float, clock: Callable[[], float]) -> None:
    """Check that *predictor* takes no more than TOLERANCE times *budget* seconds for a prediction.

    Raises:
        BundleError: It is slower; *where* begins the sentence.
    """
    taken = seconds_per_prediction(predictor, rows, clock)
    if taken > TOLERANCE * budget:
        raise BundleError(
            f"{where}: a prediction takes {taken * 1e6:,.0f} us on its golden rows, more than {TOLERANCE} times the "
            f"budget of {budget * 1e6:,.0f} us"
        )
