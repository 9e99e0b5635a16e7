"""librdkafka clients for tools: they keep off the terminal, and what goes wrong is one sentence."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException

from streams.engine.reachability import AWAY
from streams.settings import Settings

T = TypeVar("T")
PATIENCE_SECONDS = 8.0
_POLL_SECONDS = 0.02
_NOT_READY = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    }
)


class BrokerError(ConnectionError):
    """Raised when the brokers do not do what was asked; the message is one sentence."""


def quiet(settings: Settings, **more: object) -> dict[str, object]:
    """Return a client's configuration, with *more* settings (``_`` for ``.``), whose own log lines are not printed."""
    return {**settings.librdkafka(**more), "log_level": 0, "error_cb": _say_nothing}


def _say_nothing(_error: object) -> None:
    """Leave it to the call that failed: it says the same, once."""


@contextmanager
def one_sentence(settings: Settings, doing: str) -> Iterator[None]:
    """Turn what librdkafka raises inside into one sentence about *doing*.

    Raises:
        BrokerError: Always in place of a KafkaException.
    """
    try:
        yield
    except KafkaException as error:
        raise BrokerError(sentence(settings, doing, error.args[0])) from error


def once_ready(question: Callable[[], T], patience: float, *, just_created: bool = False) -> T:
    """Ask *question* again while its partition has no leader, or its group no coordinator, as after a start or a move.

    Also while the broker that is asked does not know its topic, when that was *just_created* on another.

    Raises:
        KafkaException: Another failure, or still the same after *patience* seconds.
    """
    deadline = time.monotonic() + patience
    not_ready = _NOT_READY | {KafkaError.UNKNOWN_TOPIC_OR_PART} if just_created else _NOT_READY
    while True:
        try:
            return question()
        except KafkaException as error:
            if error.args[0].code() not in not_ready or time.monotonic() > deadline:
                raise
        time.sleep(_POLL_SECONDS)


def sentence(settings: Settings, doing: str, error: Any) -> str:
    """Return why *doing* was not possible, as a person would say it."""
    if not isinstance(error, KafkaError):
        return f"{doing} failed: {error}"
    if error.code() in AWAY:
        return f"no broker answers at {settings.bootstrap_servers} ({doing}); is it running? Try: touchline up"
    return f"{doing} failed: {_WORDS.get(error.code(), error.str())}"


_WORDS: Mapping[int, str] = {
    KafkaError.UNKNOWN_TOPIC_OR_PART: "there is no such topic; try: touchline topics create",
    KafkaError._UNKNOWN_TOPIC: "there is no such topic; try: touchline topics create",  # noqa: SLF001 - librdkafka's name
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "this user may not use the topic; try: touchline doctor --acls",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "this user may not use the group; try: touchline doctor --acls",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "this user may not do that to the cluster; try: touchline doctor --acls",
    KafkaError.INVALID_REPLICATION_FACTOR: "there are fewer brokers than replicas; set TOUCHLINE_REPLICATION_FACTOR",
}
