"""The ensemble of the benchmarks: of the published reference's size, fitted to rows of chance."""

from collections.abc import Callable
from typing import Final

import numpy as np

from models.fitting import Examples, Sizes, fit_member
from models.pools import PooledMember, fit_logit_pool
from models.predictors import CLASSES, Kind, Matrix

FEATURES: Final = 30
ROWS: Final = 8000
GAPS: Final = 0.05
MEMBERS: Final[tuple[Kind, ...]] = ("xgboost", "lightgbm", "mlp")
SIZES: Final = Sizes(leaf_rows=4, epochs=30)  # small leaves, so that trees grow to their full size


def reference_rows(count: int, chance: np.random.Generator, features: int = FEATURES) -> Matrix:
    """Return normal rows, float32 ``(count, features)``, of whose values one in twenty is missing."""
    rows = chance.normal(size=(count, features)).astype(np.float32)
    rows[chance.random(rows.shape) < GAPS] = np.nan
    return rows


def reference_ensemble(step: Callable[[str], None] = lambda _: None, features: int = FEATURES) -> PooledMember:
    """Return the ensemble, fitted to rows of chance.

    Args:
        step: Called with the name of what is fitted next.
        features: How many there are.
    """
    return fit_ensemble(reference_rows(ROWS, np.random.default_rng(0), features), step)


def fit_ensemble(rows: Matrix, step: Callable[[str], None] = lambda _: None) -> PooledMember:
    """Return 500 trees a class of XGBoost, 500 of LightGBM and a network, under a logistic regression.

    Args:
        rows: What it is fitted to; the results are of chance, and hang on all features.
        step: Called with the name of what is fitted next.
    """
    chance = np.random.default_rng(1)
    spread = np.nanstd(rows, axis=0)
    scaled = np.nan_to_num((rows - np.nanmean(rows, axis=0)) / np.where(spread > 0, spread, 1.0))
    scores = scaled @ chance.normal(size=(rows.shape[1], len(CLASSES)))
    results = (0.4 * scores + chance.gumbel(size=scores.shape)).argmax(axis=1)
    examples = Examples(rows, results, np.ones(len(rows)))
    members = []
    for kind in MEMBERS:
        step(kind)
        members.append(fit_member(kind, examples, SIZES))
    pool = fit_logit_pool([member.predict_proba(rows) for member in members], results, examples.weights)
    return PooledMember(members, pool)
