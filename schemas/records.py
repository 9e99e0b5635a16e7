"""The records of every topic: one frozen dataclass a schema, with the same names in the same order.

Times end in ``_ms`` or ``_us``: milliseconds or microseconds since the epoch, UTC. What a field means stands in its
schema; here stand only the ranges.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class EventKind(StrEnum):
    """What happened in a match."""

    SCHEDULED = "SCHEDULED"
    KICK_OFF = "KICK_OFF"
    GOAL = "GOAL"
    OWN_GOAL = "OWN_GOAL"
    PENALTY_GOAL = "PENALTY_GOAL"
    YELLOW_CARD = "YELLOW_CARD"
    RED_CARD = "RED_CARD"
    SHOT = "SHOT"
    CORNER = "CORNER"
    SUBSTITUTION = "SUBSTITUTION"
    TICK = "TICK"
    HALF_TIME = "HALF_TIME"
    FULL_TIME = "FULL_TIME"
    CORRECTION = "CORRECTION"
    CANCELLED = "CANCELLED"


GOALS = frozenset({EventKind.GOAL, EventKind.OWN_GOAL, EventKind.PENALTY_GOAL})
FEATURES_CAUSE = "FEATURES"
"""What a prediction after a feature event names in the place of a kind."""


class Side(StrEnum):
    """Which of the two teams."""

    HOME = "HOME"
    AWAY = "AWAY"


@dataclass(frozen=True, slots=True)
class MatchEvent:
    """One thing which happened in a match; see ``match_event.v2.avsc``.

    Attributes:
        minute: 0 to 150.
        home_score: 0 to 99, as away_score.
        expected_goals: 0 to 1; None before version 2 of the schema.
    """

    event_id: str
    match_id: str
    kind: EventKind
    occurred_at_ms: int
    minute: int = 0
    side: Side | None = None
    home_team: str | None = None
    away_team: str | None = None
    competition: str | None = None
    neutral: bool | None = None
    kick_off_ms: int | None = None
    home_score: int | None = None
    away_score: int | None = None
    corrects: str | None = None
    expected_goals: float | None = None


@dataclass(frozen=True, slots=True)
class FeatureEvent:
    """What a source knows of a match; see ``feature_event.v1.avsc``."""

    event_id: str
    match_id: str
    source: str
    as_of_ms: int
    values: Mapping[str, float | None]


class TeamEventKind(StrEnum):
    """What changed a fixture or its result."""

    SCHEDULED = "SCHEDULED"
    FULL_TIME = "FULL_TIME"
    CANCELLED = "CANCELLED"
    CORRECTION = "CORRECTION"


@dataclass(frozen=True, slots=True)
class TeamEvent:
    """What is known of a fixture and its result; see ``team_event.v1.avsc``."""

    event_id: str
    match_id: str
    kind: TeamEventKind
    occurred_at_ms: int
    kick_off_ms: int
    competition: str
    home_team: str
    away_team: str
    neutral: bool
    home_score: int | None = None
    away_score: int | None = None
    cancelled: bool = False


class Variant(StrEnum):
    """In which part a model was used."""

    CHAMPION = "CHAMPION"
    CHALLENGER = "CHALLENGER"
    SHADOW = "SHADOW"


@dataclass(frozen=True, slots=True)
class Prediction:
    """Probabilities after one event, and what explains them; see ``prediction.v1.avsc``.

    Attributes:
        minute: -1 before kick-off.
        home: 0 to 1; home, draw and away sum to 1 within 1e-6. In shadow-predictions all three are NaN when the bundle
            could not score the event; the header ``failure`` says why.
        features: float32 values in the order of the feature set; NaN is missing.
    """

    prediction_id: str
    match_id: str
    event_id: str
    cause: str
    occurred_at_ms: int
    competition: str
    minute: int
    home_score: int
    away_score: int
    home: float
    draw: float
    away: float
    variant: Variant
    model: str
    model_version: str
    bundle_digest: str
    feature_set: str
    features: Sequence[float]
    source_topic: str
    source_partition: int
    source_offset: int
    source_timestamp_ms: int
    received_at_us: int
    decoded_at_us: int
    scored_at_us: int


class DriftVerdict(StrEnum):
    """What a window says of one feature."""

    OK = "OK"
    DRIFT = "DRIFT"
    TOO_FEW = "TOO_FEW"


@dataclass(frozen=True, slots=True)
class FeatureDrift:
    """Drift of one feature, or of one predicted class, in one window."""

    feature: str
    n: int
    bins: int
    psi: float | None
    null_mean: float | None
    p_value: float | None
    ks: float | None
    ks_p_value: float | None
    null_rate: float
    verdict: DriftVerdict
    chi2: float | None = None
    chi2_p_value: float | None = None


@dataclass(frozen=True, slots=True)
class DriftReport:
    """Drift of one closed window; see ``drift_report.v2.avsc``."""

    model: str
    model_version: str
    variant: str
    window_start_ms: int
    window_end_ms: int
    bundle_digest: str
    n_matches: int
    n_predictions: int
    late: int
    features: Sequence[FeatureDrift]
    alarms: Sequence[str]
    refused: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StageLatency:
    """Quantiles of one stage, in seconds; None without a measure."""

    stage: str
    count: int
    clock_behind: int
    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    p999: float | None


@dataclass(frozen=True, slots=True)
class LatencyReport:
    """Latency of one closed window; see ``latency_report.v1.avsc``."""

    model: str
    model_version: str
    variant: str
    window_start_ms: int
    window_end_ms: int
    stages: Sequence[StageLatency]
    bundle_digest: str = ""


class PartialKind(StrEnum):
    """What a partial says of its partition."""

    DRIFT = "DRIFT"
    LATENCY = "LATENCY"
    PROGRESS = "PROGRESS"


@dataclass(frozen=True, slots=True)
class MonitorPartial:
    """Cumulative counts of one partition and window, or its progress; see ``monitor_partial.v1.avsc``."""

    model: str
    model_version: str
    variant: str
    window_start_ms: int
    window_end_ms: int
    bundle_digest: str
    source_partition: int
    sequence: int
    closed: bool
    payload: bytes
    kind: PartialKind = PartialKind.DRIFT


@dataclass(frozen=True, slots=True)
class MonitorState:
    """An entry in a monitor's table; see ``monitor_state.v1.avsc``."""

    applied: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class PerformancePartial:
    """Cumulative sums of one partition, model, day and segment; see ``performance_partial.v1.avsc``."""

    run_id: str
    source_partition: int
    epoch: int
    sequence: int
    model: str
    model_version: str
    variant: str
    bundle_digest: str
    day: int
    segment: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class SegmentPerformance:
    """Quality of the predictions of one segment; means are None without a prediction."""

    segment: str
    n_matches: int
    n_predictions: int
    log_loss: float | None
    rps: float | None
    brier: float | None
    accuracy: float | None
    ece: float | None
    ece_by_class: Sequence[float]
    confusion: Sequence[int]
    cost: float | None
    estimated_log_loss: float | None
    estimated_rps: float | None
    estimated_brier: float | None
    estimated_accuracy: float | None
    n_pending_matches: int
    n_pending_predictions: int
    pending_log_loss: float | None
    pending_accuracy: float | None
    n_informed: int


