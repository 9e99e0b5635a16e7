"""Whatever is written meanwhile, wherever the worker falls: what a restore leaves out is in what it reads."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.engine.epochs import epoch_of
from streams.engine.finishing import AtLeastOnce, Batch
from streams.engine.ledger import Ledger
from streams.engine.outbox import Delivery, Message
from streams.engine.rewriting import GROWTH, Rewriting
from streams.engine.table import PROGRESS_KEY, OvertakenError, TablePartition
from tests.streams.engine.logs import CODEC, Log, plain, restored

LEAST = 6
OWNER, SUCCESSOR = 1, 2


@dataclass
class LogOutbox:
    """Writes to the log at once."""

    log: Log

    async def deliver(self, messages: Sequence[Message]) -> Delivery:
        for one in messages:
            self.log.append(OWNER, epoch_of(one.headers, 0), one.key or b"", one.value)
        return Delivery(next_offsets={("log", 0): self.log.next_offset} if messages else {})


@dataclass
class Owner:
    """A worker that owns one partition: it changes states, hands them on, and they are written later."""

    log: Log = field(default_factory=Log)
    table: TablePartition[bytes] = field(default_factory=lambda: TablePartition(epoch=OWNER))
    ledger: Ledger[bytes] = field(default_factory=lambda: Ledger("log", CODEC))
    rewriting: Rewriting[bytes] = field(default_factory=lambda: Rewriting(LEAST, bytes))
    handed_on: list[Batch] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ledger.topic_ids = {"in": "id"}
        self.ledger.resume({0: self.table})

    def change(self, key: bytes, value: bytes | None) -> None:
        if value is None:
            self.table.states.pop(key, None)
        else:
            self.table.states[key] = value
        self.handed_on.append(Batch([], {0: {key: value}}, {("in", 0): 1}))

    def rewrite(self) -> Batch | None:
        batch = self.rewriting.next_of(self.ledger.tables)
        if batch is not None:
            self.handed_on.append(batch)
        return batch

    def finish(self, most: int) -> None:
        """Write what was handed on first; raises when the log has something of another worker."""
        batches, self.handed_on = self.handed_on[:most], self.handed_on[most:]
        if not batches:
            return
        finisher: AtLeastOnce[bytes] = AtLeastOnce(self.ledger, LogOutbox(self.log), None, None, 0.0)
        with suppress(StopIteration):
            finisher.finish(batches).send(None)  # nothing in it waits

    def play(self, actions) -> None:
        for name, *arguments in actions:
            getattr(self, name)(*arguments)


def last_of(log: Log) -> dict[bytes, bytes]:
    """Return what *log*, of one writer, says last of each key."""
    last = {one.name: one.content for one in log.records if one.name != PROGRESS_KEY}
    return {key: value for key, value in last.items() if value is not None}


def since(log: Log) -> int:
    """Return what the last progress record of *log* says."""
    return max((CODEC.decode(one.content or b"").since for one in log.records if one.name == PROGRESS_KEY), default=0)


KEYS = st.sampled_from([b"a", b"b", b"c", b"d"])
VALUES = st.integers(0, 99).map(b"\0\0\0\0\1%d".__mod__) | st.none()
ACTIONS = st.one_of(
    st.tuples(st.just("change"), KEYS, VALUES),
    st.tuples(st.just("rewrite")),
    st.tuples(st.just("finish"), st.integers(1, 4)),
)


@given(st.lists(ACTIONS, min_size=20, max_size=80))
def test_wherever_the_log_ends_what_it_says_since_then_is_all_that_it_says(actions):
    owner = Owner()
    owner.play(actions)

    for end in range(owner.log.next_offset + 1):
        log = replace(owner.log, records=owner.log.records[:end], next_offset=end)
        assert last_of(log) == plain(restored(log))


@given(st.lists(ACTIONS, min_size=20, max_size=80), st.integers(1, 20))
def test_what_a_zombie_still_writes_of_its_round_hides_no_state(actions, under_way):
    owner = Owner()
    owner.play(actions)
    expected = last_of(owner.log)
    owner.log.append(SUCCESSOR, SUCCESSOR, PROGRESS_KEY, CODEC.encode(restored(owner.log).progress()))
    if owner.handed_on and any(any(one.changes.values()) for one in owner.handed_on[:under_way]):
        with pytest.raises(OvertakenError):
            owner.finish(under_way)

    assert expected == plain(restored(owner.log))


def test_states_are_written_again_once_the_changelog_has_grown_and_not_before():
    owner = Owner()
    for key in (b"a", b"b", b"c", b"d"):
        owner.change(key, b"1")
    for number in range(100):
        owner.change(b"a", b"%d" % number)
        owner.rewrite()
        owner.finish(2)
        if since(owner.log):
            break

    assert since(owner.log) > GROWTH * 4 > LEAST
    assert {b"a", b"b", b"c", b"d"} == {one.name for one in owner.log.records[since(owner.log) :]} - {PROGRESS_KEY}
    assert owner.rewrite() is None


def test_a_table_that_was_restored_anew_begins_again():
    owner = Owner()
    for number in range(10):
        owner.change(b"a", b"%d" % number)
        owner.finish(1)
    batch = owner.rewrite()
    assert batch is not None
    assert {0: {b"a": b"9"}} == batch.changes

    owner.ledger.resume({0: TablePartition(states={b"z": b"1"}, changelog_next=100)})

    again, last = owner.rewrite(), owner.rewrite()
    assert again is not None
    assert last is not None
    assert {0: {b"z": b"1"}} == again.changes
    assert ({0: {}}, {0: 100}) == (last.changes, last.since)
