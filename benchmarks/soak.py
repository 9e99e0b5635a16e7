"""Half an hour at a steady rate while a worker comes and goes: memory, descriptors, threads, lag and latency over time.

Run it with ``.venv/bin/python -m benchmarks.soak``. It starts a broker, two workers of the predict role, the roles of
ratings, drift and latency, a dashboard with an open page, and `touchline simulate`, whose matches end and leave the
tables as real ones do. Latency is from the time at which an event was due to its prediction in our hands, of each fifth
prediction, since reading all of them would take from the cores that are measured. It prints tables and writes
build/soak.json after each look, so that an interrupted run leaves what it has.
"""

import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final
from urllib.request import urlopen

import click
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.arena import JAVA, settings_of
from benchmarks.bench import interrupt
from benchmarks.dashboard_cost import MB, beside, page, served
from benchmarks.machine import environment
from benchmarks.running import PAGE, Running, family, running
from benchmarks.switching import COMMAND, LOGS, MATCHES, workers
from benchmarks.systems import PEERS
from models.bundle import bundle_of_kind
from schemas.codec import Codec
from schemas.records import Prediction
from streams.admin import Admin
from streams.lag import LagReader, role_reader
from streams.local.cluster import LocalCluster
from streams.patient_registry import patient_registry
from streams.playing.crew import port_near
from streams.playing.watching import Watch, learning
from streams.registering import register_all
from streams.settings import Settings
from streams.supervisor import PROGRAM

LOOK_SECONDS: Final = 5.0
STAYS_SECONDS: Final = 60.0
EACH: Final = 5
LATE_MS: Final = 1000.0
RECOVERED_WITHIN_SECONDS: Final = 60.0


@dataclass(slots=True)
class Ages:
    """How old the cause of each fifth prediction was when it came, in milliseconds, since it was last asked.

    Attributes:
        decode: Of a prediction's bytes.
        late: When those came, seconds since the epoch, whose cause was older than LATE_MS.
    """

    decode: Callable[[bytes], Prediction]
    late: list[float] = field(default_factory=list)
    _ages: list[float] = field(default_factory=list)
    _came: int = 0
    _told: int = 0

    def take(self, value: bytes) -> None:
        """Take one that has just been read."""
        self._came += 1
        if self._came % EACH:
            return
        now = time.time()
        age = now * 1000 - self.decode(value).source_timestamp_ms
        self._ages.append(age)
        if age > LATE_MS:
            self.late.append(now)

    def figures(self) -> dict[str, float]:
        """Return how many came and the percentiles of those looked at, and begin anew."""
        ages, self._ages = self._ages, []
        found, count = np.array(ages), self._came - self._told
        self._told += count
        p50, p99 = np.percentile(found, [50, 99]).tolist() if len(found) else (float("nan"),) * 2
        return {"n": count, "p50_ms": p50, "p99_ms": p99}


def uses(process: Running) -> dict[str, float]:
    """Return what *process* and its children hold and have used."""
    folders = [Path(f"/proc/{pid}") for pid in family(process.pid)]
    found = {"descriptors": 0, "threads": 0}
    for folder in folders:
        with suppress(OSError):  # it has just ended
            found["descriptors"] += len(list((folder / "fd").iterdir()))
            found["threads"] += len(list((folder / "task").iterdir()))
    return {"memory_mb": process.memory_bytes() / MB, "cpu_seconds": process.cpu_seconds(), **found}


def memory_by_role(process: Running) -> dict[str, float]:
    """Return what the worker processes of the supervisor *process* hold, in MB."""
    found = {}
    for pid in family(process.pid):
        with suppress(OSError):  # it has just ended
            said = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
            if PROGRAM[-1] in said:
                pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
                found[said[said.index(PROGRAM[-1]) + 1]] = pages * PAGE / MB
    return found


def behind(reader: LagReader) -> dict[str, float]:
    """Return how far the group is behind, all partitions together."""
    found = reader.measure()
    records, seconds = (
        [getattr(one, name) for one in found if one.known] for name in ("records_behind", "seconds_behind")
    )
    return {"lag_records": sum(records), "lag_seconds": max(seconds, default=float("nan"))}


