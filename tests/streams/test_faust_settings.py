import asyncio

import faust
import pytest
from aiokafka.errors import KafkaConnectionError

from streams.engine import transport
from streams.faust_settings import faust_settings
from streams.settings import Settings


async def test_a_start_does_not_wait_for_a_broker_which_takes_connections_and_says_nothing():
    transport.register()
    closing = asyncio.Event()

    async def say_nothing(_reader, writer):
        await closing.wait()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as silent:
        server = "{}:{}".format(*silent.sockets[0].getsockname())
        app = faust.App("silence", **faust_settings(Settings(bootstrap_servers=server, registry_url="http://r")))

        with pytest.raises(KafkaConnectionError):
            await asyncio.wait_for(app.producer.start(), 60)  # Faust would wait for twenty minutes
        closing.set()
