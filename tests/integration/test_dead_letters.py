"""What was set aside is found, shown, kept and sent back once, by the command a person uses."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.records import EventKind, MatchEvent
from streams.brokers import BrokerError
from streams.cli import main
from streams.dead_letters.letter import Letter
from streams.dead_letters.reading import read_letters, read_marks
from streams.dead_letters.replaying import Outcome, Replayer
from streams.engine.dead_letters import Cause, dead_letter
from streams.engine.murmur import partition_of
from streams.engine.reading_back import ReadBack, read_back
from streams.engine.slices import Slice
from tests.integration.world import wait_for

pytestmark = pytest.mark.integration

KICK_OFF_MS = 1_668_960_000_000
DAY_MS = 86_400_000
Run = Callable[..., Any]


@pytest.fixture
def run(world, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `touchline dead-letters ...` and returns what it printed, from JSON where it is."""
    for name in ("bootstrap_servers", "registry_url", "topic_prefix"):
        monkeypatch.setenv(f"TOUCHLINE_{name.upper()}", str(getattr(world.settings, name)))

    def invoke(*words: str, code: int = 0) -> Any:
        result = CliRunner().invoke(main, ["dead-letters", *words], catch_exceptions=False)
        assert code == result.exit_code, result.output
        return json.loads(result.stdout) if "--json" in words else result.stdout

    return invoke


def fixture(name: str) -> MatchEvent:
    return MatchEvent(
        f"{name}-scheduled",
        name,
        EventKind.SCHEDULED,
        KICK_OFF_MS,
        home_team="Qatar",
        away_team="Ecuador",
        competition="FIFA World Cup",
        neutral=False,
        kick_off_ms=KICK_OFF_MS,
    )


def listed(run: Run, *words: str) -> list[dict]:
    return run("list", "--json", *words)["letters"]


def wait_for_letters(run: Run, count: int, *words: str) -> list[dict]:
    found: list[dict] = []

    def enough() -> bool:
        found[:] = listed(run, *words)
        return len(found) >= count

    wait_for(enough, 40, lambda: f"{len(found)} of {count} letters")
    return found


def test_letters_are_found_shown_kept_and_replayed_once_and_a_loop_is_visible(world, run, tmp_path):
    encode = world.codec("match-events").encode
    tick = MatchEvent("a-5", "a", EventKind.TICK, KICK_OFF_MS, 5)
    right = partition_of(b"a", 4)
    world.worker("predict")
    world.send("match-events", fixture("a"))
    world.send_bytes("match-events", (b"a", encode(tick)[:-1]))
    world.send_bytes("match-events", (b"a", encode(tick)), partition=(right + 1) % 4, headers=[("trace", b"t1")])
    cut, misplaced = sorted(wait_for_letters(run, 2), key=lambda letter: letter["cause"])

    assert ("TRUNCATED", "WRONG_PARTITION") == (cut["cause"], misplaced["cause"])
    assert [misplaced] == listed(run, "--cause", "WRONG_PARTITION", "--topic", "match-events", "--since", "1h")
    assert [] == listed(run, "--until", "1h")
    assert "The value ends inside the record." in run("list")

    shown = run("show", misplaced["place"], "--json")
    assert {"a-5", "a"} <= {*shown["record"].values()}
    text = run("show", cut["place"])
    assert "source_header" not in text
    assert "it cannot be decoded" in text

    kept = tmp_path / "letters.jsonl"
    run("export", "--file", str(kept))
    assert {"dry_run": True, "succeeded": 2, "skipped": {}, "failed": []} == run("replay", "--json", "--dry-run")
    assert 2 == run("replay", "--json")["succeeded"]
    assert 2 == len(world.wait_for_values("predictions", 2))
    (again,) = wait_for_letters(run, 2, "--cause", "TRUNCATED")[1:]
    assert (1, f"{cut['source_topic']}/{right}/1") == (again["replays"], again["first_source"])
    headers = [(one, dict(one.headers() or ())) for one in world.read("match-events")]
    ((back, told),) = [(one, all_of) for one, all_of in headers if {"trace", "replays"} <= {*all_of}]
    assert (right, encode(tick), b"t1", b"1") == (back.partition(), back.value(), told["trace"], told["replays"])

    assert {"already replayed": 2} == run("replay", "--json", "--from", str(kept))["skipped"]
    last = run("replay", "--json")
    assert (1, {"already replayed": 2}) == (last["succeeded"], last["skipped"])
    assert [0, 1, 2] == sorted(one["replays"] for one in wait_for_letters(run, 3, "--cause", "TRUNCATED"))

    # One worker serves both: what waits for a fixture too long is set aside with the bytes that only the log has.
    neighbours = [name for name in map(str, range(99)) if partition_of(name.encode(), 4) == (right + 1) % 4]
    held = MatchEvent("h-1", neighbours[0], EventKind.TICK, KICK_OFF_MS, 1)
    world.send("match-events", held, MatchEvent("o-1", neighbours[1], EventKind.TICK, KICK_OFF_MS + 9 * DAY_MS, 1))
    (never,) = wait_for_letters(run, 1, "--cause", "NEVER_SCHEDULED")
    assert "h-1" == run("show", never["place"], "--json")["record"]["event_id"]


