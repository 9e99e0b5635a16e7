"""Faults of what a worker depends on besides the brokers: registry, Redis, its bundle's files."""

import json
import shutil
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice

from confluent_kafka import Producer

from tests.faults.children import ROOT, wait_until
from tests.faults.findings import Findings
from tests.faults.load import SCHEMA_FILES, SCHEMAS, encoder, register
from tests.faults.matches import Shares, feed
from tests.faults.network import Relay
from tests.faults.place import INPUTS, MATCH_EVENTS, PREDICTIONS
from tests.faults.redis_server import RedisServer
from tests.faults.run import Run
from tests.faults.scenario import Scenario

FIRST_PART = 20_000
OF_THE_NEW_ID = 2_000
SEED_OF_THE_NEW_ID = 77
CATCH_UP_SECONDS = 60.0
SLOW_SECONDS, STUCK_SECONDS = 0.2, 3.0
REFUSED = 3
NEW_FIELD = {"name": "note", "type": ["null", "string"], "default": None}
NULL = b"\x00"  # the first of the field's two types, and nothing more
BUNDLE = ROOT / "models" / "bundles" / "internationals-3-heuristic"


@contextmanager
def without_registry(run: Run) -> Iterator[None]:
    """Kill the registry and start it again."""
    run.cluster.stop_registry(signal.SIGKILL)
    try:
        yield
    finally:
        run.cluster.start_registry()
        run.fault_is_over()


def wait_heard(run: Run) -> None:
    """Wait until something of each input is committed: nobody can know a schema of which nothing has come yet."""

    def heard() -> bool:
        found = run.log.committed()
        return {topic for (topic, _), offset in found.items() if offset} == {run.place.topic(name) for name in INPUTS}

    run.wait(heard, CATCH_UP_SECONDS, "a commit of each input")


def registry_gone(run: Run) -> None:
    """Workers go on, and one that falls starts with what it was told before."""
    worker = run.worker()
    run.load()
    run.a_moment()
    wait_heard(run)
    with without_registry(run):
        run.wait_recovered()
        worker.kill_child()
        run.wait_recovered()
    run.wait_recovered()


def registry_gone_with_a_new_id(run: Run) -> None:
    """Records with an id which nobody has asked for yet hold up their partitions until the registry is back."""
    worker = run.worker()
    run.load(then_rate=0).wait_burst()
    run.wait_committed()
    schema = json.loads((SCHEMAS / SCHEMA_FILES[MATCH_EVENTS]).read_text())
    new_id = register(run.place, MATCH_EVENTS, {**schema, "fields": [*schema["fields"], NEW_FIELD]})
    encode = {topic: encoder(run.place, topic) for topic in SCHEMA_FILES}
    with without_registry(run):
        producer = Producer({"bootstrap.servers": run.place.bootstrap_servers, "partitioner": "murmur2_random"})
        for topic, fields in islice(feed(SEED_OF_THE_NEW_ID, Shares()), OF_THE_NEW_ID):
            value = encode[topic](fields)
            if topic == MATCH_EVENTS:
                value = value[:1] + new_id.to_bytes(4, "big") + value[5:] + NULL
            producer.produce(run.place.topic(topic), value, fields["match_id"].encode())
        run.claim(producer.flush(CATCH_UP_SECONDS) == 0, "records with a new schema id were not acknowledged")
        wait_until(
            lambda: "registry.unavailable" in worker.said(), CATCH_UP_SECONDS, "a question to the registry, in vain"
        )
        run.claim(run.log.commit_gap(), "records of a schema which nobody knows are committed")
        run.claim(worker.process.poll() is None, "the worker has ended")


@contextmanager
def redis_server(run: Run) -> Iterator[RedisServer]:
    with closing(RedisServer(run.children.folder)) as server:
        server.start()
        yield server


