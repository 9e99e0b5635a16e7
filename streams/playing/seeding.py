"""Ratings as one snapshot: written where the rate role will find its table, and read from there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from features.history import EPOCH, HistoricMatch, as_result
from features.rating_book import BaseRating, Fixture, RatingBook, RatingClock
from schemas.records import Progress
from streams.admin import Admin
from streams.engine.changelog import Changelog
from streams.engine.log_reading import RestoreError
from streams.engine.table import PROGRESS_KEY, TablePartition
from streams.learning import SchemaBook
from streams.patient_registry import patient_registry
from streams.playing.errors import PlayError
from streams.rate import RatingCodecs, RatingRecord, by_key
from streams.roles import rating_codecs
from streams.sending import Sender
from streams.settings import Settings

ROLE, TABLE = "rate", "teams"


def seeded_book(matches: Iterable[HistoricMatch], until: date) -> RatingBook:
    """Return a book with the results of all *matches* before *until*."""
    return RatingBook.seeded(map(as_result, matches), (until - EPOCH).days)


@dataclass(frozen=True, slots=True)
class RatingTable:
    """The changelog of the rate role, seen by a tool; every method raises BrokerError or PlayError."""

    settings: Settings
    admin: Admin
    codecs: RatingCodecs
    changelog: Changelog[RatingRecord]

    def read(self) -> TablePartition[RatingRecord]:
        """Return what the changelog holds; nothing when there is none yet."""
        if not self.admin.partition_counts([self.changelog.topic]):
            return TablePartition()
        try:
            return self.changelog.restore(0, None)
        except RestoreError as error:
            raise PlayError(str(error)) from error

    def book(self) -> RatingBook:
        """Return the book which the changelog holds."""
        records = list(self.read().states.values())
        clocks = [one for one in records if isinstance(one, RatingClock)]
        return RatingBook.restore(
            [one for one in records if isinstance(one, BaseRating)],
            [one for one in records if isinstance(one, Fixture)],
            clocks[0] if clocks else None,
        )

    def seed(self, book: RatingBook, *, replace: bool = False) -> int:
        """Write *book*, which has just been seeded; return the number of records.

        Args:
            book: What to write.
            replace: Take out what is there already.

        Raises:
            PlayError: The rate role runs, or there is something and *replace* is not set.
        """
        group = self.settings.group(ROLE)
        if self.admin.group(group).alive:
            raise PlayError(f"group {group} has members: stop its worker before its ratings are written anew")
        self.admin.create_changelog(self.changelog.topic, 1)
        before = self.read().states
        if before and not replace:
            raise PlayError(f"{self.changelog.topic} holds {len(before)} records already; add --replace to renew them")
        records: Mapping[bytes, RatingRecord | None] = by_key(book.changed())
        # What is new comes first, the clock last: whoever restores in between finds the earlier ratings or these.
        sender = Sender(self.settings, self.changelog.topic, just_created=True)
        for key, record in records.items():
            sender.send(key, self.codecs.encode(record) if record is not None else None)
        for key in before.keys() - records.keys() - {PROGRESS_KEY}:
            sender.send(key, None)
        return sender.finish()


def rating_table(settings: Settings) -> RatingTable:
    """Return the table which *settings* name; asks the registry for its schemas."""
    schemas = SchemaBook(patient_registry(settings))
    codecs = rating_codecs(settings, schemas)
    progress = schemas.codec("progress", Progress)
    topic = settings.changelog(ROLE, TABLE)
    schemas.write(progress, f"{topic}-progress-value")
    changelog = Changelog(
        topic, settings.librdkafka(), schemas.patient(codecs.decode), schemas.patient(progress.decode)
    )
    return RatingTable(settings, Admin(settings), codecs, changelog)
