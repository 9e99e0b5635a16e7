"""The floor: what is left when nothing is promised: read, decode, score, encode, write, in one plain loop.

No state is kept: an event is scored as if it were its match's first.
"""

import os
from pathlib import Path

from confluent_kafka import Consumer, Producer

from benchmarks.peers.job import Job, decode, fold, new_state
from models.bundle import load_bundle

MOST = 2000


def main() -> None:
    """Run until told to stop."""
    bundle = load_bundle(Path(os.environ["MODEL"], "bundle"))
    job = Job(lambda rows: bundle.score(rows, bundle.feature_set))
    servers = {"bootstrap.servers": os.environ["SERVERS"]}
    reader = Consumer({**servers, "group.id": os.environ["GROUP"], "auto.offset.reset": "earliest"})
    reader.subscribe([os.environ["SOURCE"]])
    sending = {"linger.ms": 1000 * float(os.environ["LINGER"]), "queue.buffering.max.messages": 1_000_000}
    writer = Producer({**servers, **sending, "enable.idempotence": True, "partitioner": "murmur2_random"})
    while True:
        first = reader.poll(0.1)  # consume() alone would wait for as many as it may take
        records = [] if first is None else [first, *reader.consume(MOST, 0)]
        if records:
            events = [decode(record.value()) for record in records]
            states = [fold(new_state(), event) for event in events]
            for record, value in zip(records, job.predict(events, states), strict=True):
                writer.produce(os.environ["TARGET"], value, record.key())
        writer.poll(0)


if __name__ == "__main__":
    main()
