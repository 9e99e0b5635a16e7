"""What workers export, asked of the exporters themselves, and what rules, dashboards and pages ask for."""

import asyncio
import re
from pathlib import Path

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from streams.lag_metrics import LagCollector
from streams.materializing.shelf import ShelfFigures
from streams.metrics import WorkerMetrics
from streams.monitoring.figures import MonitorFigures, ReportFigures
from streams.performance.figures import CountingFigures, PerformanceFigures
from streams.settings import Settings
from streams.supervisor import Supervisor

ROOT = Path(__file__).parents[1]
_SUFFIXES = {
    "counter": ("_total",),
    "gauge": ("",),
    "histogram": ("_bucket", "_count", "_sum"),
    "summary": ("", "_count"),
}


def exported() -> set[str]:
    """Return the names of the series of all roles and of their supervisor."""
    registry = CollectorRegistry()
    WorkerMetrics(registry, "predict")
    MonitorFigures(registry)
    ReportFigures(registry)
    ShelfFigures(registry)
    CountingFigures(registry)
    PerformanceFigures(registry)
    registry.register(LagCollector([]))
    ProcessCollector(registry=registry)
    families = [*registry.collect(), *_supervisors()]
    return {f"{family.name}{suffix}" for family in families for suffix in _SUFFIXES[family.type]}


def _supervisors() -> list[Metric]:
    settings = Settings(bootstrap_servers="127.0.0.1:1", registry_url="http://127.0.0.1:1")
    supervisor = Supervisor(settings, ["predict"], Path("nowhere"))
    return list(text_string_to_metric_families(asyncio.run(supervisor._metrics()).decode()))


def asked(text: str) -> set[str]:
    """Return the names of series in *text*; Prometheus's own ALERTS and up are not among them."""
    return set(re.findall(r"\b(?:touchline|kafka|prediction|process)_[a-z_]+\b", text))
