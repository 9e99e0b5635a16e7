"""Both ways of an event say the same, whatever comes in whatever slices."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from features.declared import Column, Declaration, declared_set
from features.match_state import MatchState
from models.bundle import Bundle, open_bundle
from models.predictors import Matrix, Predictor, Probabilities
from models.serving import pin_of
from schemas.bounds import check_feature_event, check_match_event
from schemas.catalog import schema_json
from schemas.codec import Codec
from schemas.records import EventKind, FeatureEvent, MatchEvent, Prediction, Side, TeamEvent, TeamEventKind, Variant
from streams.engine.murmur import partition_of
from streams.engine.outbox import Message
from streams.engine.slices import Slice
from streams.engine.table import TablePartition
from streams.intake import Intake, Reader
from streams.metrics import WorkerMetrics
from streams.predicting.job import PredictJob
from streams.predicting.predictions import prediction_id
from streams.predicting.saying import Predicting
from streams.predicting.served import Served
from streams.predicting.single import SingleEvents
from streams.predicting.wiring import PredictCodecs, PredictTopics

AT_MS = 1_668_960_000_000
TOPICS = PredictTopics("match-events", "feature-events", "predictions", "team-events", "dead-letters")
PARTITIONS = 2
USUAL = [
    EventKind.TICK, EventKind.SHOT, EventKind.GOAL, EventKind.OWN_GOAL, EventKind.RED_CARD, EventKind.CORNER,
    EventKind.KICK_OFF, EventKind.HALF_TIME,
]  # fmt: skip
MATCHES = ["m0", "m1", "m2", "Ærø"]
IDS = [f"e{number}" for number in range(8)]


@dataclass(frozen=True)
class FakeRecord:
    key: bytes | None
    value: bytes | None
    offset: int
    timestamp: int = AT_MS
    headers: tuple[tuple[str, bytes], ...] = ()


def codec_of(name: str, record_type: type[Any], schema_id: int, *versions: int, learnt: bool = True) -> Codec[Any]:
    codec = Codec(name, record_type)
    for number, version in enumerate(versions):
        if learnt:
            codec.learn(schema_id + number, schema_json(name, version))
    codec.use_for_writing(schema_id, versions[0])
    return codec


EVENTS = [codec_of("match_event", MatchEvent, 10 + version, version) for version in (1, 2)]
READING = codec_of("match_event", MatchEvent, 11, 1, 2)
FEATURES = codec_of("feature_event", FeatureEvent, 20, 1)
PREDICTIONS = codec_of("prediction", Prediction, 30, 1)
TEAMS = codec_of("team_event", TeamEvent, 40, 1)
STATES = codec_of("match_state", MatchState, 50, 2)


@dataclass(frozen=True)
class FirstColumns:
    """Reads what the predictor it wraps knows, and looks at no other column."""

    inner: Predictor
    count: int

    def predict_proba(self, matrix: Matrix) -> Probabilities:
        return self.inner.predict_proba(np.ascontiguousarray(matrix[:, : self.count]))


def declaring(bundle: Bundle) -> Bundle:
    """Return *bundle* with columns of users' own."""
    columns = (Column("x", "odds", "x", 1, age=True), Column("elo", "odds", "home_elo", 9), Column("y", "xg", "Ø", 1))
    declared = declared_set(Declaration("mine", bundle.feature_set, columns))
    predictor = FirstColumns(bundle.predictor, len(bundle.feature_names))
    return replace(bundle, feature_set="mine", feature_names=declared.names, features=declared, predictor=predictor)


@pytest.fixture(name="bundle", scope="module", params=["published", "declared"])
def _bundle(request: pytest.FixtureRequest) -> Bundle:
    bundle = open_bundle(None, "heuristic")
    return bundle if request.param == "published" else declaring(bundle)


def shared(bundle: Bundle) -> Served:
    """Return what serves while a challenger with another feature set scores each second match."""
    published = open_bundle(None, "heuristic")
    other = declaring(published) if bundle.feature_set == published.feature_set else published
    other = replace(other, digest="b" * 64, version="2")
    chosen = {match: number % 2 for number, match in enumerate(MATCHES)}
    return Served(
        [bundle, other], [Variant.CHAMPION, Variant.CHALLENGER], chosen.__getitem__, [bundle.digest, "b" * 64]
    )


def job_of(bundle: Bundle, *, columns: bool) -> PredictJob:
    return job_with(Served.alone(bundle), columns=columns)


