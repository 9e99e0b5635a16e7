"""Pairs of predictions become one number a match, whatever the order of records."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.records import EventKind, MatchEvent, Prediction, Variant
from streams.rollouts.live_evidence import LiveEvidence

A, B = "a" * 64, "b" * 64  # champion and challenger


def said(match: str, event: str, digest: str, home: float, **more: object) -> Prediction:
    fields: dict[str, object] = {
        "prediction_id": f"{match}{event}{digest}", "match_id": match, "event_id": event, "cause": "SHOT",
        "occurred_at_ms": 0, "competition": "", "minute": 5, "home_score": 0, "away_score": 0, "home": home,
        "draw": (1 - home) / 2, "away": (1 - home) / 2, "variant": Variant.CHALLENGER, "model": "m",
        "model_version": "1", "bundle_digest": digest, "feature_set": "v1", "features": (), "source_topic": "t",
        "source_partition": 0, "source_offset": 0, "source_timestamp_ms": 0, "received_at_us": 1_000_000,
        "decoded_at_us": 0, "scored_at_us": 1_002_000,
    }  # fmt: skip
    return Prediction(**{**fields, **more})  # type: ignore[arg-type] # fields by name


def ended(match: str, home: int, away: int, kind: EventKind = EventKind.FULL_TIME) -> MatchEvent:
    return MatchEvent(f"{match}-end", match, kind, 0, 90, home_score=home, away_score=away)


RECORDS: Sequence[tuple[Prediction | MatchEvent, int]] = [
    (said("m1", "e1", B, 0.5), 0),
    (said("m1", "e1", A, 0.4, variant=Variant.SHADOW), 0),
    (said("m1", "e2", B, 0.6), 0),
    (said("m1", "e2", A, 0.8, variant=Variant.SHADOW), 0),
    (said("m1", "e3", B, 0.6), 0),  # its shadow was shed
    (said("m1", "e0", B, 0.9, minute=-1), 0),  # before the match
    (said("m1", "e0", A, 0.1, minute=-1), 0),
    (ended("m1", 2, 1), 50),
    (said("m2", "e1", A, 0.3), 0),
    (said("m2", "e1", B, 0.2, variant=Variant.SHADOW), 0),
    (ended("m2", 0, 1), 60),
    (said("m3", "e1", "c" * 64, 0.3), 0),  # of a third bundle
    (ended("m3", 0, 1), 60),
    (said("m4", "e1", A, 0.3), 0),
    (said("m4", "e1", B, 0.3), 0),
    (ended("m4", 0, 0, EventKind.CANCELLED), 60),
    (said("m5", "e1", A, 0.3), 0),  # goes on
    (said("m5", "e1", B, 0.3), 0),
]


@given(st.permutations(RECORDS))
def test_the_evidence_is_that_of_a_calculation_by_hand(records: Sequence[tuple[Prediction | MatchEvent, int]]) -> None:
    evidence = LiveEvidence(A, B, 0.5)
    for one, at_ms in records:
        if isinstance(one, Prediction):
            evidence.take_prediction(one)
        else:
            evidence.take_event(one, at_ms)

    found = evidence.window(100)

    first = (np.log(0.4 / 0.5) + np.log(0.8 / 0.6)) / 2  # the home side won: champion's chance over the challenger's
    second = np.log(0.35 / 0.4)  # the away side did
    assert found.outcomes.matches == 2
    assert found.outcomes.mean == pytest.approx((first + second) / 2, abs=1e-12)
    assert found.events == 3
    assert sum(found.challenger_outputs) == sum(found.champion_outputs) == 2 * 3  # one event of each match
    assert found.latency.count == 4
    assert evidence.window(100).outcomes.matches == 0


def test_a_match_counts_in_the_window_in_which_its_end_was_written() -> None:
    evidence = LiveEvidence(A, B, 0.5)
    for digest in (A, B):
        evidence.take_prediction(said("m1", "e1", digest, 0.3))
    evidence.take_event(ended("m1", 1, 1), 100)

    assert [evidence.window(until).outcomes.matches for until in (100, 101)] == [0, 1]
