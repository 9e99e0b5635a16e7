import json
import os
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.local.processes import Process, start_time
from streams.local.state import ClusterState, RunningCluster, read_state, running_cluster, state_file, write_state

NAMES = st.text(string.ascii_lowercase + "-123", min_size=1, max_size=12)
STATES = st.builds(
    ClusterState,
    folder=st.builds(Path, NAMES),
    nodes=st.sampled_from([1, 3]),
    ephemeral=st.booleans(),
    ready=st.booleans(),
    bootstrap_servers=st.text(),
    registry_url=st.text(),
    ports=st.dictionaries(NAMES, st.integers(1, 65535)),
    processes=st.dictionaries(NAMES, st.builds(Process, st.integers(1, 2**22), st.text())),
)
MYSELF = Process(os.getppid(), start_time(os.getppid()) or "")
GONE = Process(os.getppid(), "at another time")


@pytest.fixture
def environment(tmp_path):
    return {"XDG_STATE_HOME": str(tmp_path)}


def write(environment, processes, *, ready=True):
    ports = {"broker-1": 1, "registry": 2}
    state = ClusterState(Path("/data"), 1, ephemeral=False, ready=ready, bootstrap_servers="127.0.0.1:1",
                         registry_url="http://127.0.0.1:2", ports=ports, processes=processes)  # fmt: skip
    write_state(state_file(environment), state)


@given(STATES)
def test_what_is_written_is_read(tmp_path_factory, state):
    path = tmp_path_factory.getbasetemp() / "a-state" / "cluster.json"

    write_state(path, state)

    assert state == read_state(path)
    assert ["cluster.json"] == [found.name for found in path.parent.iterdir()]


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"format": 2}', '{"format": 1, "folder": 3}', "null"])
def test_a_file_that_is_no_state_is_none(tmp_path, content):
    (tmp_path / "cluster.json").write_text(content)

    assert read_state(tmp_path / "cluster.json") is None


def test_without_a_state_file_no_cluster_runs(environment):
    assert running_cluster(environment) is None


def test_the_running_cluster_is_found(environment):
    write(environment, {"broker-1": MYSELF, "registry": MYSELF})

    assert RunningCluster(
        "127.0.0.1:1", "http://127.0.0.1:2", 1, {"broker-1": MYSELF.pid, "registry": MYSELF.pid}
    ) == running_cluster(environment)


def test_a_cluster_whose_brokers_have_ended_does_not_run_though_their_pids_are_taken(environment):
    write(environment, {"broker-1": GONE, "registry": MYSELF})

    assert running_cluster(environment) is None


def test_a_process_that_has_ended_is_not_among_the_pids(environment):
    write(environment, {"broker-1": MYSELF, "registry": GONE})

    assert ["broker-1"] == list(running_cluster(environment).pids)


def test_a_cluster_that_is_still_starting_is_not_given_to_commands(environment):
    write(environment, {"broker-1": MYSELF}, ready=False)

    assert running_cluster(environment) is None


def test_the_state_file_says_which_format_it_has(environment):
    write(environment, {})

    assert json.loads(state_file(environment).read_text())["format"] == 1
