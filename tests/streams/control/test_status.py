"""What the reports of workers say together."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from schemas.records import ModelStatus
from streams.control.status import standing

SHADOWS = [("w2", 10**7 - 1_500_001, None), ("w1", 10**7 - 1_500_000, "no"), ("w0", 9, None), ("w0", 10**7, None)]


def report(  # noqa: PLR0917 - what a report says
    worker: str,
    partitions: Sequence[int],
    at_ms: int,
    revision: int = 1,
    refused: str | None = None,
    role: str = "predict",
) -> ModelStatus:
    return ModelStatus(worker, role, "m", "1", "a" * 64, tuple(partitions), at_ms, refused, revision)


def test_the_newest_word_for_a_partition_counts_and_of_a_worker_its_last() -> None:
    found = standing([report("w0", (0, 1, 2, 3), 1), report("w1", (2, 3), 2), report("w0", (0, 1), 3, revision=2)], 4)

    assert {partition: (one.worker, one.revision) for partition, one in found.by_partition.items()} == {
        0: ("w0", 2),
        1: ("w0", 2),
        2: ("w1", 1),
        3: ("w1", 1),
    }
    assert (found.carries_out(1), found.carries_out(2)) == (True, False)


def test_a_partition_that_was_given_up_and_taken_by_nobody_is_missing() -> None:
    found = standing([report("w0", (0, 1), 1), report("w0", (0,), 2)], 2)

    assert (found.missing, found.carries_out(1)) == ([1], False)


def test_refusals_are_told_once_each() -> None:
    found = standing([report("w0", (0,), 1, refused="no"), report("w1", (1,), 1, refused="no")], 2)

    assert found.refusals == ["no"]


def test_shadow_workers_are_told_of_beside_the_others_and_not_waited_for() -> None:
    predicts = report("w0", (0, 1), 10**7, revision=2)
    shadows = [report(name, (0, 1), at, 1, refused, "shadow") for name, at, refused in SHADOWS]

    found = standing([*shadows, predicts], 2)

    assert {0: predicts, 1: predicts} == found.by_partition
    assert found.carries_out(2)
    assert not found.refusals
    assert [("w0", None), ("w1", "no")] == [(one.worker, one.refused) for one in found.shadows]


@given(
    st.permutations([report("w0", (0, 1), 1), report("w1", (1,), 2), report("w0", (0,), 3, 2), report("w2", (2,), 4)])
)
def test_the_order_in_which_reports_are_read_does_not_matter(reports: list[ModelStatus]) -> None:
    found = standing(reports, 3)

    assert {partition: one.worker for partition, one in found.by_partition.items()} == {0: "w0", 1: "w1", 2: "w2"}
