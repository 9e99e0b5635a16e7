"""From bytes to what is applied, without a broker."""

import asyncio
from types import SimpleNamespace

import pytest
from prometheus_client import CollectorRegistry

from schemas.bounds import check_prediction
from schemas.catalog import schema_json
from schemas.records import Prediction
from streams.api.feed import Feed
from streams.api.figures import ApiFigures
from streams.api.known import known_of
from streams.intake import Reader
from streams.learning import SchemaBook
from streams.registry_errors import RegistryUnavailableError
from streams.settings import Settings
from tests.streams.api.matches import CODEC, predicted


class Registry:
    """Is away once, and then knows one schema."""

    def __init__(self):
        self.asked = 0

    async def fetch_async(self, _schema_id):
        self.asked += 1
        if self.asked == 1:
            raise RegistryUnavailableError("away")
        return schema_json("prediction")


def message(value, offset):
    return SimpleNamespace(value=lambda: value, partition=lambda: 2, offset=lambda: offset)


@pytest.fixture
def settings():
    return Settings(bootstrap_servers="127.0.0.1:1", registry_url="http://127.0.0.1:1")


async def test_a_schema_is_waited_for_and_what_is_no_prediction_is_counted_and_left_out(settings):
    registry, schemas, applied = CollectorRegistry(), Registry(), []
    book = SchemaBook(schemas)
    reader = Reader(book.reader(book.codec("prediction", Prediction)), check_prediction, lambda one: one.occurred_at_ms)
    feed = Feed(settings, "predictions", reader, known_of, applied.extend, book, ApiFigures(registry))
    feed._loop = asyncio.get_running_loop()
    records = [
        message(CODEC.encode(predicted("m", 1)), 10),
        message(None, 11),
        message(b"\x00\x00\x00\x00\x07", 12),
        message(CODEC.encode(predicted("m", 2, home=0.9)), 13),
        message(CODEC.encode(predicted("m", 3)), 14),
    ]
    await asyncio.to_thread(feed._take, "id", records)
    await feed.stop()

    assert [("m-1", 10), ("m-3", 14)] == [(one.prediction_id, one.place.offset) for one in applied]
    assert {("id", 2)} == {(one.place.topic_id, one.place.partition) for one in applied}
    assert 2 == schemas.asked
    causes = {
        sample.labels["cause"]: sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "touchline_api_records_refused_total"
    }
    assert {"TOO_SHORT": 1, "TRUNCATED": 1, "IMPOSSIBLE_VALUE": 1} == causes
