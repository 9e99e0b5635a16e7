import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from models.baselines import EloLogit, ScoreTable, prior
from models.rows import PRE_MATCH, Rows

NAMES = ("elo_difference", "score_difference")


def rows_of(elo, goals, minutes, results):
    matrix = np.column_stack([elo, goals]).astype(np.float32)
    count = len(results)
    return Rows(matrix, np.array(results), np.arange(count), np.array(minutes), [str(one) for one in range(count)])


@pytest.fixture(name="learned")
def _learned():
    chance = np.random.default_rng(5)
    elo = chance.normal(0, 200, 600)
    results = (chance.random(600) > 1 / (1 + np.exp(-elo / 150))).astype(int) * 2
    results[chance.random(600) < 0.25] = 1
    return rows_of(elo, np.zeros(600), np.full(600, PRE_MATCH), results)


def test_the_prior_is_the_frequency_of_the_results_before_kick_off(learned):
    late = rows_of([0.0], [3.0], [85], [0])
    with_late = Rows(*(np.concatenate(pair) for pair in zip(_arrays(learned), _arrays(late), strict=True)), [])

    found = prior(with_late, learned)

    shares = (np.bincount(learned.results) + 1) / 603
    assert (600, 3) == found.shape
    assert np.allclose(found, shares)


def _arrays(rows):
    return rows.matrix, rows.results, rows.days, rows.minutes


def test_elo_is_the_regression_of_scikit_learn_and_rises_with_the_difference(learned):
    asked = rows_of([-300.0, 0.0, 300.0, np.nan], [0.0] * 4, [PRE_MATCH] * 4, [0] * 4)

    found = EloLogit(NAMES)(learned, asked)

    model = LogisticRegression(C=1e6, max_iter=1000).fit(learned.matrix[:, :1] / 400, learned.results)
    assert np.allclose(found[:3], model.predict_proba(asked.matrix[:3, :1] / 400), atol=1e-4)
    assert found[0, 0] < found[1, 0] < found[2, 0]
    assert np.array_equal(found[1], found[3])


def test_the_table_counts_endings_by_minute_and_score_and_leans_on_the_minute_where_it_has_few():
    minutes, goals = [75] * 100, [1.0] * 60 + [0.0] * 40
    learned = rows_of([0.0] * 100, goals, minutes, [0] * 50 + [1] * 10 + [1] * 40)
    asked = rows_of([0.0] * 3, [1.0, 0.0, 3.0], [75, 89, 75], [0] * 3)

    found = ScoreTable(NAMES)(learned, asked)

    of_minute = np.array([51, 51, 1]) / 103
    assert np.allclose(found[0], (np.array([50, 10, 0]) + 10 * of_minute) / 70)
    assert np.allclose(found[1], (np.array([0, 40, 0]) + 10 * of_minute) / 50)
    assert np.allclose(found[2], of_minute)


def test_every_row_sums_to_one(learned):
    for one in (prior, EloLogit(NAMES), ScoreTable(NAMES)):
        assert np.allclose(one(learned, learned).sum(axis=1), 1)