@dataclass(frozen=True, slots=True)
class PerformanceReport:
    """Quality of one model over the days up to one that closed; see ``performance_report.v1.avsc``.

    Attributes:
        log_loss: NaN without a prediction that is judged, as the next four.
    """

    model: str
    model_version: str
    variant: str
    window_start_ms: int
    window_end_ms: int
    segment: str
    n_matches: int
    n_predictions: int
    log_loss: float
    rps: float
    brier: float
    accuracy: float
    ece: float
    bundle_digest: str = ""
    n_cancelled: int = 0
    n_late: int = 0
    n_pending: int = 0
    n_missing: int = 0
    segments: Sequence[SegmentPerformance] = ()


@dataclass(frozen=True, slots=True)
class ShadowComparison:
    """Two models on the same events of one window of a roll-out, as it was judged; see ``shadow_comparison.v3.avsc``.

    Attributes:
        window_end_ms: Which window of the roll-out it is; the first record of a window counts, later ones do not.
        began_ms: When the roll-out began; with the two digests it says which one.
        evidence: JSON of what every check was told.
        open_since_ms: Whoever reads the topics from then on knows all that later windows count; 0 where nobody said.
    """

    model: str
    model_version: str
    variant: str
    window_start_ms: int
    window_end_ms: int
    other_model_version: str
    n: int
    mean_divergence: float
    max_divergence: float
    log_loss_difference: float | None = None
    champion: str = ""
    challenger: str = ""
    began_ms: int = 0
    clip: float = 0.0
    evidence: bytes = b""
    open_since_ms: int = 0


class ControlAction(StrEnum):
    """What an operator asks of the workers."""

    PROMOTE = "PROMOTE"
    ROLLBACK = "ROLLBACK"
    SHADOW = "SHADOW"
    CANARY = "CANARY"
    PAUSE = "PAUSE"


@dataclass(frozen=True, slots=True)
class ModelControl:
    """One change of what is served; see ``model_control.v2.avsc``.

    Attributes:
        canary_share: 0 to 1.
        replaces: Bundle digest which the sender believes to serve; None before any change.
        revision: One more than that of the change which the sender has seen last.
    """

    model: str
    action: ControlAction
    champion: str
    challenger: str | None
    canary_share: float
    shadow: bool
    running: bool
    by: str
    why: str
    at_ms: int
    replaces: str | None = None
    revision: int = 0


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """Which bundle a worker serves; see ``model_status.v2.avsc``.

    Attributes:
        refused: Why it does not carry out a later change; None when there is none.
        revision: Of the last change which it has carried out.
    """

    worker: str
    role: str
    model: str
    model_version: str
    bundle_digest: str
    partitions: Sequence[int]
    at_ms: int
    refused: str | None = None
    revision: int = 0
    challenger: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one partition of a table has come; see ``progress.v3.avsc``."""

    inputs: Mapping[str, int]
    outputs: Mapping[str, int]
    digest: int | None = None
    states: int | None = None
    since: int = 0
    since_epoch: int = 0
