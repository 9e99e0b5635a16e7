"""The table of topics: name, schema, key, partitions, how long records are kept."""

from collections.abc import Mapping
from dataclasses import dataclass

DAY_MS = 86_400_000
DEAD_LETTER_MAX_BYTES = 20 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """One topic of the design.

    Attributes:
        name: Without the prefix.
        schema: Name of the schema of its values; None for bytes of any kind.
        key: What its key is, in words.
        partitions: Number of partitions; None follows the setting.
        retention_days: Days until a record is deleted; None keeps it for ever.
        max_record_bytes: Largest record it takes; None leaves the broker's default.
    """

    name: str
    schema: str | None
    key: str
    partitions: int | None
    retention_days: int | None
    max_record_bytes: int | None = None

    def config(self) -> dict[str, str]:
        """Return the topic's configuration by Kafka's names."""
        retention = -1 if self.retention_days is None else self.retention_days * DAY_MS
        found = {"cleanup.policy": "delete", "retention.ms": str(retention)}
        if self.max_record_bytes is not None:
            found["max.message.bytes"] = str(self.max_record_bytes)
        return found


_ALL = (
    TopicSpec("match-events", "match_event", "match_id", None, 60),
    TopicSpec("feature-events", "feature_event", "match_id", None, 7),
    TopicSpec("team-events", "team_event", "constant", 1, 30),
    TopicSpec("predictions", "prediction", "match_id", None, 30),
    TopicSpec("shadow-predictions", "prediction", "match_id", None, 3),
    TopicSpec("monitor-partials", "monitor_partial", "model", 1, 7),
    TopicSpec("performance-partials", "performance_partial", "model", 1, 7),
    TopicSpec("drift-reports", "drift_report", "model", 1, 30),
    TopicSpec("latency-reports", "latency_report", "model", 1, 30),
    TopicSpec("performance-reports", "performance_report", "model", 1, 30),
    TopicSpec("shadow-comparisons", "shadow_comparison", "model", 1, None),
    TopicSpec("model-control", "model_control", "model name", 1, None),
    TopicSpec("model-status", "model_status", "worker", 1, 7),
    TopicSpec("dead-letters", None, "source key", 3, 30, DEAD_LETTER_MAX_BYTES),
)
TOPICS: Mapping[str, TopicSpec] = {spec.name: spec for spec in _ALL}
