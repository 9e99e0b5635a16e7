"""The job on Quix Streams: state in RocksDB with its changelog; it has no batches over keys, so one event at a time."""

import os
from typing import Any

from quixstreams import Application, State

from benchmarks.peers.job import Job, decode, fold, new_state

SENDING = {"linger.ms": float(os.environ["LINGER"]) * 1000, "partitioner": "murmur2_random"}


def main() -> None:
    """Run until told to stop."""
    job = Job()
    app = Application(
        broker_address=os.environ["SERVERS"],
        consumer_group=os.environ["GROUP"],
        auto_offset_reset="earliest",
        state_dir=os.environ["STATE"],
        producer_extra_config=SENDING,
        loglevel="WARNING",
    )
    source = app.topic(os.environ["SOURCE"], key_deserializer="bytes", value_deserializer="bytes")
    target = app.topic(os.environ["TARGET"], key_serializer="bytes", value_serializer="bytes")

    def predicted(value: bytes, known: State) -> Any:
        event = decode(value)
        state = fold(known.get("match") or new_state(), event)
        known.set("match", state)
        return job.predict([event], [state])[0]

    app.dataframe(source).apply(predicted, stateful=True).to_topic(target)
    app.run()


if __name__ == "__main__":
    main()
