"""What is served, as the page is told it."""

import json
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from models.serving import Serving, after_control, why_void
from schemas.records import ControlAction, ModelControl, ModelStatus
from streams.control.log import Change
from streams.control.status import standing
from streams.control.telling import change_as_json, in_words, serving_as_json
from streams.dashboard.serving import LAST, ServingView, kept
from streams.rollouts.trials import trial_in

DIGESTS = [letter * 64 for letter in "abc"]
FIRST = ModelControl(
    "m", ControlAction.PROMOTE, DIGESTS[0], None, 0.0, shadow=False, running=False, by="me", why="so", at_ms=1
)
REPORT = ModelStatus("w0", "predict", "m", "1", DIGESTS[0], (0, 1), 10, None, 1)


def asked(wishes: Sequence[tuple[str, str | None, bool]]) -> tuple[tuple[Change, ...], Serving]:
    """Return changes to champion and challenger, of which some expect another revision, and what is served then."""
    serving, found = Serving(), []
    for offset, (champion, challenger, fits) in enumerate(wishes):
        record = replace(
            FIRST, champion=champion, challenger=challenger, replaces=serving.champion, at_ms=offset,
            revision=serving.revision + (1 if fits else 7),
        )  # fmt: skip
        found.append(Change(offset, record, why_void(serving, record)))
        serving = after_control(serving, record)
    return tuple(found), serving


@given(st.lists(st.tuples(st.sampled_from(DIGESTS), st.sampled_from([None, *DIGESTS]), st.booleans()), max_size=200))
def test_what_is_kept_tells_the_same_trial_as_all_changes_and_its_end_is_theirs(wishes):
    changes, serving = asked(wishes)
    found = kept(changes, serving)

    assert changes[-LAST:] == found[-LAST:]
    assert trial_in("m", changes, serving) == trial_in("m", found, serving)


def test_many_changes_by_mistake_push_the_beginning_of_a_trial_out_of_sight_but_not_out_of_mind():
    changes, serving = asked([(DIGESTS[0], DIGESTS[1], True), *[(DIGESTS[2], None, False)] * 500])

    found = kept(changes, serving)
    assert 1 + LAST == len(found)
    trial = trial_in("m", found, serving)
    assert trial is not None
    assert 0 == trial.since_ms


def test_the_parts_are_what_the_commands_tell():
    changes, serving = asked([(DIGESTS[0], None, True), (DIGESTS[0], DIGESTS[1], True), (DIGESTS[2], None, False)])
    reports = [
        REPORT,
        replace(REPORT, worker="w1", partitions=(2,), refused="no"),
        replace(REPORT, role="shadow", partitions=(0, 1, 2, 3)),
    ]
    view = ServingView("m")
    view.changed(changes, serving)
    view.reported(reports)
    told = {name: json.loads(part) for name, part in view.shown(4).items()}

    expected = json.loads(json.dumps(serving_as_json(serving, standing(reports, 4))))
    assert expected == {name: told["serving"][name] for name in expected}
    assert in_words(serving) == told["serving"]["said"]
    assert [change_as_json(one) for one in reversed(changes)] == told["changes"]
    assert [3] == told["serving"]["missing_partitions"]
    assert [[0, 1, 2, 3]] == [one["partitions"] for one in told["serving"]["shadow_workers"]]


def test_of_a_worker_its_newest_report_counts_whenever_it_is_read():
    view = ServingView("m")
    view.reported([replace(REPORT, at_ms=20, revision=2), REPORT])

    (worker,) = json.loads(view.shown(2)["serving"])["workers"]
    assert (20, 2) == (worker["at_ms"], worker["revision"])


def test_more_partitions_are_missing_until_a_worker_serves_them():
    view = ServingView("m")
    view.reported([REPORT])

    assert [[], [2]] == [json.loads(view.shown(count)["serving"])["missing_partitions"] for count in (2, 3)]
