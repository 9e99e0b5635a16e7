"""A deployment moved from four partitions to six in the middle of its matches."""

from dataclasses import replace

import pytest

from features.match_state import MatchState, after_match_event
from models.bundle import open_bundle
from models.serving import pin_of
from schemas.codec import Codec
from schemas.records import EventKind, MatchEvent, Side
from streams.admin import Admin
from streams.engine.murmur import partition_of
from streams.registry import registry_of
from streams.repartitioning.errors import MoveError
from streams.repartitioning.procedure import move
from streams.repartitioning.states import Carrier, unfinished

pytestmark = pytest.mark.integration

KICK_OFF_MS = 1_668_960_000_000
BEFORE, AFTER = 4, 6
MATCHES = [f"match-{number}" for number in range(24)]
HELD = "match-0"  # its fixture comes after the move


def events_of(name: str) -> tuple[list[MatchEvent], list[MatchEvent]]:
    """Return the events of a match before the move and after it."""
    fixture = MatchEvent(
        f"{name}-scheduled", name, EventKind.SCHEDULED, KICK_OFF_MS, home_team="Qatar", away_team="Ecuador",
        competition="FIFA World Cup", neutral=False, kick_off_ms=KICK_OFF_MS,
    )  # fmt: skip
    goals = [
        MatchEvent(f"{name}-{minute}", name, EventKind.GOAL, KICK_OFF_MS + minute, minute, Side.AWAY)
        for minute in (5, 6, 60)
    ]
    struck = MatchEvent(f"{name}-var", name, EventKind.CORRECTION, KICK_OFF_MS + 61, 61, corrects=goals[0].event_id)
    end = MatchEvent(f"{name}-end", name, EventKind.FULL_TIME, KICK_OFF_MS + 99, 90, home_score=0, away_score=2)
    tick = MatchEvent(f"{name}-tick", name, EventKind.TICK, KICK_OFF_MS, 7)
    if name == HELD:
        return [*goals[:2], tick], [fixture, goals[2], struck, end]
    return [fixture, *goals[:2], tick], [goals[2], struck, end]


FIRST = [event for name in MATCHES for event in events_of(name)[0]]
SECOND = [event for name in MATCHES for event in events_of(name)[1]]


def reference() -> dict[str, MatchState]:
    found = {name: MatchState(name) for name in MATCHES}
    for event in FIRST + SECOND:
        found[event.match_id] = after_match_event(found[event.match_id], event)
    bundle = pin_of(open_bundle(None, "heuristic").digest)  # all have begun
    return {name: replace(state, bundle=bundle) for name, state in found.items()}


def states(world) -> dict[str, MatchState]:
    """Return the states that the changelog holds, without offsets, having seen that each is in its key's partition."""
    codec: Codec[MatchState] = Codec("match_state", MatchState)
    registry = registry_of(world.settings)
    found: dict[str, MatchState] = {}
    for record in world.read(world.settings.changelog("predict", "matches"), full_name=True):
        if record.key()[:1] == b"\0":
            continue
        assert partition_of(record.key(), AFTER) == record.partition()
        schema_id = int.from_bytes(record.value()[1:5], "big")
        if not codec.knows(schema_id):
            codec.learn(schema_id, registry.fetch(schema_id))
        state = codec.decode(record.value())
        found[state.match_id] = replace(state, applied_match=-1, applied_feature=-1)
    return found


class InterruptedHere(BaseException):
    """Stands for a kill."""


def interrupted_at(count: int):
    told: list[str] = []

    def say(what: str) -> None:
        told.append(what)
        if len(told) == count:
            raise InterruptedHere

    return say


def moved(world, say) -> None:
    moving = move(world.settings, AFTER, "2", say)
    moving.carry_out(moving.plan())


@pytest.mark.slow
def test_every_event_is_predicted_once_and_no_state_is_lost_when_matches_move_while_they_are_played(
    world, world_of, monkeypatch
):
    worker = world.worker("predict", "monitor", "performance", monitor_interval_seconds=0.5)
    world.send("match-events", *FIRST)
    world.wait_for_values("predictions", len(FIRST) - 3)
    world.wait_caught_up("predict")
    world.wait_caught_up("monitor")
    world.wait_caught_up("performance")
    impatient = replace(move(world.settings, AFTER, "2", print), patience=0.0)
    with pytest.raises(MoveError, match="has members: stop all workers"):
        impatient.plan()
    assert worker.stop() == 0
    world.wait_caught_up("monitor")

    # Broken off while states are written, and again when all but the last word has been said.
    with pytest.raises(InterruptedHere):
        moved(world, interrupted_at(3))
    with monkeypatch.context() as broken:
        broken.setattr(Carrier, "finish", lambda *_: interrupted_at(1)(""))
        with pytest.raises(InterruptedHere):
            moved(world, print)

    moving = move(world.settings, AFTER, "2", print)
    plan = moving.plan()
    assert {} == plan.left
    carried = {carrier.old.name: found for carrier, found in zip(plan.carriers, moving.carry_out(plan), strict=True)}
    stay = sum(partition_of(one.encode(), BEFORE) == partition_of(one.encode(), AFTER) for one in MATCHES)
    assert (24, 24 - stay) == (carried["predict"].states, carried["predict"].moved)
    assert (24, 24 - stay) == (carried["performance"].states, carried["performance"].moved)
    assert carried.keys() == {"predict", "monitor", "monitor-merge", "performance", "performance-merge"}
    assert carried["monitor"].states > 0
    assert not any(unfinished(carrier.new, carrier.after) for carrier in plan.carriers)
    with pytest.raises(MoveError, match="run id '2' exists already"):
        move(world.settings, 8, "2", print).plan()

    after = world_of(world.settings.model_copy(update={"run_id": "2", "partitions": AFTER}))
    after.worker("predict", "monitor", "performance", monitor_interval_seconds=0.5)
    # A feed that is not sure what has arrived sends all of it again.
    after.send("match-events", *SECOND, *FIRST)
    after.wait_for_values("predictions", len(FIRST + SECOND))
    after.wait_caught_up("predict")
    after.wait_caught_up("monitor")
    after.wait_caught_up("performance")

    ids = [(one.match_id, one.event_id) for one in after.values("predictions")]
    assert sorted((one.match_id, one.event_id) for one in FIRST + SECOND) == sorted(ids)
    assert reference() == states(after)
    assert [] == world.read("dead-letters")
    counts = Admin(world.settings).partition_counts(
        world.settings.topic(one) for one in ("match-events", "feature-events", "predictions", "shadow-predictions")
    )
    assert {AFTER} == set(counts.values())


def test_what_cannot_be_done_is_told_before_anything_is(world):
    for partitions, run_id, words in (
        (3, "2", "Kafka takes none away"),
        (6, world.settings.run_id, "is the present one"),
    ):
        with pytest.raises(MoveError, match=words):
            move(world.settings, partitions, run_id, print).plan()


def test_without_states_the_topics_grow_and_no_more(world):
    moving = move(world.settings, AFTER, "2", print)

    assert [] == moving.carry_out(moving.plan())
    with pytest.raises(MoveError, match="have 6 partitions already"):
        moving.plan()
