from datetime import date

import numpy as np
import pytest

from features.feature_sets import FEATURE_SETS
from features.history import international_matches
from models.fitting import Examples, Sizes
from models.heuristic import heuristic_member
from models.predictors import softmax
from models.rows import PRE_MATCH, Rows

TINY = Sizes(
    xgboost_trees=8,
    lightgbm_trees=8,
    forest_trees=5,
    lightgbm_leaves=7,
    tree_leaves=8,
    forest_leaves=8,
    layers=(8, 4),
    leaf_rows=5,
    epochs=2,
    threads=1,
)


@pytest.fixture(scope="session")
def names():
    return FEATURE_SETS["v1"].names


def synthetic_rows(names, n=1200, seed=0):
    """Rows of *names* whose results follow their Poisson chances; a tenth of the other values is missing."""
    chance = np.random.default_rng(seed)
    matrix = chance.normal(size=(n, len(names))).astype(np.float32)
    matrix[:, names.index("minute")] = chance.integers(0, 94, n)
    matrix[:, names.index("elo_difference")] *= 200
    chances = softmax(np.column_stack([matrix[:, names.index("elo_difference")] / 200, np.zeros(n), np.zeros(n)]))
    matrix[chance.random(matrix.shape) < 0.1] = np.nan
    for column, name in enumerate(("poisson_home", "poisson_draw", "poisson_away")):
        matrix[:, names.index(name)] = chances[:, column]
    results = np.array([chance.choice(3, p=row) for row in chances])
    days = np.sort(chance.integers(0, 300, n))
    return Rows(matrix, results, days, np.full(n, PRE_MATCH), [f"m{number}" for number in range(n)])


@pytest.fixture(scope="session")
def rows(names):
    return synthetic_rows(names)


@pytest.fixture(scope="session")
def judged(rows):
    return rows.where(rows.days >= 240)


@pytest.fixture(scope="session")
def examples(rows, names):
    return Examples(rows.matrix, rows.results, np.ones(len(rows.days)), heuristic_member(names))


@pytest.fixture(scope="session")
def tiny():
    return TINY


@pytest.fixture(scope="session")
def history(shared_data):
    """The real internationals, before the last of them."""
    return [match for match in international_matches(shared_data) if match.day < date(2022, 11, 20)]
