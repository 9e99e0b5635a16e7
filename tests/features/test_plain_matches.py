"""The kernels say of usual events what `after_event` says."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from features.feature_sets import facts_of
from features.match_expiry import expires_at_ms
from features.match_state import MatchState, after_event, after_match_event, event_time_ms
from features.plain_fold import PREDICTED, REPEATED, REPLAYED
from features.plain_layout import SECTION_OF, TICK
from features.plain_matches import PlainMatches
from features.remembered import digest, signed
from features.told import NOTHING, Reads
from schemas.catalog import schema_json
from schemas.codec import Codec
from schemas.plain_events import EVENT_ROW
from schemas.plain_layout import FEATURES
from schemas.records import EventKind, FeatureEvent, MatchEvent, Side
from tests.schemas.plain_rows import TEAMS, map_of

KINDS = list(EventKind)
USUAL = [kind for kind, section in zip(KINDS, SECTION_OF.tolist(), strict=True) if section >= 0 or kind is KINDS[TICK]]
ALWAYS_NEW = [kind for kind in USUAL if kind is not KINDS[TICK]]
IDS = [*(f"e{number}" for number in range(10)), "e", "event-" + 150 * "x"]
PIN = bytes(range(1, 9))
STATES: Codec[MatchState] = Codec("match_state", MatchState)
STATES.learn(7, schema_json("match_state", 2))
STATES.use_for_writing(7, 2)
SOURCES = ["ratings", "odds", "line-ups", "weather", "a-source-of-" + 60 * "x"]
HEADER = STATES.encode(MatchState("m"))[:5]
READS = Reads.of([("odds", "home"), ("line-ups", "Ærø"), ("odds", "odds"), ("xg", "home")])
RATINGS = ("expected_home_goals", "expected_away_goals", "home_elo", "away_rest_days", "odds", "home", "Ærø")

fixtures = st.builds(
    MatchEvent,
    event_id=st.sampled_from(IDS),
    match_id=st.just("m"),
    kind=st.just(EventKind.SCHEDULED),
    occurred_at_ms=st.integers(-5, 20),
    home_team=st.just("Ajax"),
    away_team=st.just("PSV"),
    competition=st.sampled_from(["UEFA Euro", "Ædle Cup", "nl.1"]),
    neutral=st.booleans(),
    kick_off_ms=st.integers(0, 2**42),
)
usual = st.builds(
    MatchEvent,
    event_id=st.sampled_from(IDS),
    match_id=st.just("m"),
    kind=st.sampled_from(USUAL),
    occurred_at_ms=st.integers(0, 30),
    minute=st.integers(0, 150),
    side=st.sampled_from(Side),
    home_score=st.integers(0, 2) | st.integers(0, 99),
    away_score=st.integers(0, 2),
)
said = st.builds(
    MatchEvent,
    event_id=st.sampled_from(IDS),
    match_id=st.just("m"),
    kind=st.sampled_from([kind for kind in KINDS if kind not in USUAL and kind is not EventKind.SCHEDULED]),
    occurred_at_ms=st.integers(0, 30),
    minute=st.integers(0, 150),
    corrects=st.sampled_from(IDS),
)
told = st.builds(
    FeatureEvent,
    event_id=st.sampled_from(IDS),
    match_id=st.just("m"),
    source=st.sampled_from(SOURCES),
    as_of_ms=st.integers(0, 2**43),
    values=st.dictionaries(st.sampled_from(RATINGS), st.none() | st.floats(-9, 2000) | st.just(float("nan")))
    | st.just({f"value-{number}": number / 7 for number in range(65)}),
)


def columns(events: Sequence[MatchEvent | FeatureEvent]) -> tuple[np.ndarray, bytes]:
    """Their rows, and the bytes in which their texts lie."""
    found, texts = np.zeros(len(events), EVENT_ROW), b"before"
    for row, event in zip(found, events, strict=True):
        told = isinstance(event, FeatureEvent)
        parts = {"id": event.event_id.encode()}
        if told:
            parts |= {"source": event.source.encode(), "values": map_of(event)}
        elif event.kind is EventKind.SCHEDULED:
            parts |= {name: getattr(event, name).encode() for name in TEAMS}
            row["neutral"], row["kick_off_ms"] = bool(event.neutral), event.kick_off_ms
        for name, text in parts.items():
            row[f"{name}_start"], row[f"{name}_length"] = len(texts), len(text)
            texts += text
        row["plain"], row["kind"] = True, FEATURES if told else KINDS.index(event.kind)
        row["occurred_at_ms"], row["digest"] = event_time_ms(event), signed(digest(event.event_id))
        if not told:
            row["minute"], row["side"] = event.minute, -1 if event.side is None else list(Side).index(event.side)
            row["home_score"], row["away_score"] = event.home_score or 0, event.away_score or 0
    return found, texts


def after(state: MatchState, events: Sequence[MatchEvent | FeatureEvent]) -> MatchState:
    for event in events:
        state = after_event(state, event)
    return state


running = st.tuples(fixtures, st.lists(usual | said | told | fixtures, max_size=12)).map(
    lambda parts: after(MatchState("m"), [parts[0], *parts[1]])
)


def scores(state: MatchState) -> tuple[int, int] | None:
    return None if state.result is None else (state.result.home_score, state.result.away_score)


def other_match() -> MatchState:
    fixture = MatchEvent(
        "s", "other", EventKind.SCHEDULED, 0, home_team="A", away_team="B", competition="", kick_off_ms=1
    )
    return after_match_event(MatchState("other"), fixture)


@given(
    state=running,
    now=st.lists(usual | told, max_size=12),
    applied=st.tuples(st.integers(-1, 5), st.integers(-1, 5)),
    reads=st.sampled_from([NOTHING, READS]),
    bundle=st.sampled_from([b"", bytes(range(8, 16))]),
)
def test_usual_events_leave_the_same_state_verdicts_and_facts(
    state: MatchState, now: Sequence[MatchEvent | FeatureEvent], applied: tuple[int, int], reads: Reads, bundle: bytes
) -> None:
    state = replace(state, applied_match=applied[0], applied_feature=applied[1], bundle=bundle)
    other = other_match()
    read = PlainMatches.read([STATES.encode(other), STATES.encode(state)], HEADER, reads)
    if not state.fixture_known:
        assert not read.plain[1]
        return
    assert read.plain.all()
    assert read.expires_at_ms().tolist() == [expires_at_ms(other), expires_at_ms(state)]

    read.matches["chosen"] = int.from_bytes(PIN)
    events, ids = columns(now)
    folded = read.fold(events, np.ones(len(now), np.int32), np.arange(len(now), dtype=np.int64), ids)

    verdicts, states, moments, results = [], [], [], []
    for offset, event in enumerate(now):
        name = "applied_match" if isinstance(event, MatchEvent) else "applied_feature"
        if offset <= getattr(state, name):
            verdicts.append(REPLAYED)
            continue
        following = after_event(state, event)
        if following is state:
            verdicts.append(REPEATED)
            continue
        verdicts.append(PREDICTED)
        results.append((scores(state), scores(following)))
        state = replace(following, **{name: offset})
        if state.started and not state.bundle:
            state = replace(state, bundle=PIN)
        states.append(state)
        moments.append(event_time_ms(event))
    assert folded.verdicts.tolist() == verdicts
    assert folded.facts.tobytes() == facts_of(states, moments, reads).tobytes()
    assert [one["minute"] for one in folded.causes] == [one.minute if one.started else -1 for one in states]
    assert [(one["home_goals"], one["away_goals"]) for one in folded.causes] == [
        (one.home_goals, one.away_goals) for one in states
    ]
    assert [
        ((one["home_score"], one["away_score"]) if one["has_result"] else None, one["ends"]) for one in folded.causes
    ] == [(now, now != before) for before, now in results]
    assert [one["bundle"] for one in folded.causes] == [int.from_bytes(one.bundle) for one in states]
    assert read.written() == [b"", STATES.encode(state) if states else b""]


@given(data=st.data(), state=running)
def test_what_is_damaged_harms_no_neighbour(data: st.DataObject, state: MatchState) -> None:
    good = STATES.encode(state)
    place = data.draw(st.integers(5, len(good) - 1))
    cut = data.draw(
        st.sampled_from(
            [good[:place], good + b"x", good[:place] + data.draw(st.binary(min_size=1, max_size=9)) + good[place + 1 :]]
        )
    )

    read = PlainMatches.read([cut, good], HEADER, READS)

    assert read.plain[1] == state.fixture_known
    kind = data.draw(st.sampled_from(ALWAYS_NEW))
    event = MatchEvent("new", "m", kind, 1, side=Side.HOME, home_score=1, away_score=0)
    news = FeatureEvent("news", "m", data.draw(st.sampled_from(SOURCES)), 2**43 + 1, {"home": 1.0})
    events, ids = columns([event, event, news, news])
    owners = np.where(read.plain, [0, 1], -1).astype(np.int32)
    folded = read.fold(events, np.tile(owners, 2), np.full(4, 9), ids)
    assert (folded.verdicts[1::2] == PREDICTED).all() == read.plain[1]
    if read.plain[1]:
        following = replace(after(state, [event, news]), applied_match=9, applied_feature=9)
        assert read.written()[1] == STATES.encode(following)


@given(bundle=st.just(b"") | st.binary(min_size=8, max_size=8))
def test_the_bundle_of_a_match_is_read_to_its_last_bit(bundle: bytes) -> None:
    state = replace(other_match(), bundle=bundle)

    read = PlainMatches.read([STATES.encode(state)], HEADER)

    assert read.matches["bundle"].tolist() == [int.from_bytes(bundle)]


def test_a_state_of_another_schema_is_not_plain() -> None:
    good = STATES.encode(other_match())

    assert [True, False, False] == PlainMatches.read(
        [good, b"\0" + good[1:4] + b"\1" + good[5:], b""], HEADER
    ).plain.tolist()


@given(ids=st.permutations(["e", "e1", "e10", "e2", "event", "Ærø", "\u007f"]), known=st.integers(0, 6), data=st.data())
def test_what_is_said_of_one_moment_is_in_the_order_of_the_ids(ids: list[str], known: int, data: st.DataObject) -> None:
    kinds = st.sampled_from([EventKind.KICK_OFF, EventKind.HALF_TIME, EventKind.FULL_TIME])
    numbers = st.integers(0, 45)
    marks = [
        MatchEvent(one, "m", data.draw(kinds), 7, data.draw(numbers), home_score=data.draw(numbers), away_score=0)
        for one in ids
    ]
    state = replace(after(other_match(), marks[:known]), bundle=PIN)
    read = PlainMatches.read([STATES.encode(state)], HEADER)

    events, text = columns(marks[known:])
    read.fold(events, np.zeros(len(events), np.int32), np.arange(len(events), dtype=np.int64), text)

    expected = replace(after(state, marks[known:]), applied_match=len(events) - 1)
    assert read.written() == [STATES.encode(expected)]
