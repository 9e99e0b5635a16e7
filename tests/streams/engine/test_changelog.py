"""Whoever writes what and when: a restore gives the owner's states, and leaves a log of which that stays true."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.records import Progress
from streams.engine.changelog import Claim, DigestError
from streams.engine.epochs import next_epoch
from streams.engine.safety import UNFINISHED, InputError
from streams.engine.table import PROGRESS_KEY, OvertakenError, TablePartition
from tests.streams.engine.logs import CODEC, Log, plain, restored

KEYS = [b"a", b"b", b"c"]
REWRITTEN = -1  # by nobody: what a restore writes must say nothing new


def owners_states(log: Log) -> dict[bytes, bytes]:
    """Return what the writers wrote while no other one had claimed the partition after them."""
    owner, states = 0, {}
    for record in log.records:
        if record.name == PROGRESS_KEY and record.writer > owner:
            owner = record.writer
        if record.writer == owner and record.name != PROGRESS_KEY:
            states[record.name] = record.content
    return {key: value for key, value in states.items() if value is not None}


def claim_of(log: Log, writer: int, epochs: dict[int, int], meanwhile=lambda: None) -> Claim:
    """Return the claim of *writer*, whose generation is its number; *meanwhile* happens before each of its writes."""

    def write(table: TablePartition[bytes], epoch: int, changed: Mapping[bytes, bytes | None]) -> int:
        meanwhile()
        epochs[writer] = epoch
        for key, value in changed.items():
            log.append(REWRITTEN, epoch, key, value)
        log.append(writer, epoch, PROGRESS_KEY, CODEC.encode(table.progress()))
        return log.next_offset

    return Claim(writer, lambda: None, write)


WRITES = st.tuples(st.integers(0, 5), st.sampled_from([*KEYS, PROGRESS_KEY]), st.booleans())
AGAIN = "all states written again by the owner"
# A write of somebody; a take-over with what falls into it; the owner's round through its states.
ACTIONS = st.one_of(WRITES, st.lists(WRITES, max_size=4), st.just(AGAIN))


def play(log: Log, actions) -> dict[int, int]:
    """Let writers write, whether they own the partition or have lost it, and new ones take over; check each restore."""
    epochs: dict[int, int] = {}
    since: dict[int, tuple[int, int]] = {}

    def write(writers: int, who: int, key: bytes, leave: bool) -> None:  # noqa: FBT001 - drawn
        if not writers:
            return
        writer = 1 + who % writers
        said = CODEC.encode(Progress({"in": log.next_offset}, {}, None, None, *since[writer]))
        value = said if key == PROGRESS_KEY else None if leave else b"\0\0\0\0\1%d" % log.next_offset
        log.append(writer, epochs[writer], key, value)

    for action in [[], *actions, []]:
        if isinstance(action, tuple):
            write(len(epochs), *action)
            continue
        if action == AGAIN:
            owner, begun = len(epochs), log.next_offset
            for key, value in owners_states(log).items():
                log.append(owner, epochs[owner], key, value)
            since[owner] = begun, epochs[owner]
            continue

        def meanwhile(writes=iter(action), writers=len(epochs)) -> None:  # noqa: B008 - of this take-over
            for one in writes:
                write(writers, *one)  # by those before: the new owner does not work yet
                break

        table = restored(log, claim_of(log, len(epochs) + 1, epochs, meanwhile))
        assert owners_states(log) == plain(table)
        assert (log.next_offset, set()) == (table.changelog_next, table.stale)
        since[len(epochs)] = table.since, table.since_epoch
    return epochs


@given(st.lists(ACTIONS, max_size=25), st.integers(1, 7), st.data())
def test_a_zombie_never_wins_with_an_older_state_also_when_the_log_is_compacted(actions, batch, data):
    log = Log(batch=batch)
    play(log, actions)
    expected = owners_states(log)
    assert expected == plain(restored(log))
    until = data.draw(st.integers(0, log.next_offset))
    assert expected == plain(restored(log.compacted(until)))
    assert expected == plain(restored(log.compacted(until).compacted(log.next_offset)))


def test_a_zombies_record_just_where_a_restore_begins_is_passed_over():
    log = Log()
    play(log, [[], AGAIN, (0, b"a", False), (1, PROGRESS_KEY, False)])

    assert {} == plain(restored(log))


@given(st.lists(ACTIONS, max_size=15), st.lists(WRITES, max_size=5))
def test_going_on_from_known_states_is_restoring_them(actions, more):
    log = Log()
    epochs = play(log, actions)
    known = restored(log, claim_of(log, len(epochs) + 1, epochs))
    dict(known.states)  # looked at
    for who, key, _ in more:
        writer = sorted(epochs)[who % len(epochs)]
        if key != PROGRESS_KEY:
            log.append(writer, epochs[writer], key, b"\0\0\0\0\1new")
    table = restored(log, claim_of(log, len(epochs) + 1, epochs), known)

    assert owners_states(log) == plain(table)
    assert owners_states(log) == plain(restored(log))
    assert table.digests.of_all() == restored(log).digests.of_all()


@given(st.lists(st.integers(1, 40), min_size=2, unique=True).map(sorted), st.integers(0, 1 << 40))
def test_epochs_have_the_order_of_the_generations_whoever_has_seen_whom(generations, seen):
    blind = [next_epoch(seen, generation) for generation in generations]
    seeing = [seen]
    for generation in generations:
        seeing.append(next_epoch(seeing[-1], generation))

    assert sorted(set(seeing)) == seeing
    if generations[0] > seen % (1 << 32) or generations[-1] <= seen % (1 << 32):
        assert sorted(set(blind)) == blind


def test_a_newer_owner_ends_a_restore():
    log, epochs = Log(), {}

    with pytest.raises(OvertakenError, match="newer owner"):
        restored(log, claim_of(log, 4, epochs, lambda: log.append(5, 5, PROGRESS_KEY, CODEC.encode(Progress({}, {})))))


def test_nothing_is_claimed_of_states_which_a_tool_is_still_writing():
    log, epochs = Log(), {}
    log.append(0, None, PROGRESS_KEY, CODEC.encode(Progress({UNFINISHED: 0}, {})))

    with pytest.raises(InputError, match="not complete"):
        restored(log, claim_of(log, 1, epochs))

    assert 1 == log.next_offset


def test_what_the_version_before_writes_without_an_epoch_counts():
    log, epochs = Log(), {}
    restored(log, claim_of(log, 7, epochs))
    log.append(0, None, b"a", b"of the version before")

    assert {b"a": b"of the version before"} == plain(restored(log))


def sealed(states: Mapping[bytes, bytes]) -> Progress:
    table: TablePartition[bytes] = TablePartition()
    table.digests.note(states)
    return table.progress(sealed=True)


def test_states_are_compared_with_what_a_clean_stop_left_behind():
    log = Log()
    log.append(1, 1, b"a", b"1")
    log.append(1, 1, PROGRESS_KEY, CODEC.encode(sealed({b"a": b"1"})))
    assert {b"a": b"1"} == plain(restored(log))

    log.records[0] = replace(log.records[0], content=b"2")
    with pytest.raises(DigestError, match=r"log\[0\] holds 1 states with digest [0-9a-f]{16}, but .* left 1 with"):
        restored(log)


@pytest.mark.parametrize("after", [(b"b", b"1"), (PROGRESS_KEY, CODEC.encode(Progress({}, {})))])
def test_nothing_is_compared_once_somebody_has_written_after_a_clean_stop(after):
    log = Log()
    log.append(1, 1, PROGRESS_KEY, CODEC.encode(sealed({b"lost": b"1"})))
    log.append(0, None, *after)  # as the version before does, which knows of no digests

    assert b"lost" not in restored(log).states


def test_a_zombies_word_after_a_clean_stop_changes_nothing():
    log = Log()
    log.append(2, 2, b"a", b"1")
    log.append(2, 2, PROGRESS_KEY, CODEC.encode(sealed({b"a": b"1"})))
    log.append(1, 1, b"a", b"0")
    assert {b"a": b"1"} == plain(restored(log))

    log.records[0] = replace(log.records[0], content=b"2")
    with pytest.raises(DigestError):
        restored(log)
