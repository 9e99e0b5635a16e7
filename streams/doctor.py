"""What is needed and whether it is there: each check is one finding, with the command that helps."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from schemas.catalog import versions
from schemas.compatibility import SchemaError, incompatibilities
from streams.acls import topics_used
from streams.admin import Admin, TopicState
from streams.applications import APPLICATIONS
from streams.broker_clock import clock_difference
from streams.brokers import BrokerError
from streams.patient_registry import PatientRegistry
from streams.registry_errors import RegistryUnavailableError, SchemaNotFoundError
from streams.settings import Settings
from streams.topics import DAY_MS, TOPICS, TopicSpec

_STRICT_ENOUGH = frozenset({"BACKWARD", "BACKWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE"})
_FINE = "fine"
LAG = "min.compaction.lag.ms"
_CLOCK_SECONDS = 1.0
_REDIS_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes:
        check: Which.
        ok: Whether nothing has to be done.
        message: What was found, in one sentence.
        do: The command, or the setting, which helps; None when ok.
        answers: Whether what was asked is there at all.
    """

    check: str
    ok: bool
    message: str
    do: str | None = None
    answers: bool = True


@dataclass(frozen=True, slots=True)
class Examination:
    """Everything that the checks look at.

    Attributes:
        topics: Those of the design which the asked roles use.
        load_bundle: Loads the bundle of the settings and says which one it is; raises ValueError or OSError. None when
            no role that is asked for has one.
    """

    settings: Settings
    admin: Admin
    registry: PatientRegistry
    topics: Sequence[TopicSpec]
    load_bundle: Callable[[], str] | None

    def findings(self) -> Iterator[Finding]:
        """Yield every finding; what cannot be asked without the brokers is left out when they are away."""
        broker, registry = self._broker(), self._compatibility()
        yield from (broker, registry)
        if broker.answers:
            yield from self._topics()
        if registry.answers:
            yield from self._schemas()
        if self.load_bundle is not None:
            yield _bundle(self.load_bundle)
        if broker.answers:
            yield self._clock()
        if self.settings.redis_url is not None:
            yield self._redis(self.settings.redis_url.get_secret_value())

    def _broker(self) -> Finding:
        try:
            cluster = self.admin.cluster()
        except BrokerError as error:
            return Finding("broker", ok=False, message=str(error).split(";")[0], do="touchline up", answers=False)
        return Finding(
            "broker", ok=True, message=f"cluster {cluster.cluster_id} with {_counted(cluster.brokers, 'broker')}"
        )

    def _compatibility(self) -> Finding:
        try:
            level = self.registry.compatibility()
        except (RegistryUnavailableError, SchemaNotFoundError) as error:
            return Finding("registry", ok=False, message=str(error), do="touchline up", answers=False)
        if level in _STRICT_ENOUGH:
            return Finding("registry", ok=True, message=f"{self.settings.registry_url} enforces {level}")
        do = (
            f"curl -X PUT -H 'Content-Type: application/json' -d '{{\"compatibility\": \"BACKWARD\"}}' "
            f"{self.settings.registry_url}/config"
        )
        message = (
            f"{self.settings.registry_url} enforces {level}, not BACKWARD: it would take a schema that breaks workers"
        )
        return Finding("registry", ok=False, message=message, do=do)

    def _topics(self) -> Iterator[Finding]:
        names = {self.settings.topic(spec.name): spec for spec in self.topics}
        try:
            there = self.admin.topics(names)
            configs = self.admin.topic_config(there)
        except BrokerError as error:
            yield Finding("topics", ok=False, message=str(error), do="touchline doctor --acls")
            return
        missing = [name for name in names if name not in there]
        if missing:
            message = f"missing: {', '.join(missing)}"
            yield Finding(
                "topics", ok=False, message=message, do=_with_prefix(self.settings, "touchline topics create")
            )
        wrong = [
            finding
            for name, state in there.items()
            for finding in _config_findings(self.settings, state, names[name], configs[name])
        ]
        yield from wrong
        if not missing and not wrong:
            yield Finding("topics", ok=True, message=f"all {len(there)} are there and kept as designed")
        yield from self._equal_partitions(there)
        yield from self._laid_out()
        yield from self._kept_long_enough()

    def _equal_partitions(self, there: dict[str, TopicState]) -> Iterator[Finding]:
        inputs = [self.settings.topic(name) for name in ("match-events", "feature-events")]
        counts = {name: there[name].partitions for name in inputs if name in there}
        if len(counts) < len(inputs):
            return
        listed = ", ".join(f"{name} has {count}" for name, count in counts.items())
        if len(set(counts.values())) == 1:
            yield Finding("partitions", ok=True, message=f"both inputs of predict have {counts[inputs[0]]}")
        else:
            do = f"touchline topics repartition --partitions {max(counts.values())} --run-id NEW"
            message = f"the inputs of predict must have the same number: {listed}"
            yield Finding("partitions", ok=False, message=message, do=_with_prefix(self.settings, do))

    def _laid_out(self) -> Iterator[Finding]:
        """Yield what is wrong with states that were written for another number of partitions."""
        changelogs = {one.changelog(self.settings, name): one.inputs for name, one in APPLICATIONS.items()}
        inputs = {self.settings.topic(topic) for topics in changelogs.values() for topic in topics}
        counts = self.admin.partition_counts([*changelogs, *inputs])
        for changelog, topics in changelogs.items():
            for topic in map(self.settings.topic, topics):
                if changelog in counts and counts.get(topic, 0) > counts[changelog]:
                    message = f"{topic} has {counts[topic]}, {changelog} is laid out for {counts[changelog]}"
                    do = f"touchline topics repartition --partitions {counts[topic]} --run-id NEW"
                    yield Finding("partitions", ok=False, message=message, do=_with_prefix(self.settings, do))

    def _kept_long_enough(self) -> Iterator[Finding]:
        """Yield changelogs of which compaction could take a state before its next owner has put right a stale one."""
        asked = [one.changelog(self.settings, name) for name, one in APPLICATIONS.items()]
        for name, config in self.admin.topic_config(self.admin.partition_counts(asked)).items():
            lag = int(config[LAG])
            if lag < DAY_MS:
                message = f"{name} has {LAG}={lag}, less than a day ({DAY_MS})"
                yield Finding("topics", ok=False, message=message, do=_set(self.settings, name, LAG, str(DAY_MS)))

    def _schemas(self) -> Iterator[Finding]:
        do = _with_prefix(self.settings, "touchline schema register")
        problems: dict[str, list[str]] = {}
        for spec in self.topics:
            if spec.schema is None:
                continue
            subject = f"{self.settings.topic(spec.name)}-value"
            try:
                for problem in _schema_problems(self.registry, subject, spec.schema) or [_FINE]:
                    problems.setdefault(problem, []).append(subject)
            except RegistryUnavailableError as error:
                yield Finding("schemas", ok=False, message=str(error), do="touchline up")
                return
        fine = problems.pop(_FINE, [])
        for problem, subjects in problems.items():
            yield Finding("schemas", ok=False, message=f"{', '.join(subjects)}: {problem}", do=do)
        if fine:
            yield Finding("schemas", ok=True, message=f"{_counted(fine, 'subject')} registered as shipped and readable")

    def _clock(self) -> Finding:
        try:
            difference = clock_difference(self.settings, self.admin)
        except BrokerError as error:
            return Finding("clock", ok=True, message=f"not compared with the broker's: {error}")
        message = f"the broker's clock is {abs(difference):.3f} s {'ahead' if difference > 0 else 'behind'}"
        if abs(difference) <= _CLOCK_SECONDS:
            return Finding("clock", ok=True, message=message)
        return Finding(
            "clock", ok=False, message=f"{message}: latency would be wrong by it", do="timedatectl set-ntp true"
        )

    def _redis(self, url: str) -> Finding:
        import redis  # noqa: PLC0415 - only for those who set it

        place = urlsplit(url)
        shown = f"{place.hostname}:{place.port or 6379}" if place.hostname else place.path
        try:
            with redis.Redis.from_url(
                url, socket_timeout=_REDIS_SECONDS, socket_connect_timeout=_REDIS_SECONDS
            ) as client:
                client.ping()
        except (redis.RedisError, OSError, ValueError) as error:
            message = f"Redis at {shown} does not answer: {type(error).__name__}"
            return Finding("redis", ok=False, message=message, do="start it, or unset TOUCHLINE_REDIS_URL")
        return Finding("redis", ok=True, message=f"Redis at {shown} answers")


