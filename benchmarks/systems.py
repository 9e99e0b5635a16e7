"""The systems which are compared: how each is started, and what it guarantees while it runs."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from streams.settings import Settings

PEERS: Final = Path("build/peers")
Measure = Literal["full_job", "latency"]
LINGER_SECONDS: Final[Mapping[Measure, float]] = {"full_job": 0.02, "latency": 0.0}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a system works.

    Attributes:
        settings: Brokers, registry, topics by their prefix, the bundle.
        model: Folder of the ensemble in all its forms.
        state: Folder for what a system keeps on disk.
        schema_id: Of predictions.
    """

    settings: Settings
    model: Path
    state: Path
    schema_id: int
    measure: Measure


@dataclass(frozen=True, slots=True)
class System:
    """One way to do the job.

    Attributes:
        scorer: What answers, and for how many events at once.
        guarantees: In a few words, while it runs here.
        program: Arguments of the interpreter; of our environment, or of the peers'.
        given: More environment variables, by measure.
        settings: What differs in Touchline's settings.
        newcomer: Written as somebody would who knows none of it yet; its latency is not measured.
        writes: Whether it predicts; else it says itself what reading costs.
    """

    name: str
    scorer: str
    guarantees: str
    program: Sequence[str]
    peer: bool = True
    given: Mapping[Measure, Mapping[str, str]] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    newcomer: bool = False
    writes: bool = True

    @property
    def timed(self) -> bool:
        """Tell whether its latency is measured."""
        return self.writes and not self.newcomer

    def command(self) -> list[str]:
        """Return how it is started, from the root of the repository."""
        return [str(PEERS / "bin" / "python") if self.peer else sys.executable, *self.program]

    def environment(self, place: Place) -> dict[str, str]:
        """Return what it needs to know."""
        settings = place.settings
        linger = LINGER_SECONDS[place.measure]
        known = {
            "SERVERS": settings.bootstrap_servers,
            "SOURCE": settings.topic("match-events"),
            "TARGET": settings.topic("predictions"),
            "GROUP": settings.group("peer"),
            "PARTITIONS": str(settings.partitions),
            "STATE": str(place.state),
            "MODEL": str(place.model),
            "SCHEMA_ID": str(place.schema_id),
            "SCORER": "libraries" if self.newcomer else "onnx",
            "LINGER": str(linger),
            "LINGER_MS": "0",
            "PYTHONWARNINGS": "ignore",
        }
        more = {} if self.newcomer else {"OMP_NUM_THREADS": "1"}
        return {**settings.environment(), **known, **more, **self.given.get(place.measure, {})}


def python(module: str, *arguments: str) -> tuple[str, ...]:
    """Return the interpreter's arguments for *module*."""
    return ("-m", module, *arguments)


FAUST: Final = python("benchmarks.peers.faust_job", "--loop", "uvloop", "worker", "--without-web", "-l", "info")
QUIX: Final = python("benchmarks.peers.quix_job")
BYTEWAX: Final = python("bytewax.run", "benchmarks.peers.bytewax_job:flow")
TOUCHLINE: Final = ("-P", "-m", "streams.cli", "worker", "predict")
LOOP: Final = python("benchmarks.floor")
ONNX: Final = "ONNX Runtime"
LIBRARIES: Final = "the libraries, event by event"
FAUST_PROMISE: Final = (
    "at least once, unless a send fails or the group rebalances: outputs are not waited for; changelog"
)
QUIX_PROMISE: Final = "at least once: outputs flushed before offsets are committed, every 5 s; changelog; state on disk"
BYTEWAX_PROMISE: Final = "none: outputs are waited for; no commit, no changelog, states are gone with the process"
LOOP_PROMISE: Final = "none: no state is kept, no delivery is waited for, no commit"
TAKE: Final[Mapping[Measure, Mapping[str, str]]] = {
    "full_job": {"BATCH": "1000", "WITHIN": "0.1"},
    "latency": {"BATCH": "1000", "WITHIN": "0.002"},
}
# Nothing comes out before a batch is through: with the default of 1,000 a newcomer's job takes minutes for the first.
SMALL: Final[Mapping[Measure, Mapping[str, str]]] = {"full_job": {"BATCH": "1"}}

SYSTEMS: Final[Sequence[System]] = (
    System(
        "touchline",
        "compiled, all that waits",
        "at least once: deliveries waited for, then changelog, then commit; repeats and late events recognised",
        TOUCHLINE,
        peer=False,
    ),
    System(
        "touchline-exactly-once",
        "compiled, all that waits",
        "exactly once: outputs, changelog and offsets in one transaction every 0.1 s",
        TOUCHLINE,
        peer=False,
        settings={"guarantee": "exactly-once"},
    ),
    System("bytewax", f"{ONNX}, in batches", BYTEWAX_PROMISE, BYTEWAX),
    System("quix", f"{ONNX}, event by event", QUIX_PROMISE, QUIX),
    System("faust-take", f"{ONNX}, in batches", FAUST_PROMISE, FAUST, given=TAKE),
    System("faust", f"{ONNX}, event by event", FAUST_PROMISE, FAUST),
    System("bytewax-newcomer", LIBRARIES, BYTEWAX_PROMISE, BYTEWAX, given=SMALL, newcomer=True),
    System("quix-newcomer", LIBRARIES, QUIX_PROMISE, QUIX, newcomer=True),
    System("faust-newcomer", LIBRARIES, FAUST_PROMISE, FAUST, newcomer=True),
    System("read", "none", "none: records are read and dropped", LOOP, peer=False, writes=False),
    System("loop", "compiled, all that waits", LOOP_PROMISE, LOOP, peer=False),
)
