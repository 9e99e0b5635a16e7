"""The dashboards as they are deployed, and their queries as Grafana would send them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "deploy/grafana/dashboards"
NAMES = ("overview", "lag", "latency", "drift", "model", "accuracy")


def dashboard(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return found


def queries() -> Iterator[tuple[str, str]]:
    """Yield where each query is, and the query over one minute where Grafana chooses the range."""
    for name in NAMES:
        for panel in dashboard(name)["panels"]:
            for target in panel["targets"]:
                where = f"{name}: {panel['title']} {target['refId']}"
                yield where, target["expr"].replace("$__rate_interval", "1m")
