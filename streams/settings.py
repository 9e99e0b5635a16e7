"""What can be set, read once from the environment; every wrong variable is named in one error."""

import math
import os
import re
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings import SettingsError as NotJSONError

from streams.local.state import running_cluster

PREFIX = "TOUCHLINE_"
TopicPrefix = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,100}$")]
RunId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
LAST_PORT = 65_535
LONGEST_SHOWN = 300
_DELIVERY_SHARE = 0.75
# A broker which takes connections and says nothing, as one that is paused, is given up for another one after this;
# librdkafka waits a minute, for which its partitions would stand still though they have another leader by then.
SILENCE_SECONDS = 6.0
ZERO_ONE_COSTS = "zero-one"
Port = Annotated[int, Field(ge=0, le=LAST_PORT)]
PredictorKind = Literal["bundle", "heuristic", "tree", "forest", "xgboost", "lightgbm", "mlp", "mean", "stack"]


class SettingsError(ValueError):
    """Raised when a variable is wrong; the message names every one."""


class Security(BaseModel):
    """How to reach the brokers: the same for aiokafka (in the group) and librdkafka (reads and writes)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    username: str | None = None
    password: SecretStr | None = None
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None

    def librdkafka(self) -> dict[str, str]:
        """Return the settings by librdkafka's names."""
        if self.protocol == "PLAINTEXT":
            return {}
        found = {
            "security.protocol": self.protocol,
            "sasl.mechanism": self.mechanism if self.protocol.startswith("SASL") else None,
            "sasl.username": self.username,
            "sasl.password": self.password.get_secret_value() if self.password else None,
            "ssl.ca.location": self.ca_file,
            "ssl.certificate.location": self.certificate_file,
            "ssl.key.location": self.key_file,
        }
        return {name: str(value) for name, value in found.items() if value is not None}


