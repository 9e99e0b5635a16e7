import shutil
import subprocess
import sys
from pathlib import Path

from numba.core.registry import CPUDispatcher

import schemas.compiling
from schemas.compiling import compiled

CALLEE = "from schemas.compiling import compiled\n\n@compiled\ndef one():\n    return {value}\n"
CALLER = "from features.callee import one\n" + CALLEE.format(value="2 * one()").replace("def one", "def two")


def test_where_nothing_can_be_kept_it_is_compiled_all_the_same(monkeypatch):
    def refuse(_dispatcher):
        raise RuntimeError("no locator available")

    monkeypatch.setattr(CPUDispatcher, "enable_caching", refuse)

    assert 3 == compiled(lambda number: number + 1)(2)


def test_a_kernel_is_compiled_once_and_anew_when_one_that_it_calls_has_changed(tmp_path: Path):
    for package in ("schemas", "features"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    shutil.copy(schemas.compiling.__file__, tmp_path / "schemas")
    (tmp_path / "features" / "caller.py").write_text(CALLER)

    said = []
    for value in (1, 1, 25):
        (tmp_path / "features" / "callee.py").write_text(CALLEE.format(value=value))
        command = [
            sys.executable,
            "-c",
            "from features.caller import two; print(two(), sum(two.stats.cache_hits.values()))",
        ]
        said.append(subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, text=True).stdout.split())

    assert [["2", "0"], ["2", "1"], ["50", "0"]] == said