def set_aside(world, count: int, *, topic: str = "match-events") -> list[Letter]:
    """Write *count* letters, as a worker would, and return them as they are read."""
    name = world.settings.topic(topic)
    for offset in range(count):
        record = ReadBack(b"a", offset, 5, b"bytes %d" % offset)
        letter = dead_letter("", Slice(name, 0, 1, [record], 0), record, cause=Cause.TRUNCATED, reason="", worker="w")
        world.send_bytes("dead-letters", (letter.key, letter.value), headers=list(letter.headers))
    return [one for one in read_letters(world.settings) if isinstance(one, Letter)]


def test_a_replay_that_was_cut_off_is_taken_up_without_a_repeat(world):
    letters = set_aside(world, 4)
    first = Replayer(world.settings)
    done = Outcome()
    list(first.send(letters[:1], {}, done))
    first._producer.begin_transaction()  # cut off with two records and one mark on the brokers
    first._produce(letters[1], lambda *_: None)
    first._producer.flush()

    second = Replayer(world.settings)
    outcome = Outcome()
    list(second.send(letters, read_marks(world.settings), outcome))
    with pytest.raises(BrokerError, match="another"):
        list(first.send(letters[2:], {}, Outcome()))

    assert (1, 3, {"already replayed": 1}) == (done.succeeded, outcome.succeeded, outcome.skipped)
    assert [one.value for one in letters] == [one.value() for one in world.read("match-events")]
    assert {one.identity for one in letters} == {*read_marks(world.settings)}


def test_a_letter_that_cannot_be_sent_is_named_and_holds_up_no_other(world, run):
    set_aside(world, 1, topic="nowhere")
    set_aside(world, 1)
    outcome = run("replay", "--json", code=2)

    assert 1 == outcome["succeeded"]
    assert ["there is no topic"] == [one["reason"][:17] for one in outcome["failed"]]


def test_records_are_read_back_by_their_offsets_and_what_retention_took_is_left_out(world):
    topic = world.settings.topic("match-events")
    world.send_bytes("match-events", *[(b"a", b"%d" % number) for number in range(9)])
    place = (topic, partition_of(b"a", 4))
    admin = AdminClient(world.settings.librdkafka())
    for done in admin.delete_records([TopicPartition(*place, 3)]).values():
        done.result()

    found = read_back(world.settings.librdkafka(group_id="look"), [(*place, offset) for offset in (1, 3, 8, 9)])

    assert {(*place, 3): (b"a", b"3"), (*place, 8): (b"a", b"8")} == {
        where: (record.key, record.value) for where, record in found.items()
    }


def test_a_place_without_a_letter_is_said_in_one_sentence(world, run):
    set_aside(world, 1)
    letter = next(one for one in read_letters(world.settings) if isinstance(one, Letter))

    assert "" == run("show", f"{letter.partition}/99", code=2)
    assert "" == run("show", "17", code=2)