def job_with(served: Served, *, columns: bool) -> PredictJob:
    readers = {
        TOPICS.match_events: Reader(READING.decode, check_match_event, lambda event: event.occurred_at_ms),
        TOPICS.feature_events: Reader(FEATURES.decode, check_feature_event, lambda event: event.as_of_ms),
    }
    reading = READING, FEATURES
    if not columns:
        reading = (
            codec_of("match_event", MatchEvent, 11, 1, 2, learnt=False),
            codec_of("feature_event", FeatureEvent, 20, 1, learnt=False),
        )
    codecs, metrics = PredictCodecs(*reading, PREDICTIONS, TEAMS, STATES), WorkerMetrics(CollectorRegistry(), "predict")
    saying = Predicting(TOPICS.predictions, PREDICTIONS, metrics)
    return PredictJob(Intake(readers, PARTITIONS), TOPICS, codecs, served, saying, metrics, "worker")


matches = st.sampled_from(MATCHES)
usual = st.builds(
    MatchEvent,
    event_id=st.sampled_from(IDS),
    match_id=matches,
    kind=st.sampled_from(USUAL),
    occurred_at_ms=st.integers(AT_MS, AT_MS + 9),
    minute=st.integers(0, 20),
    side=st.sampled_from(Side),
)
ends = st.builds(
    MatchEvent,
    event_id=st.sampled_from(IDS),
    match_id=matches,
    kind=st.just(EventKind.FULL_TIME),
    occurred_at_ms=st.integers(AT_MS, AT_MS + 9),
    minute=st.integers(0, 20),
    home_score=st.integers(0, 1),
    away_score=st.integers(0, 1),
)
fixtures = st.builds(
    MatchEvent,
    event_id=st.sampled_from(IDS),
    match_id=matches,
    kind=st.just(EventKind.SCHEDULED),
    occurred_at_ms=st.integers(AT_MS, AT_MS + 9),
    home_team=st.sampled_from(["Ajax", "Ærø"]),
    away_team=st.just("PSV"),
    competition=st.sampled_from(["nl.1", "Ø"]),
    neutral=st.none() | st.booleans(),
    kick_off_ms=st.just(AT_MS),
)
others = st.builds(
    MatchEvent,
    event_id=st.sampled_from(IDS),
    match_id=matches,
    kind=st.sampled_from(EventKind),
    occurred_at_ms=st.integers(AT_MS, AT_MS + 9) | st.just(AT_MS + 86_400_001),
    minute=st.integers(0, 151),
    side=st.none() | st.sampled_from(Side),
    home_team=st.just("Ajax"),
    away_team=st.just("PSV"),
    competition=st.sampled_from(["nl.1", "Ø"]),
    kick_off_ms=st.just(AT_MS),
    home_score=st.integers(0, 3),
    away_score=st.integers(0, 3),
    corrects=st.sampled_from(IDS),
)
told = st.builds(
    FeatureEvent,
    event_id=st.sampled_from(IDS),
    match_id=matches,
    source=st.sampled_from(["ratings", "odds", "xg"]),
    as_of_ms=st.integers(AT_MS, AT_MS + 9) | st.integers(AT_MS - 1000, AT_MS - 990),
    values=st.dictionaries(st.sampled_from(["expected_home_goals", "home_elo", "x", "Ø"]), st.none() | st.floats(0, 9)),
)
kinds_of_event = st.one_of(usual, usual, usual, fixtures, ends, others, told, told)
# Which slice an event goes to, whether its bytes are spoilt, its partition wrong, and with which version it is written.
sent = st.tuples(kinds_of_event, st.integers(0, 5), st.sampled_from([""] * 9 + ["spoilt", "misplaced"]), st.booleans())


def slices_of(events: Sequence[tuple[Any, int, str, bool]], offsets: dict[tuple[str, int], int]) -> list[Slice]:
    """Return the slices of a batch; *offsets* go on."""
    found: dict[tuple[int, str, int], list[FakeRecord]] = {}
    for event, number, spoiling, newer in sorted(events, key=lambda one: one[1]):
        is_match_event = isinstance(event, MatchEvent)
        topic = TOPICS.match_events if is_match_event else TOPICS.feature_events
        key = event.match_id.encode()
        partition = partition_of(key, PARTITIONS)
        if spoiling == "misplaced":
            partition = 1 - partition
        value = EVENTS[newer].encode(event) if is_match_event else FEATURES.encode(event)
        offset = offsets.setdefault((topic, partition), 0)
        offsets[topic, partition] += 1
        record = FakeRecord(key, value[:-1] if spoiling == "spoilt" else value, offset)
        found.setdefault((number, topic, partition), []).append(record)
    return [Slice(topic, partition, 1, records, AT_MS) for (_, topic, partition), records in found.items()]


