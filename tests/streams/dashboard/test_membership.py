from streams.dashboard.membership import CHANGES, Change, Changes, Group, Member


def group(*partitions: list[int], state: str | None = "STABLE") -> Group:
    return Group("g", state, [Member(f"w{one}", "h", {"t": numbers}) for one, numbers in enumerate(partitions)])


def test_a_change_of_who_has_which_partitions_is_seen_once():
    changes = Changes()
    looks = [
        group([0, 1]),
        group([0, 1]),
        group([0], [1]),
        group(state=None),
        group(state="PREPARING_REBALANCING"),
        group([0, 1]),
    ]
    for at_ms, one in enumerate(looks):
        changes.look([one], at_ms)

    assert [Change(5, "g", 2, 1), Change(2, "g", 1, 2)] == changes.newest_first


def test_no_more_than_so_many_changes_are_kept():
    changes = Changes()
    for at_ms in range(5 * CHANGES):
        changes.look([group([at_ms])], at_ms)

    assert (CHANGES, 5 * CHANGES - 1) == (len(changes.newest_first), changes.newest_first[0].at_ms)
