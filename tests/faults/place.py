"""Where one run of a scenario happens: brokers, registry, and the names under its own prefix."""

from dataclasses import dataclass

MATCH_EVENTS, FEATURE_EVENTS = "match-events", "feature-events"
PREDICTIONS, TEAM_EVENTS, DEAD_LETTERS = "predictions", "team-events", "dead-letters"
MODEL_CONTROL, MODEL_STATUS, SHADOWS = "model-control", "model-status", "shadow-predictions"
COMPARISONS = "shadow-comparisons"
INPUTS = (MATCH_EVENTS, FEATURE_EVENTS)
STUCK_MS = 5_000  # a broker which has not answered by then is taken for one which will not


@dataclass(frozen=True)
class Place:
    """Brokers, registry and topic prefix.

    Attributes:
        registry_url: The Confluent-compatible address, without a slash at its end.
        prefix: Stands before every topic and group.
        run_id: Part of the group, as `touchline reset` sets it.
    """

    bootstrap_servers: str
    registry_url: str
    prefix: str
    run_id: str = "1"

    def topic(self, name: str) -> str:
        return f"{self.prefix}{name}"

    def group_of(self, role: str) -> str:
        return f"{self.prefix}{role}-{self.run_id}"

    @property
    def group(self) -> str:
        return self.group_of("predict")

    @property
    def changelog(self) -> str:
        return f"{self.group}-matches-changelog"
