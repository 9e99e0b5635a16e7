import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from streams.applications import APPLICATIONS
from streams.prefixes import prefix_of_group, prefix_of_subject, prefix_of_topic, prefixes
from streams.settings import read_settings
from streams.topics import TOPICS

PREFIXES = st.text(string.ascii_letters + string.digits + "._-", max_size=30)
RUN_IDS = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=40)


def settings_of(prefix: str, run_id: str):
    return read_settings(bootstrap_servers="h:1", registry_url="http://h", topic_prefix=prefix, run_id=run_id)


@given(PREFIXES, RUN_IDS)
def test_each_of_our_names_stands_under_its_own_prefix(prefix, run_id):
    assume(not any(name in prefix + run_id for name in APPLICATIONS))
    settings = settings_of(prefix, run_id)
    topics = [settings.topic(name) for name in TOPICS]
    changelogs = [one.changelog(settings, name) for name, one in APPLICATIONS.items()]

    for name in (*topics, *changelogs):
        assert prefix == prefix_of_topic(name)
        assert prefix == prefix_of_subject(f"{name}-value")
    assert prefix == prefix_of_subject(f"{changelogs[0]}-progress-value")
    assert {prefix} == {prefix_of_group(settings.group(name)) for name in APPLICATIONS}
    assert {prefix: len(topics) + len(changelogs)} == prefixes([*topics, *changelogs])


@pytest.mark.parametrize(
    "name", ["payments", "match-events-copy", "predict", "my-predictions-v2", "__consumer_offsets"]
)
def test_names_of_others_stand_under_none(name):
    assert [None, None, None] == [prefix_of_topic(name), prefix_of_subject(name), prefix_of_group(name)]
    assert {} == prefixes([name])
