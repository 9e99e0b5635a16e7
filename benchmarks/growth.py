"""How the costs grow: with matches that are live at once, with workers, and with features."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Final

import numpy as np
from confluent_kafka import Consumer

from benchmarks.arena import Arena, predictions_of, send
from benchmarks.full_job import Outputs, expected
from benchmarks.play import KICK_OFF_MS, Play, Record, fixtures, rated, scheduled
from benchmarks.reference import reference_ensemble, reference_rows
from benchmarks.running import Crew, Measured, Stopwatch
from benchmarks.systems import SYSTEMS, Place
from models.compiled import fast_predictor
from models.graph import GraphBuilder
from models.predictors import GraphPredictor, Matrix, Predictor
from schemas.codec import Codec
from schemas.records import EventKind, FeatureEvent, MatchEvent

EVENTS: Final = 50_000
QUIET_SECONDS: Final = 5.0  # for the joining of several workers
BATCHES: Final = (1, 128, 1024)
SHORTEST_SECONDS: Final = 0.3
US: Final = SYSTEMS[0]


def ticks_play(matches: int, ids: dict[str, int]) -> Play:
    """Return EVENTS minutes of *matches* matches in turn: they change states without making them larger."""
    events: Codec[MatchEvent] = Codec("match_event", MatchEvent)
    ratings: Codec[FeatureEvent] = Codec("feature_event", FeatureEvent)
    events.use_for_writing(ids["match-events"])
    ratings.use_for_writing(ids["feature-events"])
    given = list(fixtures(matches))

    def minute(number: int) -> Record:
        match_id, minute = given[number % matches].match_id, 1 + number // matches
        event = MatchEvent(str(number), match_id, EventKind.TICK, KICK_OFF_MS + minute * 60_000, minute)
        return match_id.encode(), events.encode(event)

    return Play(
        [(one.match_id.encode(), events.encode(scheduled(one))) for one in given],
        [(one.match_id.encode(), ratings.encode(rated(one))) for one in given],
        [minute(number) for number in range(EVENTS + 1)],  # the last is for the second start
    )


def burst(outputs: Outputs, place: Place, records: Sequence[Record]) -> dict[str, float]:
    """Return what *records*, sent at once, cost."""
    watch, before = Stopwatch(outputs.system), outputs.count
    send(place.settings, "match-events", records)
    while outputs.count < before + len(records):
        outputs.read()
    took, cpu = watch.read()
    memory = outputs.system.memory_bytes() / 1e6
    return {"events_per_second": len(records) / took, "cpu_us_per_event": cpu / len(records) * 1e6, "memory_mb": memory}


def live_matches(arena: Arena, counts: Sequence[int]) -> Iterator[dict[str, float]]:
    """Yield the cost of an event, memory, and the time of a second start, by matches live at once."""
    for matches in counts:
        larger = replace(arena, play=ticks_play(matches, arena.ids))
        with larger.place(US, "full_job") as place, predictions_of(place.settings) as reader:
            with larger.run(US, place) as run:
                found = burst(ready(larger, reader, run), place, larger.play.live[:EVENTS])
            send(place.settings, "match-events", larger.play.live[EVENTS:])
            began = time.monotonic()
            with larger.run(US, place) as run:
                outputs = Outputs(reader, run)
                while not outputs.count:
                    outputs.read()
            yield {"matches": matches, **found, "start_seconds": outputs.latest - began}


def ready(arena: Arena, reader: Consumer, run: Measured) -> Outputs:
    """Return the outputs of *run* once everything before the live events has come out."""
    outputs = Outputs(reader, run)
    while outputs.count < expected(arena, US):
        outputs.read()
    time.sleep(QUIET_SECONDS)
    return outputs


def workers(arena: Arena, counts: Sequence[int], events: int) -> Iterator[dict[str, float]]:
    """Yield the cost of an event by workers of one group, together."""
    for count in counts:
        with arena.place(US, "full_job") as place, predictions_of(place.settings) as reader, ExitStack() as all_of_them:
            crew = Crew([all_of_them.enter_context(arena.run(US, place)) for _ in range(count)])
            outputs = ready(arena, reader, crew)
            yield {"workers": count, **burst(outputs, place, arena.play.live[:events])}


def features(counts: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Yield what a row costs to score, by features, runtime and rows of a call."""
    for count in counts:
        builder = GraphBuilder(count)
        graph = builder.serialised(reference_ensemble(features=count).add_to(builder))
        rows = reference_rows(64 * max(BATCHES), np.random.default_rng(2), count)
        runtimes = {"compiled": fast_predictor(graph, count), "onnxruntime": GraphPredictor(graph)}
        for name, predictor in runtimes.items():
            for size in BATCHES:
                us = cpu_seconds(predictor, rows, size) / size * 1e6
                yield {"features": count, "runtime": name, "rows": size, "us_per_row": us}


def cpu_seconds(predictor: Predictor, rows: Matrix, size: int) -> float:
    """Return the CPU time of a call on *size* rows, other ones each time."""
    predictor.predict_proba(rows[:size])  # what happens once
    began, calls = time.process_time(), 0
    while (took := time.process_time() - began) < SHORTEST_SECONDS:
        first = size * (calls % 64)
        predictor.predict_proba(rows[first : first + size])
        calls += 1
    return took / calls
