from datetime import date

import pytest

from features.history import HistoricGoal, HistoricMatch

HOME, AWAY = True, False


def a_match(match_id, day, teams, goals=(), competition="Cup"):
    scores = [sum(goal.home is side for goal in goals) for side in (HOME, AWAY)]
    return HistoricMatch(match_id, day, *teams, *scores, competition, neutral=True, goals=tuple(goals))


@pytest.fixture
def matches():
    return [
        a_match("1", date(2022, 11, 20), ("Ghana", "Togo"), [HistoricGoal(12, HOME, "goal")]),
        a_match("2", date(2022, 11, 20), ("Mali", "Niger"), [HistoricGoal(45, AWAY, "pen")]),
        a_match("3", date(2022, 11, 21), ("Ghana", "Mali"), [HistoricGoal(90, HOME, "own")], "League"),
        a_match("4", date(2022, 11, 23), ("Togo", "Niger")),
    ]
