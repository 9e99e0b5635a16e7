"""Taking a cluster down which this or another process started."""

import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from streams.local.errors import ClusterError
from streams.local.locks import exclusive
from streams.local.places import state_folder
from streams.local.processes import is_running, stop
from streams.local.state import read_state, state_file

LOCK_NAME = "cluster.lock"
DATA_NAME = "clusters"


def one_at_a_time(environment: Mapping[str, str], say: Callable[[str], None]) -> AbstractContextManager[None]:
    """Keep two commands from starting or stopping the kept cluster at once."""
    return exclusive(
        state_folder(environment) / LOCK_NAME,
        lambda: say("Another command is starting or stopping the local cluster; waiting for it."),
    )


def take_down(environment: Mapping[str, str] = os.environ, say: Callable[[str], None] = lambda _: None) -> list[str]:
    """Stop what the state file names, and nothing else, wait for it, and return the names of what ran.

    The caller holds the lock of one_at_a_time().

    Raises:
        ClusterError: A process does not end.
    """
    path = state_file(environment)
    state = read_state(path)
    if state is None:
        return []
    running = state.running()
    if running:
        say(f"Stopping {', '.join(running)}.")
    stop(list(running.values()))
    for name, process in running.items():
        if is_running(process):
            raise ClusterError(f"{name} (process {process.pid}) does not end; its data is in {state.folder}")
    if state.ephemeral:
        shutil.rmtree(state.folder, ignore_errors=True)
    path.unlink(missing_ok=True)
    return sorted(running)


def wipe(environment: Mapping[str, str] = os.environ) -> None:
    """Remove the data of every kept cluster, topics and schemas and all.

    The caller holds the lock of one_at_a_time().

    Raises:
        ClusterError: One runs, or the data cannot be removed.
    """
    folder = state_folder(environment) / DATA_NAME
    state = read_state(state_file(environment))
    if state is not None and state.running():
        raise ClusterError("the local cluster runs, so its data cannot be removed; run `touchline down` first")
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise ClusterError(f"the data in {folder} cannot be removed: {error.strerror}") from error
