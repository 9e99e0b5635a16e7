"""A record's size as we count it is the broker's."""

import pytest
from confluent_kafka import KafkaError, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from streams.engine.outbox import Message

pytestmark = pytest.mark.integration
HEADERS = (("a", b""), ("a long name", bytes(200)))


@pytest.mark.parametrize(
    ("key", "value", "headers"),
    [(b"", b"", ()), (b"k", bytes(50), ()), (b"k", bytes(60), HEADERS), (bytes(64), bytes(8150), HEADERS)],
)
def test_a_broker_takes_exactly_the_bytes_that_we_count(cluster, prefix, key, value, headers):
    message = Message("", key, value, 0, headers)
    admin, answers = AdminClient({"bootstrap.servers": cluster.bootstrap_servers}), []
    for less in (0, 1):
        topic = f"{prefix}{less}"
        new = NewTopic(topic, 1, 1, config={"max.message.bytes": str(message.batch_bytes - less)})
        admin.create_topics([new])[topic].result(30)
        producer = Producer({"bootstrap.servers": cluster.bootstrap_servers, "log_level": 0})
        producer.produce(
            topic, value, key, 0, headers=list(headers),
            on_delivery=lambda error, _: answers.append(error.code() if error else None),
        )  # fmt: skip
        producer.flush(30)

    assert [None, KafkaError.MSG_SIZE_TOO_LARGE] == answers
