"""A feature is worth what forecasts lose without it: nothing when the model does not read it."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.inspection import permutation_importance as scikit_learns

from models.fitting import fit_member
from models.importance import permutation_importance
from models.predictors import softmax
from models.scores import log_losses


@pytest.fixture
def column(names):
    return names.index("elo_difference")


@pytest.fixture
def known(rows, column):
    return rows.where(~np.isnan(rows.matrix[:, column]))


def test_a_feature_that_is_not_read_is_worth_nothing_and_the_rows_stay_as_they_are(known, names, column):
    before = known.matrix.copy()

    def predict(matrix):
        return softmax(np.column_stack([matrix[:, column] / 200, *2 * [np.zeros(len(matrix))]])).astype(np.float32)

    worth = permutation_importance(predict, names, known)

    assert worth.pop("elo_difference") > 0.05
    assert {0.0} == set(worth.values())
    assert before.tobytes() == known.matrix.tobytes()


def test_the_values_are_about_those_of_scikit_learn(examples, rows, names, tiny):
    member = fit_member("xgboost", examples, tiny)

    class Fitted:
        def fit(self):
            """Nothing is left to do."""

        def score(self, matrix, results):
            return -log_losses(member.predict_proba(matrix), results).mean()

    some = rows.where(np.arange(len(rows.days)) < 300)
    theirs = scikit_learns(Fitted(), some.matrix, some.results, n_repeats=10, random_state=1)
    ours = permutation_importance(member.predict_proba, names, some)

    spread = 4 * theirs.importances_std + 1e-9  # of the mean of three shuffles, less than a half of it each
    assert (np.abs(np.array([ours[name] for name in names]) - theirs.importances_mean) <= spread).all()
    assert max(ours, key=ours.get) == names[int(theirs.importances_mean.argmax())]


def test_the_same_seed_gives_the_same_values(known, names, examples, tiny):
    member = fit_member("tree", examples, tiny)
    some = replace(known, matrix=known.matrix)

    assert permutation_importance(member.predict_proba, names, known) == permutation_importance(
        member.predict_proba, names, some
    )
