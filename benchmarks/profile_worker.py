"""Where the CPU of one worker goes while it has more to do than it can: by thread, and within threads by what is done.

Run it with ``python -m benchmarks.profile_worker``. What a thread takes is read from the kernel, before and after; what
its Python does, py-spy samples meanwhile. Threads of librdkafka run no Python, and are told by their names.
"""

import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.table import Table

from benchmarks.arena import made_arena, predictions_of, send
from benchmarks.full_job import Outputs, expected
from benchmarks.running import TICKS, FailedError, family
from benchmarks.systems import SYSTEMS

PARTITIONS: Final = 12
# Of the innermost function which stands here, whatever it calls.
WORK: Final[Mapping[str, str]] = {
    "streams/engine/fetching.py": "records out of librdkafka",
    "streams/predicting/reading.py": "decode in columns",
    "streams/predicting/batch.py": "fold in columns",
    "features/": "fold in columns",
    "models/": "features and scores",
    "streams/predicting/single.py": "events one by one",
    "streams/predicting/predictions.py": "events one by one",
    "streams/intake.py": "events one by one",
    "schemas/": "Avro",
    "streams/predicting/usual.py": "predictions in columns",
    "streams/predicting/job.py": "predictions in columns",
    "streams/predicting/saying.py": "predictions in columns",
    "streams/engine/outbox.py": "produce, and hear of deliveries",
    "streams/engine/ledger.py": "changelog",
    "streams/engine/finishing.py": "changelog",
    "streams/engine/": "the engine's own",
    "streams/bulk_histogram.py": "metrics",
    "streams/metrics.py": "metrics",
    "prometheus_client/": "metrics",
    "streams/": "the worker's own",
    "faust/": "Faust and aiokafka",
    "mode/": "Faust and aiokafka",
    "aiokafka/": "Faust and aiokafka",
}
FEATURES: Final = ("features/facts.py", "features/feature_sets.py", "features/outcome.py")
# Where a thread waits: py-spy cannot always tell, and a thread's time is not spent there.
WAITS: Final = ("_worker (concurrent/futures/thread.py", "wait (threading.py", "_start_thread (mode/threads.py")
REST: Final = "the event loop and the interpreter"
LIBRDKAFKA: Final = "librdkafka: brokers read and written, records checked, packed"


def thread_seconds(pid: int) -> dict[int, tuple[str, float]]:
    """Return name and CPU time of each thread of a process, by its id."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        fields = (task / "stat").read_text().rpartition(") ")[2].split()
        found[int(task.name)] = ((task / "comm").read_text().strip(), sum(map(int, fields[11:13])) / TICKS)
    return found


def work_of(frames: Sequence[str]) -> str:
    """Return what is done in a stack, whose innermost frame is the last.

    >>> work_of(["run (asyncio/runners.py:1)", "fold (features/plain_fold.py:7)", "empty (numpy/core.py:1)"])
    'fold in columns'
    """
    for frame in reversed(frames):
        place = frame.rpartition("(")[2]
        if any(name in place for name in FEATURES):
            return "features and scores"
        for name, work in WORK.items():
            if place.startswith(name) or f"/{name}" in place:
                return work
    return REST


def samples(raw: str) -> Iterator[tuple[int, str, int]]:
    """Yield thread id, work and number of the samples which py-spy has written."""
    for line in raw.splitlines():
        stack, _, count = line.rpartition(" ")
        thread, *frames = stack.split(";")
        if "(" in thread and not (frames and any(name in frames[-1] for name in WAITS)):
            yield int(thread.partition("(")[2].partition(")")[0], 0), work_of(frames), int(count)


def shares(
    before: Mapping[int, tuple[str, float]], after: Mapping[int, tuple[str, float]], raw: str
) -> dict[str, float]:
    """Return the CPU seconds of each kind of work: a thread's time, divided as its samples are."""
    sampled: dict[int, Counter[str]] = {}
    for thread, work, count in samples(raw):
        sampled.setdefault(thread, Counter())[work] += count
    found: Counter[str] = Counter()
    for thread, (name, seconds) in after.items():
        took = seconds - before.get(thread, (name, 0.0))[1]
        if thread in sampled:
            total = sampled[thread].total()
            for work, count in sampled[thread].items():
                found[work] += took * count / total  # type: ignore[assignment] # a counter of seconds
        else:
            found[LIBRDKAFKA if name.startswith("rdk:") else f"thread {name}"] += took  # type: ignore[assignment]
    return dict(found)


def predict_process(pids: Sequence[int]) -> int:
    """Return which of *pids* is the role's own process."""
    for pid in pids:
        if b"streams.worker_process" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return pid
    raise FailedError("the worker has no process of its role")


def measure(events: int, seconds: float, step: Console) -> tuple[dict[str, float], int]:
    """Return CPU seconds by kind of work, and the predictions made meanwhile."""
    system = SYSTEMS[0]
    with made_arena(events, PARTITIONS, step.print) as arena, arena.place(system, "full_job") as place:
        send(place.settings, "match-events", arena.play.live)
        with arena.run(system, place) as run, predictions_of(place.settings) as reader:
            outputs = Outputs(reader, run)
            while outputs.count < expected(arena, system) + events // 10:
                outputs.read()
            pid = predict_process(family(run.pid))
            with tempfile.NamedTemporaryFile("r") as raw:
                command = [
                    str(Path(sys.executable).with_name("py-spy")), "record", "--pid", str(pid), "--duration",
                    str(round(seconds)), "--rate", "250", "--threads", "--format", "raw", "--output", raw.name,
                ]  # fmt: skip
                before, count, began = thread_seconds(pid), outputs.count, time.monotonic()
                with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
                    while time.monotonic() < began + seconds:
                        outputs.read()
                    after, made = thread_seconds(pid), outputs.count - count
                return shares(before, after, raw.read()), made


@click.command()
@click.option("--events", default=600_000, show_default=True, help="Which wait for the worker.")
@click.option("--seconds", default=8.0, show_default=True, help="How long it is looked at.")
def main(events: int, seconds: float) -> None:
    """Print where the CPU of a saturated worker goes.

    \b
    Example:
      python -m benchmarks.profile_worker --events 600000 --seconds 8
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    console = Console()
    found, made = measure(events, seconds, console)
    total = sum(found.values())
    table = Table("work", "us a prediction", "share", title=f"{made:,} predictions, {total / made * 1e6:.1f} us each")
    for work, took in sorted(found.items(), key=lambda one: -one[1]):
        table.add_row(work, f"{took / made * 1e6:.2f}", f"{took / total:.1%}")
    console.print(table)


if __name__ == "__main__":
    main()