def topics_of(roles: Iterable[str]) -> list[TopicSpec]:
    """Return the topics which *roles* use, or all when there are none."""
    used = topics_used(roles)
    return [spec for spec in TOPICS.values() if not used or spec.name in used]


def _bundle(load: Callable[[], str]) -> Finding:
    try:
        return Finding("bundle", ok=True, message=load())
    except (ValueError, OSError, ImportError) as error:
        do = "touchline train, and set TOUCHLINE_BUNDLE to the folder it writes; in a store, touchline model verify"
        return Finding("bundle", ok=False, message=" ".join(str(error).split()), do=do)


def _config_findings(
    settings: Settings, state: TopicState, spec: TopicSpec, config: dict[str, str]
) -> Iterator[Finding]:
    for name, wanted in spec.config().items():
        if config.get(name) != wanted:
            message = f"{state.name} has {name}={config.get(name)}, not {wanted}"
            yield Finding("topics", ok=False, message=message, do=_set(settings, state.name, name, wanted))
    if spec.partitions == 1 < state.partitions:
        message = f"{state.name} has {state.partitions} partitions; its records need one order, so 1"
        do = f"kafka-topics.sh --bootstrap-server {settings.bootstrap_servers} --delete --topic {state.name}"
        yield Finding("topics", ok=False, message=message, do=f"{do}; touchline topics create")


def _set(settings: Settings, topic: str, name: str, value: str) -> str:
    return (
        f"kafka-configs.sh --bootstrap-server {settings.bootstrap_servers} --alter --entity-type topics "
        f"--entity-name {topic} --add-config {name}={value}"
    )


def _schema_problems(registry: PatientRegistry, subject: str, name: str) -> list[str]:
    try:
        texts = [registry.version(subject, number) for number in registry.versions(subject)]
    except SchemaNotFoundError:
        return ["not registered"]
    known = [json.loads(text) for text in texts]
    missing = [
        f"version {number} is not registered"
        for number, text in versions(name).items()
        if json.loads(text) not in known
    ]
    ours = list(versions(name).values())[-1]
    try:
        return missing + incompatibilities(ours, texts[-1])
    except SchemaError as error:
        return [*missing, str(error)]


def _with_prefix(settings: Settings, command: str) -> str:
    return f"{command} --topic-prefix {settings.topic_prefix}" if settings.topic_prefix else command


def _counted(things: Sequence[object], noun: str) -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"
