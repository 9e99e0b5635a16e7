"""The floor: what is left when nothing is promised: read, decode, score, encode, write, in one plain loop.

No state is kept: an event is scored as if it were its match's first. With a number of records it only reads so many of
them, and says in JSON what that cost: the floor below the floor.
"""

import json
import os
import sys
import time
from pathlib import Path

from confluent_kafka import Consumer, Producer

from benchmarks.peers.job import Job, decode, fold, new_state
from models.bundle import load_bundle

MOST = 2000


def reader() -> Consumer:
    """Return a reader of SOURCE from its start."""
    given = {"bootstrap.servers": os.environ["SERVERS"], "group.id": os.environ["GROUP"]}
    found = Consumer({**given, "auto.offset.reset": "earliest"})
    found.subscribe([os.environ["SOURCE"]])
    return found


def read(count: int) -> dict[str, float]:
    """Read *count* records and return what each of those after the first batch cost."""
    source = reader()
    while not (before := len(source.consume(MOST, 0.1))):
        pass
    began, cpu, done = time.monotonic(), time.process_time(), before
    while done < count:
        done += len(source.consume(MOST, 0.1))
    took, used = time.monotonic() - began, time.process_time() - cpu
    events = done - before
    return {"events_per_second": events / took, "cpu_us_per_event": used / events * 1e6}


def run() -> None:
    """Do the job until told to stop."""
    bundle = load_bundle(Path(os.environ["MODEL"], "bundle"))
    job = Job(lambda rows: bundle.score(rows, bundle.feature_set))
    source = reader()
    sending = {"linger.ms": 1000 * float(os.environ["LINGER"]), "queue.buffering.max.messages": 1_000_000}
    where = {"bootstrap.servers": os.environ["SERVERS"], "partitioner": "murmur2_random"}
    writer = Producer({**where, **sending, "enable.idempotence": True})
    while True:
        first = source.poll(0.1)  # consume() alone would wait for as many as it may take
        records = [] if first is None else [first, *source.consume(MOST, 0)]
        if records:
            events = [decode(record.value()) for record in records]
            states = [fold(new_state(), event) for event in events]
            for record, value in zip(records, job.predict(events, states), strict=True):
                writer.produce(os.environ["TARGET"], value, record.key())
        writer.poll(0)


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(read(int(sys.argv[1]))))
    else:
        run()
