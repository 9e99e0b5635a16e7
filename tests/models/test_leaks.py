"""The looks at real matches: quiet for what is honest, alarmed by leaks that are planted."""

from dataclasses import replace

import numpy as np
import pytest

from features.feature_sets import FEATURE_SETS, NEWEST
from features.history import EPOCH
from features.ratings import Ratings
from models import leaks
from models import rows as rows_module
from models.heuristic import heuristic_member
from models.leaks import future, suspect, too_good
from models.rows import spread_minutes
from models.walking import TooFewError

SET = FEATURE_SETS[NEWEST]
SINCE, FIRST, LAST = 18_200, 18_400, 18_800  # 2019-10-31 .. 2020-05-18 .. 2021-06-22


@pytest.fixture(name="matches", scope="module")
def _matches(history):
    return [match for match in history if match.day.year > 2012 and (match.day - EPOCH).days <= LAST]


@pytest.fixture(name="found", scope="module")
def _found(matches):
    return suspect(matches, SET, spread_minutes, (SINCE, FIRST))


def honest(found):
    return heuristic_member(SET.names).predict_proba(found.judged.matrix)


def test_honest_forecasts_are_quiet(found):
    assert [one.name for one in leaks.looks(found, honest(found)) if one.alarmed] == []


def test_forecasts_that_know_a_tenth_of_the_results_are_too_good(found):
    said = honest(found).astype(np.float64)
    known = np.arange(len(said)) % 10 == 0
    said[known] = np.eye(3)[found.judged.results[known]] * 0.97 + 0.01

    alarm = too_good(found, said.astype(np.float32))

    assert alarm.alarmed
    assert "better than Elo under a logit; surely more than 0.05 would be too good to be true" in alarm.said


def test_luck_over_few_matches_is_no_leak(found):
    few = found.judged.where(np.arange(len(found.judged.days)) < 60)
    lucky = honest(found)[:60].astype(np.float64)
    lucky[::30] = np.eye(3)[few.results[::30]] * 0.97 + 0.01

    alarm = too_good(replace(found, judged=few), lucky.astype(np.float32))

    assert not alarm.alarmed
    assert float(alarm.said.split("has not seen, +")[1].split()[0]) > leaks.MOST_GAIN


def test_a_rating_read_after_its_match_is_found(found, monkeypatch):
    class Late(Ratings):
        """Ratings which know the match that they are asked about."""

        def values(self, meeting):
            after = Ratings(dict(self.teams), dict(self.divisions))
            after.fold_day([meeting])
            return after.values(meeting)

    monkeypatch.setattr(rows_module, "Ratings", Late)

    alarm = future(found)

    assert alarm.alarmed
    assert "before kick-off changes when what happens later does" in alarm.said


def test_a_state_that_knows_the_next_goal_is_found(found, monkeypatch):
    real = rows_module.narrate

    def early(match, kick_off_ms):
        return [
            replace(event, minute=max(0, event.minute - 30)) if event.side is not None else event
            for event in sorted(
                real(match, kick_off_ms), key=lambda event: event.minute - 30 * (event.side is not None)
            )
        ]

    monkeypatch.setattr(rows_module, "narrate", early)

    alarm = future(found)

    assert alarm.alarmed
    assert "in minute" in alarm.said


def test_too_few_matches_are_no_judgement(matches):
    with pytest.raises(TooFewError, match="there are 0 rows from that day on; at least 50 are needed"):
        suspect(matches, SET, spread_minutes, (SINCE, LAST + 1))
