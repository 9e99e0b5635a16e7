"""What all tests share."""

import os
import signal
from pathlib import Path

import hypothesis
import pytest

DATA = Path(__file__).parents[2] / "shared" / "data"

# Time on a shared machine says nothing about the code.
hypothesis.settings.register_profile("touchline", deadline=None)
hypothesis.settings.load_profile("touchline")

# A shell starts what it runs in the background deaf to Ctrl-C, and children inherit that: the tests send it to theirs.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def shared_data():
    """The folder of the real match history."""
    if not DATA.is_dir():
        reason = f"no match history in {DATA}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return DATA
