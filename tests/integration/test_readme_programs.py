"""The programs of the README, run as they are printed there, against a worker."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

README = (Path(__file__).parents[2] / "README.md").read_text()
PROGRAMS = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.fixture
def programs(tmp_path) -> tuple[Path, Path]:
    producer, consumer = PROGRAMS
    for name, text in (("producer.py", producer), ("consumer.py", consumer)):
        (tmp_path / name).write_text(text)
    return tmp_path / "producer.py", tmp_path / "consumer.py"


def test_they_are_short_and_need_nothing_of_ours():
    for program in PROGRAMS:
        statements = [line for line in program.splitlines() if line and not line.startswith(("import", "from", '"""'))]
        assert len(statements) <= 20
        assert not re.search(r"import (schemas|features|models|monitors|streams)|from (schemas|streams)", program)


def test_a_plain_producer_and_a_plain_consumer_get_predictions(world, programs, tmp_path):
    environment = os.environ | world.settings.environment()
    touchline = [sys.executable, "-P", "-m", "streams.cli"]
    subprocess.run([*touchline, "schema", "register"], env=environment, check=True, stdout=subprocess.DEVNULL)
    world.worker("predict", "rate")
    producer, consumer = programs

    sent = subprocess.run(
        [sys.executable, producer],
        env=environment,
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    match = sent.stdout.strip()
    with subprocess.Popen(
        [sys.executable, consumer], env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as reading:
        lines = [reading.stdout.readline() for _ in range(3)]
        reading.terminate()

    assert "" == sent.stderr
    assert [f"{match}   -1'  0-0", f"{match}    0'  0-0", f"{match}   16'  1-0"] == [
        line.rpartition("  home")[0] for line in lines
    ]
    for line in lines:
        assert sum(map(float, re.findall(r"\d\.\d{3}", line))) == pytest.approx(1, abs=0.002)
