"""Plans of roll-outs, from YAML files."""

from collections import Counter
from collections.abc import Hashable
from importlib import resources
from pathlib import Path
from typing import Any, Final

import yaml

from monitors.rollout_plan import Plan, PlanError, plan_of

LARGEST: Final = 2**16
USUAL: Final = "usual.yaml"


class _Loader(yaml.SafeLoader):
    """Of two equal keys YAML takes the last, in silence; here they are an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - PyYAML's signature
        names = Counter(str(key.value) for key, _ in node.value)
        if twice := [name for name, count in names.items() if count > 1]:
            raise yaml.MarkedYAMLError(problem=f"{twice[0]} stands there twice", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


def usual_text() -> str:
    """Return the plan that comes with Touchline, as YAML."""
    return resources.files("streams.rollouts").joinpath(USUAL).read_text(encoding="utf-8")


def usual_plan() -> Plan:
    """Return the plan that comes with Touchline."""
    return _plan(usual_text(), USUAL)


def read_plan(file: Path) -> Plan:
    """Return the plan in the YAML *file*.

    Raises:
        PlanError: It cannot be read, is no YAML, or plans what cannot be.
    """
    try:
        with file.open("rb") as opened:
            text = opened.read(LARGEST + 1)
    except OSError as error:
        raise PlanError(f"{file} cannot be read: {error.strerror}") from error
    if len(text) > LARGEST:
        raise PlanError(f"{file} is larger than {LARGEST:,} bytes, which no plan is")
    return _plan(text, str(file))


def _plan(text: bytes | str, where: str) -> Plan:
    try:
        found = yaml.load(text, _Loader)  # noqa: S506 - a safe loader
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise PlanError(f"{where} is not YAML{line}: {error.problem}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # among them UnicodeDecodeError and impossible dates
        raise PlanError(f"{where} is not YAML: {' '.join(str(error).split())}") from error
    return plan_of(found, where)
