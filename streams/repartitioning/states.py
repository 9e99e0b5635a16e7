"""The states of one application, carried from the changelog of one run to that of another with more partitions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from features.match_state import MatchState
from schemas.records import Progress
from streams.applications import MATCHES
from streams.engine.changelog import Changelog
from streams.engine.digest import state_digest, table_digest
from streams.engine.log_reading import RestoreError
from streams.engine.murmur import partition_of
from streams.engine.safety import UNFINISHED
from streams.engine.table import PROGRESS_KEY, TablePartition
from streams.learning import SchemaBook
from streams.patient_registry import patient_registry
from streams.repartitioning.errors import MoveError
from streams.runs import Run
from streams.sending import Sender

Fit = Callable[[bytes], bytes]


@dataclass(slots=True)
class _Content:
    """What a partition should hold: its keys, and a sum over keys and values in which their order is of no matter."""

    keys: set[bytes] = field(default_factory=set)
    total: int = 0

    def add(self, key: bytes, value: bytes) -> None:
        self.keys.add(key)
        self.total = table_digest((self.total, state_digest(key, value)))


@dataclass(frozen=True, slots=True)
class Carried:
    """What came of carrying an application's states.

    Attributes:
        stands: Where each partition of the earlier changelog stood.
        states: How many there are.
        moved: How many of them are in another partition now.
    """

    stands: Sequence[Progress]
    states: int
    moved: int


@dataclass(frozen=True, slots=True)
class Carrier:
    """Carries the states of *old* to *new*, whose changelog has *after* partitions, from *before*.

    Attributes:
        by_key: Whether a state belongs where its key does; else it belongs to the partition that it stands for.
        say: Told what happens.
    """

    old: Run
    new: Run
    before: int
    after: int
    by_key: bool
    say: Callable[[str], None]

    def begin(self) -> None:
        """Make the new changelog, and mark it as unfinished, so that no worker begins with it."""
        found = self.new.admin.create_changelog(self.new.changelog, self.after)
        if found.partitions != self.after:
            raise MoveError(
                f"{found.name} has {found.partitions} partitions: run id {self.new.settings.run_id!r} was begun with "
                f"--partitions {found.partitions}; finish it so, or choose another --run-id"
            )
        self.new.write_progress(dict.fromkeys(range(self.after), Progress({UNFINISHED: 0}, {})))

    def carry(self) -> Carried:
        """Write every state where it belongs, and read all of them back.

        Raises:
            MoveError: What is read back is not what was written.
            BrokerError: The brokers are away.
        """
        schemas = SchemaBook(patient_registry(self.new.settings))
        fit = self._fit(schemas)
        source, target = _changelog(self.old, schemas), _changelog(self.new, schemas)
        before = [_restored(target, one).states.keys() for one in range(self.after)]
        sender = Sender(self.new.settings, self.new.changelog, just_created=True)
        wanted = [_Content() for _ in range(self.after)]
        stands, moved = [], 0
        for partition in range(self.before):
            table = _restored(source, partition)
            stands.append(Progress(table.inputs, table.outputs))
            for key, value in table.states.items():
                place = partition_of(key, self.after) if self.by_key else partition
                kept = value if place == partition else fit(value)
                moved += place != partition
                wanted[place].add(key, kept)
                sender.send(key, kept, partition=place)
            self.say(f"{self.old.changelog}[{partition}]: {len(table.states)} states carried")
        for place, earlier in enumerate(before):  # of a move that was broken off
            for key in earlier - wanted[place].keys:
                sender.send(key, None, partition=place)
        sender.finish()
        self._compare(target, wanted)
        return Carried(stands, sum(len(one.keys) for one in wanted), moved)

    def _fit(self, schemas: SchemaBook) -> Fit:
        if self.old.application.table != MATCHES:  # no other states hold offsets
            return lambda value: value
        codec = schemas.codec("match_state", MatchState)
        schemas.write(codec, f"{self.new.changelog}-value")
        decode = schemas.patient(codec.decode)
        return lambda value: codec.encode(elsewhere(decode(value)))

    def _compare(self, target: Changelog[bytes], wanted: Sequence[_Content]) -> None:
        for place, content in enumerate(wanted):
            found = _Content()
            for key, value in _restored(target, place).states.items():
                found.add(key, value)
            if found != content:
                raise MoveError(
                    f"{self.new.changelog}[{place}] holds {len(found.keys)} states, which are not the "
                    f"{len(content.keys)} that were written; is another writer at work? Try again"
                )

    def finish(self, progress: Mapping[int, Progress]) -> None:
        """Say where each partition of the new changelog stands, which takes the mark away."""
        self.new.write_progress(progress)


def elsewhere(state: MatchState) -> MatchState:
    """Return *state* as it is in another partition, of which no event is in it.

    Nothing is folded twice for that: the events in the state are known to it by their ids. An event that waits for its
    fixture no longer knows its offset (-1).
    """
    held = tuple(replace(one, source_offset=-1) for one in state.held)
    return replace(state, applied_match=-1, applied_feature=-1, held=held)


def unfinished(run: Run, partitions: int) -> bool:
    """Tell whether a move to *run*, whose changelog has *partitions*, was begun and not finished."""
    changelog = _changelog(run, SchemaBook(patient_registry(run.settings)))
    tables = [_restored(changelog, one) for one in range(partitions)]
    return any(UNFINISHED in one.inputs for one in tables) or not any(one.inputs or one.states for one in tables)


def _changelog(run: Run, schemas: SchemaBook) -> Changelog[bytes]:
    progress = schemas.codec("progress", Progress)
    return Changelog(run.changelog, run.settings.librdkafka(), _as_it_is, schemas.patient(progress.decode))


def _as_it_is(key: bytes, value: bytes) -> bytes:  # noqa: ARG001 - a StateDecoder's
    return value


def _restored(changelog: Changelog[bytes], partition: int) -> TablePartition[bytes]:
    try:
        table = changelog.restore(partition, None)
    except RestoreError as error:
        raise MoveError(str(error)) from error
    table.states.pop(PROGRESS_KEY, None)
    return table
