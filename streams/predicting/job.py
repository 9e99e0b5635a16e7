"""Folds events into match states and predicts after each event which changes what is known."""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

import numpy as np

from features.feature_sets import facts_of
from schemas.plain_predictions import PREDICTION_ID
from streams.engine.job import Decoded, Step
from streams.engine.outbox import Message
from streams.engine.slices import Slice
from streams.engine.table import TablePartition
from streams.intake import Intake
from streams.metrics import WorkerMetrics
from streams.predicting.batch import Batch
from streams.predicting.due import Due, Placed, Scored, Voice
from streams.predicting.leaving import leave
from streams.predicting.predictions import Cause, prediction, prediction_id
from streams.predicting.reading import Reading, SliceReader
from streams.predicting.saying import Moment, Saying
from streams.predicting.served import Served
from streams.predicting.single import SingleEvents, SingleFold
from streams.predicting.telling import News, Telling
from streams.predicting.usual import UsualEvents
from streams.predicting.wiring import Event, PredictCodecs, PredictTopics

Tables: TypeAlias = Mapping[int, TablePartition[bytes]]


@dataclass(slots=True)
class PredictJob:
    """The work of the predict role; its table holds encoded match states.

    Attributes:
        served: The bundles which score; see `serve`.
        saying: Says what is written of what is known after events.
    """

    intake: Intake[Event]
    topics: PredictTopics
    codecs: PredictCodecs
    served: Served
    saying: Saying
    metrics: WorkerMetrics
    worker: str
    _reader: SliceReader = field(init=False)
    _usual: UsualEvents = field(init=False)
    _single: SingleEvents = field(init=False)

    def __post_init__(self) -> None:
        """Set up both ways of an event."""
        topics, codecs = self.topics, self.codecs
        self._reader = SliceReader(
            self.intake, {topics.match_events: codecs.match_event, topics.feature_events: codecs.feature_event}
        )
        telling = Telling(self.topics, self.codecs, self.metrics)
        self._usual = UsualEvents(self.topics, self.codecs, self.metrics, telling)
        self._single = SingleEvents(self.intake, self.topics, self.codecs, self.metrics, telling, self.worker)

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
        if due := self._folded(batch, tables, served, steps):
            moment = Moment(decoded_at_us, batch.records.timestamps_ms)
            self._put_out(await self.saying.say(served, due, moment), batch, tables, served, steps)
        self._write(batch, tables, steps)
        return steps

    def _folded(self, batch: Batch, tables: Tables, served: Served, steps: Sequence[Step]) -> list[Due]:
        """Fold the events, round after round; return what is known after those to be predicted, and what does that."""
        due: list[Due] = []
        news: list[News] = []
        while batch.left.any():
            usual, rows = self._usual.fold(batch, tables, served)
            for number, part in usual.by_bundle():
                due.append(Due(number, part.folded.facts, served.reads, partial(self._usual.predict, batch, part)))
            news += usual.news
            if len(rows):
                single = self._single.fold(batch, rows.tolist(), tables, served)
                due += self._due_singly(single, served)
                news += single.news
        for one in sorted(news):
            steps[one.place].outputs.append(one.message)
        return due

    def _due_singly(self, single: SingleFold, served: Served) -> Iterator[Due]:
        for number in sorted({cause.bundle for _, cause in single.causes}):
            causes = [(place, cause) for place, cause in single.causes if cause.bundle == number]
            moments_ms = [cause.held.occurred_at_ms for _, cause in causes]
            facts = facts_of([cause.state for _, cause in causes], moments_ms, served.reads)
            yield Due(number, facts, served.reads, partial(_predict_singly, causes))

    def _put_out(self, made: Placed, batch: Batch, tables: Tables, served: Served, steps: Sequence[Step]) -> None:
        """Add predictions to the outputs of their slices, but for those which are out already."""
        slices = batch.records.slices
        for place, message in made:
            out = tables[slices[place].piece.partition].already_out
            ours = message.topic == self.topics.predictions
            if ours and out and self._is_out(out, message.value or b"", served):
                self.metrics.event(self.topics.predictions, "already_out")
            else:
                steps[place].outputs.append(message)

    def _is_out(self, out: Collection[str], value: bytes, served: Served) -> bool:
        """Tell whether a prediction after the same event is out, whichever bundle has made it."""
        if value[PREDICTION_ID].decode() in out:
            return True
        if len(served.ever) == 1:
            return False
        made = self.codecs.prediction.decode(value)
        return any(prediction_id(made.match_id, made.event_id, digest) in out for digest in served.ever)

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
            waited = state.held if self.topics.dead_letters is not None else ()
            step.unread += [self._single.never_scheduled(state, one, self.intake.partition) for one in waited]
        return step


def _predict_singly(
    causes: Sequence[tuple[int, Cause]], voice: Voice, scored: Scored, times_us: tuple[int, int]
) -> Placed:
    found = []
    for (place, cause), vector, chances in zip(causes, scored[0].tolist(), scored[1].tolist(), strict=True):
        value = voice.codec.encode(prediction(cause, voice.bundle, voice.variant, vector, chances, times_us))
        found.append((place, Message(voice.topic, cause.key, value, cause.piece.partition, source=cause.source)))
    return found
