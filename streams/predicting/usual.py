"""Folds the usual events of a batch in columns, and writes their predictions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.plain_fold import LEFT, PREDICTED, REPEATED, REPLAYED
from features.plain_matches import Folded, PlainMatches
from models.bundle import Bundle
from schemas.flat_texts import FlatTexts, flat
from schemas.plain_predictions import PREDICTION_ID, PlainPredictions, PredictionColumns
from schemas.records import Variant
from streams.engine.job import Step
from streams.engine.outbox import Message
from streams.engine.table import TablePartition
from streams.metrics import WorkerMetrics
from streams.predicting.batch import Batch, Longs
from streams.predicting.wiring import PredictCodecs, PredictTopics

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
        matches = PlainMatches.read([batch.states[number] for number in numbers.tolist()], header)
        rows, singly = batch.next_rows(numbers, matches.plain)
        owners = np.searchsorted(numbers, batch.owners[rows]).astype(np.int32)
        folded = matches.fold(batch.events[rows], owners, batch.offsets[rows])
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
        scored: tuple[NDArray[np.float32], NDArray[np.float32]],
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
        if not len(rows):
            return
        if self._writer is None:
            self._writer = self._predictions()
        values = self._writer.encode(_columns(batch, fold, *scored), *times_us)
        places = batch.pieces[rows]
        for value, place, row in zip(values, places.tolist(), (rows - batch.starts[places]).tolist(), strict=True):
            piece = batch.slices[place].piece
            out = tables[piece.partition].already_out
            if out and value[PREDICTION_ID].decode() in out:
                self.metrics.event(self.topics.predictions, "already_out")
                continue
            record = piece.records[row]
            key = batch.slices[place].entries.keys[row]
            steps[place].outputs.append(
                Message(self.topics.predictions, key, value, piece.partition, source=(piece, record))
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
    marks = np.full(len(batch.slices), np.iinfo(np.int64).min)
    np.maximum.at(marks, batch.pieces[fold.rows], batch.events["occurred_at_ms"][fold.rows])
    for one, mark in zip(batch.slices, marks.tolist(), strict=True):
        table = tables[one.piece.partition]
        table.watermark_ms = max(table.watermark_ms, mark)


def _columns(
    batch: Batch, fold: UsualFold, features: NDArray[np.float32], probabilities: NDArray[np.float32]
) -> PredictionColumns:
    rows, causes = fold.rows, fold.folded.causes
    matches, events = fold.matches.matches[causes["match"]], batch.events[rows]
    pieces, owners = batch.pieces[rows], batch.owners[rows]
    contents = flat([one.entries.content for one in batch.slices])
    ids = FlatTexts(contents.data, events["id_start"] + contents.starts[pieces], events["id_length"].astype(np.int64))
    competitions = FlatTexts(
        np.frombuffer(fold.matches.content, np.uint8),
        matches["competition"],
        matches["competition_end"] - matches["competition"],
    )
    names = flat([key for _, key in batch.names])
    return PredictionColumns(
        match_ids=FlatTexts(names.data, names.starts[owners], names.lengths[owners]),
        event_ids=ids,
        competitions=competitions,
        kinds=events["kind"].astype(np.int64),
        occurred_at_ms=events["occurred_at_ms"],
        minutes=causes["minute"],
        home_scores=causes["home_goals"],
        away_scores=causes["away_goals"],
        probabilities=probabilities,
        features=features,
        source_partitions=batch.column([one.piece.partition for one in batch.slices], rows),
        source_offsets=batch.offsets[rows],
        source_timestamps_ms=np.concatenate([one.entries.timestamps_ms for one in batch.slices])[rows],
        received_at_us=batch.column([one.piece.received_at_us for one in batch.slices], rows),
    )
