"""Every version of every schema this package ships: ``<name>.v<version>.avsc``, read when first asked for."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from schemas import records

_FILE = re.compile(r"(?P<name>[a-z_]+)\.v(?P<version>[1-9][0-9]*)\.avsc")

RECORD_TYPES: Mapping[str, type] = {
    "match_event": records.MatchEvent,
    "feature_event": records.FeatureEvent,
    "team_event": records.TeamEvent,
    "prediction": records.Prediction,
    "drift_report": records.DriftReport,
    "latency_report": records.LatencyReport,
    "monitor_partial": records.MonitorPartial,
    "performance_partial": records.PerformancePartial,
    "performance_report": records.PerformanceReport,
    "shadow_comparison": records.ShadowComparison,
    "model_control": records.ModelControl,
    "model_status": records.ModelStatus,
    "progress": records.Progress,
}


@cache
def schemas() -> Mapping[str, Mapping[int, str]]:
    """Return the JSON text of every schema by name and version, versions ascending."""
    found: dict[str, dict[int, str]] = {}
    for file in files("schemas").iterdir():
        match = _FILE.fullmatch(file.name)
        if match:
            found.setdefault(match["name"], {})[int(match["version"])] = file.read_text(encoding="utf-8")
    return {name: dict(sorted(versions.items())) for name, versions in sorted(found.items())}


def versions(name: str) -> Mapping[int, str]:
    """Return the JSON text of each version of schema *name*.

    Raises:
        LookupError: There is no such schema.
    """
    known = schemas()
    if name not in known:
        raise LookupError(f"there is no schema {name!r}; there are {', '.join(known)}")
    return known[name]


def latest(name: str) -> int:
    """Return the highest version of schema *name*.

    >>> latest("match_event")
    2
    """
    return max(versions(name))


def schema_json(name: str, version: int | None = None) -> str:
    """Return the JSON text of a version, the latest by default.

    Raises:
        LookupError: There is no such schema or version.
    """
    known = versions(name)
    wanted = latest(name) if version is None else version
    if wanted not in known:
        raise LookupError(f"schema {name} has no version {wanted}; it has {', '.join(map(str, known))}")
    return known[wanted]
