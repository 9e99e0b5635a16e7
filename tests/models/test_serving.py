"""Which bundle serves a match: the fold of control records."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.serving import KEPT_MS, Serving, after_control, draw, pin_of, why_void
from schemas.records import ControlAction, ModelControl

A, B, C = ("a" * 64, "b" * 64, "c" * 64)


def change(
    after: Serving, action: ControlAction = ControlAction.PROMOTE, champion: str = A, **fields: object
) -> ModelControl:
    record = ModelControl(
        model="m", action=action, champion=champion, challenger=None, canary_share=0.0, shadow=False, running=False,
        by="me", why="why", at_ms=7, replaces=after.champion, revision=after.revision + 1,
    )  # fmt: skip
    return replace(record, **fields)  # type: ignore[arg-type] # fields by name


def served(*records: dict[str, object]) -> Serving:
    serving = Serving()
    for fields in records:
        following = after_control(serving, change(serving, **fields))  # type: ignore[arg-type] # fields by name
        assert following is not serving
        serving = following
    return serving


CANARY = {"action": ControlAction.CANARY, "challenger": B, "canary_share": 0.25}


def test_before_any_change_each_worker_serves_its_own() -> None:
    assert Serving().chosen("match") is None


def test_of_two_changes_at_once_the_first_counts() -> None:
    before = served({})
    promote, canary = change(before, champion=B), change(before, **CANARY)  # type: ignore[arg-type] # fields by name

    after = after_control(before, promote)

    assert after.champion == B
    assert after_control(after, canary) is after
    assert why_void(after, canary) == "it is change 2, and 3 would be the next one"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"revision": 7}, "it is change 7, and 2 would be the next one"),
        ({"replaces": C}, "it replaces cccccccccccc, and the champion is aaaaaaaaaaaa"),
        ({"replaces": None}, "it replaces none, and the champion is aaaaaaaaaaaa"),
        ({"champion": "../../etc"}, "'../../etc' is no digest of a bundle (64 hexadecimal digits)"),
        ({"challenger": "B" * 64}, f"{'B' * 64!r} is no digest of a bundle (64 hexadecimal digits)"),
        ({"canary_share": 1.5, "challenger": B}, "its canary share is 1.5, not 0 to 1"),
        ({"canary_share": float("nan"), "challenger": B}, "its canary share is nan, not 0 to 1"),
        ({"challenger": A}, "champion and challenger are both aaaaaaaaaaaa"),
        ({"canary_share": 0.5}, "it tries a challenger and names none"),
        ({"shadow": True}, "it tries a challenger and names none"),
    ],
)
def test_a_record_that_does_not_fit_is_void_and_says_why(fields: dict[str, object], sentence: str) -> None:
    before = served({})
    record = change(before, **fields)  # type: ignore[arg-type] # fields by name

    assert why_void(before, record) == sentence
    assert after_control(before, record) is before


def test_running_matches_keep_what_served_until_all_are_taken_at_once() -> None:
    canary = served({}, CANARY)
    promoted = served({}, CANARY, {"champion": B})
    rolled_back = served({}, CANARY, {"action": ControlAction.ROLLBACK})
    running = served({}, CANARY, {"champion": B, "running": True})

    found = [list(one.kept) for one in (canary, promoted, rolled_back, running)]
    assert found == [[A, B], [A, B], [A], [B]]
    assert rolled_back.served == (A, B)


def test_a_challenger_in_the_shadow_serves_no_match() -> None:
    shadow = served({}, {"action": ControlAction.SHADOW, "challenger": B, "shadow": True})

    assert (*shadow.kept,) == shadow.served == (A,)
    assert {shadow.chosen(f"m{number}") for number in range(100)} == {A}


@given(st.text(min_size=1), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_keeps_the_matches_of_a_smaller_one(match_id: str, one: float, other: float) -> None:
    low, high = sorted((one, other))
    smaller = served({}, {**CANARY, "canary_share": low})
    larger = served({}, {**CANARY, "canary_share": low}, {**CANARY, "canary_share": high})

    assert smaller.chosen(match_id) == A or larger.chosen(match_id) == B


def test_draws_are_even_and_those_of_two_roll_outs_independent() -> None:
    first = [draw(f"m{number}", 1) < 0.25 for number in range(4000)]
    second = [draw(f"m{number}", 2) < 0.25 for number in range(4000)]

    assert abs(sum(first) - 1000) < 4 * (4000 * 0.25 * 0.75) ** 0.5
    assert abs(sum(a and b for a, b in zip(first, second, strict=True)) - 250) < 4 * (4000 / 16 * 15 / 16) ** 0.5


def test_what_serves_no_longer_is_kept_for_two_days() -> None:
    hours = 3_600_000
    two = served({"at_ms": 0}, {"champion": B, "at_ms": 5 * hours})
    later = [after_control(two, change(two, champion=C, at_ms=5 * hours + left)) for left in (KEPT_MS, KEPT_MS + 1)]

    assert two.kept == {A: 5 * hours, B: 0}
    assert [one.kept for one in later] == [
        {A: 5 * hours, B: 5 * hours + KEPT_MS, C: 0},
        {B: 5 * hours + KEPT_MS + 1, C: 0},
    ]


def test_the_champion_before_is_remembered() -> None:
    assert [served({}).previous, served({}, {"champion": B}).previous] == [None, A]
    assert served({}, {"champion": B}, {**CANARY, "champion": B, "challenger": C}).previous == A


def test_a_new_roll_out_of_the_same_challenger_draws_anew() -> None:
    assert served({}, CANARY, {"action": ControlAction.ROLLBACK}, CANARY).rollout == 4


def test_a_pin_is_the_beginning_of_a_digest() -> None:
    assert pin_of("0123456789abcdef" * 4) == bytes.fromhex("0123456789abcdef")