def coming_and_going(
    settings: Settings, every: float, changes: list[dict[str, Any]]
) -> Callable[[threading.Event], None]:
    """Return what has a third worker come and go, and writes down when: it has come once it has its partitions."""
    log = LOGS / "soak-third.log"

    def tell(what: str) -> None:
        changes.append({"at": time.time(), "what": what})

    def come_and_go(ended: threading.Event) -> None:
        while not ended.wait(every - STAYS_SECONDS):
            port = str(port_near(0))
            environment = {**environment_of(settings, "third"), "TOUCHLINE_HTTP_PORT": port}
            with running([*COMMAND, "worker", "predict"], environment, log) as third:
                while not is_ready(port) and not ended.wait(0.1):
                    third.check()
                tell("comes")
                if ended.wait(STAYS_SECONDS):
                    return
                tell("goes")

    return come_and_go


def is_ready(port: str) -> bool:
    """Tell whether the worker that listens at *port* has its partitions and works."""
    try:
        urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5).close()
    except OSError:
        return False
    return True


def environment_of(settings: Settings, name: str) -> Mapping[str, str]:
    """Return the environment of a worker called *name*."""
    return settings.environment() | {"TOUCHLINE_WORKER_NAME": name}


def looks(settings: Settings, rate: float, seconds: float, every: float) -> Generator[dict[str, Any], None, None]:
    """Yield what is seen every LOOK_SECONDS, with all changes of the group and all late predictions until then."""
    ages = Ages(learning(Codec("prediction", Prediction), patient_registry(settings)))
    changes, url_port = list[dict[str, Any]](), port_near(0)
    load = [*COMMAND, "simulate", "--rate", str(rate), "--matches", str(MATCHES), "--seconds", str(seconds + 60)]
    with ExitStack() as stack:
        watch = stack.enter_context(closing(Watch(settings, "predictions", bytes, ages.take)))
        reader = stack.enter_context(closing(role_reader(settings, "predict")))
        alive = {f"worker {number}": one for number, one in enumerate(stack.enter_context(workers(settings, 2)))}
        for name, command in {
            "monitors": ["worker", "rate", "monitor"],
            "dashboard": ["dashboard", "--port", str(url_port)],
        }.items():
            log = LOGS / f"soak-{name}.log"
            alive[name] = stack.enter_context(running([*COMMAND, *command], environment_of(settings, name), log))
        served(f"http://127.0.0.1:{url_port}/")
        stack.enter_context(page(f"http://127.0.0.1:{url_port}/"))
        watch.start()
        alive["feed"] = stack.enter_context(running(load, settings.environment(), LOGS / "soak-feed.log"))
        stack.enter_context(beside(coming_and_going(settings, every, changes)))
        began = time.time()
        for number in range(1, round(seconds / LOOK_SECONDS) + 1):
            time.sleep(max(0.0, began + number * LOOK_SECONDS - time.time()))
            for one in alive.values():
                one.check()
            used = {name: uses(one) for name, one in alive.items()}
            seen = {"processes": used, "memory_by_role": memory_by_role(alive["monitors"])}
            told = {"changes": [*changes], "late": [*ages.late]}
            yield {"at": time.time(), **ages.figures(), **behind(reader), **seen, **told}


def recoveries(changes: Sequence[Mapping[str, Any]], late: Sequence[float]) -> list[float]:
    """Return after each change the seconds until the last prediction came whose cause was older than LATE_MS."""
    moments, limits = [one["at"] for one in changes], [one["at"] for one in changes[1:]] + [float("inf")]
    return [
        max((came - at for came in late if at <= came < min(limit, at + RECOVERED_WITHIN_SECONDS)), default=0.0)
        for at, limit in zip(moments, limits, strict=True)
    ]


def parts_of(seen: Sequence[Mapping[str, Any]], seconds: float) -> list[Sequence[Mapping[str, Any]]]:
    """Return *seen* in parts of so many seconds."""
    size = max(1, round(seconds / LOOK_SECONDS))
    return [seen[first : first + size] for first in range(0, len(seen), size)]


