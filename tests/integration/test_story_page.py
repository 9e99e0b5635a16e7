"""docs/story.md, run as it stands there: every command, in its order, in one shell's folder and environment."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.integration.test_api_role import free_port
from tests.integration.world import World
from tests.streams.small_history import write_history

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PAGE = (Path(__file__).parents[2] / "docs" / "story.md").read_text()
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
OWN = ("touchline up", "touchline down")
"""What starts and stops a cluster: the test has one."""

DAYS, LAST = 600, date(2025, 6, 30)  # the last day of the public history


@pytest.fixture(name="shell")
def _shell(world: World, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A shell in an empty folder beside the data, which ends at the first command that fails."""
    data = tmp_path / "shared" / "data"
    data.mkdir(parents=True)
    write_history(data, DAYS, LAST - timedelta(days=DAYS - 1))
    (tmp_path / "empty").mkdir()
    own = {name: str(tmp_path / name) for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME")}
    own["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    own |= {"TOUCHLINE_PREDICTOR": "bundle", "TOUCHLINE_HTTP_PORT": str(free_port())}
    own["TOUCHLINE_MODEL_BUDGET_US"] = "1000000"  # a loaded machine is no slow model
    shell = subprocess.Popen(
        [str(shutil.which("bash")), "-em"],
        cwd=tmp_path / "empty",
        env=os.environ | world.settings.environment() | own,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    yield shell
    shell.kill()


def test_every_command_of_the_page_works_as_it_stands_there(shell: subprocess.Popen[str]) -> None:
    ours = [line for line in COMMANDS if line not in OWN]
    assert len(ours) == len(COMMANDS) - len(OWN)
    script = "".join(f"echo {shlex.quote(f'$ {line}')}\n{line}\n" for line in ours)

    said, _ = shell.communicate(f"trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\n{script}")

    assert shell.returncode == 0, said
    for sentence in (
        "season 1 is in the store, as bundle ",
        "scores the same events in the shadow",
        "gets 0.25 of the matches which kick off from now on",
        "match-events-value has v1",
        "venue is new: readers of today pass it over",
        "look for leaks: ",
        "register: season@3 is in the store, as bundle ",
        "ended: challenger",
    ):
        assert sentence in said