def finish_with_redis(run: Run, server: RedisServer) -> Findings:
    """Check that Redis gets the latest prediction of each match, and then the log."""
    for load in run.children.loads:
        load.finish()
    run.wait_committed()
    latest = {}
    for record in run.log.records(run.place.topic(PREDICTIONS)):
        latest[f"{run.place.prefix}pred:{record.key().decode()}"] = record.offset()
    keys = list(latest)

    def behind() -> list[str]:
        texts = server.client.mget(keys)
        return [
            key
            for key, text in zip(keys, texts, strict=True)
            if text is None or json.loads(text)["log"]["offset"] != latest[key]
        ]

    wait_until(
        lambda: not behind(), CATCH_UP_SECONDS, lambda: f"the latest of {len(keys)} matches in Redis: {behind()[:3]}"
    )
    return run.finish()


def redis_gone(run: Run) -> Findings:
    """It falls and comes back; predictions go on meanwhile."""
    with redis_server(run) as server:
        run.worker("predict", "materialize", redis_url=f"redis://127.0.0.1:{server.port}/0")
        run.load()
        run.a_moment()
        server.kill()
        run.wait_recovered()
        server.start()
        run.fault_is_over()
        run.wait_recovered()
        return finish_with_redis(run, server)


def redis_slow(run: Run) -> Findings:
    """It answers slowly, then too late, then at once again."""
    with redis_server(run) as server, closing(Relay([server.port])) as relay:
        run.worker("predict", "materialize", redis_url=f"redis://127.0.0.1:{relay.ports[server.port]}/0")
        run.load()
        for delay in (SLOW_SECONDS, STUCK_SECONDS):
            relay.delay = delay
            run.a_moment()
            run.wait_recovered()
        relay.delay = 0.0
        run.fault_is_over()
        return finish_with_redis(run, server)


def redis_full(run: Run) -> Findings:
    """It answers, and takes nothing more until it has room."""
    with redis_server(run) as server:
        worker = run.worker("predict", "materialize", redis_url=f"redis://127.0.0.1:{server.port}/0")
        run.load()
        run.a_moment()
        server.fill()
        wait_until(lambda: "redis.lost" in worker.said(), CATCH_UP_SECONDS, "a word that Redis fails")
        run.wait_recovered()
        server.make_room()
        run.fault_is_over()
        return finish_with_redis(run, server)


def bundle_damaged(run: Run) -> None:
    """Between two starts one byte of a bundle changes: the worker refuses to start until the file is right again."""
    bundle = run.children.folder / "bundle"
    shutil.copytree(BUNDLE, bundle)
    worker = run.worker(bundle=bundle, predictor="bundle")
    run.load()
    run.a_moment()
    worker.stop()
    served = json.loads((bundle / "manifest.json").read_bytes())["files"]  # a worker does not read the card
    file = max((bundle / name for name in served), key=lambda one: one.stat().st_size)
    right = file.read_bytes()
    file.write_bytes(right[:-1] + bytes([right[-1] ^ 1]))
    refused = run.worker(wait=False, bundle=bundle, predictor="bundle")
    run.claim(
        refused.wait_ended() == REFUSED, f"a worker with a damaged bundle ended with {refused.process.returncode}"
    )
    for words in ("model.refused", file.name):
        run.claim(
            words in refused.said(), f"no {words!r} in what the worker said of the bundle: {refused.last_words()}"
        )
    file.write_bytes(right)
    run.worker(bundle=bundle, predictor="bundle")
    run.fault_is_over()
    run.wait_recovered()


DEPENDENCY_FAULTS = (
    Scenario("registry-gone", registry_gone, events=FIRST_PART, breaks_cluster=True, timed=True),
    Scenario("registry-gone-with-new-schema-ids", registry_gone_with_a_new_id, events=FIRST_PART, breaks_cluster=True),
    Scenario("redis-gone", redis_gone, events=FIRST_PART, timed=True),
    Scenario("redis-slow", redis_slow, events=FIRST_PART),
    Scenario("redis-full", redis_full, events=FIRST_PART),
    Scenario("bundle-damaged", bundle_damaged, events=FIRST_PART),
)
