"""Folds the usual events of a batch in columns, and writes their predictions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from features.plain_columns import prediction_numbers
from features.plain_fixtures import fixture_states
from features.plain_fold import LEFT, PREDICTED, REPEATED, REPLAYED
from features.plain_matches import Folded, PlainMatches
from schemas.flat_texts import starts_of
from schemas.plain_layout import FEATURES
from schemas.plain_predictions import PlainPredictions, PredictionColumns
from streams.engine.outbox import Message
from streams.engine.table import TablePartition
from streams.metrics import WorkerMetrics
from streams.predicting.batch import Batch, Flags, Longs
from streams.predicting.due import Placed, Scored, Voice
from streams.predicting.served import Served
from streams.predicting.telling import News, Telling
from streams.predicting.wiring import PredictCodecs, PredictTopics

Pins = NDArray[np.uint64]

_LONG_AGO = np.iinfo(np.int64).min
_VERDICTS = {REPLAYED: "replayed", REPEATED: "repeated", PREDICTED: "predicted"}


@dataclass(frozen=True, slots=True)
class UsualFold:
    """What usual events did.

    Attributes:
        rows: Indexes of the events to be predicted among the records of the batch.
        bundles: Index of the bundle of each of these; None when it is the first of all.
        news: What the ratings must hear of.
    """

    matches: PlainMatches
    folded: Folded
    rows: Longs
    bundles: Longs | None = None
    news: Sequence[News] = ()

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
    telling: Telling
    _writers: dict[tuple[str, str], PlainPredictions] = field(default_factory=dict)

    def fold(
        self, batch: Batch, tables: Mapping[int, TablePartition[bytes]], served: Served
    ) -> tuple[UsualFold, Longs]:
        """Fold what can be next, and return with it the records that come then.

        The first record of a match whose bundle serves no longer goes singly and gets one; so do those of a match which
        has not begun while it is looked for what is out already.
        """
        numbers = batch.open_matches()
        header, _ = self.codecs.state.writes
        states = self._states(batch, numbers, header)
        matches = PlainMatches.read(states, header, served.reads)
        pins = matches.matches["bundle"]
        matches.matches["chosen"], beginning = _chosen(batch, numbers, matches.plain & (pins == 0), tables, served)
        rows, singly = batch.next_rows(numbers, matches.plain & (served.scores(pins) | beginning))
        owners = np.searchsorted(numbers, batch.owners[rows]).astype(np.int32)
        records = batch.records
        folded = matches.fold(records.events[rows], owners, records.offsets[rows], records.content)
        for number, state in zip(numbers.tolist(), matches.written(), strict=True):
            if state:
                batch.put(number, state)
        self._count(folded, records.events["kind"][rows] == FEATURES)
        rows = rows[folded.causes["row"]]
        news = list(self.telling.together(batch, matches, folded, rows))
        fold = UsualFold(matches, folded, rows, served.numbers(folded.causes["bundle"]), news)
        _raise_watermarks(batch, fold, tables)
        return fold, singly

    @staticmethod
    def _states(batch: Batch, numbers: Longs, header: bytes) -> list[bytes]:
        """Return the states of open matches, made where they are announced."""
        states = {number: batch.states[number] for number in numbers.tolist()}
        if batch.announced and not batch.round:  # later, they have one
            rows = list(batch.announced.values())
            names = [batch.names[number][1] for number in batch.announced]
            records = batch.records
            made = fixture_states(records.events[rows], records.content, names, header)
            states |= zip(batch.announced, made, strict=True)
        return list(states.values())

    def _count(self, folded: Folded, told: Flags) -> None:
        topics = self.topics.match_events, self.topics.feature_events
        counts = np.bincount(folded.verdicts + told * (PREDICTED + 1), minlength=len(topics) * (PREDICTED + 1))
        for topic, its in zip(topics, counts.reshape(len(topics), -1).tolist(), strict=True):
            for verdict, count in enumerate(its):
                if verdict != LEFT and count:
                    self.metrics.event(topic, _VERDICTS[verdict], count)

    def predict(self, batch: Batch, fold: UsualFold, voice: Voice, scored: Scored, times_us: tuple[int, int]) -> Placed:
        """Return the predictions of the causes of *fold*.

        Args:
            batch: The records.
            fold: What was folded of them and is scored by one bundle.
            voice: In whose name they are written.
            scored: Features and probabilities, a row a cause.
            times_us: When the slices were decoded, and when the ensemble had answered.
        """
        rows, records, topic = fold.rows, batch.records, voice.topic
        values = self._writer(voice).encode(_columns(batch, fold, *scored), *times_us)
        found = []
        for value, place, row in zip(values, records.pieces[rows].tolist(), rows.tolist(), strict=True):
            piece = records.slices[place].piece
            source = (piece, records.each[row])
            found.append((place, Message(topic, records.keys[row], value, piece.partition, source=source)))
        return found

    def _writer(self, voice: Voice) -> PlainPredictions:
        bundle, variant = voice.bundle, voice.variant
        if (bundle.digest, variant) not in self._writers:
            self._writers[bundle.digest, variant] = PlainPredictions(
                voice.codec,
                variant=variant,
                model=bundle.model,
                model_version=bundle.version,
                bundle_digest=bundle.digest,
                feature_set=bundle.feature_set,
                source_topics=(self.topics.match_events, self.topics.feature_events),
            )
        return self._writers[bundle.digest, variant]


def _chosen(
    batch: Batch, numbers: Longs, unbegun: Flags, tables: Mapping[int, TablePartition[bytes]], served: Served
) -> tuple[Pins, Flags]:
    """Return the pin of the bundle that is to score each match which has none, and whether it is known."""
    chosen, known = np.zeros(len(numbers), np.uint64), np.zeros(len(numbers), np.bool_)
    for place in unbegun.nonzero()[0].tolist():
        partition, key = batch.names[numbers[place]]
        if not tables[partition].already_out:
            chosen[place], known[place] = served.pin(served.chosen(key.decode())), True
    return chosen, known


def _raise_watermarks(batch: Batch, fold: UsualFold, tables: Mapping[int, TablePartition[bytes]]) -> None:
    records = batch.records
    marks = np.full(len(records.slices), _LONG_AGO)
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
