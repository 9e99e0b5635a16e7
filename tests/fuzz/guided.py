"""One target under atheris: `python -m tests.fuzz.guided TARGET [libFuzzer's options and folders]`."""

import sys
from pathlib import Path


def main() -> None:
    """Fuzz until libFuzzer's options end it."""
    import atheris  # noqa: PLC0415 - `make fuzz` installs it; pytest, which looks for doctests here, has none

    with atheris.instrument_imports(include=["schemas", "features", "models", "monitors", "streams"]):
        from tests.fuzz.seeds import seeds  # noqa: PLC0415 - loaded while they are instrumented
        from tests.fuzz.targets import TARGETS  # noqa: PLC0415
    target, kept = sys.argv[1], Path(sys.argv[-2])
    for place, seed in enumerate(seeds(target)):
        (kept / f"seed-{place}").write_bytes(seed)
    atheris.Setup([sys.argv[0], *sys.argv[2:]], TARGETS[target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
