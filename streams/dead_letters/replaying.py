"""Sends source bytes back to their topic, each letter once, however often it is tried and wherever it is cut off."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import KafkaException, Producer

from streams.brokers import PATIENCE_SECONDS, BrokerError, one_sentence, quiet, sentence
from streams.dead_letters.letter import MARK, REPLAYED_FROM, REPLAYED_SOURCE, REPLAYS, Letter
from streams.engine.dead_letters import Cause
from streams.settings import Settings

TRANSACTIONAL_ID = "dead-letters-replay"  # behind the prefix
_TOGETHER = 500
_TOGETHER_BYTES = 8 * 1024 * 1024
_TRANSACTION_SECONDS = 60.0
_COMMITS = 3  # tries
_OURS = frozenset({REPLAYED_FROM, REPLAYED_SOURCE, REPLAYS})


@dataclass(slots=True)
class Outcome:
    """What came of a replay.

    Attributes:
        skipped: Number of letters by the reason why they were not sent.
        failed: Place and reason of each letter which could not be sent.
    """

    succeeded: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    failed: list[tuple[str, str]] = field(default_factory=list)


def obstacle(letter: Letter, marks: Mapping[str, int]) -> str | None:
    """Return why *letter* is not to be sent; None when it is."""
    if letter.identity in marks:
        return "already replayed"
    if not letter.source_topic:
        return "it names no source topic"
    if letter.value is None:
        return "it has no bytes"
    if letter.cause == Cause.OUTPUT_TOO_LARGE:
        return "its event is in the state already, and would be a repeat"
    return None


def replay_headers(letter: Letter) -> list[tuple[str, bytes | None]]:
    """Return the headers of the replayed record: those of the source record, and where it has been."""
    theirs = [(name, content) for name, content in letter.source_headers if name not in _OURS]
    ours = {
        REPLAYED_FROM: letter.place,
        REPLAYED_SOURCE: letter.first_source,
        REPLAYS: str(letter.replays + 1),
    }
    return [*theirs, *((name, text.encode()) for name, text in ours.items())]


class Replayer:
    """Owns a transactional producer; a second one for the same topics takes over from the first, which then fails.

    A record and the mark that says so are written in one transaction: both are there, or none.
    """

    def __init__(self, settings: Settings, patience: float = PATIENCE_SECONDS) -> None:
        self._settings = settings
        self._dead_letters = settings.topic("dead-letters")
        self._producer = Producer(
            {
                **quiet(settings, partitioner="murmur2_random"),
                "transactional.id": f"{settings.topic_prefix}{TRANSACTIONAL_ID}",
                "transaction.timeout.ms": int(_TRANSACTION_SECONDS * 1000),
                "message.timeout.ms": int(_TRANSACTION_SECONDS * 500),
                "message.max.bytes": 50 * 1024 * 1024,  # ours is not the limit: the topic's is
            }
        )
        with one_sentence(settings, "starting the replay"):
            found = self._producer.list_topics(timeout=patience).topics
            self._partitions = {name: len(topic.partitions) for name, topic in found.items()}
            # Ends what a replay before this one has left open, so that its marks can be read.
            self._producer.init_transactions(_TRANSACTION_SECONDS)

    def send(self, letters: Iterable[Letter], marks: Mapping[str, int], outcome: Outcome) -> Iterator[None]:
        """Send *letters*, and let the caller look at *outcome* after each transaction.

        Raises:
            BrokerError: The brokers are away, or another replay has taken over; *outcome* has what was sent before.
        """
        batch: list[Letter] = []
        size = 0
        for letter in letters:
            why = obstacle(letter, marks)
            if why is not None:
                outcome.skipped[why] += 1
            elif letter.source_topic not in self._partitions:
                outcome.failed.append((letter.place, f"there is no topic {letter.source_topic}"))
            else:
                batch.append(letter)
                size += len(letter.value or b"")
            if len(batch) >= _TOGETHER or size >= _TOGETHER_BYTES:
                self._send_batch(batch, outcome)
                batch, size = [], 0
                yield
        if batch:
            self._send_batch(batch, outcome)
        yield

    def _send_batch(self, batch: Sequence[Letter], outcome: Outcome) -> None:
        error = self._transaction(batch)
        if error is None:
            outcome.succeeded += len(batch)
        elif len(batch) == 1:
            said = sentence(self._settings, f"sending to {batch[0].source_topic}", error)
            outcome.failed.append((batch[0].place, said))
        else:
            for letter in batch:  # one of them is at fault: the others need not wait for it
                self._send_batch([letter], outcome)

    def _transaction(self, batch: Sequence[Letter]) -> Any:
        """Return why nothing of *batch* was sent, or None."""
        refused: list[Any] = []

        def report(error: Any, _record: Any) -> None:
            if error is not None:
                refused.append(error)

        try:
            self._producer.begin_transaction()
            for letter in batch:
                self._produce(letter, report)
            self._producer.flush(_TRANSACTION_SECONDS)
            if not refused:
                self._commit()
                return None
        except KafkaException as error:
            refused.insert(0, error.args[0])
        try:
            self._producer.abort_transaction(_TRANSACTION_SECONDS)
        except KafkaException as error:
            raise BrokerError(
                f"the replay was stopped: {error.args[0].str()}; is another one running, or are the brokers away?"
            ) from error
        return refused[0]

    def _commit(self) -> None:
        for _ in range(_COMMITS):
            try:
                self._producer.commit_transaction(_TRANSACTION_SECONDS)
            except KafkaException as error:
                if not error.args[0].retriable():
                    raise
            else:
                return
        raise BrokerError(
            "the brokers do not say whether the last letters were sent; replay again: those that were are recognised"
        )

    def _produce(self, letter: Letter, report: Any) -> None:
        topic = letter.source_topic
        where: dict[str, int] = {}
        if letter.key is None and (letter.source_partition or 0) < self._partitions[topic]:
            where["partition"] = letter.source_partition or 0
        self._hand_over(topic, letter.value, letter.key, headers=replay_headers(letter), report=report, **where)
        beside = letter.partition if letter.partition < self._partitions.get(self._dead_letters, 0) else 0
        mark = [(MARK, letter.identity.encode()), ("replayed_to", topic.encode())]
        self._hand_over(self._dead_letters, None, letter.key, headers=mark, report=report, partition=beside)

    def _hand_over(
        self, topic: str, value: bytes | None, key: bytes | None, *, headers: Any, report: Any, **where: int
    ) -> None:
        while True:
            try:
                self._producer.produce(topic, value, key, headers=headers, on_delivery=report, **where)
            except BufferError:
                self._producer.poll(0.05)
            else:
                return
