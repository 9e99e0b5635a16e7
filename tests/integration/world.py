"""Workers in processes of their own under one prefix, and plain clients to look at what they do."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from schemas.catalog import RECORD_TYPES, schema_json
from schemas.codec import Codec
from streams.applications import INPUTS
from streams.registry import registry_of
from streams.settings import Settings
from streams.topics import TOPICS


@dataclass
class Worker:
    """`touchline worker ROLE...` in a process of its own, with its log in a file.

    Attributes:
        url: Where its metrics and health are.
    """

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:  # noqa: S310 - our own loopback
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def metrics(self, start: str) -> dict[str, float]:
        """Return its metrics whose names, with their labels, begin with *start*."""
        lines = [line for line in self.get("/metrics")[1].splitlines() if line.startswith(start)]
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}

    def metric(self, start: str) -> float:
        """Return the sum of these."""
        return sum(self.metrics(start).values())

    def wait_ready(self, seconds: float = 60) -> "Worker":
        wait_for(lambda: self.process.poll() is None and self.get("/readyz")[0] == 200, seconds, self.said)
        return self

    def child(self, role: str) -> int:
        """Return the pid of the role's own process."""
        for line in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
            if role in Path(f"/proc/{line}/cmdline").read_text().split("\0"):
                return int(line)
        raise LookupError(f"{role} has no process: {self.said()}")

    def kill_child(self, role: str) -> None:
        os.kill(self.child(role), signal.SIGKILL)

    def said(self) -> str:
        return self.log.read_text()

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


def wait_for(true: Callable[[], bool], seconds: float, why: Callable[[], str] = str) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing came within {seconds} s: {why()}")
        time.sleep(0.1)


@dataclass
class World:
    """Topics, schemas and workers under one prefix, and plain clients to look at them with."""

    settings: Settings
    folder: Path
    workers: list[Worker] = field(default_factory=list)
    codecs: dict[str, Codec[Any]] = field(default_factory=dict)

    def worker(self, *roles: str, wait: bool = True, **settings: object) -> Worker:
        number = len(self.workers)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        given = self.settings.environment() | {f"TOUCHLINE_{name.upper()}": str(one) for name, one in settings.items()}
        given["XDG_CACHE_HOME"] = str(self.folder)  # what this process has heard from the registry is not the worker's
        given |= {"TOUCHLINE_HTTP_PORT": str(port), "TOUCHLINE_WORKER_NAME": f"w{number}"}
        log = self.folder / f"worker{number}.log"
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "streams.cli", "worker", *roles],
            env=os.environ | given,
            stdout=log.open("wb"),
            stderr=subprocess.STDOUT,
        )
        worker = Worker(process, f"http://127.0.0.1:{port}", log)
        self.workers.append(worker)
        return worker.wait_ready() if wait else worker

    def codec(self, topic: str, version: int | None = None) -> Codec[Any]:
        """Return a codec which writes *version* of the topic's schema, registering it."""
        key = f"{topic} {version}"
        if key not in self.codecs:
            name = TOPICS[topic].schema or ""
            codec: Codec[Any] = Codec(name, RECORD_TYPES[name])
            subject = f"{self.settings.topic(topic)}-value"
            codec.use_for_writing(registry_of(self.settings).register(subject, schema_json(name, version)), version)
            self.codecs[key] = codec
        return self.codecs[key]

    def send(self, topic: str, *records: Any, version: int | None = None) -> None:
        """Write match or feature events, keyed by match_id."""
        encode = self.codec(topic, version).encode
        self.send_bytes(topic, *((record.match_id.encode(), encode(record)) for record in records))

    def send_bytes(self, topic: str, *pairs: tuple[bytes | None, bytes | None], **more: Any) -> None:
        producer = Producer(self.settings.librdkafka(partitioner="murmur2_random") | {"message.max.bytes": 20_000_000})
        failed: list[object] = []
        for key, value in pairs:
            producer.produce(
                self.settings.topic(topic),
                value,
                key,
                on_delivery=lambda error, _: failed.append(error) if error else None,
                **more,
            )
            producer.poll(0)
        assert producer.flush(30) == 0
        assert failed == []

    def read(self, topic: str, *, full_name: bool = False) -> list[Any]:
        """Return all records which are in a topic now."""
        name = topic if full_name else self.settings.topic(topic)
        reader = Consumer(
            self.settings.librdkafka(group_id=self.settings.group("consumer"), enable_auto_commit=False)
            | {"enable.partition.eof": True, "auto.offset.reset": "earliest"}
        )
        partitions = reader.list_topics(name, timeout=10).topics[name].partitions
        reader.assign([TopicPartition(name, one, 0) for one in partitions])
        found, ends = [], 0
        while ends < len(partitions):
            record = reader.poll(10)
            assert record is not None, f"{name} does not answer"
            if record.error() is None:
                found.append(record)
            else:
                assert record.error().code() == KafkaError._PARTITION_EOF, record.error()
                ends += 1
        reader.close()
        return found

    def values(self, topic: str) -> list[Any]:
        """Return the decoded records of a topic."""
        name = TOPICS[topic].schema or ""
        codec: Codec[Any] = Codec(name, RECORD_TYPES[name])
        registry = registry_of(self.settings)
        found = []
        for record in self.read(topic):
            schema_id = int.from_bytes(record.value()[1:5], "big")
            if not codec.knows(schema_id):
                codec.learn(schema_id, registry.fetch(schema_id))
            found.append(codec.decode(record.value()))
        return found

    def wait_for_values(self, topic: str, count: int, seconds: float = 40) -> list[Any]:
        """Return the decoded records once there are at least *count*."""
        found: list[Any] = []

        def enough() -> bool:
            found[:] = self.values(topic)
            return len(found) >= count

        wait_for(enough, seconds, lambda: f"{len(found)} of {count} in {topic}; {self.said()}")
        return found

    def wait_caught_up(self, role: str = "predict", seconds: float = 60) -> None:
        """Wait until everything that is in the role's inputs now is committed."""
        ends = {}
        reader = Consumer(self.settings.librdkafka(group_id=self.settings.group(role), enable_auto_commit=False))
        for topic in (self.settings.topic(name) for name in INPUTS[role]):
            for one in reader.list_topics(topic, timeout=10).topics[topic].partitions:
                high = reader.get_watermark_offsets(TopicPartition(topic, one), timeout=10)[1]
                if high:
                    ends[topic, one] = high

        def committed() -> bool:
            try:
                where = reader.committed([TopicPartition(*key) for key in ends], timeout=10)
            except KafkaException as error:  # offsets are not told while a dead worker's transaction is still open
                if error.args[0].code() != KafkaError._TIMED_OUT:
                    raise
                return False
            return all(found.offset >= ends[found.topic, found.partition] for found in where)

        wait_for(committed, seconds, self.said)
        reader.close()

    def said(self) -> str:
        return "\n".join(worker.said() for worker in self.workers)
