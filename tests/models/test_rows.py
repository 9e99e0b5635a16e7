"""Rows are what a worker would have seen: same folds, ratings of earlier days, nothing of the future."""

import random
from collections import Counter
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from features.declared import Column, Declaration, declared_set
from features.feature_sets import FEATURE_SETS, NEWEST
from features.history import EPOCH, HistoricGoal, HistoricMatch, as_result
from features.match_state import MatchState, after_event, after_feature_event, after_match_event, event_time_ms
from features.narrative import kick_off_of, narrate
from features.rating_book import RatingBook
from features.team_events import team_event
from models.rows import (
    FULL_TIME,
    PRE_MATCH,
    as_served,
    grid_minutes,
    history_rows,
    result_of,
    snapshots,
    spread_minutes,
    with_ratings,
)
from schemas.records import FeatureEvent

SET = FEATURE_SETS[NEWEST]
MATCH = HistoricMatch(
    "m", date(2022, 11, 20), "A", "B", 1, 2, "FIFA World Cup", neutral=False,
    goals=(HistoricGoal(10, home=True, kind="goal"), HistoricGoal(45, home=False, kind="pen"),
           HistoricGoal(90, home=False, kind="goal")), goals_timed=True,
)  # fmt: skip


def day_of(*parts):
    return (date(*parts) - EPOCH).days


def with_chance_result(match, chance):
    return replace(match, home_score=chance.randrange(9), away_score=chance.randrange(9), goals=())


@pytest.fixture(scope="module")
def season(history):
    """All matches of 2021 and 2022."""
    return [match for match in history if match.day >= date(2021, 1, 1)]


def test_the_state_at_a_minute_has_the_goals_of_that_minute_and_no_later_ones():
    _, _, ratings = next(with_ratings([MATCH]))
    minutes = (PRE_MATCH, 0, 9, 10, 44, 45, 89, 90, FULL_TIME)
    found = {minute: state for minute, state, _ in snapshots(MATCH, ratings, minutes)}
    goals = {minute: (state.home_goals, state.away_goals) for minute, state in found.items()}

    assert {PRE_MATCH: (0, 0), 0: (0, 0), 9: (0, 0), 10: (1, 0), 44: (1, 0), 45: (1, 1), 89: (1, 1), 90: (1, 2),
            FULL_TIME: (1, 2)} == goals  # fmt: skip
    assert [False] + [True] * 8 == [state.started for state in found.values()]
    assert [None] * 8 == [state.result for state in list(found.values())[:-1]]
    assert found[FULL_TIME].result is not None


def test_how_a_match_ended():
    assert [0, 1, 2] == [result_of(replace(MATCH, home_score=home)) for home in (3, 2, 1)]


def test_all_minutes_are_learned_from_and_only_of_timed_matches(season):
    timed = [match for match in season if match.goals_timed]
    seen = Counter(minute for match in timed for minute in spread_minutes(match))

    assert {PRE_MATCH, FULL_TIME, *range(91)} == set(seen)
    assert all(list(spread_minutes(match)) == sorted(set(spread_minutes(match))) for match in timed)
    assert (
        (PRE_MATCH,)
        == spread_minutes(replace(MATCH, goals_timed=False))
        == grid_minutes(replace(MATCH, goals_timed=False))
    )


def test_rows_are_bit_for_bit_what_the_roles_compute(season):
    """The rating book and the match state fed event by event, as rate and predict do, against the rows of training."""
    some = season[:300]
    book, states = RatingBook(), {}
    expected = {}
    events = sorted((event.occurred_at_ms, event.match_id, n, event) for match in some
                    for n, event in enumerate(narrate(match, kick_off_of(match))))  # fmt: skip
    for _, match_id, _, event in events:
        before = states.get(match_id, MatchState(match_id))
        states[match_id] = after_match_event(before, event)
        news = team_event(before, states[match_id], event)
        for said in book.after(news) if news else ():
            states[said.match_id] = after_feature_event(states[said.match_id], said)
        expected.setdefault(match_id, {})[event.event_id] = match_id, states[match_id]
    rows = history_rows(some, SET, lambda _: (FULL_TIME,), 0)
    final = [expected[match_id][f"{match_id}/full-time"][1] for match_id in rows.match_ids]

    assert SET.matrix(final).tobytes() == rows.matrix.tobytes()


