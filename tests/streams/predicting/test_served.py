"""Matches keep the bundle they began with, through changes of what is served, and through falls."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from models.bundle import Bundle, open_bundle
from models.predictors import Matrix, Probabilities
from models.serving import Serving, after_control, pin_of
from schemas.records import ControlAction, EventKind, FeatureEvent, MatchEvent, ModelControl, Prediction, Side, Variant
from streams.engine.murmur import partition_of
from streams.engine.outbox import Message
from streams.engine.table import TablePartition
from streams.predicting.answering import NOT_FINITE
from streams.predicting.due import Due, Voice, facts_for, predicted
from streams.predicting.job import PredictJob
from streams.predicting.predictions import prediction_id
from streams.predicting.served import Served
from streams.predicting.shadowing import Shadows
from tests.streams.predicting.test_job import (
    AT_MS,
    PARTITIONS,
    PREDICTIONS,
    STATES,
    TOPICS,
    declaring,
    job_with,
    slices_of,
)

Tables = dict[int, TablePartition[bytes]]
A, B = "a" * 64, "b" * 64


@pytest.fixture(name="bundles", scope="module")
def _bundles() -> list[Bundle]:
    bundle = open_bundle(None, "heuristic")
    return [replace(bundle, digest=A, version="1"), replace(bundle, digest=B, version="2")]


class Stream:
    """A worker whose table and log outlive it."""

    def __init__(self, bundles: Sequence[Bundle]) -> None:
        self.bundles = bundles
        self.serving = Serving()
        self.tables = empty()
        self.offsets: dict[tuple[str, int], int] = {}
        self.change(ControlAction.PROMOTE, A)
        self.job = self.started()

    def change(
        self,
        action: ControlAction,
        champion: str,
        challenger: str | None = None,
        share: float = 0,
        *,
        running: bool = False,
    ) -> None:
        control = ModelControl(
            model="m", action=action, champion=champion, challenger=challenger, canary_share=share, shadow=False,
            running=running, by="", why="", at_ms=1, replaces=self.serving.champion, revision=self.serving.revision + 1,
        )  # fmt: skip
        following = after_control(self.serving, control)
        assert following is not self.serving
        self.serving = following
        if self.serving.revision > 1:
            self.job.served = Served.of(self.serving, self.bundles)

    def started(self) -> PredictJob:
        return job_with(Served.of(self.serving, self.bundles), columns=True)

    def tell(self, *events: MatchEvent | FeatureEvent) -> list[Prediction]:
        """Return what is predicted of *events* in one batch."""
        return self.tell_all(*events)[0]

    def tell_all(self, *events: MatchEvent | FeatureEvent) -> tuple[list[Prediction], list[Message]]:
        """Return with it what goes to the shadows and may not be lost."""
        pieces = slices_of([(event, 0, "", True) for event in events], self.offsets)
        steps = asyncio.run(self.job.process([self.job.decode(piece) for piece in pieces], self.tables))
        out = [one for step in steps for one in step.outputs]
        predictions = [PREDICTIONS.decode(one.value or b"") for one in out if one.topic == TOPICS.predictions]
        return predictions, [one for one in out if one.topic == "shadow-predictions"]

    def pin(self, match_id: str) -> bytes:
        key = match_id.encode()
        return STATES.decode(self.tables[partition_of(key, PARTITIONS)].states[key]).bundle


def empty() -> Tables:
    return {partition: TablePartition[bytes](partition=partition) for partition in range(PARTITIONS)}


def fixture(match_id: str) -> MatchEvent:
    return MatchEvent(
        f"{match_id}-fixture", match_id, EventKind.SCHEDULED, AT_MS, home_team="Ajax", away_team="PSV",
        competition="nl.1", kick_off_ms=AT_MS,
    )  # fmt: skip


def kick_off(match_id: str) -> MatchEvent:
    return MatchEvent(f"{match_id}-kick-off", match_id, EventKind.KICK_OFF, AT_MS, 0)


def shot(match_id: str, minute: int) -> MatchEvent:
    return MatchEvent(f"{match_id}-shot-{minute}", match_id, EventKind.SHOT, AT_MS + minute, minute, Side.HOME)


def said(predictions: Sequence[Prediction]) -> list[tuple[str, Variant]]:
    return [(one.bundle_digest, one.variant) for one in predictions]


def test_before_it_begins_a_match_is_the_champions_and_then_it_keeps_what_it_drew(bundles: list[Bundle]) -> None:
    stream = Stream(bundles)
    stream.change(ControlAction.CANARY, A, B, 1)

    found = stream.tell(fixture("m0"), kick_off("m0"), shot("m0", 1), shot("m0", 2))

    assert said(found) == [(A, Variant.CHAMPION), *[(B, Variant.CHALLENGER)] * 3]
    assert said(stream.tell(shot("m0", 3))) == [(B, Variant.CHALLENGER)]
    assert stream.pin("m0") == pin_of(B)


def test_a_promotion_is_for_later_kick_offs(bundles: list[Bundle]) -> None:
    stream = Stream(bundles)
    stream.tell(fixture("m0"), kick_off("m0"), fixture("m1"))

    stream.change(ControlAction.PROMOTE, B)

    assert said(stream.tell(shot("m0", 1), shot("m0", 2))) == [(A, Variant.CHAMPION)] * 2
    assert said(stream.tell(kick_off("m1"), shot("m1", 1))) == [(B, Variant.CHAMPION)] * 2


def test_a_promotion_takes_running_matches_when_it_says_so(bundles: list[Bundle]) -> None:
    stream = Stream(bundles)
    stream.tell(fixture("m0"), kick_off("m0"))

    stream.change(ControlAction.PROMOTE, B, running=True)

    assert said(stream.tell(shot("m0", 1), shot("m0", 2))) == [(B, Variant.CHAMPION)] * 2
    assert stream.job.metrics.registry.get_sample_value("touchline_moved_matches_total", {"role": "predict"}) == 1


def test_a_rollback_takes_every_match_and_they_stay_there_when_the_bundle_returns(bundles: list[Bundle]) -> None:
    stream = Stream(bundles)
    stream.change(ControlAction.CANARY, A, B, 1)
    stream.tell(*(event for one in ("m0", "m1") for event in (fixture(one), kick_off(one))))

    stream.change(ControlAction.ROLLBACK, A)
    assert said(stream.tell(shot("m0", 1), shot("m1", 1))) == [(A, Variant.CHAMPION)] * 2

    stream.change(ControlAction.CANARY, A, B, 1)
    assert said(stream.tell(shot("m0", 2), shot("m1", 2))) == [(A, Variant.CHAMPION)] * 2


def test_a_match_without_a_kick_off_is_bound_by_the_first_that_shows_it_has_begun(bundles: list[Bundle]) -> None:
    stream = Stream(bundles)
    stream.tell(fixture("m0"))
    stream.change(ControlAction.CANARY, A, B, 1)

    assert said(stream.tell(shot("m0", 1), shot("m0", 2))) == [(B, Variant.CHALLENGER)] * 2


def test_a_share_splits_matches_as_it_was_drawn_and_each_is_scored_by_its_own(bundles: list[Bundle]) -> None:
    stream = Stream(bundles)
    stream.change(ControlAction.CANARY, A, B, 0.5)
    names = [f"m{number}" for number in range(20)]
    stream.tell(*(event for one in names for event in (fixture(one), kick_off(one))))

    found = stream.tell(*(shot(one, minute) for one in names for minute in (1, 2, 3)))

    assert len(found) == 60
    assert {one.match_id: one.bundle_digest for one in found} == {one: stream.serving.chosen(one) for one in names}
    assert {one.match_id for one in found if one.variant is Variant.CHALLENGER} == {
        one for one in names if stream.serving.chosen(one) == B
    }
    assert 0 < sum(one.bundle_digest == B for one in found) < 60


@pytest.mark.parametrize("lost", ["nothing of it", "the state of the kick-off"])
def test_what_is_worked_on_again_after_a_fall_keeps_its_bundle_and_is_predicted_once(
    bundles: list[Bundle], lost: str
) -> None:
    stream = Stream(bundles)
    stream.tell(fixture("m0"))
    stream.change(ControlAction.CANARY, A, B, 1)
    kept = {number: dict(table.states) for number, table in stream.tables.items()}
    offsets = dict(stream.offsets)
    out = stream.tell(kick_off("m0"))
    if lost == "nothing of it":
        kept, offsets = {number: dict(table.states) for number, table in stream.tables.items()}, dict(stream.offsets)
    out += stream.tell(shot("m0", 1))

    # The worker falls; its states are older than what is out; meanwhile the challenger has been paused.
    stream.tables = empty()
    for number, table in stream.tables.items():
        table.states.update(kept[number])
        table.already_out = {one.prediction_id for one in out}
    stream.offsets = offsets
    stream.change(ControlAction.PAUSE, A, B, 0)
    stream.job = stream.started()
    again = [kick_off("m0")] if lost != "nothing of it" else []

    found = stream.tell(*again, shot("m0", 1), shot("m0", 2))

    assert said(out) == [(B, Variant.CHALLENGER)] * 2
    assert [(one.event_id, one.bundle_digest) for one in found] == [("m0-shot-2", B)]


def test_what_is_out_of_another_bundle_is_not_predicted_again_after_a_rollback(bundles: list[Bundle]) -> None:
    stream = Stream(bundles)
    stream.tell(fixture("m0"))
    stream.change(ControlAction.CANARY, A, B, 1)
    stream.tell(kick_off("m0"))
    stream.change(ControlAction.ROLLBACK, A)
    for table in stream.tables.values():
        table.already_out = {prediction_id("m0", f"m0-shot-{minute}", B) for minute in (1, 3)}

    found = stream.tell(*(shot("m0", minute) for minute in (1, 2, 3, 4)))

    assert [(one.event_id, one.bundle_digest) for one in found] == [("m0-shot-2", A), ("m0-shot-4", A)]


@dataclass(frozen=True)
class Speechless:
    """Says nothing of a match once a side leads by two."""

    bundle: Bundle

    def predict_proba(self, matrix: Matrix) -> Probabilities:
        found = self.bundle.predictor.predict_proba(matrix).copy()
        found[matrix[:, self.bundle.feature_names.index("score_difference")] >= 2] = np.nan
        return found


def goal(match_id: str, minute: int) -> MatchEvent:
    return MatchEvent(f"{match_id}-goal-{minute}", match_id, EventKind.GOAL, AT_MS + minute, minute, Side.HOME)


def test_where_a_challenger_cannot_score_the_champion_stands_in_and_it_is_told(bundles: list[Bundle]) -> None:
    tried = replace(bundles[1], predictor=Speechless(bundles[1]))
    stream = Stream([bundles[0], tried])
    stream.change(ControlAction.CANARY, A, B, 1)
    registry = CollectorRegistry()
    shadows = stream.job.saying.shadows = Shadows({}, "shadow-predictions", PREDICTIONS, registry)
    shadows.offer = lambda *_: None  # type: ignore[method-assign] # what it says of all events is another matter
    events = [fixture("m0"), kick_off("m0"), shot("m0", 1), goal("m0", 2), goal("m0", 3), shot("m0", 4), goal("m1", 1)]

    found, told = stream.tell_all(*events)

    champions = {"m0-fixture", "m0-goal-3", "m0-shot-4"}
    assert {one.event_id: one.bundle_digest for one in found} == {
        one.event_id: A if one.event_id in champions else B for one in events[:-1]
    }
    by_event = {one.event_id: one for one in found}
    assert all(np.isfinite([one.home, one.draw, one.away]).all() for one in found)
    assert by_event["m0-goal-3"].variant is Variant.CHAMPION
    failures = [PREDICTIONS.decode(one.value or b"") for one in told]
    assert {(one.event_id, one.bundle_digest, one.variant) for one in failures} == {
        (event, B, Variant.SHADOW) for event in ("m0-goal-3", "m0-shot-4")
    }
    assert np.isnan([(one.home, one.draw, one.away) for one in failures]).all()
    assert {dict(one.headers)["failure"] for one in told} == {NOT_FINITE.encode()}
    assert registry.get_sample_value("touchline_shadow_total", {"result": "failed"}) == 2


def test_what_the_champion_said_in_its_stead_is_not_said_again_after_a_fall(bundles: list[Bundle]) -> None:
    stream = Stream(bundles)
    stream.tell(fixture("m0"))
    stream.change(ControlAction.CANARY, A, B, 1)
    stream.tell(kick_off("m0"))
    for table in stream.tables.values():
        table.already_out = {prediction_id("m0", "m0-goal-1", A)}

    assert said(stream.tell(goal("m0", 1), goal("m0", 2))) == [(B, Variant.CHALLENGER)]


class Offers:
    """Notes what would be said in the shadow, and says it."""

    def __init__(self) -> None:
        self.said: list[Prediction] = []

    def offer(self, bundle: Bundle, due: Sequence[Due], decoded_at_us: int) -> None:
        features = bundle.features.of(facts_for(due, bundle))
        voice = Voice(bundle, Variant.SHADOW, "shadow-predictions", PREDICTIONS)
        made = predicted(due, voice, (features, bundle.score(features, bundle.feature_set)), (decoded_at_us, 0))
        self.said += [PREDICTIONS.decode(message.value) for _, message in made if message.value]


def test_the_champion_says_in_the_shadow_what_it_would_of_the_challengers_matches_and_of_no_others(
    bundles: list[Bundle],
) -> None:
    stream = Stream(bundles)
    stream.change(ControlAction.CANARY, A, B, 0.5)
    shadows = stream.job.saying.shadows = Offers()  # type: ignore[attr-defined] # it has what is called
    names = [f"m{number}" for number in range(8)]
    stream.tell(*(event for one in names for event in (fixture(one), kick_off(one))))
    shadows.said.clear()

    found = stream.tell(*(shot(one, minute) for one in names for minute in (1, 2)))

    tried = [one for one in found if one.variant is Variant.CHALLENGER]
    assert {(one.match_id, one.event_id) for one in shadows.said} == {(one.match_id, one.event_id) for one in tried}
    assert len(shadows.said) == len(tried) > 0
    assert {(one.bundle_digest, one.variant) for one in shadows.said} == {(A, Variant.SHADOW)}
    features = {one.event_id: one.features for one in tried}
    np.testing.assert_array_equal(
        [features[one.event_id] for one in shadows.said], [one.features for one in shadows.said]
    )


def test_a_running_match_of_a_bundle_that_is_not_there_goes_to_the_champion(bundles: list[Bundle]) -> None:
    stream = Stream(bundles)
    stream.change(ControlAction.CANARY, A, B, 1)
    stream.tell(fixture("m0"), kick_off("m0"))

    stream.change(ControlAction.PAUSE, A, None)
    stream.job.served = Served.of(stream.serving, bundles[:1])

    assert said(stream.tell(shot("m0", 1))) == [(A, Variant.CHAMPION)]


def odds(match_id: str, home: float) -> FeatureEvent:
    return FeatureEvent(f"{match_id}-odds", match_id, "odds", AT_MS, {"x": home})


def test_feature_sets_live_side_by_side_and_each_scores_what_was_told_before_it_came(bundles: list[Bundle]) -> None:
    tried = declaring(bundles[1])
    stream = Stream([bundles[0], tried])
    assert tried.feature_set != bundles[0].feature_set
    stream.tell(fixture("m0"), odds("m0", 2.5), fixture("m1"))
    stream.change(ControlAction.CANARY, A, B, 1)
    shadows = stream.job.saying.shadows = Offers()  # type: ignore[attr-defined] # it has what is called

    found = stream.tell(kick_off("m0"), shot("m0", 1), kick_off("m1"))

    ours = {one.event_id: one.features[-4:] for one in found}
    assert {(one.bundle_digest, one.feature_set) for one in found} == {(B, tried.feature_set)}
    np.testing.assert_array_equal(ours["m0-kick-off"], [2.5, 0, np.nan, np.nan])
    np.testing.assert_array_equal(ours["m1-kick-off"], [np.nan] * 4)
    assert {one.feature_set for one in shadows.said} == {bundles[0].feature_set}
    assert [one.event_id for one in shadows.said] == [one.event_id for one in found]
    np.testing.assert_array_equal([one.features for one in shadows.said], [one.features[:-4] for one in found])


def test_odds_that_come_during_a_match_are_predicted_by_who_reads_them_and_by_who_does_not(
    bundles: list[Bundle],
) -> None:
    stream = Stream([bundles[0], declaring(bundles[1])])
    stream.change(ControlAction.CANARY, A, B, 0.5)
    names = [f"m{number}" for number in range(8)]
    stream.tell(*(event for one in names for event in (fixture(one), kick_off(one))))

    found = stream.tell(*(odds(one, 2.5) for one in names))

    widths = {one.match_id: len(one.features) for one in found}
    champions = len(bundles[0].feature_names)
    assert widths == {one: champions + 4 * (stream.serving.chosen(one) == B) for one in names}
    assert set(widths.values()) == {champions, champions + 4}
