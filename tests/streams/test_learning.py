"""An unknown schema id is asked for, waited for, or refused; never guessed."""

import asyncio

import pytest

from schemas.catalog import schema_json
from schemas.codec import UnknownSchemaError
from schemas.records import Progress
from streams.learning import SchemaBook, UnregisteredSchemaError
from streams.registry_errors import RegistryUnavailableError, SchemaNotFoundError

PROGRESS = Progress({"in@id": 4}, {"out": 2})


class FakeRegistry:
    """Answers each question with the next of its answers; the last stays."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = 0

    def fetch(self, _schema_id):
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def fetch_async(self, schema_id):
        return self.fetch(schema_id)

    def registered(self, _subject):
        return {7: self.fetch(7)}

    def register(self, _subject, _schema_json, *, or_known=False):
        assert or_known
        return 5


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture(name="clock")
def _clock():
    return Clock()


def written_with(schema_id: int) -> bytes:
    from schemas.codec import Codec  # noqa: PLC0415 - only to write

    codec = Codec("progress", Progress)
    codec.use_for_writing(schema_id)
    return codec.encode(PROGRESS)


def book_of(registry, clock):
    book = SchemaBook(registry, clock)
    return book, book.reader(book.codec("progress", Progress))


async def test_an_unknown_id_is_raised_then_learnt(clock):
    book, read = book_of(FakeRegistry(schema_json("progress")), clock)

    with pytest.raises(UnknownSchemaError):
        read(written_with(7))

    await book.learn(7)
    assert PROGRESS == read(written_with(7))


async def test_many_who_ask_at_once_are_one_question(clock):
    registry = FakeRegistry(schema_json("progress"))
    book, _ = book_of(registry, clock)

    await asyncio.gather(*(book.learn(7) for _ in range(12)))

    assert 1 == registry.asked


async def test_an_outage_is_waited_out(clock, monkeypatch):
    monkeypatch.setattr("streams.learning._FIRST_PAUSE", 0.001)
    registry = FakeRegistry(RegistryUnavailableError("away"), RegistryUnavailableError("away"), schema_json("progress"))
    book, read = book_of(registry, clock)

    await book.learn(7)

    assert 3 == registry.asked
    assert PROGRESS == read(written_with(7))


async def test_an_id_the_registry_does_not_know_is_refused_for_a_while_only(clock):
    book, read = book_of(FakeRegistry(SchemaNotFoundError("none")), clock)
    await book.learn(7)

    with pytest.raises(UnregisteredSchemaError, match="7"):
        read(written_with(7))

    clock.now = 31.0
    with pytest.raises(UnknownSchemaError):
        read(written_with(7))


def test_what_is_written_here_is_read_here(clock):
    book, _ = book_of(FakeRegistry(""), clock)
    codec = book.codec("progress", Progress)
    book.write(codec, "subject")

    assert PROGRESS == codec.decode(codec.encode(PROGRESS))


def test_a_patient_reader_asks_at_once(clock):
    registry = FakeRegistry(schema_json("progress"))
    book = SchemaBook(registry, clock)
    read = book.patient(book.codec("progress", Progress).decode)

    assert PROGRESS == read(written_with(7))
    assert PROGRESS == read(written_with(7))
    assert 1 == registry.asked


def test_what_is_foreseen_is_read_while_the_registry_is_away(clock):
    registry = FakeRegistry(schema_json("progress"), RegistryUnavailableError("away"))
    book, read = book_of(registry, clock)
    book.foresee("in-value")

    assert PROGRESS == read(written_with(7))
    assert 1 == registry.asked


@pytest.mark.parametrize("answer", [RegistryUnavailableError("away"), SchemaNotFoundError("no subject")])
def test_what_cannot_be_foreseen_is_asked_for_when_it_comes(clock, answer):
    book, read = book_of(FakeRegistry(answer), clock)
    book.foresee("in-value")

    with pytest.raises(UnknownSchemaError):
        read(written_with(7))