def told_by(message: Message) -> tuple[object, ...]:
    if message.topic != TOPICS.predictions:
        return (message.topic, message.key, message.value, message.partition, tuple(message.headers))
    made = replace(PREDICTIONS.decode(message.value), decoded_at_us=0, scored_at_us=0)
    chances = [round(chance, 4) for chance in (made.home, made.draw, made.away)]
    made = replace(made, home=0.0, draw=0.0, away=0.0)
    source = message.source
    assert source is not None
    return (message.key, PREDICTIONS.encode(made), chances, message.partition, source[1].offset, source[0].topic)


def by_key(outputs: Sequence[Message]) -> dict[object, list[object]]:
    found: dict[object, list[object]] = {}
    for message in outputs:
        found.setdefault((message.topic, message.key), []).append(told_by(message))
    return found


@pytest.mark.parametrize("tried", [False, True])
@settings(deadline=None)
@given(
    batches=st.builds(
        lambda first, rest: [[*((one, 0, "", True) for one in first), *rest[0]], *rest[1:]],
        st.lists(fixtures, max_size=6),
        st.lists(st.lists(sent, max_size=25), min_size=1, max_size=4),
    ),
    again=st.integers(0, 2),
    out=st.sets(st.tuples(matches, st.sampled_from(IDS))),
)
def test_columns_say_what_single_events_say(bundle, tried, batches, again, out):
    served = shared(bundle) if tried else Served.alone(bundle)
    jobs = [job_with(served, columns=columns) for columns in (True, False)]
    tables = [{partition: TablePartition[bytes](partition=partition) for partition in range(PARTITIONS)} for _ in jobs]
    for own in tables:
        own[0].already_out |= {prediction_id(*each, served.ever[-1]) for each in out}
    first: list[Slice] = []
    offsets: dict[tuple[str, int], int] = {}
    for events in batches:
        pieces = slices_of(events, offsets)
        first = first or pieces
        steps = [
            asyncio.run(job.process([job.decode(piece) for piece in pieces], own))
            for job, own in zip(jobs, tables, strict=True)
        ]
        for ours, theirs in zip(*steps, strict=True):
            assert by_key(ours.outputs) == by_key(theirs.outputs)
        assert changes(pieces, steps[0]) == changes(pieces, steps[1])
        for partition in range(PARTITIONS):
            assert tables[0][partition].states == tables[1][partition].states
            assert tables[0][partition].watermark_ms == tables[1][partition].watermark_ms
    assert counted(jobs[0]) == counted(jobs[1])
    for _ in range(again):
        assert not any(
            step.changed for step in asyncio.run(jobs[0].process(list(map(jobs[0].decode, first)), tables[0]))
        )


def counted(job: PredictJob) -> dict[object, float]:
    samples = [one for metric in job.metrics.registry.collect() for one in metric.samples]
    return {
        (one.name, *one.labels.items()): one.value
        for one in samples
        if one.name in {"touchline_events_total", "touchline_final_scores_total"}
    }


def test_a_value_of_a_users_source_is_in_the_next_predictions_until_it_is_too_old():
    job = job_of(declaring(open_bundle(None, "heuristic")), columns=True)
    tables = {partition: TablePartition[bytes](partition=partition) for partition in range(PARTITIONS)}
    fixture = MatchEvent(
        "s", "m0", EventKind.SCHEDULED, AT_MS, home_team="Ajax", away_team="PSV", competition="nl.1", kick_off_ms=AT_MS
    )
    odds = FeatureEvent("o", "m0", "odds", AT_MS + 500, {"x": 2.5})
    shots = [MatchEvent(f"shot-{at}", "m0", EventKind.SHOT, AT_MS + at, 1, Side.HOME) for at in (499, 500, 1500, 1501)]
    found = []
    for number, event in enumerate([fixture, odds, *shots]):
        (step,) = asyncio.run(job.process([job.decode(one_slice(event, number))], tables))
        found += [PREDICTIONS.decode(one.value) for one in step.outputs if one.topic == TOPICS.predictions]

    told = [tuple(made.features[-4:-2]) for made in found]
    missing = (pytest.approx(np.nan, nan_ok=True),) * 2
    assert [missing, (2.5, 0.0), missing, (2.5, 0.0), (2.5, 1.0), missing] == told
    assert {"mine"} == {made.feature_set for made in found}


