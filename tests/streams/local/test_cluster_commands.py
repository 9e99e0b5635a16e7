import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from streams.cli import main
from streams.local.cluster import LocalCluster
from streams.local.errors import ClusterError
from streams.local.processes import Process, start_time
from streams.local.state import ClusterState, state_file, write_state
from streams.local.takedown import wipe

MYSELF = Process(os.getppid(), start_time(os.getppid()) or "")
GONE = Process(os.getppid(), "at another time")


@pytest.fixture(autouse=True)
def state_home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def touchline(*arguments):
    return CliRunner().invoke(main, list(arguments))


def write(processes, nodes=1, folder="/data", *, ephemeral=False):
    state = ClusterState(Path(folder), nodes, ephemeral=ephemeral, ready=True, bootstrap_servers="127.0.0.1:1",
                         registry_url="http://127.0.0.1:2", ports={}, processes=processes)  # fmt: skip
    write_state(state_file(), state)


@pytest.mark.parametrize("command", ["up", "down", "status"])
def test_help_has_an_example(command):
    assert f"Example:\n    touchline {command}" in touchline(command, "--help").output


def test_without_a_cluster_status_fails_and_says_how_to_start_one():
    result = touchline("status")

    assert 1 == result.exit_code
    assert "`touchline up` starts one" in result.stdout
    assert {"running": False} == json.loads(touchline("status", "--json").stdout)


def test_status_shows_where_the_cluster_is():
    write({"broker-1": MYSELF, "registry": MYSELF})

    result = touchline("status")

    assert 0 == result.exit_code
    assert all(part in result.stdout for part in ("127.0.0.1:1", "http://127.0.0.1:2", f"process {MYSELF.pid}"))


def test_status_names_what_has_ended():
    write({"broker-1": MYSELF, "broker-2": GONE, "registry": MYSELF}, nodes=3)

    result = touchline("status", "--json")

    assert 1 == result.exit_code
    assert ["broker-2", "broker-3"] == json.loads(result.stdout)["missing"]
    assert "broker-2" in touchline("status").stdout


def test_down_without_a_cluster_is_fine():
    result = touchline("down")

    assert 0 == result.exit_code
    assert "No local cluster was running.\n" == result.stdout


def test_down_leaves_a_process_alone_that_got_the_pid_of_one_of_ours():
    write({"broker-1": GONE})

    assert 0 == touchline("down").exit_code
    assert start_time(os.getppid()) == MYSELF.started
    assert not state_file().exists()


def test_down_removes_the_folder_of_an_ephemeral_cluster(tmp_path):
    folder = tmp_path / "ephemeral"
    folder.mkdir()
    write({"broker-1": GONE}, folder=folder, ephemeral=True)

    touchline("down")

    assert not folder.exists()


def test_wiping_removes_all_data(state_home):
    data = state_home / "touchline" / "clusters" / "nodes-1" / "broker-1"
    data.mkdir(parents=True)

    result = touchline("down", "--wipe")

    assert "Its data has been removed." in result.stdout
    assert not data.parent.parent.exists()
    assert 0 == touchline("down", "--wipe").exit_code


def test_a_running_cluster_is_not_wiped():
    write({"broker-1": MYSELF})

    with pytest.raises(ClusterError, match="touchline down"):
        wipe()


def test_up_fails_with_one_sentence_and_exit_code_2(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))

    result = touchline("up")

    assert 2 == result.exit_code
    assert "cannot be used: Not a directory" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("given", [{"nodes": 2}, {"nodes": 0}, {"security": "sasl_ssl"}])
def test_there_is_no_such_cluster(given):
    with pytest.raises(ValueError, match=r"1 or 3 nodes|for tests"):
        LocalCluster(**given)


def test_a_cluster_that_was_not_started_says_so():
    with pytest.raises(ClusterError, match="not been started"):
        _ = LocalCluster(ephemeral=True).bootstrap_servers
