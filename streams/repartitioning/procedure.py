"""A deployment moved to more partitions, without a loss and without a repeat.

Kafka can add partitions to a topic, and takes none away. It moves no record: what is in the log stays where it is, and
a key's next event goes where murmur2 modulo the new number says. The states of predict, which lie in the partition of
their key, must then lie there too, and so must those of shadow and performance. So:

1. No worker of the deployment runs: the groups of all applications are asked for members. What a feed sends meanwhile
   is kept by the brokers.
2. Everything in the inputs has been worked on, so that no event of a match that moves is left in its earlier partition.
   The tool says how many events are left otherwise, and goes on only when told to: the next workers then set such
   events aside as WRONG_PARTITION, and `touchline dead-letters replay` sends them where they belong. The same holds for
   events that a feed with metadata of before sends to the earlier partition for some minutes more. Their order is of no
   matter: a match's state is the fold of a set of events. In-place growth cannot do better, since one key's events then
   lie in two partitions, which two workers may read.
3. The states are written to new changelogs under a new run id, and read back. The earlier ones stay as they are, and so
   does the run that they belong to: until step 4 it can go on, whatever becomes of the move. A state that stays in its
   partition keeps its bytes. One that moves begins there with no offset applied; an event that is sent again is known
   by its id. A match of performance moves as it is. States of the other roles do not move: counts of a partition of
   predictions, with the offsets up to which they count, stay those of that partition, the new partitions begin with
   none, and the roles that read one partition are not touched.
4. The topics grow. From here on the earlier run is refused by its own workers, whose changelog has fewer partitions.
   Had one of them run after step 1, its changelog would have grown: that is checked now, and the move begins anew.
5. Each partition of the new changelogs is told where it stands: the next offset of each input (the higher of what the
   group has committed and what the changelog holds), 0 in the new partitions, and the end of the predictions that the
   changelog knew, from which on a worker looks for what is out already. With that the group's offsets are set.

A mark in each new changelog, written before its states and taken away by step 5, keeps a worker from beginning with
half of them. Interrupted anywhere, the move is done by the same command again: it finds the mark, and writes the states
anew. The switch itself is the new run id in the workers' settings.

Not covered: a worker that fell between its predictions and its states, and could not come back before a move that did
not wait for it (step 2). What it predicted of matches that move may come a second time, with the same ids.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from schemas.records import Progress
from streams.admin import Admin
from streams.applications import APPLICATIONS
from streams.brokers import PATIENCE_SECONDS, one_sentence
from streams.lag import role_reader, total_behind
from streams.log_ends import log_ends
from streams.repartitioning.errors import MoveError
from streams.repartitioning.states import Carried, Carrier, unfinished
from streams.runs import Run, runs
from streams.settings import Settings
from streams.topics import TOPICS

_POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Plan:
    """What a move will do.

    Attributes:
        grows: Present number of partitions of each topic that will get more, by name on the brokers.
        carriers: Of the applications that have states or offsets.
        left: Events which have not been worked on, by group, where there are some.
    """

    partitions: int
    run_id: str
    grows: Mapping[str, int]
    carriers: Sequence[Carrier]
    left: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Move:
    """Moves the run of *settings* to *partitions* under *run_id*; its methods raise MoveError or BrokerError.

    Attributes:
        patience: Seconds which a worker that fell, and is a member of its group still, has to be missed.
        say: Told what happens.
    """

    settings: Settings
    partitions: int
    run_id: str
    admin: Admin
    patience: float
    say: Callable[[str], None]

    def plan(self) -> Plan:
        """Return what is to be done; nothing is changed."""
        grows = self._grows()
        renamed = self.settings.model_copy(update={"run_id": self.run_id})
        present, fresh = (runs(one, list(APPLICATIONS)) for one in (self.settings, renamed))
        if renamed == self.settings:
            raise MoveError(f"run id {self.run_id!r} is the present one; choose another --run-id")
        self._refuse_members((*present, *fresh))
        counts = self.admin.partition_counts([run.changelog for run in present])
        pairs = [(old, new) for old, new in zip(present, fresh, strict=True) if old.changelog in counts]
        if not grows and all(self._after(old) == counts[old.changelog] for old, _ in pairs):
            raise MoveError(f"all topics have {self.partitions} partitions already, and so have the states")
        carriers = [
            Carrier(old, new, counts[old.changelog], self._after(old), old.application.keyed_by_match, self.say)
            for old, new in self._to_do(pairs)
        ]
        return Plan(self.partitions, self.run_id, grows, carriers, self._left(pairs))

    def _refuse_members(self, found: Sequence[Run]) -> None:
        deadline = time.monotonic() + self.patience
        while alive := [run.group for run in found if run.admin.group(run.group).alive]:
            if time.monotonic() > deadline:
                raise MoveError(f"{', '.join(alive)} has members: stop all workers of this deployment first")
            time.sleep(_POLL_SECONDS)

    def _grows(self) -> dict[str, int]:
        names = [self.settings.topic(spec.name) for spec in TOPICS.values() if spec.partitions is None]
        counts = self.admin.partition_counts(names)
        missing = [name for name in names if name not in counts]
        if missing:
            raise MoveError(f"there is no topic {', '.join(missing)}; create it with `touchline topics create`")
        for name, count in counts.items():
            if count > self.partitions:
                raise MoveError(
                    f"{name} has {count} partitions, and Kafka takes none away: --partitions must be {count} at least"
                )
        return {name: count for name, count in counts.items() if count < self.partitions}

    def _after(self, run: Run) -> int:
        return self.partitions if TOPICS[run.application.inputs[0]].partitions is None else 1

    def _to_do(self, pairs: Sequence[tuple[Run, Run]]) -> list[tuple[Run, Run]]:
        """Return those of *pairs* whose new run is not there, or was begun by a move that was broken off."""
        there = self.admin.partition_counts([new.changelog for _, new in pairs])
        begun = {new.name for _, new in pairs if new.changelog in there and unfinished(new, there[new.changelog])}
        if there and not begun:
            raise MoveError(f"run id {self.run_id!r} exists already: choose another --run-id")
        return [(old, new) for old, new in pairs if new.name in begun or new.changelog not in there]

    def _left(self, pairs: Sequence[tuple[Run, Run]]) -> dict[str, int]:
        left = {}
        for old, _ in pairs:
            reader = role_reader(self.settings, old.name)
            try:
                behind = total_behind(reader.measure())
            finally:
                reader.close()
            if math.isnan(behind):
                raise MoveError(f"the lag of {old.group} is not known; try again")
            if behind and self._after(old) > 1:
                left[old.group] = int(behind)
        return left

    def carry_out(self, plan: Plan) -> list[Carried]:
        """Do what *plan* says; return what came of each carrier's states."""
        for carrier in plan.carriers:
            carrier.begin()
        ends = _ends(plan.carriers)
        carried = [carrier.carry() for carrier in plan.carriers]
        self.admin.grow_topics(plan.grows, self.partitions)
        self._refuse_members([run for carrier in plan.carriers for run in (carrier.old, carrier.new)])
        if ends != _ends(plan.carriers):
            raise MoveError("a worker has written states meanwhile; run the same command again")
        offsets = [_stand(carrier, found) for carrier, found in zip(plan.carriers, carried, strict=True)]
        for carrier, (progress, _) in zip(plan.carriers, offsets, strict=True):
            carrier.finish(progress)
        for carrier, (_, positions) in zip(plan.carriers, offsets, strict=True):
            carrier.new.commit(positions)
        return carried


