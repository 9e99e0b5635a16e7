"""Folds the usual events of a batch in columns, and writes their predictions.

A match goes this way when its state is plain and all its events in the batch are; else each of its events goes the
single way, so that a match is in one of them and its events stay in order.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.plain_fold import LEFT, PREDICTED, REPEATED, REPLAYED
from features.plain_matches import Folded, PlainMatches
from models.bundle import Bundle
from schemas.flat_texts import FlatTexts, flat
from schemas.plain_predictions import PREDICTION_ID, PlainPredictions, PredictionColumns
from schemas.records import Variant
from streams.engine.job import Decoded, Step
from streams.engine.outbox import Message
from streams.engine.table import TablePartition
from streams.intake import Refused
from streams.metrics import WorkerMetrics
from streams.predicting.reading import Reading
from streams.predicting.wiring import PredictCodecs, PredictTopics

Longs = NDArray[np.int64]
_VERDICTS = {REPLAYED: "replayed", REPEATED: "repeated", PREDICTED: "predicted"}


@dataclass(frozen=True, slots=True)
class Batch:
    """Slices side by side.

    Attributes:
        slices: As they were decoded.
        pieces: Index of the slice of each record, shape ``(n,)``.
        starts: Index of the first record of each slice.
        keys: Of the matches, by partition, in the order in which they are numbered.
        owners: Number of each record's match, shape ``(n,)``.
    """

    slices: Sequence[Decoded[Reading]]
    pieces: Longs
    starts: Longs
    keys: Mapping[int, Mapping[bytes, int]]
    owners: NDArray[np.int32]

    @classmethod
    def of(cls, slices: Sequence[Decoded[Reading]]) -> "Batch":
        """Return *slices* with their matches numbered."""
        keys: dict[int, dict[bytes, int]] = {}
        own = []
        for one in slices:
            numbers = keys.setdefault(one.piece.partition, {})
            numbered = (numbers.setdefault(key, len(numbers)) for key in one.entries.keys)
            own.append(np.fromiter(numbered, np.int32, len(one.entries.keys)))
        firsts = dict(zip(keys, np.cumsum([0, *map(len, keys.values())]).tolist(), strict=False))
        owners = [numbers + firsts[one.piece.partition] for one, numbers in zip(slices, own, strict=True)]
        lengths = [len(numbers) for numbers in own]
        pieces = np.repeat(np.arange(len(slices)), lengths)
        return cls(slices, pieces, np.cumsum([0, *lengths])[:-1], keys, np.concatenate(owners).astype(np.int32))

    def column(self, name: str) -> NDArray[Any]:
        """Return a column of all readings."""
        return np.concatenate([getattr(one.entries, name) for one in self.slices])

    def states(self, tables: Mapping[int, TablePartition[bytes]]) -> list[bytes]:
        """Return the state of each match, in the order of the numbers; empty where there is none."""
        return [tables[partition].states.get(key, b"") for partition, own in self.keys.items() for key in own]

    def named(self) -> Iterator[tuple[int, bytes]]:
        """Yield partition and key of each match, in the order of the numbers."""
        return ((partition, key) for partition, own in self.keys.items() for key in own)


@dataclass(slots=True)
class UsualFold:
    """What the usual events of a batch did.

    Attributes:
        events: Of all records.
        folded: Of these.
    """

    batch: Batch
    events: NDArray[np.void]
    offsets: Longs
    matches: PlainMatches
    folded: Folded

    def left(self) -> list[list[int]]:
        """Return the indexes of the records which are left for the single way, by slice."""
        found: list[list[int]] = [[] for _ in self.batch.slices]
        for row in np.flatnonzero(self.folded.verdicts == LEFT).tolist():
            place = int(self.batch.pieces[row])
            found[place].append(row - int(self.batch.starts[place]))
        return found

    def written(self) -> Iterator[tuple[int, bytes, bytes]]:
        """Yield partition, key and state of each match that has changed."""
        for (partition, key), state in zip(self.batch.named(), self.matches.written(), strict=True):
            if state:
                yield partition, key, state


@dataclass(slots=True)
class UsualEvents:
    """Folds and predicts in columns."""

    topics: PredictTopics
    codecs: PredictCodecs
    bundle: Bundle
    metrics: WorkerMetrics
    _writer: PlainPredictions | None = None

    def fold(self, slices: Sequence[Decoded[Reading]], tables: Mapping[int, TablePartition[bytes]]) -> UsualFold:
        """Fold what can be; the tables stay as they are but for their watermarks."""
        batch = Batch.of(slices)
        header, _ = self.codecs.state.writes
        matches = PlainMatches.read(batch.states(tables), header)
        events, offsets = batch.column("events"), batch.column("offsets")
        usual = matches.plain.copy()
        usual[batch.owners[_other_rows(batch)]] = False
        owners = np.where(events["plain"] & usual[batch.owners], batch.owners, np.int32(-1))
        fold = UsualFold(batch, events, offsets, matches, matches.fold(events, owners, offsets))
        self._count(fold)
        _raise_watermarks(fold, tables)
        return fold

    def _count(self, fold: UsualFold) -> None:
        for verdict, count in enumerate(np.bincount(fold.folded.verdicts, minlength=PREDICTED + 1).tolist()):
            if verdict != LEFT and count:
                self.metrics.event(self.topics.match_events, _VERDICTS[verdict], count)

    def predict(
        self,
        fold: UsualFold,
        scored: tuple[NDArray[np.float32], NDArray[np.float32]],
        tables: Mapping[int, TablePartition[bytes]],
        steps: Sequence[Step],
        times_us: tuple[int, int],
    ) -> None:
        """Add to *steps* the predictions of the causes of *fold*.

        Args:
            fold: What was folded.
            scored: Features and probabilities, a row a cause.
            tables: Which know what is out already.
            steps: Of the slices.
            times_us: When the slices were decoded, and when the ensemble had answered.
        """
        batch, rows = fold.batch, fold.folded.causes["row"]
        if self._writer is None:
            self._writer = self._predictions()
        values = self._writer.encode(_columns(fold, *scored), *times_us)
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


def _other_rows(batch: Batch) -> NDArray[np.int64]:
    """Return the indexes of the records which are not plain, but for those that are set aside."""
    found = [
        int(start) + row
        for one, start in zip(batch.slices, batch.starts, strict=True)
        for row, entry in one.entries.entries.items()
        if not isinstance(entry.event, Refused)
    ]
    return np.array(found, np.int64)


def _raise_watermarks(fold: UsualFold, tables: Mapping[int, TablePartition[bytes]]) -> None:
    rows = fold.folded.causes["row"]
    marks = np.full(len(fold.batch.slices), np.iinfo(np.int64).min)
    np.maximum.at(marks, fold.batch.pieces[rows], fold.events["occurred_at_ms"][rows])
    for one, mark in zip(fold.batch.slices, marks.tolist(), strict=True):
        table = tables[one.piece.partition]
        table.watermark_ms = max(table.watermark_ms, mark)


def _columns(fold: UsualFold, features: NDArray[np.float32], probabilities: NDArray[np.float32]) -> PredictionColumns:
    batch, causes = fold.batch, fold.folded.causes
    rows, matches = causes["row"], fold.matches.matches[causes["match"]]
    pieces, events = batch.pieces[rows], fold.events[rows]
    contents = flat([one.entries.content for one in batch.slices])
    of_slice = partial(np.array, dtype=np.int64)
    ids = FlatTexts(contents.data, events["id_start"] + contents.starts[pieces], events["id_length"].astype(np.int64))
    competitions = FlatTexts(
        np.frombuffer(fold.matches.content, np.uint8),
        matches["competition"],
        matches["competition_end"] - matches["competition"],
    )
    names = flat([key for _, key in batch.named()])
    match_ids = FlatTexts(names.data, names.starts[causes["match"]], names.lengths[causes["match"]])
    return PredictionColumns(
        match_ids=match_ids,
        event_ids=ids,
        competitions=competitions,
        kinds=events["kind"].astype(np.int64),
        occurred_at_ms=events["occurred_at_ms"],
        minutes=causes["minute"],
        home_scores=causes["home_goals"],
        away_scores=causes["away_goals"],
        probabilities=probabilities,
        features=features,
        source_partitions=of_slice([one.piece.partition for one in batch.slices])[pieces],
        source_offsets=fold.offsets[rows],
        source_timestamps_ms=batch.column("timestamps_ms")[rows],
        received_at_us=of_slice([one.piece.received_at_us for one in batch.slices])[pieces],
    )
