"""Folds the usual events of a batch in columns, and writes their predictions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from features.plain_columns import prediction_numbers
from features.plain_fold import LEFT, PREDICTED, REPEATED, REPLAYED
from features.plain_matches import Folded, PlainMatches
from models.bundle import Bundle
from schemas.flat_texts import starts_of
from schemas.plain_predictions import PREDICTION_ID, PlainPredictions, PredictionColumns
from schemas.records import Variant
from streams.engine.job import Step
from streams.engine.outbox import Message
from streams.engine.table import TablePartition
from streams.metrics import WorkerMetrics
from streams.predicting.batch import Batch, Longs
from streams.predicting.wiring import PredictCodecs, PredictTopics

Scored: TypeAlias = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Features and probabilities, a row a cause."""

_VERDICTS = {REPLAYED: "replayed", REPEATED: "repeated", PREDICTED: "predicted"}


@dataclass(frozen=True, slots=True)
class UsualFold:
    """What usual events did.

    Attributes:
        rows: Indexes of the events to be predicted among the records of the batch.
    """

    matches: PlainMatches
    folded: Folded
    rows: Longs


@dataclass(slots=True)
class UsualEvents:
    """Folds and predicts in columns."""

    topics: PredictTopics
    codecs: PredictCodecs
    bundle: Bundle
    metrics: WorkerMetrics
    _writer: PlainPredictions | None = None

    def fold(self, batch: Batch, tables: Mapping[int, TablePartition[bytes]]) -> tuple[UsualFold, Longs]:
        """Fold what can be next, and return with it the records that come then."""
        numbers = batch.open_matches()
        header, _ = self.codecs.state.writes
        states = [batch.states[number] for number in numbers.tolist()]
        matches = PlainMatches.read(states, header, self.bundle.features.reads)
        rows, singly = batch.next_rows(numbers, matches.plain)
        owners = np.searchsorted(numbers, batch.owners[rows]).astype(np.int32)
        folded = matches.fold(batch.records.events[rows], owners, batch.records.offsets[rows])
        for number, state in zip(numbers.tolist(), matches.written(), strict=True):
            if state:
                batch.put(number, state)
        self._count(folded)
        fold = UsualFold(matches, folded, rows[folded.causes["row"]])
        _raise_watermarks(batch, fold, tables)
        return fold, singly

    def _count(self, folded: Folded) -> None:
        for verdict, count in enumerate(np.bincount(folded.verdicts, minlength=PREDICTED + 1).tolist()):
            if verdict != LEFT and count:
                self.metrics.event(self.topics.match_events, _VERDICTS[verdict], count)

    def predict(  # noqa: PLR0917 - what is known of a batch
        self,
        batch: Batch,
        fold: UsualFold,
        scored: Scored,
        tables: Mapping[int, TablePartition[bytes]],
        steps: Sequence[Step],
        times_us: tuple[int, int],
    ) -> None:
        """Add to *steps* the predictions of the causes of *fold*.

        Args:
            batch: The records.
            fold: What was folded of them.
            scored: Features and probabilities, a row a cause.
            tables: Which know what is out already.
            steps: Of the slices.
            times_us: When the slices were decoded, and when the ensemble had answered.
        """
        rows = fold.rows
        if self._writer is None:
            self._writer = self._predictions()
        values = self._writer.encode(_columns(batch, fold, *scored), *times_us)
        records = batch.records
        for value, place, row in zip(values, records.pieces[rows].tolist(), rows.tolist(), strict=True):
            piece = records.slices[place].piece
            out = tables[piece.partition].already_out
            if out and value[PREDICTION_ID].decode() in out:
                self.metrics.event(self.topics.predictions, "already_out")
                continue
            source = (piece, records.each[row])
            steps[place].outputs.append(
                Message(self.topics.predictions, records.keys[row], value, piece.partition, source=source)
            )

    def _predictions(self) -> PlainPredictions:
        bundle = self.bundle
        return PlainPredictions(
            self.codecs.prediction,
            variant=Variant.CHAMPION,
            model=bundle.model,
            model_version=bundle.version,
            bundle_digest=bundle.digest,
            feature_set=bundle.feature_set,
            source_topic=self.topics.match_events,
        )


def _raise_watermarks(batch: Batch, fold: UsualFold, tables: Mapping[int, TablePartition[bytes]]) -> None:
    records = batch.records
    marks = np.full(len(records.slices), np.iinfo(np.int64).min)
    np.maximum.at(marks, records.pieces[fold.rows], records.events["occurred_at_ms"][fold.rows])
    for one, mark in zip(records.slices, marks.tolist(), strict=True):
        table = tables[one.piece.partition]
        table.watermark_ms = max(table.watermark_ms, mark)


def _columns(
    batch: Batch, fold: UsualFold, features: NDArray[np.float32], probabilities: NDArray[np.float32]
) -> PredictionColumns:
    rows, records, texts = fold.rows, batch.records, np.frombuffer(fold.matches.content, np.uint8)
    names = [key for _, key in batch.names]
    slices = np.array([(one.piece.partition, one.piece.received_at_us) for one in records.slices], np.int64)
    numbers = prediction_numbers(
        fold.folded.causes, rows, fold.matches.matches, records.events, batch.owners, starts_of(names), records.pieces,
        slices, records.offsets, records.timestamps_ms,
    )  # fmt: skip
    ids, content = np.frombuffer(b"".join(names), np.uint8), np.frombuffer(records.content, np.uint8)
    return PredictionColumns(ids, content, texts, numbers, probabilities, features)
