"""Folds events into match states and predicts after each event which changes what is known."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle
from schemas.records import Variant
from streams.engine.job import Decoded, Step
from streams.engine.outbox import Message
from streams.engine.slices import Slice
from streams.engine.table import TablePartition
from streams.intake import Intake
from streams.metrics import WorkerMetrics
from streams.predicting.batch import Batch
from streams.predicting.leaving import leave
from streams.predicting.predictions import prediction
from streams.predicting.reading import Reading, SliceReader
from streams.predicting.single import SingleEvents, SingleFold
from streams.predicting.usual import Scored, UsualEvents
from streams.predicting.wiring import Event, PredictCodecs, PredictTopics

SMALL_BATCH = 64

Tables: TypeAlias = Mapping[int, TablePartition[bytes]]
Predict: TypeAlias = Callable[[Scored, Tables, Sequence[Step], tuple[int, int]], None]


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
        self._single = SingleEvents(self.intake, self.topics, self.codecs, self.metrics, self.worker)

    def decode(self, piece: Slice) -> Decoded[Reading]:
        """Return the events of *piece*."""
        return self._reader.read(piece)

    async def process(self, slices: Sequence[Decoded[Reading]], tables: Tables) -> Sequence[Step]:
        """Return predictions, team events, dead letters and changed states, a step a slice."""
        if not slices:  # all of it waits for a schema
            return []
        decoded_at_us = time.time_ns() // 1000
        self.metrics.batch(sum(len(one.piece.records) for one in slices))
        steps = [Step() for _ in slices]
        batch = Batch.of(self._reader.together(slices), tables)
        self._single.set_aside(batch, steps)
        due = self._folded(batch, tables, steps)
        if due:
            scored = await self._score(np.concatenate([facts for facts, _ in due]) if len(due) > 1 else due[0][0])
            times_us = (decoded_at_us, time.time_ns() // 1000)
            self.metrics.stage("scored", (times_us[1] - times_us[0]) / 1e6)
            first = 0
            for facts, predict in due:
                end = first + len(facts)
                predict((scored[0][first:end], scored[1][first:end]), tables, steps, times_us)
                first = end
        self._write(batch, tables, steps)
        return steps

    def _folded(self, batch: Batch, tables: Tables, steps: Sequence[Step]) -> list[tuple[NDArray[np.float64], Predict]]:
        """Fold the events, round after round; return what is known after those to be predicted, and what does that."""
        due: list[tuple[NDArray[np.float64], Predict]] = []
        while batch.left.any():
            usual, rows = self._usual.fold(batch, tables)
            due.append((usual.folded.facts, partial(self._usual.predict, batch, usual)))
            if len(rows):
                single = self._single.fold(batch, rows.tolist(), tables, steps)
                due.append((self._facts(single), partial(self._predict_singly, single)))
        return [one for one in due if len(one[0])]

    def _facts(self, single: SingleFold) -> NDArray[np.float64]:
        causes = [cause for _, cause in single.causes]
        return self.bundle.features.facts(
            [cause.state for cause in causes], [cause.held.occurred_at_ms for cause in causes]
        )

    async def _score(self, facts: NDArray[np.float64]) -> Scored:
        features = self.bundle.features.of(facts)
        if len(facts) <= SMALL_BATCH:  # a thread costs more than it frees
            probabilities = self.bundle.score(features, self.bundle.feature_set)
        else:
            probabilities = await asyncio.to_thread(self.bundle.score, features, self.bundle.feature_set)
        self.metrics.predictions(self.bundle.model, self.bundle.version, Variant.CHAMPION.value, probabilities)
        return features, probabilities

    def _predict_singly(
        self,
        single: SingleFold,
        scored: Scored,
        tables: Tables,
        steps: Sequence[Step],
        times_us: tuple[int, int],
    ) -> None:
        rows = zip(single.causes, scored[0].tolist(), scored[1].tolist(), strict=True)
        for (place, cause), vector, chances in rows:
            made = prediction(cause, self.bundle, vector, chances, times_us)
            partition = cause.piece.partition
            if made.prediction_id in tables[partition].already_out:
                self.metrics.event(self.topics.predictions, "already_out")
                continue
            value = self.codecs.prediction.encode(made)
            message = Message(self.topics.predictions, cause.key, value, partition, source=cause.source)
            steps[place].outputs.append(message)

    def _write(self, batch: Batch, tables: Tables, steps: Sequence[Step]) -> None:
        """Put the states as they are now into the tables, and into the last step of their partition."""
        last = {one.piece.partition: step for one, step in zip(batch.records.slices, steps, strict=True)}
        for number in batch.changed:
            partition, key = batch.names[number]
            tables[partition].states[key] = last[partition].changed[key] = batch.states[number]

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
