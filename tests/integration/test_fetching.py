"""What the reader hands over, from a real broker."""

import pytest
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from streams.engine.fetching import Reader

pytestmark = pytest.mark.integration


@pytest.fixture(name="topic")
def _topic(cluster, prefix):
    topic = f"{prefix}in"
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap_servers})
    admin.create_topics([NewTopic(topic, 2, 1)])[topic].result(30)
    return topic


@pytest.fixture(name="producer")
def _producer(cluster):
    producer = Producer(
        {"bootstrap.servers": cluster.bootstrap_servers, "transactional.id": cluster.bootstrap_servers, "log_level": 0}
    )
    producer.init_transactions(30)
    return producer


@pytest.fixture(name="reader")
def _reader(cluster, prefix):
    reader = Reader({"bootstrap.servers": cluster.bootstrap_servers, "group.id": prefix})
    yield reader
    reader.close()


def send(producer, topic, partition, *values, commit=True):
    producer.begin_transaction()
    for value in values:
        producer.produce(topic, value, b"k", partition, timestamp=1234, headers=[("h", b"1")])
    if commit:
        producer.commit_transaction(30)
    else:
        producer.flush(30)
        producer.abort_transaction(30)


def read(reader, count):
    """Return *count* records by place, which must come one after the other in each."""
    found: dict[tuple[str, int], list] = {}
    for _ in range(300):
        for place, records in reader.read(10, 0.1).items():
            found.setdefault(place, []).extend(records)
        if sum(map(len, found.values())) >= count:
            return found
    raise AssertionError(found)


def test_each_partition_is_read_in_order_from_its_position_and_without_what_was_taken_back(reader, producer, topic):
    send(producer, topic, 0, b"a", b"b", b"c")
    send(producer, topic, 0, b"lost", commit=False)
    send(producer, topic, 0, b"d")
    send(producer, topic, 1, b"e")
    reader.assign({(topic, 0): 1, (topic, 1): 0})

    found = read(reader, 4)

    assert [(1, b"b"), (2, b"c"), (6, b"d")] == [(one.offset, one.value) for one in found[topic, 0]]
    assert [(b"k", b"e", 0, 1234, (("h", b"1"),))] == found[topic, 1]


def test_a_partition_that_was_paused_goes_on_where_it_was(reader, producer, topic):
    send(producer, topic, 0, b"a")
    reader.assign({(topic, 0): 0, (topic, 1): 0})
    read(reader, 1)
    reader.pause({(topic, 0)})
    send(producer, topic, 0, b"b")
    send(producer, topic, 1, b"c")

    others = read(reader, 1)
    reader.resume({(topic, 0)})

    assert {(topic, 1)} == set(others)
    assert [b"b"] == [one.value for one in read(reader, 1)[topic, 0]]


def test_a_new_assignment_forgets_what_was_read_ahead_and_what_was_paused(reader, producer, topic):
    send(producer, topic, 0, *[b"%d" % number for number in range(100)])
    reader.assign({(topic, 0): 0})
    read(reader, 1)
    reader.pause({(topic, 0)})
    reader.assign({})

    assert {} == reader.read(10, 0.1)

    reader.assign({(topic, 0): 50})
    assert 50 == read(reader, 1)[topic, 0][0].offset


def test_an_offset_which_the_log_does_not_have_is_an_error_and_no_gap(reader, producer, topic):
    send(producer, topic, 0, b"a")
    reader.assign({(topic, 0): 500})

    with pytest.raises(KafkaException, match="out of range"):
        read(reader, 1)
