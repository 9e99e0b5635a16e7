"""Predictions of a replay against the rows of training: every kind of difference is found, and told in words."""

import random
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from features.declared import Column, Declaration, declared_set
from features.feature_sets import FEATURE_SETS, NEWEST
from features.history import EPOCH
from features.match_state import MatchState, after_match_event, event_time_ms
from features.narrative import kick_off_of, narrate
from models.bundle import bundle_folder, open_bundle
from models.rows import PRE_MATCH, history_rows, with_ratings
from schemas.records import FeatureEvent, Prediction, Variant
from streams.playing.match_days import historic_days, with_told
from streams.playing.parity import expected
from streams.playing.seeding import seeded_book
from streams.playing.training_rows import RATED, TrainingParity, against_training, training_rows

SET = FEATURE_SETS[NEWEST]
FIRST_DAY = (date(2022, 11, 20) - EPOCH).days


def served(matches, bundle):
    """What workers say: the replay's own fold, event by event with a rating book, and the served predictor."""
    days = historic_days(matches)
    causes = {event.event_id: event.kind.value for day in days for event in (*day.fixtures, *day.course)}
    made = []
    for one in expected(days, seeded_book([], days[0].date), bundle.features):
        row = np.frombuffer(one.features, np.float32)
        answer = bundle.score(row[None], bundle.feature_set)[0].tolist()
        made.append(
            Prediction(
                "p", one.match_id, one.event_id, causes.get(one.event_id, "FEATURES"), 0, "Cup", 1, 0, 0, *answer,
                Variant.CHAMPION, bundle.model, bundle.version, bundle.digest, bundle.feature_set, row.tolist(), "t",
                0, 0, 0, 0, 0, 0,
            )
        )  # fmt: skip
    return made


@pytest.fixture(scope="module", params=["heuristic", "xgboost"])
def bundle(request):
    return open_bundle(None, request.param)


def compared(matches, made, bundle):
    graph = (bundle_folder(None, bundle.manifest.kind) / "model.onnx").read_bytes()
    rows = training_rows(matches, bundle.features, FIRST_DAY, {})
    return against_training(made, rows, bundle.feature_names, graph, bundle.digest)


def test_predictions_of_the_roles_folds_are_those_of_training(matches, bundle):
    made = served(matches, bundle)
    random.Random(1).shuffle(made)

    found = compared(matches, made, bundle)

    assert len(made) - len(matches) == found.rows == found.scored
    assert (len(matches), 0, []) == (found.without_row, found.mismatches, found.first)
    assert found.largest <= 1e-6


@pytest.mark.parametrize("change", [lambda bits: bits ^ 1, lambda bits: bits | 0x7FC00000], ids=["last bit", "NaN"])
def test_one_bit_of_one_feature_is_found_and_named(matches, bundle, change):
    made = served(matches, bundle)
    place, column = 40, bundle.feature_names.index("home_elo")
    value = np.float32(made[place].features[column])
    other = np.uint32(change(value.view(np.uint32))).view(np.float32)
    features = [*made[place].features]
    features[column] = float(other)
    made[place] = replace(made[place], features=features)

    found = compared(matches, made, bundle)

    assert (1, 0) == (found.different, found.misscored)
    one = made[place]
    named = f"match {one.match_id}, {one.cause} in minute 1, event {one.event_id}"
    assert [f"{named}: home_elo is {other} in the stream and {value} in training"] == found.first


@pytest.mark.parametrize(("change", "far"), [(2e-6, 2e-6), (float("nan"), 1.0)])
def test_a_probability_beyond_the_tolerance_is_found_and_named(matches, bundle, change, far):
    made = served(matches, bundle)
    made[40] = replace(made[40], away=made[40].away + change)

    found = compared(matches, made, bundle)

    assert (0, 1) == (found.different, found.misscored)
    assert pytest.approx(far, abs=1e-6) == found.largest
    assert f"event {made[40].event_id}: the probability of away is " in found.first[0]


def test_ratings_that_know_a_result_of_the_same_day_are_found(matches, bundle):
    """The rows of training against predictions of a stream whose first match was played a day earlier."""
    early = [replace(matches[0], day=date(2022, 11, 19)), *matches[1:]]
    again = replace(matches[0], match_id="5", day=matches[1].day)

    found = compared([*matches[:2], again, *matches[2:]], served([*early[:2], again, *early[2:]], bundle), bundle)

    assert found.different > 90


def test_probabilities_of_another_bundle_are_not_compared(matches, bundle):
    made = [replace(one, bundle_digest="another", home=0.0) for one in served(matches, bundle)]

    assert TrainingParity(rows=len(made) - 4, without_row=4) == replace(compared(matches, made, bundle), first=())


def test_rows_are_those_of_history_rows_at_the_end_of_each_minute(matches):
    minutes = (PRE_MATCH, *range(91))
    wanted = history_rows(matches, SET, lambda _: minutes, FIRST_DAY)
    rows = training_rows(matches, SET, FIRST_DAY, {})
    by_id = {match.match_id: match for match in matches}

    for place, (match_id, minute) in enumerate(zip(wanted.match_ids, wanted.minutes.tolist(), strict=True)):
        events = [one for one in narrate(by_id[match_id], 0)[1:-1] if one.minute <= minute]
        cause = events[-1].event_id if minute != PRE_MATCH else RATED
        assert rows[match_id, cause].tobytes() == wanted.matrix[place].tobytes()


def test_what_users_told_counts_from_its_time_and_before_the_fixture_is_no_row(matches):
    mine = declared_set(Declaration("mine", "v2", (Column("odds", "odds", "home", 6000, age=True),)))
    early, late = matches[0], matches[1]
    told = {
        early.match_id: [FeatureEvent("before", early.match_id, "odds", FIRST_DAY * 86_400_000 - 1, {"home": 1.5})],
        late.match_id: [FeatureEvent("later", late.match_id, "odds", kick_off_of(late) + 90_000, {"home": 2.5})],
    }
    rows = training_rows(matches, mine, FIRST_DAY, told)

    assert (early.match_id, "before") not in rows
    assert (early.match_id, RATED) not in rows
    assert [2.5, 0.0] == rows[late.match_id, "later"][-2:].tolist()
    assert [2.5, 30.0] == rows[late.match_id, f"{late.match_id}/tick/2"][-2:].tolist()
    assert np.isnan(rows[late.match_id, f"{late.match_id}/tick/1"][-2:]).all()
    days = with_told(historic_days(matches), [one for those in told.values() for one in those])
    streamed = {one.cause: one.features for one in expected(days, seeded_book([], days[0].date), mine)}
    courses = [cause for cause in rows if cause[1] != RATED]
    assert len(courses) > 4 * 93
    assert all(rows[cause].tobytes() == streamed[cause] for cause in courses)


def test_the_row_before_kick_off_has_fixture_and_ratings(matches):
    match, _, ratings = next(with_ratings(matches))
    scheduled = narrate(match, kick_off_of(match))[0]
    state = replace(after_match_event(MatchState(match.match_id), scheduled), features={"ratings": ratings})

    (wanted,) = SET.matrix([state], [event_time_ms(scheduled)])

    assert wanted.tobytes() == training_rows([match], SET, 0, {})[match.match_id, RATED].tobytes()
