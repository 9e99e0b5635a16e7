"""The shadow role says what a challenger would of the same events, and touches nothing else."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from models.bundle import Bundle, open_bundle
from schemas.records import EventKind, MatchEvent, Prediction, Variant
from streams.engine.outbox import Message
from streams.predicting.answering import FAILURE, NOT_FINITE
from streams.predicting.job import PredictJob
from streams.predicting.predictions import prediction_id
from streams.predicting.served import Served
from streams.predicting.shadow_saying import ShadowSaying, shadowing
from streams.predicting.wiring import PredictTopics
from tests.streams.predicting.test_job import AT_MS, PARTITIONS, PREDICTIONS, job_with, slices_of
from tests.streams.predicting.test_served import A, B, Speechless, empty, fixture, goal, kick_off, shot

TOPICS = PredictTopics("match-events", "feature-events", "shadow-predictions", None, None)


@pytest.fixture(name="bundles", scope="module")
def _bundles() -> list[Bundle]:
    bundle = open_bundle(None, "heuristic")
    return [replace(bundle, digest=A, version="1"), replace(bundle, digest=B, version="2")]


def served(bundles: Sequence[Bundle], *, canary: bool = False) -> Served:
    """Return what predict serves while the second of *bundles* is in the shadow, or serves every match."""
    champion, challenger = bundles
    if not canary:
        return Served([champion], [Variant.CHAMPION], lambda _: 0, [A], {0: challenger})
    variants = [Variant.CHAMPION, Variant.CHALLENGER]
    return Served(bundles, variants, lambda _: 1, [A, B], {0: challenger, 1: champion})


class Role:
    """A shadow worker, its table and what it has written."""

    def __init__(self, by: Served, patience_seconds: float = math.inf) -> None:
        predicting = job_with(shadowing(by), columns=True)
        self.saying = ShadowSaying(TOPICS.predictions, PREDICTIONS, predicting.metrics, patience_seconds)
        self.job = PredictJob(
            predicting.intake, TOPICS, predicting.codecs, predicting.served, self.saying, predicting.metrics, "worker"
        )
        self.tables = empty()
        self.offsets: dict[tuple[str, int], int] = {}

    def hears(self, *events: MatchEvent, spoilt: bool = False) -> list[Message]:
        pieces = slices_of([(event, 0, "spoilt" if spoilt else "", True) for event in events], self.offsets)
        steps = asyncio.run(self.job.process([self.job.decode(piece) for piece in pieces], self.tables))
        return [message for step in steps for message in step.outputs]

    def says(self, *events: MatchEvent) -> list[Prediction]:
        found = self.hears(*events)
        assert {message.topic for message in found} <= {TOPICS.predictions}
        return [PREDICTIONS.decode(message.value or b"") for message in found]

    def counted(self, result: str) -> float | None:
        return self.job.metrics.registry.get_sample_value("touchline_shadow_total", {"result": result})


def test_a_challenger_in_the_shadow_says_something_of_every_event_and_nobody_else_does(bundles: list[Bundle]) -> None:
    role = Role(served(bundles))
    events = [fixture("m0"), kick_off("m0"), shot("m0", 1), goal("m0", 2)]

    found = role.says(*events)

    assert {one.event_id for one in found} == {one.event_id for one in events}
    assert len(found) == len(events)
    assert {(one.bundle_digest, one.variant) for one in found} == {(B, Variant.SHADOW)}
    assert (role.counted("sent"), role.counted("shed"), role.counted("failed")) == (4, 0, 0)


def test_while_the_challenger_serves_matches_both_say_something_whoever_serves_them(bundles: list[Bundle]) -> None:
    found = Role(served(bundles, canary=True)).says(fixture("m0"), kick_off("m0"), shot("m0", 1))

    assert len(found) == 6
    assert {(one.event_id, one.bundle_digest) for one in found} == {
        (event, digest) for event in ("m0-fixture", "m0-kick-off", "m0-shot-1") for digest in (A, B)
    }
    assert {one.variant for one in found} == {Variant.SHADOW}


def test_without_a_challenger_it_folds_and_says_nothing(bundles: list[Bundle]) -> None:
    role = Role(Served.alone(bundles[0]))
    assert role.says(fixture("m0"), kick_off("m0"), goal("m0", 1)) == []

    role.job.serve(shadowing(served(bundles)))

    (found,) = role.says(shot("m0", 2))
    assert (found.home_score, found.bundle_digest) == (1, B)


def test_what_comes_late_is_left_out_and_counted_but_folded(bundles: list[Bundle]) -> None:
    role = Role(served(bundles), patience_seconds=10)  # the records of these tests are years old
    assert role.says(fixture("m0"), kick_off("m0"), goal("m0", 1)) == []
    assert (role.counted("shed"), role.counted("sent")) == (3, 0)

    role.saying.patience_seconds = math.inf

    (found,) = role.says(shot("m0", 2))
    assert found.home_score == 1
    assert (role.counted("shed"), role.counted("sent")) == (3, 1)


def test_what_cannot_be_used_is_counted_and_told_to_nobody(bundles: list[Bundle]) -> None:
    role = Role(served(bundles))

    assert role.hears(fixture("m0"), spoilt=True) == []

    samples = [sample for metric in role.job.metrics.registry.collect() for sample in metric.samples]
    refused = [one.value for one in samples if one.labels.get("kind") == "refused"]
    assert refused == [1]
    assert not any(one.value for one in samples if one.name == "touchline_dead_letters_total")


def test_final_scores_are_counted_by_predict_alone(bundles: list[Bundle]) -> None:
    role = Role(served(bundles))
    ended = MatchEvent("m0-end", "m0", EventKind.FULL_TIME, AT_MS + 9, 90, home_score=0, away_score=0)

    assert len(role.says(fixture("m0"), kick_off("m0"), ended)) == 3

    assert role.job.metrics.registry.get_sample_value("touchline_final_scores_total") == 0


def test_an_event_that_it_cannot_score_is_told_with_the_reason(bundles: list[Bundle]) -> None:
    role = Role(served([bundles[0], replace(bundles[1], predictor=Speechless(bundles[1]))]))

    found = role.hears(fixture("m0"), kick_off("m0"), goal("m0", 1), goal("m0", 2))

    failed = [one for one in found if one.headers]
    (only,) = failed
    assert list(only.headers) == [(FAILURE, NOT_FINITE.encode())]
    made = PREDICTIONS.decode(only.value or b"")
    assert made.event_id == "m0-goal-2"
    assert np.isnan([made.home, made.draw, made.away]).all()
    assert (role.counted("sent"), role.counted("failed")) == (3, 1)


def test_what_is_out_already_is_not_said_again_after_a_fall(bundles: list[Bundle]) -> None:
    role = Role(served(bundles, canary=True))
    role.says(fixture("m0"), kick_off("m0"))
    for number in range(PARTITIONS):
        role.tables[number].already_out = {prediction_id("m0", "m0-shot-1", B)}

    found = role.says(shot("m0", 1))

    assert [one.bundle_digest for one in found] == [A]
