"""A sender looks for its topic before anything is handed over."""

from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError

from streams import sending
from streams.brokers import BrokerError
from streams.sending import Sender
from streams.settings import Settings

SETTINGS = Settings(bootstrap_servers="127.0.0.1:9", registry_url="http://127.0.0.1:9")


class Brokers:
    """Answers with the errors of *codes*, one after the other, and then with the topic."""

    def __init__(self, *codes: int) -> None:
        self.codes, self.asked = list(codes), 0

    def __call__(self, _config: object) -> "Brokers":
        return self

    def list_topics(self, topic: str, timeout: float) -> SimpleNamespace:
        assert timeout
        self.asked += 1
        error = KafkaError(self.codes.pop(0)) if self.codes else None
        return SimpleNamespace(topics={topic: SimpleNamespace(error=error)})


def test_a_topic_that_was_just_created_is_asked_for_until_another_broker_has_heard_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    brokers = Brokers(*[KafkaError.UNKNOWN_TOPIC_OR_PART] * 2)
    monkeypatch.setattr(sending, "Producer", brokers)

    assert Sender(SETTINGS, "t", just_created=True).topic == "t"
    assert brokers.asked == 3


@pytest.mark.parametrize(
    ("code", "just_created"),
    [(KafkaError.UNKNOWN_TOPIC_OR_PART, False), (KafkaError.TOPIC_AUTHORIZATION_FAILED, True)],
)
def test_one_that_should_be_there_and_any_other_failure_are_told_at_once(
    monkeypatch: pytest.MonkeyPatch, code: int, *, just_created: bool
) -> None:
    brokers = Brokers(code, code)
    monkeypatch.setattr(sending, "Producer", brokers)

    with pytest.raises(BrokerError, match="looking for topic t failed"):
        Sender(SETTINGS, "t", just_created=just_created)

    assert brokers.asked == 1


def test_one_that_does_not_come_is_told_after_the_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "Producer", Brokers(*[KafkaError.UNKNOWN_TOPIC_OR_PART] * 1000))

    with pytest.raises(BrokerError, match="there is no such topic"):
        Sender(SETTINGS, "t", patience=0.1, just_created=True)
