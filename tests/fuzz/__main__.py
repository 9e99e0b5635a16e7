"""`python -m tests.fuzz [TARGET ...] [--seconds N]`: fuzzers guided by coverage, each in a process of its own.

What breaks a promise is written to tests/fuzz/corpus/TARGET/, where `make test` tries it again. The inputs that reach
new code are kept in build/fuzz/TARGET/ between runs.
"""

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CORPUS = Path(__file__).parent / "corpus"
MEMORY_MB = 1_500
LONGEST_INPUT = 8_192
ONE_INPUT_SECONDS = 20


def main() -> int:
    """Fuzz the targets in turn; 1 when one broke a promise."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="Which (default: all).")
    parser.add_argument("--seconds", type=int, default=120, help="For each target.")
    given = parser.parse_args()
    names = given.targets or _target_names()
    broken = [name for name in names if _fuzzed(name, given.seconds)]
    print(f"{len(names) - len(broken)} of {len(names)} targets kept their promises{_and(broken)}")  # noqa: T201 - a command
    return 1 if broken else 0


def _and(broken: list[str]) -> str:
    return f"; {', '.join(broken)} did not: see {CORPUS.relative_to(ROOT)}" if broken else ""


def _target_names() -> list[str]:
    from tests.fuzz.targets import TARGETS  # noqa: PLC0415 - the fuzzer must see these modules loaded

    return sorted(TARGETS)


def _fuzzed(target: str, seconds: int) -> int:
    """Run the fuzzer for one target in a process; its exit code."""
    kept = ROOT / "build" / "fuzz" / target
    for folder in (kept, CORPUS / target):
        folder.mkdir(parents=True, exist_ok=True)
    options = {
        "max_total_time": seconds,
        "max_len": LONGEST_INPUT,
        "rss_limit_mb": MEMORY_MB,
        "timeout": ONE_INPUT_SECONDS,
        "artifact_prefix": f"{CORPUS / target}/",
        "print_final_stats": 1,
        "verbosity": 0,
    }
    words = [f"-{name}={value}" for name, value in options.items()]
    print(f"== {target}, {seconds} s", flush=True)  # noqa: T201 - a command
    command = [sys.executable, "-m", "tests.fuzz.guided", target, *words, str(kept), str(CORPUS / target)]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
