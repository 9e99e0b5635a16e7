"""Alarms on real matches: figures which can only come from a leak, and a leak that is planted and must be noticed."""

from dataclasses import replace

import pytest

from features.feature_sets import FEATURE_SETS, NEWEST
from features.history import EPOCH, club_matches
from features.ratings import Ratings
from models import rows as rows_module
from models.heuristic import heuristic_member
from models.rows import before_kick_off, history_rows
from models.scores import scores

SET = FEATURE_SETS[NEWEST]
MOST_ACCURATE, LEAST_RPS, FEWEST = 0.58, 0.18, 2000
FIRST, ENOUGH, LAST = 19_540, 19_590, 19_723  # 2023-07-02 .. 2023-08-21, when there are FEWEST, .. 2024-01-01


@pytest.fixture(name="clubs", scope="module")
def _clubs(shared_data):
    return [match for match in club_matches(shared_data) if 2014 <= match.day.year and (match.day - EPOCH).days <= LAST]


def worth(rows):
    return scores(heuristic_member(SET.names).predict_proba(rows.matrix), rows.results)


def is_alarming(found):
    return found["n"] >= FEWEST and (found["accuracy"] > MOST_ACCURATE or found["rps"] < LEAST_RPS)


def test_honest_forecasts_of_clubs_raise_no_alarm(clubs):
    found = worth(history_rows(clubs, SET, before_kick_off, FIRST))

    assert found["n"] >= FEWEST
    assert not is_alarming(found)
    assert found["log_loss"] < 1.02


def test_a_rating_read_after_its_match_raises_the_alarm(clubs, monkeypatch):
    class Late(Ratings):
        """Ratings which know the match that they are asked about, many times over."""

        def values(self, meeting):
            after = Ratings(dict(self.teams), dict(self.divisions))
            for number in range(20):
                after.fold_day([replace(meeting, match_id=f"again {number}")])
            return after.values(meeting)

    monkeypatch.setattr(rows_module, "Ratings", Late)
    early = [match for match in clubs if (match.day - EPOCH).days <= ENOUGH]

    assert is_alarming(worth(history_rows(early, SET, before_kick_off, FIRST)))
