"""Recorded events through two bundles: each is predicted after, until the result is known."""

from datetime import date

import numpy as np
import pytest

from features.history import HistoricMatch
from features.rating_book import RatingBook
from models.bundle import bundle_of_kind, load_bundle
from schemas.records import EventKind, MatchEvent
from streams.playing.match_days import historic_days, recorded_days
from streams.playing.parity import expected
from streams.rollouts.replaying import replayed


def a_match(match_id, day, teams):
    return HistoricMatch(match_id, day, *teams, 0, 0, "Cup", neutral=True, goals=())


MATCHES = [
    a_match("1", date(2022, 11, 20), ("Ghana", "Togo")),
    a_match("2", date(2022, 11, 20), ("Mali", "Niger")),
    a_match("3", date(2022, 11, 21), ("Ghana", "Mali")),
]


@pytest.fixture(scope="module", name="bundles")
def _bundles():
    return [load_bundle(bundle_of_kind(kind)) for kind in ("heuristic", "mlp")]


def recorded(matches):
    return [event for day in historic_days(matches) for event in (*day.fixtures, *day.course)]


def test_what_is_judged_is_what_workers_would_have_predicted_before_the_result(bundles):
    found = replayed(*bundles, historic_days(MATCHES), RatingBook())

    features = bundles[0].features
    ends = {event.event_id for event in recorded(MATCHES) if event.kind is EventKind.FULL_TIME}
    wanted = [one for one in expected(historic_days(MATCHES), RatingBook(), features) if one.event_id not in ends]
    wanted.sort(key=lambda one: one.match_id)
    rows = np.array([np.frombuffer(one.features, np.float32) for one in wanted])
    by_match = np.argsort(found.match_ids, kind="stable")
    assert sorted(found.match_ids) == [one.match_id for one in wanted]
    for bundle, said in zip(bundles, (found.champion, found.challenger), strict=True):
        np.testing.assert_allclose(said[by_match], bundle.score(rows, bundle.feature_set), atol=1e-6)
    assert {1} == set(found.results.tolist())
    assert (np.diff(found.known_ms) >= 0).all()


def test_a_corrected_result_is_the_one_that_counts_and_a_match_without_one_is_left_out(bundles):
    events = recorded(MATCHES)
    last = next(event for event in events if event.kind is EventKind.FULL_TIME and event.match_id == "1")
    later = last.occurred_at_ms + 1_000
    struck = MatchEvent("c", "1", EventKind.CORRECTION, later, corrects=last.event_id)
    again = MatchEvent("f", "1", EventKind.FULL_TIME, later + 1, home_score=0, away_score=2, minute=90)
    off = MatchEvent("x", "2", EventKind.CANCELLED, later)

    found = replayed(*bundles, recorded_days([*events, struck, again, off]), RatingBook())

    results = dict(zip(found.match_ids, found.results.tolist(), strict=True))
    assert {"1": 2, "3": 1} == results