def table_of(seen: Sequence[Mapping[str, Any]], minutes: float) -> Table:
    """Return what was seen for people: medians of each part, and the highest of what shall not grow."""
    names = [*seen[0]["processes"]]
    columns = ("minutes", "events/s", "p50 ms", "p99 ms", "highest p99", "lag", "highest lag s")
    table = Table(*columns, *(f"{name}: MB, fds, threads" for name in names), title="medians")
    for number, part in enumerate(parts_of(seen, 60 * minutes)):
        p99s = [one["p99_ms"] for one in part]
        figures = [
            f"{sum(one['n'] for one in part) / (len(part) * LOOK_SECONDS):,.0f}",
            f"{median(one['p50_ms'] for one in part):.1f}",
            f"{median(p99s):.1f}",
            f"{max(p99s):.0f}",
            f"{median(one['lag_records'] for one in part):,.0f}",
            f"{max(one['lag_seconds'] for one in part):.1f}",
        ]
        used = [[one["processes"][name] for one in part] for name in names]
        held = [
            ", ".join(f"{median(one[what] for one in its):.0f}" for what in ("memory_mb", "descriptors", "threads"))
            for its in used
        ]
        table.add_row(f"{number * minutes:g} - {(number + 1) * minutes:g}", *figures, *held)
    return table


def verdicts(
    seen: Sequence[Mapping[str, Any]], changes: Sequence[Mapping[str, Any]], late: Sequence[float], warm_seconds: float
) -> list[str]:
    """Return sentences on what shall stay as it is."""
    warm = seen[round(warm_seconds / LOOK_SECONDS) :] or seen
    held_by = {name: [one["processes"][name]["memory_mb"] for one in warm] for name in warm[0]["processes"]}
    held_by |= {f"role {name}": [one["memory_by_role"][name] for one in warm] for name in warm[0]["memory_by_role"]}
    told = []
    for name, held in held_by.items():
        spread = [100 * (one / median(held) - 1) for one in (min(held), max(held))]
        fifth = max(1, len(held) // 5)
        grown = 100 * (median(held[-fifth:]) / median(held[:fifth]) - 1)
        told.append(
            f"{name}: {median(held):.0f} MB, {spread[0]:+.1f} to {spread[1]:+.1f} %, last fifth {grown:+.1f} % on first"
        )
    found = recoveries(changes, late)
    after = f"median {median(found):.1f}, longest {max(found):.1f}" if found else "none"
    rest = f"seconds from one until no prediction was late by {LATE_MS:.0f} ms: {after}"
    return [*told, f"{len(found)} comings and goings; {rest}"]


@click.command()
@click.option("--rate", type=click.FloatRange(1, 20_000), default=3000.0, show_default=True, help="Events a second.")
@click.option("--minutes", type=click.FloatRange(1, 24 * 60), default=30.0, show_default=True)
@click.option("--every", type=click.FloatRange(90), default=150.0, show_default=True, help="Seconds; a worker comes.")
@click.option("--warm", type=click.FloatRange(0), default=300.0, show_default=True, help="Seconds that do not count.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/soak.json"), show_default=True)
def main(*, rate: float, minutes: float, every: float, warm: float, out: Path) -> None:
    """Run a deployment at a steady rate and tell what becomes of it.

    \b
    Example:
      python -m benchmarks.soak --minutes 5 --warm 60
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    signal.signal(signal.SIGTERM, interrupt)
    out.parent.mkdir(parents=True, exist_ok=True)
    seen: list[dict[str, Any]] = []
    about = environment(PEERS) | {"rate": rate}
    with LocalCluster(ephemeral=True, java=JAVA) as cluster, suppress(KeyboardInterrupt):
        settings = settings_of(cluster, 12, "soak-", bundle=str(bundle_of_kind("stack")), predictor="stack")
        Admin(settings).create_topics()
        register_all(patient_registry(settings), settings.topic_prefix)
        looking = looks(settings, rate, 60 * minutes, every)
        with closing(looking):
            for one in track(looking, "looking", round(60 * minutes / LOOK_SECONDS), console=Console(stderr=True)):
                changes, late = one.pop("changes"), one.pop("late")
                seen.append(one)
                result = {"environment": about, "soak": seen, "changes": changes, "late": late}
                new = out.with_suffix(".new")
                new.write_text(json.dumps(result) + "\n")
                new.replace(out)
    if not seen:
        sys.exit("nothing was seen")
    Console(width=None if sys.stdout.isatty() else 200).print(table_of(seen, max(1.0, minutes / 6)))
    for sentence in verdicts(seen, changes, late, warm):
        print(sentence)


if __name__ == "__main__":
    main()
