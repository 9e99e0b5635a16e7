"""Pairs of predictions become one number a match, whatever the order of records."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.cbpe import estimated, expected
from schemas.records import EventKind
from streams.rollouts.answers import Said, Told
from streams.rollouts.live_evidence import GRACE_MS, LiveEvidence, Seen

A, B = "a" * 64, "b" * 64  # champion and challenger


def said(match: str, event: str, digest: str, home: float, **more: object) -> Said:
    fields: dict[str, object] = {
        "match_id": match, "event_id": event, "cause": "SHOT", "minute": 5, "home": home, "draw": (1 - home) / 2,
        "away": (1 - home) / 2, "model_version": "1", "bundle_digest": digest, "source_timestamp_ms": 0,
        "received_at_us": 1_000_000, "scored_at_us": 1_002_000,
    }  # fmt: skip
    return Said(**{**fields, **more})  # type: ignore[arg-type] # fields by name


def ended(match: str, home: int, away: int, kind: EventKind = EventKind.FULL_TIME) -> Told:
    return Told(match, kind, home_score=home, away_score=away)


def not_scored(match: str, event: str, digest: str) -> Said:
    return said(match, event, digest, np.nan)


Records = Sequence[tuple[Said | Told, int]]
RECORDS: Records = [
    (said("m1", "e1", B, 0.5), 0),
    (said("m1", "e1", B, 0.9, received_at_us=0), 7),  # the worker fell, and another one said it again
    (said("m1", "e1", A, 0.4), 0),
    (said("m1", "e2", B, 0.6), 0),
    (said("m1", "e2", A, 0.8), 0),
    (said("m1", "e3", B, 0.6), 0),  # its shadow was shed
    (said("m1", "e4", A, 0.6), 0),  # the challenger could not, and the champion stood in
    (not_scored("m1", "e4", B), 0),
    (said("m1", "e0", B, 0.9, minute=-1), 0),  # before the match
    (said("m1", "e0", A, 0.1, minute=-1), 0),
    (said("m1", "m1-end", B, 0.9, cause="FULL_TIME"), 51),  # the result is known
    (said("m1", "m1-end", A, 0.1, cause="FULL_TIME"), 51),
    (said("m1", "late", B, 0.9, source_timestamp_ms=52), 52),
    (said("m1", "late", A, 0.1, source_timestamp_ms=52), 52),
    (ended("m1", 2, 1), 50),
    (said("m2", "e1", A, 0.3), 0),
    (said("m2", "e1", B, 0.2), 0),
    (ended("m2", 0, 1), 60),
    (said("m3", "e1", "c" * 64, 0.3), 0),  # of a third bundle
    (ended("m3", 0, 1), 60),
    (said("m4", "e1", A, 0.3), 0),
    (said("m4", "e1", B, 0.3), 0),
    (ended("m4", 0, 0, EventKind.CANCELLED), 60),
    (said("m5", "e1", A, 0.3), 0),  # goes on
    (said("m5", "e1", B, 0.5), 0),
    (said("m5", "e2", A, 0.3), 0),  # left out
    (said("m5", "e3", A, 0.3), 100),  # of the next window
    (said("m5", "e3", B, 0.4), 100),
]


def told(records: Records, open_since_ms: int = 0) -> LiveEvidence:
    evidence = LiveEvidence(A, B, 0.5, open_since_ms)
    take(evidence, records)
    return evidence


def take(evidence: LiveEvidence, records: Records) -> None:
    for one, at_ms in records:
        if isinstance(one, Said):
            evidence.take_prediction(one, at_ms)
        else:
            evidence.take_event(one, at_ms)


def expected_loss(home: float) -> float:
    """Return the entropy of what was said."""
    return -sum(chance * np.log(chance) for chance in (home, (1 - home) / 2, (1 - home) / 2))


@given(st.permutations(RECORDS))
def test_the_evidence_is_that_of_a_calculation_by_hand(records: Records) -> None:
    evidence = told(records)

    seen = evidence.window(100)
    found = seen.evidence

    first = (np.log(0.4 / 0.5) + np.log(0.8 / 0.6)) / 2  # the home side won: champion's chance over the challenger's
    second = np.log(0.35 / 0.4)  # the away side did
    assert found.outcomes.matches == 2
    assert found.outcomes.mean == pytest.approx((first + second) / 2, abs=1e-12)
    assert (found.events, found.errors, found.left_out) == (7, 1, 1)
    assert sum(found.challenger_outputs) == sum(found.champion_outputs) == 2 * 3  # one event of each match
    assert found.latency.count == 6
    assert found.latency.percentile(100) == pytest.approx(0.002, rel=0.01)
    assert sorted(seen.divergences) == pytest.approx([0.1, 0.1, 0.2])

    pending = expected(found.challenger_pending), expected(found.champion_pending)
    assert (found.challenger_pending.matches, found.challenger_pending.predictions) == (1, 1)
    assert [one.log_loss for one in pending if one] == pytest.approx([expected_loss(0.5), expected_loss(0.3)])

    after = evidence.window(200).evidence
    assert (after.outcomes.matches, after.events, after.errors, after.left_out) == (0, 1, 0, 0)
    assert after.challenger_pending == estimated(np.array([[0.4, 0.3, 0.3]]))


@given(st.permutations(RECORDS), st.sets(st.integers(1, 150)))
def test_however_windows_are_cut_each_figure_is_counted_once(records: Records, ends: set[int]) -> None:
    whole = told(records).window(150).evidence
    evidence = told(records)

    windows = [evidence.window(end).evidence for end in sorted(ends | {150})]

    total = sum(windows[1:], windows[0])
    assert (total.outcomes, total.events, total.errors) == (whole.outcomes, whole.events, whole.errors)
    assert (total.left_out, total.latency.count) == (whole.left_out, whole.latency.count)


def test_a_challenger_that_scores_nothing_is_found_before_a_match_has_ended() -> None:
    records = [(one, 0) for event in ("e1", "e2") for one in (said("m1", event, A, 0.3), not_scored("m1", event, B))]

    found = told(records).window(100).evidence

    assert (found.events, found.errors, found.latency.count) == (2, 2, 0)
    assert found.challenger_pending.matches == 0


def test_a_match_counts_in_the_window_in_which_its_end_was_written() -> None:
    evidence = told([*((said("m1", "e1", digest, 0.3), 0) for digest in (A, B)), (ended("m1", 1, 1), 100)])

    assert [evidence.window(until).evidence.outcomes.matches for until in (100, 101)] == [0, 1]


def test_what_is_written_after_a_window_does_not_change_it() -> None:
    pair = [(said("m1", "e1", digest, 0.3 if digest == A else 0.6), 0) for digest in (A, B)]
    later = [
        (said("m1", "e2", A, 0.3), 0),
        (said("m1", "e2", B, 0.9), 100 + GRACE_MS),
        (ended("m1", 0, 3), 100),  # the result is corrected
        (ended("m1", 0, 0, EventKind.CANCELLED), 101),
    ]
    records = [*pair, (ended("m1", 2, 0), 50)]

    first, second = (told(one).window(100).evidence for one in (records, [*records, *later]))

    assert first.outcomes == second.outcomes
    assert first.outcomes.mean == -0.5  # ln(0.3 / 0.6), clipped


BEGAN_MS, STEP_MS = 10_000_000, 100_000
HELD_UP = st.sampled_from([0, 0, 0, 30_000])
DELAYS = st.none() | st.sampled_from([1, 40, 3_000, 90_000, 250_000])


@st.composite
def match_records(draw: st.DrawFn, name: str) -> list[tuple[int, tuple[Said | Told, int]]]:
    """Events of a match and their answers, each with when it can be read: events may be held up, answers be late."""
    at_ms = BEGAN_MS + draw(st.integers(0, 5 * STEP_MS))
    found: list[tuple[int, tuple[Said | Told, int]]] = []
    for number in range(draw(st.integers(1, 4))):
        at_ms += draw(st.integers(1, STEP_MS))
        read_ms = at_ms + draw(HELD_UP)
        found.append((read_ms, (Told(name, EventKind.SHOT if number else EventKind.KICK_OFF), at_ms)))
        for digest, delay in ((A, draw(DELAYS)), (B, draw(DELAYS))):
            if delay is not None:
                one = said(
                    name, f"e{number}", digest, draw(st.sampled_from([0.2, 0.5, 0.7])), source_timestamp_ms=at_ms
                )
                found.append((read_ms + delay, (one, read_ms + delay)))
    if draw(st.booleans()):
        at_ms += draw(st.integers(1, STEP_MS))
        found.append((at_ms, (ended(name, *draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))), at_ms)))
    return found


@given(st.data(), st.integers(1, 9))
def test_who_begins_where_a_window_says_finds_the_same_in_the_next(data: st.DataObject, behind: int) -> None:
    records = [one for number in range(6) for one in data.draw(match_records(f"m{number}"))]
    ends = [BEGAN_MS + STEP_MS * number for number in range(1, 12)]

    def readable(after_ms: float, until_ms: int) -> Records:
        return [one for read_ms, one in records if after_ms <= read_ms - GRACE_MS < until_ms]

    evidence, seen = told([]), list[Seen]()
    for start_ms, end_ms in zip([-np.inf, *ends], ends, strict=False):
        take(evidence, readable(start_ms, end_ms))
        seen.append(evidence.window(end_ms))
    since_ms = seen[behind].open_since_ms
    later = told([one for one in readable(-np.inf, ends[behind + 1]) if one[1] >= since_ms], since_ms)
    later.window(ends[behind])

    assert later.window(ends[behind + 1]).evidence == seen[behind + 1].evidence


def test_a_match_without_an_end_is_given_up_after_a_day_and_holds_up_nobody() -> None:
    begun = [(Told("m1", EventKind.KICK_OFF), 1), *((said("m1", "e1", digest, 0.3), 2) for digest in (A, B))]
    evidence = told(begun)

    assert evidence.window(1_000_000).open_since_ms == 0
    assert evidence.window(86_400_000).open_since_ms == 0
    assert evidence.window(86_400_500).open_since_ms == 86_340_500
    take(evidence, [(ended("m1", 1, 0), 86_400_600)])
    assert evidence.window(90_000_000).evidence.outcomes.matches == 0


def test_an_event_behind_the_end_of_a_match_is_no_match_that_goes_on() -> None:
    evidence = told([(Told("m1", EventKind.KICK_OFF), 1_000), (ended("m1", 1, 0), 2_000)])
    evidence.window(3_000)
    evidence.window(600_000)
    take(evidence, [(Told("m1", EventKind.TICK), 610_000)])

    assert evidence.window(900_000).open_since_ms == 840_000


def test_a_producer_whose_clock_is_wrong_gives_up_no_match() -> None:
    now = 1_000_000_000
    evidence = told([(Told("m1", EventKind.KICK_OFF), now), (said("m1", "e1", A, 0.3, source_timestamp_ms=0), now)])

    assert evidence.window(now + 1).open_since_ms == now + 1 - 86_400_000 - 60_000
    take(evidence, [(ended("m1", 1, 0), now + 2), (said("m1", "e1", B, 0.3, source_timestamp_ms=0), now)])
    assert evidence.window(now + 3).evidence.outcomes.matches == 1