@pytest.mark.parametrize("minutes", [spread_minutes, grid_minutes])
def test_corrupting_results_from_a_day_on_leaves_every_row_before_it_as_it_was(season, minutes):
    day = date(2022, 3, 24)
    chance = random.Random(1)
    corrupt = [match if match.day < day else with_chance_result(match, chance) for match in season]
    clean, changed = history_rows(season, SET, minutes, 0), history_rows(corrupt, SET, minutes, 0)
    before = clean.days < day_of(2022, 3, 24)
    same_day = (clean.days == day_of(2022, 3, 24)) & (clean.minutes == PRE_MATCH)

    assert before.sum() > 1000
    assert clean.where(before).digest == changed.where(before).digest
    assert same_day.sum() > 5
    assert clean.matrix[same_day].tobytes() == changed.matrix[same_day].tobytes()
    assert clean.matrix[~before].tobytes() != changed.matrix[~before].tobytes()


def test_a_planted_rating_after_the_match_is_caught(season):
    """The order of a day's matches does not matter, which it would if a rating were read after its update."""
    shuffled = list(season)
    random.Random(0).shuffle(shuffled)
    shuffled.sort(key=lambda match: match.day)
    first, second = (history_rows(order, SET, lambda _: (PRE_MATCH,), 0) for order in (season, shuffled))
    place = {match_id: number for number, match_id in enumerate(second.match_ids)}
    order = [place[match_id] for match_id in first.match_ids]

    assert first.match_ids != second.match_ids
    assert first.matrix.tobytes() == second.matrix[order].tobytes()


def test_matches_before_the_first_day_move_ratings_only(season):
    first_day = day_of(2022, 1, 1)
    rows = history_rows(season, SET, spread_minutes, first_day)
    whole = history_rows(season, SET, spread_minutes, 0)

    assert rows.days.min() >= first_day
    assert whole.where(whole.days >= first_day).digest == rows.digest


def test_one_row_of_each_timed_match_is_drawn_as_served(season):
    rows = history_rows(season, SET, spread_minutes, 0)
    drawn = as_served(rows)
    timed = {match.match_id for match in season if match.goals_timed}

    assert sorted(timed) == sorted(drawn.match_ids)
    assert 0 < ((drawn.minutes == PRE_MATCH) | (drawn.minutes == FULL_TIME)).mean() < 0.1


def test_the_digest_of_rows_is_that_of_their_values(season):
    rows = history_rows(season[:50], SET, spread_minutes, 0)

    assert rows.digest == history_rows(season[:50], SET, spread_minutes, 0).digest
    assert rows.digest != replace(rows, results=np.roll(rows.results, 1)).digest


DECLARED = declared_set(
    Declaration(
        "v2+odds", "v2", (Column("odds", "odds", "home", 86_400, age=True), Column("xg", "live", "xg", 120, 60))
    )
)
KICK_OFF = kick_off_of(MATCH)
TIMED = replace(MATCH, kick_off_ms=KICK_OFF + 1800_000)
MIDNIGHT = day_of(2022, 11, 20) * 86_400_000


def said(source, as_of_ms, **values):
    return FeatureEvent(f"{source}-{as_of_ms}", "m", source, as_of_ms, values)


def own_columns(match, told, minutes):
    rows = history_rows([match], DECLARED, lambda _: minutes, 0, {"m": told})
    return dict(zip(minutes, rows.matrix[:, len(SET.names) :].tolist(), strict=True))


