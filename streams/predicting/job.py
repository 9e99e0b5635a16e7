"""Folds events into match states and predicts after each event which changes what is known."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from streams.engine.job import Decoded, Step
from streams.engine.outbox import Message
from streams.engine.slices import Slice
from streams.engine.table import TablePartition
from streams.intake import Intake
from streams.metrics import WorkerMetrics
from streams.predicting.batch import Batch
from streams.predicting.leaving import leave
from streams.predicting.predictions import Cause, is_out, prediction
from streams.predicting.reading import Reading, SliceReader
from streams.predicting.served import Served
from streams.predicting.single import SingleEvents, SingleFold
from streams.predicting.usual import Scored, UsualEvents
from streams.predicting.wiring import Event, PredictCodecs, PredictTopics

SMALL_BATCH = 64

Tables: TypeAlias = Mapping[int, TablePartition[bytes]]
Predict: TypeAlias = Callable[[Scored, Tables, Sequence[Step], tuple[int, int]], None]


class Due(NamedTuple):
    """Predictions to be made by one bundle.

    Attributes:
        bundle: Its index.
        facts: What is known after each cause, a row a cause.
        predict: Writes them, once they are scored.
    """

    bundle: int
    facts: NDArray[np.float64]
    predict: Predict


@dataclass(slots=True)
class PredictJob:
    """The work of the predict role; its table holds encoded match states.

    Attributes:
        served: The bundles which score; see `serve`.
    """

    intake: Intake[Event]
    topics: PredictTopics
    codecs: PredictCodecs
    served: Served
    metrics: WorkerMetrics
    worker: str
    _reader: SliceReader = field(init=False)
    _usual: UsualEvents = field(init=False)
    _single: SingleEvents = field(init=False)

    def __post_init__(self) -> None:
        """Set up both ways of an event."""
        self._reader = SliceReader(self.intake, self.topics.match_events, self.codecs.match_event)
        self._usual = UsualEvents(self.topics, self.codecs, self.metrics)
        self._single = SingleEvents(self.intake, self.topics, self.codecs, self.metrics, self.worker)

    def serve(self, served: Served) -> None:
        """Let *served* score from the next batch on."""
        self.served = served

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
        served = self.served  # a change comes between batches
        due = self._folded(batch, tables, served, steps)
        for number in sorted({one.bundle for one in due}):
            its = [one for one in due if one.bundle == number]
            facts = its[0].facts if len(its) == 1 else np.concatenate([one.facts for one in its])
            scored = await self._score(served, number, facts)
            times_us = (decoded_at_us, time.time_ns() // 1000)
            self.metrics.stage("scored", (times_us[1] - times_us[0]) / 1e6)
            first = 0
            for one in its:
                end = first + len(one.facts)
                one.predict((scored[0][first:end], scored[1][first:end]), tables, steps, times_us)
                first = end
        self._write(batch, tables, steps)
        return steps

    def _folded(self, batch: Batch, tables: Tables, served: Served, steps: Sequence[Step]) -> list[Due]:
        """Fold the events, round after round; return what is known after those to be predicted, and what does that."""
        due: list[Due] = []
        while batch.left.any():
            usual, rows = self._usual.fold(batch, tables, served)
            for number, part in usual.by_bundle():
                due.append(Due(number, part.folded.facts, partial(self._usual.predict, batch, part, number, served)))
            if len(rows):
                single = self._single.fold(batch, rows.tolist(), tables, served, steps)
                due += self._due_singly(single, served)
        return due

    def _due_singly(self, single: SingleFold, served: Served) -> Iterator[Due]:
        for number in sorted({cause.bundle for _, cause in single.causes}):
            causes = [(place, cause) for place, cause in single.causes if cause.bundle == number]
            facts = served.bundles[number].features.facts(
                [cause.state for _, cause in causes], [cause.held.occurred_at_ms for _, cause in causes]
            )
            yield Due(number, facts, partial(self._predict_singly, causes, served))

    async def _score(self, served: Served, number: int, facts: NDArray[np.float64]) -> Scored:
        bundle = served.bundles[number]
        features = bundle.features.of(facts)
        if len(facts) <= SMALL_BATCH:  # a thread costs more than it frees
            probabilities = bundle.score(features, bundle.feature_set)
        else:
            probabilities = await asyncio.to_thread(bundle.score, features, bundle.feature_set)
        self.metrics.predictions(bundle.model, bundle.version, served.variants[number].value, probabilities)
        return features, probabilities

    def _predict_singly(  # noqa: PLR0917 - what is known of a batch
        self,
        causes: Sequence[tuple[int, Cause]],
        served: Served,
        scored: Scored,
        tables: Tables,
        steps: Sequence[Step],
        times_us: tuple[int, int],
    ) -> None:
        rows = zip(causes, scored[0].tolist(), scored[1].tolist(), strict=True)
        for (place, cause), vector, chances in rows:
            bundle, variant = served.bundles[cause.bundle], served.variants[cause.bundle]
            made = prediction(cause, bundle, variant, vector, chances, times_us)
            partition = cause.piece.partition
            out = tables[partition].already_out
            if out and is_out(out, made.match_id, made.event_id, {made.bundle_digest, *served.ever}):
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
