"""Sends records at a steady rate, in a process of its own: the n-th is due at n / rate, whatever became of the others.

It says on one line when the first is due (seconds since the epoch), before it begins; and at the end by how much the
latest was sent after it was due.
"""

import json
import os
import time
from pathlib import Path

import click
from confluent_kafka import Producer

from benchmarks.play import Record, load

SHORTEST_PAUSE = 0.0002
BEGIN_SECONDS = 0.5


def send(producer: Producer, topic: str, records: list[Record], rate: float, began: float) -> float:
    """Send each record when it is due; return the longest time by which one came late, in seconds."""
    latest = 0.0
    for number, (key, value) in enumerate(records):
        due = began + number / rate
        while (left := due - time.time()) > 0:
            producer.poll(0)
            time.sleep(max(left, SHORTEST_PAUSE))
        latest = max(latest, -left)
        producer.produce(topic, value, key, timestamp=int(due * 1000))
    return latest


@click.command()
@click.option("--file", "path", type=click.Path(path_type=Path), required=True)
@click.option("--first", type=int, required=True)
@click.option("--end", type=int, required=True)
@click.option("--rate", type=float, required=True)
def main(path: Path, first: int, end: int, rate: float) -> None:
    """Send some records of a file to SOURCE on SERVERS."""
    records = load(path)[first:end]
    sending = {
        "linger.ms": 0,
        "enable.idempotence": True,
        "partitioner": "murmur2_random",
        "queue.buffering.max.messages": 1_000_000,
    }
    producer = Producer({"bootstrap.servers": os.environ["SERVERS"], **sending})
    producer.list_topics(os.environ["SOURCE"], timeout=10)
    began = time.time() + BEGIN_SECONDS
    print(json.dumps({"began": began}), flush=True)
    latest = send(producer, os.environ["SOURCE"], records, rate, began)
    producer.flush(30)
    print(json.dumps({"latest_send_ms": latest * 1000}), flush=True)


if __name__ == "__main__":
    main()
