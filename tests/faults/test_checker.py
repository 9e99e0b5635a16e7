"""The checker notices what is wrong with a log, and nothing else; the log is made by hand."""

from dataclasses import dataclass
from hashlib import blake2b

import pytest

from tests.faults.checker import _Check
from tests.faults.findings import Findings, Wanted
from tests.faults.place import DEAD_LETTERS, FEATURE_EVENTS, MATCH_EVENTS, PREDICTIONS, TEAM_EVENTS, Place
from tests.faults.test_reference import event, fixture, folded

PLACE = Place("", "", "p-")
NOW = 1_700_000_000_000


@dataclass
class FakeRecord:
    """A record whose value is decoded already."""

    spot: int
    fields: dict | None
    name: bytes = b"m"
    about: tuple[tuple[str, bytes], ...] = ()

    def partition(self):
        return 0

    def offset(self):
        return self.spot

    def timestamp(self):
        return (1, NOW + self.spot)

    def key(self):
        return self.name

    def value(self):
        return self.fields

    def headers(self):
        return self.about


@dataclass
class FakeReader:
    logs: dict[str, list[FakeRecord]]
    gap: int = 0

    def records(self, topic):
        return iter(self.logs[topic])

    def decode(self, value):
        return dict(value)

    def commit_gap(self):
        return self.gap


EVENTS = [fixture(), event("KICK_OFF", "k"), event("GOAL", "g", 3, side="HOME"), event("GOAL", "g", 3, side="HOME")]


def prediction(offset: int, minute: int, goals: int, **more):
    identity = blake2b(f"m\0{EVENTS[offset]['event_id']}\0d".encode(), digest_size=16).hexdigest()
    said = {"prediction_id": identity, "match_id": "m", "event_id": EVENTS[offset]["event_id"], "bundle_digest": "d"}
    said |= {"source_topic": "p-match-events", "source_offset": offset, "minute": minute, "home_score": goals}
    said |= {"away_score": 0, "home": 0.5, "draw": 0.25, "away": 0.25, "features": [1.0, float("nan")]}
    return said | {"received_at_us": 1, "decoded_at_us": 2, "scored_at_us": 3} | more


def right_log() -> dict[str, list[FakeRecord]]:
    state = folded(*EVENTS).matches[0, "m"].record("m")
    return {
        "p-" + MATCH_EVENTS: [FakeRecord(offset, one) for offset, one in enumerate(EVENTS)],
        "p-" + FEATURE_EVENTS: [],
        "p-" + DEAD_LETTERS: [],
        "p-" + TEAM_EVENTS: [FakeRecord(0, {"match_id": "m", "event_id": "s"})],
        "p-" + PREDICTIONS: [
            FakeRecord(0, prediction(0, -1, 0)),
            FakeRecord(1, prediction(1, 0, 0)),
            FakeRecord(2, prediction(2, 3, 1)),
        ],
        PLACE.changelog: [FakeRecord(0, {}, b"\x00progress"), FakeRecord(1, state)],
    }


def found(logs, gap: int = 0, **wanted) -> dict[str, int]:
    """Return which figures are not 0, of those which must be."""
    findings: Findings = _Check(PLACE, Wanted(**wanted), FakeReader(logs, gap)).findings()
    names = ("missing", "repeated", "repeated_others", "differing", "state_differences", "commit_gap", "unexpected")
    return {name: getattr(findings, name) for name in (*names, "lost_by_brokers") if getattr(findings, name)}


def test_a_log_as_it_should_be_has_nothing_against_it():
    assert {} == found(right_log())


def with_prediction(change) -> dict[str, list[FakeRecord]]:
    logs = right_log()
    change(logs["p-" + PREDICTIONS])
    return logs


def test_a_prediction_that_is_not_there_is_missing():
    assert {"missing": 1} == found(with_prediction(lambda log: log.pop()))


def test_a_prediction_seen_twice_is_repeated_whatever_the_times_of_its_making():
    again = FakeRecord(3, prediction(2, 3, 1, scored_at_us=9, home=0.5000001))

    assert {"repeated": 1} == found(with_prediction(lambda log: log.append(again)))


@pytest.mark.parametrize("change", [{"home": 0.51}, {"features": [1.0000001, float("nan")]}, {"minute": 4}])
def test_a_repeat_that_says_something_else_differs(change):
    again = FakeRecord(3, prediction(2, 3, 1) | change)

    assert {"repeated": 1, "differing": 1} == found(with_prediction(lambda log: log.append(again)))


def test_a_prediction_from_another_state_than_the_logs_differs():
    assert {"differing": 1} == found(with_prediction(lambda log: log[2].fields.update(home_score=2)))


def test_a_prediction_of_a_repeat_is_unexpected():
    more = FakeRecord(3, prediction(3, 3, 1, prediction_id="another"))

    assert {"unexpected": 1} == found(with_prediction(lambda log: log.append(more)))


def test_a_state_that_lacks_an_event_differs():
    logs = right_log()
    logs[PLACE.changelog][1].fields = folded(*EVENTS[:2]).matches[0, "m"].record("m")

    assert {"state_differences": 1} == found(logs)


def test_a_state_which_a_restore_does_not_find_where_it_may_begin_differs():
    logs = right_log()
    logs[PLACE.changelog].append(FakeRecord(2, {"since": 1}, b"\x00progress"))
    assert {} == found(logs)

    logs[PLACE.changelog].append(FakeRecord(3, {"since": 2}, b"\x00progress"))
    assert {"state_differences": 1} == found(logs)


def test_a_state_that_is_gone_too_early_differs():
    logs = right_log()
    logs[PLACE.changelog].append(FakeRecord(2, None))

    assert {"state_differences": 1} == found(logs)


def test_what_a_writer_of_an_older_epoch_wrote_does_not_count():
    logs = right_log()
    old = folded(*EVENTS[:2]).matches[0, "m"].record("m")
    logs[PLACE.changelog][1].about = (("epoch", b"8"),)
    logs[PLACE.changelog].append(FakeRecord(2, old, about=(("epoch", b"7"),)))

    assert {} == found(logs)


def test_a_commit_before_the_end_is_a_gap():
    assert {"commit_gap": 4} == found(right_log(), gap=4)


def test_what_was_acknowledged_and_is_not_in_the_log_is_the_brokers_loss():
    assert {"lost_by_brokers": 1} == found(right_log(), acknowledged={"p-match-events": {0: 5}})


def test_an_event_set_aside_for_no_reason_is_missing():
    logs = with_prediction(lambda log: log.pop())
    headers = {"source_topic": "p-match-events", "source_partition": "0", "source_offset": "2", "cause": "TRUNCATED"}
    about = tuple((name, text.encode()) for name, text in headers.items())
    logs["p-" + DEAD_LETTERS] = [FakeRecord(0, None, about=about)]

    assert {"missing": 1, "unexpected": 1} == found(logs)
    assert {} == found(logs, dead_letters_allowed=True)


def test_recovery_is_the_time_from_the_mark_to_the_next_prediction_and_the_gap_the_longest_between_two():
    findings = _Check(PLACE, Wanted(marks=[NOW - 2999]), FakeReader(right_log())).findings()

    assert 2.999 == findings.recovery_seconds
    assert 0.001 == findings.gap_seconds
