"""Reading on is refused when it would skip events or mix two logs."""

import pytest

from streams.engine.safety import UNFINISHED, InputError, check_position


def position(known=None, committed=None, log=(0, 100)):
    return check_position("in", 3, known or {}, topic_id="new", committed=committed, log=log)


def test_a_group_that_never_read_begins_where_the_log_does():
    assert 0 == position()
    assert 20 == position(log=(20, 100))


def test_a_committed_offset_in_the_log_is_where_it_goes_on():
    assert 50 == position(committed=50)
    assert 100 == position(committed=100)
    assert 0 == position(committed=0)


def test_a_lost_commit_is_made_good_by_what_the_table_knows():
    assert 42 == position(known={"in@new": 42})


def test_a_committed_offset_wins_over_the_tables():
    assert 40 == position(known={"in@new": 42}, committed=40)


def test_events_deleted_before_they_were_read_are_counted():
    with pytest.raises(InputError, match=r"7 events of in\[3\] are gone.*offsets 13 to 19"):
        position(committed=13, log=(20, 100))


def test_events_deleted_after_the_commit_was_lost_are_counted_too():
    with pytest.raises(InputError, match=r"10 events of in\[3\] are gone"):
        position(known={"in@new": 10}, log=(20, 100))


def test_a_log_that_ends_before_the_commit_is_refused():
    with pytest.raises(InputError, match="20 events are gone from the log"):
        position(committed=120)


def test_a_topic_made_anew_is_refused_though_its_offsets_would_fit():
    with pytest.raises(InputError, match=r"in was deleted and made anew.*offsets up to 60.*has 100 events"):
        position(known={"in@old": 60}, committed=None)


def test_another_topic_with_a_longer_name_does_not_matter():
    assert 0 == position(known={"in-other@old": 60})


def test_states_that_a_tool_is_still_writing_are_refused():
    with pytest.raises(InputError, match="a move was interrupted"):
        position(known={UNFINISHED: 0})