def _ends(carriers: Sequence[Carrier]) -> dict[tuple[str, int], tuple[int, int]]:
    places = [(carrier.old.changelog, one) for carrier in carriers for one in range(carrier.before)]
    if not places:
        return {}
    run = carriers[0].old
    with one_sentence(run.settings, "reading the changelogs"):
        return log_ends(run.client, places, PATIENCE_SECONDS)


def _stand(carrier: Carrier, carried: Carried) -> tuple[dict[int, Progress], dict[tuple[str, int], int]]:
    """Return where each partition of the new changelog stands, and the offsets of the group."""
    ids = carrier.new.admin.topic_ids(carrier.old.inputs)
    committed = carrier.old.committed([(topic, one) for topic in ids for one in range(carrier.before)])
    progress: dict[int, Progress] = {}
    offsets: dict[tuple[str, int], int] = {}
    for one in range(carrier.after):
        known = carried.stands[one] if one < carrier.before else Progress({}, {})
        inputs = dict(known.inputs)
        for topic, topic_id in ids.items():
            name = f"{topic}@{topic_id}"
            position = max(committed.get((topic, one), -1), inputs.get(name, -1)) if one < carrier.before else 0
            if position >= 0:
                inputs[name] = offsets[topic, one] = position
        progress[one] = Progress(inputs, known.outputs)
    return progress, offsets


def move(settings: Settings, partitions: int, run_id: str, say: Callable[[str], None]) -> Move:
    """Return the move of the deployment which *settings* name."""
    return Move(settings, partitions, run_id, Admin(settings), settings.session_timeout + 1, say)
