"""The job on Bytewax: keyed state, and the ensemble asked once for whatever comes together.

Its Kafka source commits nothing and its states have no changelog.
"""

import os

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSinkMessage, KafkaSourceMessage
from bytewax.connectors.kafka import operators as kafka
from bytewax.dataflow import Dataflow

from benchmarks.peers.job import Job, Record, decode, fold, new_state

BATCH = int(os.environ.get("BATCH", "1000"))
SENDING = {"linger.ms": os.environ["LINGER_MS"], "partitioner": "murmur2_random"}
Folded = tuple[Record, list[int]]
job = Job()


def keyed(record: KafkaSourceMessage) -> tuple[str, Record]:
    """Return the event under its match."""
    event = decode(record.value)
    return event["match_id"], event


def folded(state: list[int] | None, event: Record) -> tuple[list[int], Folded]:
    """Return the state after *event*, and both."""
    after = fold(state or new_state(), event)
    return after, (event, after)


def predicted(batch: list[tuple[str, Folded]]) -> list[KafkaSinkMessage]:
    """Return the predictions after a batch of events."""
    events, states = [event for _, (event, _) in batch], [state for _, (_, state) in batch]
    if os.environ["SCORER"] == "libraries":  # as a newcomer: event by event
        values = [job.predict([event], [state])[0] for event, state in zip(events, states, strict=True)]
    else:
        values = job.predict(events, states)
    return [KafkaSinkMessage(key.encode(), value) for (key, _), value in zip(batch, values, strict=True)]


flow = Dataflow("predict")
brokers = [os.environ["SERVERS"]]
records = kafka.input("in", flow, brokers=brokers, topics=[os.environ["SOURCE"]], batch_size=BATCH)
states = op.stateful_map("fold", op.map("decode", records.oks, keyed), folded)
predictions = op.flat_map_batch("predict", states, predicted)
kafka.output("out", predictions, brokers=brokers, topic=os.environ["TARGET"], add_config=SENDING)
