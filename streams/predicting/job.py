"""Folds events into match states and predicts after each event which changes what is known."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from features.feature_sets import FEATURE_SETS
from models.bundle import Bundle
from schemas.records import Variant
from streams.engine.job import Decoded, Step
from streams.engine.outbox import Message
from streams.engine.slices import Slice
from streams.engine.table import TablePartition
from streams.intake import Intake
from streams.metrics import WorkerMetrics
from streams.predicting.leaving import leave
from streams.predicting.predictions import Cause, prediction
from streams.predicting.reading import Reading, SliceReader
from streams.predicting.single import SingleEvents, SingleFold
from streams.predicting.usual import UsualEvents, UsualFold
from streams.predicting.wiring import Event, PredictCodecs, PredictTopics

SMALL_BATCH = 64


@dataclass(slots=True)
class PredictJob:
    """The work of the predict role; its table holds encoded match states."""

    intake: Intake[Event]
    topics: PredictTopics
    codecs: PredictCodecs
    bundle: Bundle
    metrics: WorkerMetrics
    worker: str
    _reader: SliceReader = field(init=False)
    _usual: UsualEvents = field(init=False)
    _single: SingleEvents = field(init=False)

    def __post_init__(self) -> None:
        """Set up both ways of an event."""
        self._reader = SliceReader(self.intake, self.topics.match_events, self.codecs.match_event)
        self._usual = UsualEvents(self.topics, self.codecs, self.bundle, self.metrics)
        self._single = SingleEvents(self.topics, self.codecs, self.metrics, self.worker)

    def decode(self, piece: Slice) -> Decoded[Reading]:
        """Return the events of *piece*."""
        return self._reader.read(piece)

    async def process(
        self, batch: Sequence[Decoded[Reading]], tables: Mapping[int, TablePartition[bytes]]
    ) -> Sequence[Step]:
        """Return predictions, team events, dead letters and changed states, a step a slice."""
        if not batch:  # all of it waits for a schema
            return []
        decoded_at_us = time.time_ns() // 1000
        self.metrics.batch(sum(len(one.piece.records) for one in batch))
        steps = [Step() for _ in batch]
        usual = self._usual.fold(batch, tables)
        single = self._fold_singly(batch, usual, tables, steps)
        facts = FEATURE_SETS[self.bundle.feature_set].facts([cause.state for _, cause in single.causes])
        facts = np.concatenate([usual.folded.facts, facts])
        if len(facts):
            features, probabilities = await self._score(facts)
            times_us = (decoded_at_us, time.time_ns() // 1000)
            self.metrics.stage("scored", (times_us[1] - times_us[0]) / 1e6)
            count = len(usual.folded.facts)
            if count:
                self._usual.predict(usual, (features[:count], probabilities[:count]), tables, steps, times_us)
            rows = zip(single.causes, features[count:].tolist(), probabilities[count:].tolist(), strict=True)
            for (place, cause), vector, chances in rows:
                self._predict(steps[place], cause, (vector, chances), tables, times_us)
        self._write(batch, usual, single, tables, steps)
        return steps

    def _fold_singly(
        self,
        batch: Sequence[Decoded[Reading]],
        usual: UsualFold,
        tables: Mapping[int, TablePartition[bytes]],
        steps: Sequence[Step],
    ) -> SingleFold:
        done = SingleFold()
        for place, (one, rows) in enumerate(zip(batch, usual.left(), strict=True)):
            known, piece = one.entries.entries, one.piece
            entries = (known.get(row) or self.intake.entry(piece, piece.records[row]) for row in rows)
            self._single.fold(done, place, piece, entries, tables[piece.partition], steps[place])
        return done

    async def _score(self, facts: NDArray[np.float64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        features = FEATURE_SETS[self.bundle.feature_set].of(facts)
        if len(facts) <= SMALL_BATCH:  # a thread costs more than it frees
            probabilities = self.bundle.score(features, self.bundle.feature_set)
        else:
            probabilities = await asyncio.to_thread(self.bundle.score, features, self.bundle.feature_set)
        confidence = float(probabilities.max(axis=1).mean())
        self.metrics.predictions(self.bundle.model, self.bundle.version, Variant.CHAMPION.value, len(facts), confidence)
        return features, probabilities

    def _predict(
        self,
        step: Step,
        cause: Cause,
        scored: tuple[Sequence[float], Sequence[float]],
        tables: Mapping[int, TablePartition[bytes]],
        times_us: tuple[int, int],
    ) -> None:
        made = prediction(cause, self.bundle, *scored, times_us)
        partition = cause.piece.partition
        if made.prediction_id in tables[partition].already_out:
            self.metrics.event(self.topics.predictions, "already_out")
            return
        value = self.codecs.prediction.encode(made)
        step.outputs.append(Message(self.topics.predictions, cause.key, value, partition, source=cause.source))

    def _write(
        self,
        batch: Sequence[Decoded[Reading]],
        usual: UsualFold,
        single: SingleFold,
        tables: Mapping[int, TablePartition[bytes]],
        steps: Sequence[Step],
    ) -> None:
        """Put the states as they are now into the tables, and into the last step of their partition."""
        last = {one.piece.partition: step for one, step in zip(batch, steps, strict=True)}
        for partition, key, state in usual.written():
            tables[partition].states[key] = last[partition].changed[key] = state
        for partition, touched in single.touched.items():
            for key, match in touched.items():
                tables[partition].states[key] = last[partition].changed[key] = self.codecs.state.encode(match)

    def delivered(self, outputs: Sequence[Message]) -> None:
        """Measure the time from the timestamp of each prediction's cause."""
        name = self.topics.predictions
        caused_at_ms = [one.source[1].timestamp for one in outputs if one.topic == name and one.source is not None]
        self.metrics.latencies(time.time() - np.array(caused_at_ms) / 1000)

    def expire(self, table: TablePartition[bytes], committed: Mapping[str, int]) -> Step | None:
        """Let matches go whose time is over and whose events are committed."""
        match_end = committed.get(self.topics.match_events, 0)
        feature_end = committed.get(self.topics.feature_events, 0)
        gone = leave(table, self.codecs.state, match_end, feature_end)
        if not gone:
            return None
        step = Step(changed={key: None for key, _ in gone})
        for key, state in gone:
            del table.states[key]
            step.unread += [self._single.never_scheduled(state, one, self.intake.partition) for one in state.held]
        return step