def test_a_value_counts_from_its_as_of_on_and_no_earlier_row_changes():
    """A value of the second half, planted among those of before the match, is in no row of the first half."""
    start = TIMED.kick_off_ms
    early, late = said("odds", start - 60_000, home=2.5), said("odds", start + 70 * 60_000, home=1.01)
    minutes = (PRE_MATCH, 0, 30, 45, 54, 55, 60)
    honest, planted = own_columns(TIMED, [early], minutes), own_columns(TIMED, [late, early], minutes)

    assert [row[0] for row in honest.values()] == [2.5] * len(minutes)
    assert [row[0] for row in planted.values()] == [2.5] * 5 + [np.float32(1.01)] * 2
    assert [planted[minute][1] for minute in (PRE_MATCH, 0, 30, 54)] == [0, 60, 60 + 30 * 60, 60 + (54 + 15) * 60]
    assert [planted[minute][1] for minute in (55, 60)] == [0, 300]


def test_a_row_before_the_match_has_what_was_told_until_kick_off_and_not_at_it():
    start = TIMED.kick_off_ms
    for as_of, known in ((start - 1, True), (start, False), (start + 1, False)):
        (row,) = own_columns(TIMED, [said("odds", as_of, home=2.5)], (PRE_MATCH,)).values()
        assert known == (row[0] == 2.5)


def test_when_the_kick_off_is_not_known_nothing_counts_which_was_told_on_the_day():
    """The clock of such a match is made up: by it, what was told after the match may seem to be from before it."""
    for as_of, known in ((MIDNIGHT, True), (MIDNIGHT + 1, False), (KICK_OFF - 1, False)):
        rows = own_columns(MATCH, [said("odds", as_of, home=2.5)], (PRE_MATCH, 60, FULL_TIME))
        assert [known] * 3 == [row[0] == 2.5 for row in rows.values()]


def test_nothing_counts_which_was_told_after_the_end():
    end = narrate(TIMED, TIMED.kick_off_ms)[-1].occurred_at_ms
    for as_of, known in ((end, True), (end + 1, False)):
        rows = own_columns(TIMED, [said("live", as_of, xg=0.5)], (90, FULL_TIME))
        assert [False, known] == [row[2] == 0.5 for row in rows.values()]


def test_values_grow_old_by_the_clock_of_the_match():
    told = [said("live", TIMED.kick_off_ms + 10 * 60_000, xg=0.5)]

    assert [False, True, True, True, False] == [
        row[2] == 0.5 for row in own_columns(TIMED, told, (9, 10, 11, 12, 13)).values()
    ]


def test_rows_with_users_values_are_bit_for_bit_those_of_the_plain_fold(season):
    """All events of a match in order of time, folded one by one, against the rows of training."""
    chance, told, wanted = random.Random(2), {}, []
    timed = [match for match in season if match.goals_timed][:40]
    some = [replace(match, kick_off_ms=kick_off_of(match)) for match in timed]
    for match in some:
        sources = [
            (chance.choice(["odds", "live"]), kick_off_of(match) + chance.randrange(-(9**7), 9**7)) for _ in "abcd"
        ]
        told[match.match_id] = [
            FeatureEvent(f"{n}", match.match_id, source, at, {"home": chance.random(), "xg": chance.random()})
            for n, (source, at) in enumerate([*sources, ("live", kick_off_of(match) + 105 * 60_000)])
        ]
    for match, _, ratings in with_ratings(some):
        state, moment = after_feature_event(MatchState(match.match_id), ratings), 0
        happened = [*told[match.match_id], *narrate(match, kick_off_of(match))]
        for event in sorted(happened, key=lambda one: (event_time_ms(one), isinstance(one, FeatureEvent))):
            if event_time_ms(event) <= narrate(match, kick_off_of(match))[-1].occurred_at_ms:
                state, moment = after_event(state, event), event_time_ms(event)
        wanted.append(DECLARED.matrix([state], [moment]))
    rows = history_rows(some, DECLARED, lambda _: (FULL_TIME,), 0, told)

    assert np.concatenate(wanted).tobytes() == rows.matrix.tobytes()
    assert not np.isnan(rows.matrix[:, -3:]).all(axis=0).any()


def test_no_matches_give_no_rows():
    assert (0, len(SET.names)) == history_rows([], SET, spread_minutes, 0).matrix.shape
    assert as_result(MATCH).day == day_of(2022, 11, 20)