class Settings(BaseSettings):
    """Everything a role or a command needs to know; each field is ``TOUCHLINE_<NAME>`` in the environment.

    Attributes:
        topic_prefix: Stands before every topic, group and subject; empty in production, its own for each replay.
        run_id: Part of a role's group and changelog; a new one starts from nothing (``touchline reset``).
        guarantee: What a consumer of the outputs can rely on, if it reads committed records.
        transaction_seconds: From one transaction to the next, at least, with exactly-once.
        bundle: Folder of a bundle, or ``store:`` and a reference to one in the store; None for the shipped one.
        model_store: Folder or URL of the store of bundles, or ``mlflow:``; empty for a folder of the user's own.
        model_signers_file: Public keys (PEM), of which one must have signed a bundle.
        model_budget_us: Microseconds for one prediction; a bundle of the store that takes four times that is refused.
        model_allow_retired: Whether a retired version is served all the same.
        shadows_by: The role which says what a challenger would: predict beside its predictions, or shadow.
        shadow_patience_seconds: Events older than this are not scored by the role shadow.
        slice_records: Records of one partition handed over together, at most.
        batch_rows: Rows scored in one call of the ensemble, at most.
        latency_budget_ms: Fewer rows are worked on at once when that, with their scores, took longer than this.
        restore_records: By how many records a partition of a changelog may grow, at least, before states are written
            again so that a restore need not read what is older.
        session_timeout: Seconds after which a dead worker's partitions move.
        delivery_timeout: Seconds which the brokers have to take a record before the worker stops; three quarters of the
            session time-out by default, so that nothing of a worker that has lost its place comes behind its successor.
        dead_letter_flood_share: A worker stops when it would set aside more than this of a topic's last 1,000 records.
        dead_letter_alarm_share: Above it `touchline_dead_letter_alarm` is 1.
        drift_window_seconds: Event time of one drift window; allowed_lateness_seconds likewise in event time.
        drift_psi_threshold: A feature has drifted above it, if that is significant over all features of the window.
        latency_window_seconds: Of one latency window, in timestamps of the causes' records.
        cost_matrix: What it costs to say a result (row) when another (column) comes, home, draw and away:
            ``0,1,1; 1,0,1; 1,1,0``, or ``zero-one``.
        monitor_interval_seconds: Between two writings of a partition's open windows.
        monitor_idle_seconds: Without a prediction a partition holds no window open any longer.
        api_token: What the api asks for; without one it answers on loopback only.
        api_history_hours: How far back the api reads predictions at its start, in timestamps of their records.
        api_matches: At most in the api's index, each with at most api_match_predictions, together in api_memory_mb.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", frozen=True, extra="forbid")

    bootstrap_servers: str = ""
    registry_url: str = ""
    registry_user: str | None = None
    registry_password: SecretStr | None = None
    registry_ca_file: Path | None = None
    security: Security = Security()
    topic_prefix: TopicPrefix = ""
    partitions: Annotated[int, Field(ge=1, le=1000)] = 12
    replication_factor: Annotated[int, Field(ge=1, le=10)] | None = None
    run_id: RunId = "1"
    bundle: Annotated[str, Field(min_length=1)] | None = None
    predictor: PredictorKind = "bundle"
    model_store: str = ""
    model_signers_file: Path | None = None
    model_budget_us: Annotated[float, Field(gt=0, le=1_000_000)] = 150.0
    model_allow_retired: bool = False
    match_event_version: Annotated[int, Field(ge=1, le=2)] = 2
    shadows_by: Literal["predict", "shadow"] = "predict"
    shadow_patience_seconds: Annotated[float, Field(ge=0.1)] = 10.0
    redis_url: SecretStr | None = None
    redis_ttl_seconds: Annotated[int, Field(ge=1)] = 3600
    http_host: str = "127.0.0.1"
    http_port: Port = 9464
    log_format: Literal["console", "json"] = "console"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    guarantee: Literal["at-least-once", "exactly-once"] = "at-least-once"
    transaction_seconds: Annotated[float, Field(ge=0, le=5)] = 0.1
    slice_records: Annotated[int, Field(ge=1, le=10_000)] = 256
    batch_rows: Annotated[int, Field(ge=1, le=100_000)] = 2048
    latency_budget_ms: Annotated[int, Field(ge=1, le=10_000)] = 50
    scoring_threads: Annotated[int, Field(ge=1, le=64)] = 1
    commit_interval: Annotated[float, Field(gt=0, le=60)] = 1.0
    restore_records: Annotated[int, Field(ge=10, le=1_000_000_000)] = 20_000
    session_timeout: Annotated[float, Field(ge=6, le=300)] = 10.0
    delivery_timeout: Annotated[float, Field(ge=1, le=300)] | None = None
    dead_letter_flood_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    dead_letter_alarm_share: Annotated[float, Field(ge=0, le=1)] = 0.05
    drift_window_seconds: Annotated[int, Field(ge=1)] = 86_400
    latency_window_seconds: Annotated[int, Field(ge=1)] = 60
    allowed_lateness_seconds: Annotated[int, Field(ge=0)] = 300
    drift_psi_threshold: Annotated[float, Field(gt=0)] = 0.1
    drift_false_discovery_rate: Annotated[float, Field(gt=0, lt=1)] = 0.05
    cost_matrix: str | None = None
    monitor_interval_seconds: Annotated[float, Field(ge=0.1, le=60)] = 2.0
    monitor_idle_seconds: Annotated[float, Field(ge=0.1)] = 60.0
    api_host: str = "127.0.0.1"
    api_port: Port = 8088
    api_token: SecretStr | None = None
    api_history_hours: Annotated[float, Field(ge=0, le=720)] = 6.0
    api_matches: Annotated[int, Field(ge=1, le=100_000)] = 1000
    api_match_predictions: Annotated[int, Field(ge=1, le=10_000)] = 300
    api_memory_mb: Annotated[int, Field(ge=1, le=100_000)] = 512
    api_live_clients: Annotated[int, Field(ge=0, le=10_000)] = 100
    worker_name: Annotated[str, Field(min_length=1, max_length=100)] = Field(
        default_factory=lambda: f"{os.uname().nodename}-{uuid.uuid4().hex[:6]}"
    )

    @field_validator("bootstrap_servers")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        for server in filter(None, value.split(",")):
            host, _, port = server.strip().rpartition(":")
            if not host or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > LAST_PORT:
                raise ValueError(f"{server!r} is not host:port")
        return value

    @field_validator("cost_matrix")
    @classmethod
    def _costs(cls, value: str | None) -> str | None:
        if value is not None and value != ZERO_ONE_COSTS:
            cost_rows(value)
        return value

    @field_validator("api_token")
    @classmethod
    def _hard_to_guess(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.fullmatch(r"[!-~]{16,200}", value.get_secret_value()):
            raise ValueError("it is not 16 to 200 characters of ASCII without spaces")
        return value

    @field_validator("registry_url")
    @classmethod
    def _http(cls, value: str) -> str:
        if not value:
            return value
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise ValueError("it is not http://HOST:PORT or https://HOST:PORT")
        if "@" in value:
            raise ValueError("a URL is shown in messages; REGISTRY_USER and REGISTRY_PASSWORD are not")
        return value.rstrip("/")

    @model_validator(mode="before")
    @classmethod
    def _fill_in_local_cluster(cls, given: dict[str, object]) -> dict[str, object]:
        if given.get("bootstrap_servers") and given.get("registry_url"):
            return given
        cluster = running_cluster()
        servers = cluster.bootstrap_servers if cluster else "127.0.0.1:9092"
        registry = cluster.registry_url if cluster else "http://127.0.0.1:8081/apis/ccompat/v7"
        return {
            **given,
            "bootstrap_servers": given.get("bootstrap_servers") or servers,
            "registry_url": given.get("registry_url") or registry,
        }

    @model_validator(mode="after")
    def _deliver_within_the_session(self) -> Self:
        if self.delivery_seconds > self.session_timeout:
            raise ValueError(
                f"{PREFIX}DELIVERY_TIMEOUT is {self.delivery_seconds:g} and {PREFIX}SESSION_TIMEOUT is "
                f"{self.session_timeout:g}: records must be delivered, or given up, while the session lasts"
            )
        return self

    @property
    def delivery_seconds(self) -> float:
        """Return how long the brokers have to take a record of a worker."""
        return self.session_timeout * _DELIVERY_SHARE if self.delivery_timeout is None else self.delivery_timeout

    def topic(self, name: str) -> str:
        """Return the name which topic *name* has on the brokers."""
        return f"{self.topic_prefix}{name}"

    def group(self, role: str) -> str:
        """Return the consumer group of *role*."""
        return f"{self.topic_prefix}{role}-{self.run_id}"

    def transactional_id(self, role: str) -> str:
        """Return under what this worker's transactions of *role* run: the same after a restart under its name."""
        return f"{self.group(role)}-{self.worker_name}"

    def changelog(self, role: str, table: str) -> str:
        """Return the changelog topic of a role's table."""
        return f"{self.group(role)}-{table}-changelog"

    def librdkafka(self, **more: object) -> dict[str, object]:
        """Return a configuration for a librdkafka client, with *more* settings by their names (``_`` for ``.``)."""
        return {
            "bootstrap.servers": self.bootstrap_servers,
            "socket.timeout.ms": int(SILENCE_SECONDS * 1000),
            "socket.connection.setup.timeout.ms": int(SILENCE_SECONDS * 1000),
            **self.security.librdkafka(),
            **{name.replace("_", "."): value for name, value in more.items()},
        }

    def environment(self) -> dict[str, str]:
        """Return the environment variables from which an equal Settings is read, for a process of our own."""
        found: dict[str, str] = {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, Security):
                found |= {f"{PREFIX}SECURITY__{key.upper()}": _text(part) for key, part in value if part is not None}
            elif value is not None:
                found[f"{PREFIX}{name.upper()}"] = _text(value)
        return found


