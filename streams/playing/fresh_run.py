"""A role under a new run id: state from nothing, offsets where a person wants them, outputs written again.

What that means for each role:

- predict folds and predicts the events again; predictions have the same ids, and those of earlier runs are not looked
  at.
- rate begins without ratings.
- monitor counts predictions again and reports each window anew. Its merging half begins at the end of the partials,
  since those before are of the earlier run; for the same reason that run must have ended.
- performance joins predictions with outcomes again, and reports each day anew; the same holds for its merging half.
- materialize writes the latest predictions to Redis again, where they are missing or older than those it reads.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from schemas.records import Progress
from streams.applications import ROLES
from streams.brokers import PATIENCE_SECONDS, one_sentence
from streams.engine.safety import InputError
from streams.inputs import Inputs, describe_inputs
from streams.log_ends import Place, log_ends, offsets_at
from streams.playing.errors import PlayError
from streams.runs import Run, runs
from streams.settings import Settings

Start = Literal["earliest", "latest"] | int


@dataclass(frozen=True, slots=True)
class FreshRun:
    """Makes new runs of the applications of *role*."""

    role: str
    present: Sequence[Run]
    fresh: Sequence[Run]

    @property
    def group(self) -> str:
        """Return the new consumer group of the role's first application."""
        return self.fresh[0].group

    def make(self, start: Start) -> dict[Place, int]:
        """Write the new groups' offsets and the first records of their changelogs; return the offsets.

        Raises:
            PlayError: The run id has been used, or the inputs are not as they must be.
            BrokerError: The brokers are away.
        """
        self._refuse_used()
        offsets: dict[Place, int] = {}
        for run in self.fresh:
            offsets |= _begin(run, "latest" if run.application.reads_own_role else start)
        return offsets

    def _refuse_used(self) -> None:
        for run in self.fresh:
            if run.admin.group(run.group).alive:
                raise PlayError(f"group {run.group} has members: choose a --run-id which was never used")
            if run.exists():
                raise PlayError(f"run id {run.settings.run_id!r} of {run.name} exists already: choose a new --run-id")
        if any(run.application.reads_own_role for run in self.fresh):
            for run in self.present:
                if run.admin.group(run.group).alive:
                    raise PlayError(
                        f"group {run.group} has members: stop the {self.role} worker first, since what it counts would "
                        f"be mixed with what the new run counts"
                    )


def _begin(run: Run, start: Start) -> dict[Place, int]:
    inputs = _inputs(run)
    places = [(topic, one) for topic in inputs.ids for one in range(inputs.partitions)]
    offsets = _offsets(run, places, start)
    tails = [run.settings.topic(topic) for topic in run.application.tails]
    # With the ends of the outputs in it, a worker does not take what an earlier run wrote for its own.
    ends = _offsets(run, [(topic, one) for topic in tails for one in range(inputs.partitions)], "latest")
    run.admin.create_changelog(run.changelog, inputs.partitions)
    # The changelog first: without the group's offsets a worker would begin at the start, but miss nothing.
    run.write_progress(
        {
            one: Progress(
                {f"{topic}@{topic_id}": offsets[topic, one] for topic, topic_id in inputs.ids.items()},
                {topic: ends[topic, one] for topic in tails},
            )
            for one in range(inputs.partitions)
        }
    )
    run.commit(offsets)
    return offsets


def _inputs(run: Run) -> Inputs:
    try:
        return describe_inputs(run.admin, run.inputs)
    except InputError as error:
        raise PlayError(str(error)) from error


def _offsets(run: Run, places: Sequence[Place], start: Start) -> dict[Place, int]:
    with one_sentence(run.settings, "asking for offsets"):
        ends = log_ends(run.client, places, PATIENCE_SECONDS)
        if not isinstance(start, int):
            return {place: low if start == "earliest" else high for place, (low, high) in ends.items()}
        found = offsets_at(run.client, places, start, PATIENCE_SECONDS)
        # -1 stands for: no record is as young as that.
        return {place: offset if offset >= 0 else ends[place][1] for place, offset in found.items()}


def fresh_run(settings: Settings, role: str, run_id: str) -> FreshRun:
    """Return a new run of *role* under *run_id*."""
    renamed = settings.model_copy(update={"run_id": run_id})
    return FreshRun(role, runs(settings, ROLES[role]), runs(renamed, ROLES[role]))
