"""Folds the usual events of a batch in columns, and writes their predictions."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from features.plain_columns import prediction_numbers
from features.plain_fold import LEFT, PREDICTED, REPEATED, REPLAYED
from features.plain_matches import Folded, PlainMatches
from schemas.flat_texts import starts_of
from schemas.plain_predictions import PREDICTION_ID, PlainPredictions, PredictionColumns
from streams.engine.job import Step
from streams.engine.outbox import Message
from streams.engine.table import TablePartition
from streams.metrics import WorkerMetrics
from streams.predicting.batch import Batch, Longs
from streams.predicting.predictions import is_out
from streams.predicting.served import Served
from streams.predicting.wiring import PredictCodecs, PredictTopics

Scored: TypeAlias = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Features and probabilities, a row a cause."""

_VERDICTS = {REPLAYED: "replayed", REPEATED: "repeated", PREDICTED: "predicted"}


@dataclass(frozen=True, slots=True)
class UsualFold:
    """What usual events did.

    Attributes:
        rows: Indexes of the events to be predicted among the records of the batch.
        bundles: Index of the bundle of each of these; None when it is the first of all.
    """

    matches: PlainMatches
    folded: Folded
    rows: Longs
    bundles: Longs | None = None

    def by_bundle(self) -> Iterator[tuple[int, "UsualFold"]]:
        """Yield what each bundle is to score."""
        if self.bundles is None:
            if len(self.rows):
                yield 0, self
            return
        for number in np.unique(self.bundles).tolist():
            its = self.bundles == number
            folded = replace(self.folded, causes=self.folded.causes[its], facts=self.folded.facts[its])
            yield number, UsualFold(self.matches, folded, self.rows[its])


@dataclass(slots=True)
class UsualEvents:
    """Folds and predicts in columns."""

    topics: PredictTopics
    codecs: PredictCodecs
    metrics: WorkerMetrics
    _writers: dict[tuple[str, str], PlainPredictions] = field(default_factory=dict)

    def fold(
        self, batch: Batch, tables: Mapping[int, TablePartition[bytes]], served: Served
    ) -> tuple[UsualFold, Longs]:
        """Fold what can be next, and return with it the records that come then.

        The first record of a match which has no bundle yet, or one that serves no longer, goes singly and gets one.
        """
        numbers = batch.open_matches()
        header, _ = self.codecs.state.writes
        states = [batch.states[number] for number in numbers.tolist()]
        matches = PlainMatches.read(states, header, served.champion.features.reads)
        pins = matches.matches["bundle"]
        rows, singly = batch.next_rows(numbers, matches.plain & served.scores(pins))
        owners = np.searchsorted(numbers, batch.owners[rows]).astype(np.int32)
        folded = matches.fold(batch.records.events[rows], owners, batch.records.offsets[rows])
        for number, state in zip(numbers.tolist(), matches.written(), strict=True):
            if state:
                batch.put(number, state)
        self._count(folded)
        bundles = served.numbers(pins)
        its = None if bundles is None else bundles[folded.causes["match"]]
        fold = UsualFold(matches, folded, rows[folded.causes["row"]], its)
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
        number: int,
        served: Served,
        scored: Scored,
        tables: Mapping[int, TablePartition[bytes]],
        steps: Sequence[Step],
        times_us: tuple[int, int],
    ) -> None:
        """Add to *steps* the predictions of the causes of *fold*.

        Args:
            batch: The records.
            fold: What was folded of them and is scored by one bundle.
            number: Its index.
            served: The bundles.
            scored: Features and probabilities, a row a cause.
            tables: Which know what is out already.
            steps: Of the slices.
            times_us: When the slices were decoded, and when the ensemble had answered.
        """
        rows = fold.rows
        values = self._writer(served, number).encode(_columns(batch, fold, *scored), *times_us)
        records = batch.records
        for value, place, row in zip(values, records.pieces[rows].tolist(), rows.tolist(), strict=True):
            piece = records.slices[place].piece
            out = tables[piece.partition].already_out
            if out and self._is_out(out, value, served):
                self.metrics.event(self.topics.predictions, "already_out")
                continue
            source = (piece, records.each[row])
            steps[place].outputs.append(
                Message(self.topics.predictions, records.keys[row], value, piece.partition, source=source)
            )

    def _is_out(self, out: Collection[str], value: bytes, served: Served) -> bool:
        if value[PREDICTION_ID].decode() in out:
            return True
        if len(served.ever) == 1:
            return False
        made = self.codecs.prediction.decode(value)
        return is_out(out, made.match_id, made.event_id, served.ever)

    def _writer(self, served: Served, number: int) -> PlainPredictions:
        bundle, variant = served.bundles[number], served.variants[number]
        if (bundle.digest, variant) not in self._writers:
            self._writers[bundle.digest, variant] = PlainPredictions(
                self.codecs.prediction,
                variant=variant,
                model=bundle.model,
                model_version=bundle.version,
                bundle_digest=bundle.digest,
                feature_set=bundle.feature_set,
                source_topic=self.topics.match_events,
            )
        return self._writers[bundle.digest, variant]


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
