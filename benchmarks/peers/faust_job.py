"""The job on stock Faust: a table with its changelog, one event at a time, or BATCH of them with take()."""

import os

import faust

from benchmarks.peers.job import Job, decode, fold, new_state

BATCH = int(os.environ.get("BATCH", "1"))
WITHIN_SECONDS = float(os.environ.get("WITHIN", "0.1"))

app = faust.App(
    os.environ["GROUP"],
    broker=f"kafka://{os.environ['SERVERS']}",
    store="memory://",
    topic_partitions=int(os.environ["PARTITIONS"]),
    topic_disable_leader=True,
    consumer_auto_offset_reset="earliest",
    producer_acks=-1,
    producer_linger=float(os.environ["LINGER"]),
    producer_max_batch_size=2**18,
    datadir=os.environ["STATE"],
)
source = app.topic(os.environ["SOURCE"], key_serializer="raw", value_serializer="raw")
target = app.topic(os.environ["TARGET"], key_serializer="raw", value_serializer="raw")
# Of a batch, Faust knows the partition of the last event only: the changelog's records go by their keys instead.
matches = app.Table("matches", partitions=int(os.environ["PARTITIONS"]), use_partitioner=BATCH > 1)
job = Job()


async def one_by_one(stream: faust.Stream) -> None:
    """Predict after each event."""
    async for key, value in stream.items():
        event = decode(value)
        state = matches[event["match_id"]] = fold(matches.get(event["match_id"]) or new_state(), event)
        await target.send(key=key, value=job.predict([event], [state])[0])


async def in_batches(stream: faust.Stream) -> None:
    """Predict after so many events as there are, BATCH at most, in one call of the ensemble."""
    async for batch in stream.take_events(BATCH, within=WITHIN_SECONDS):
        events, states = [decode(one.value) for one in batch], []
        for event in events:
            state = matches[event["match_id"]] = fold(matches.get(event["match_id"]) or new_state(), event)
            states.append(state)
        for one, value in zip(batch, job.predict(events, states), strict=True):
            await target.send(key=one.key, value=value)


app.agent(source, name="predict")(in_batches if BATCH > 1 else one_by_one)

if __name__ == "__main__":
    app.main()