def cost_rows(text: str) -> list[list[float]]:
    """Return three rows of three costs; ValueError for anything else.

    >>> cost_rows("0,1,2; 1,0,1; 2,1,0")
    [[0.0, 1.0, 2.0], [1.0, 0.0, 1.0], [2.0, 1.0, 0.0]]
    """
    wrong = "it is neither zero-one nor three rows of three numbers from 0 on, such as 0,1,2; 1,0,1; 2,1,0"
    try:
        rows = [[float(cell) for cell in row.split(",")] for row in text.split(";")]
    except ValueError as error:
        raise ValueError(wrong) from error
    if [len(row) for row in rows] != [3, 3, 3] or not all(0 <= cell < math.inf for row in rows for cell in row):
        raise ValueError(wrong)
    return rows


def _text(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def read_settings(**given: object) -> Settings:
    """Return the settings of the environment, overridden by what is *given* and not None.

    Raises:
        SettingsError: One sentence for each wrong or unknown variable.
    """
    wrong = _unreadable()
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type] # checked by pydantic
    except ValidationError as error:
        wrong += [_sentence(dict(problem)) for problem in error.errors()]
    except (NotJSONError, RecursionError):  # of the one field which is a group of others
        wrong.append(f"{PREFIX}SECURITY is a secret value: it is not JSON; set {PREFIX}SECURITY__PROTOCOL and the like")
    if wrong:
        raise SettingsError("; ".join(wrong))
    return settings


def _unreadable() -> list[str]:
    fields = set(Settings.model_fields)
    found = []
    for name in sorted(name for name in os.environ if name.startswith(PREFIX)):
        if name.removeprefix(PREFIX).split("__")[0].lower() not in fields:
            found.append(f"{name} is not a setting of Touchline")
        elif not _is_text(os.environ[name]):
            found.append(f"{name} is a value which is not UTF-8 text")
    return found


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _sentence(problem: Mapping[str, object]) -> str:
    where = problem["loc"] if isinstance(problem["loc"], tuple) else ()
    if not where:  # it is about several, and names them
        return str(problem["msg"]).removeprefix("Value error, ")
    name = PREFIX + "__".join(str(part).upper() for part in where)
    value = repr(problem["input"])
    shown = "a secret value" if _is_secret(where) or "@" in value else value[:LONGEST_SHOWN]
    return f"{name} is {shown}: {str(problem['msg']).removeprefix('Value error, ')[:LONGEST_SHOWN]}"


def _is_secret(where: Sequence[object]) -> bool:
    """Tell whether what stands there may be one; an unknown name may be a misspelt password's."""
    fields, names = Settings.model_fields, where
    if where[:1] == ("security",):
        fields, names = Security.model_fields, where[1:]
    field = fields.get(str(names[0])) if names else None
    return field is None or SecretStr in (field.annotation, *get_args(field.annotation))
