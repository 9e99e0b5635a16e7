"""What each feature is worth to a model, whatever its kind: how much worse it forecasts when it is told a wrong one."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from models.predictors import Matrix, Probabilities
from models.rows import Rows
from models.scores import log_losses

REPEATS: Final = 3


def permutation_importance(
    predict: Callable[[Matrix], Probabilities], names: Sequence[str], rows: Rows, seed: int = 0
) -> Mapping[str, float]:
    """Return by how many nats the log loss on *rows* rises when a feature's values are shuffled among them.

    After Breiman 2001, "Random Forests", section 10, on rows that the model has not seen: the mean of REPEATS shuffles.
    Features that tell the same cover for each other, and may all seem to be of little use.

    Args:
        predict: The model.
        names: Of the columns.
        rows: At least one.
        seed: Of the shuffles.
    """
    chance = np.random.default_rng(seed)
    whole = log_losses(predict(rows.matrix), rows.results).mean()
    found = {}
    for column, name in enumerate(names):
        losses = []
        for _ in range(REPEATS):
            shuffled = rows.matrix.copy()
            shuffled[:, column] = chance.permutation(shuffled[:, column])
            losses.append(log_losses(predict(shuffled), rows.results).mean())
        found[name] = float(np.mean(losses) - whole)
    return found