@pytest.mark.parametrize("pin", ["5cd6faceecb18e95", "0000000000000001", "ffffffffffffffff"])
def test_usual_events_go_in_columns(pin, monkeypatch):
    bundle = replace(open_bundle(None, "heuristic"), digest=pin + "0" * 48)
    assert pin_of(bundle.digest).hex() == pin
    job = job_of(bundle, columns=True)
    tables = {partition: TablePartition[bytes](partition=partition) for partition in range(PARTITIONS)}
    fixture = MatchEvent(
        "s", "m0", EventKind.SCHEDULED, AT_MS, home_team="Ajax", away_team="PSV", competition="nl.1", kick_off_ms=AT_MS
    )
    kick_off = MatchEvent("k", "m0", EventKind.KICK_OFF, AT_MS)
    shots = [MatchEvent(f"shot-{at}", "m0", EventKind.SHOT, AT_MS + at, 1, Side.HOME) for at in (1, 2)]
    odds = FeatureEvent("o", "m0", "odds", AT_MS + 2, {"home": 2.5, "draw": None})
    end = MatchEvent("f", "m0", EventKind.FULL_TIME, AT_MS + 3, 90, home_score=1, away_score=0)
    one_by_one = []
    fold = SingleEvents.fold

    def seen(single, batch, rows, *more):
        one_by_one.extend(batch.records.offsets[rows].tolist())
        return fold(single, batch, rows, *more)

    monkeypatch.setattr(SingleEvents, "fold", seen)
    outputs = []
    for number, event in enumerate([fixture, kick_off, *shots, odds, end]):
        (step,) = asyncio.run(job.process([job.decode(one_slice(event, number))], tables))
        outputs += step.outputs

    assert not one_by_one
    said = [TEAMS.decode(one.value) for one in outputs if one.topic == TOPICS.team_events]
    announced = TeamEvent("s", "m0", TeamEventKind.SCHEDULED, AT_MS, AT_MS, "nl.1", "Ajax", "PSV", neutral=False)
    ended = {"event_id": "f", "kind": TeamEventKind.FULL_TIME, "occurred_at_ms": AT_MS + 3}
    assert [announced, replace(announced, **ended, home_score=1, away_score=0)] == said
    causes = [PREDICTIONS.decode(one.value).cause for one in outputs if one.topic == TOPICS.predictions]
    assert ["SCHEDULED", "KICK_OFF", "SHOT", "SHOT", "FEATURES", "FULL_TIME"] == causes


def test_a_record_of_the_other_topic_is_set_aside_in_both_ways():
    FEATURES.learn(12, schema_json("match_event", 2))  # as a worker does that meets the id in this topic
    READING.learn(20, schema_json("feature_event", 1))
    other = {TOPICS.match_events: TOPICS.feature_events, TOPICS.feature_events: TOPICS.match_events}
    shot = MatchEvent("e", "m0", EventKind.SHOT, AT_MS, 1, Side.HOME)
    right = [one_slice(one, 0) for one in (shot, FeatureEvent("o", "m0", "odds", AT_MS, {}))]
    wrong = [replace(piece, topic=other[piece.topic]) for piece in right]
    for columns in (True, False):
        job = job_of(open_bundle(None, "heuristic"), columns=columns)
        tables = {partition: TablePartition[bytes](partition=partition) for partition in range(PARTITIONS)}

        steps = asyncio.run(job.process([job.decode(piece) for piece in (*wrong, *right, *wrong)], tables))

        assert [[TOPICS.dead_letters]] * 2 == [[one.topic for one in step.outputs] for step in (steps[0], steps[1])]
        assert [[TOPICS.dead_letters]] * 2 == [[one.topic for one in step.outputs] for step in steps[-2:]]
        assert [1] == [len(table.states) for table in tables.values() if table.states]


def one_slice(event, offset):
    (piece,) = slices_of([(event, 0, "", True)], {})
    return replace(piece, records=[replace(piece.records[0], offset=offset)])


def changes(pieces, steps):
    found = {}
    for piece, step in zip(pieces, steps, strict=True):
        found.setdefault(piece.partition, {}).update(step.changed)
    return found
