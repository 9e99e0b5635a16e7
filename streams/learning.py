"""The schemas a worker knows: read by id as they come, written under our own subjects."""

import asyncio
import functools
import random
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar

import structlog

from schemas.catalog import schema_json
from schemas.codec import Codec, UnknownSchemaError
from streams.patient_registry import PatientRegistry
from streams.registry import Registry
from streams.registry_errors import RegistryUnavailableError, SchemaNotFoundError

log = structlog.get_logger(__name__)

P = ParamSpec("P")
R = TypeVar("R")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0
_REFUSED_SECONDS = 30.0


class UnregisteredSchemaError(LookupError):
    """Raised for a schema id of which the registry has said that there is none."""


class SchemaBook:
    """The codecs of one worker, and what the registry has said of schema ids; owns the registry's client."""

    def __init__(self, registry: Registry | PatientRegistry, clock: Callable[[], float] = time.monotonic) -> None:
        self._registry = registry
        self._clock = clock
        self._codecs: list[Codec[Any]] = []
        self._unregistered: dict[int, float] = {}
        self._learnt: set[int] = set()
        self._asking = asyncio.Lock()

    def codec(self, name: str, record_type: type[R], reader_version: int | None = None) -> Codec[R]:
        """Return a new codec which is taught every schema that is learnt."""
        codec = Codec(name, record_type, reader_version)
        self._codecs.append(codec)
        return codec

    def write(self, codec: Codec[Any], subject: str, version: int | None = None) -> None:
        """Register the schema of *codec* under *subject*, so that it can write, and read what it writes.

        Raises:
            RegistryUnavailableError: The registry is away and has never been asked for it from here.
            IncompatibleSchemaError: Another schema is registered there.
        """
        text = schema_json(codec.name, version)
        schema_id = self._registry.register(subject, text, or_known=True)
        codec.learn(schema_id, text)
        codec.use_for_writing(schema_id, version)

    def foresee(self, subject: str) -> None:
        """Learn the schemas of *subject* before its records come, when the registry may be away."""
        with suppress(RegistryUnavailableError, SchemaNotFoundError):  # they are asked for when they come
            for schema_id, text in self._registry.registered(subject).items():
                self._teach(schema_id, text)

    def reader(self, codec: Codec[R]) -> Callable[[bytes], R]:
        """Return a decoder which tells an id that is not known yet from one which is not registered."""

        def decode(data: bytes) -> R:
            try:
                return codec.decode(data)
            except UnknownSchemaError as error:
                until = self._unregistered.get(error.schema_id)
                if until is not None and self._clock() < until:
                    raise UnregisteredSchemaError(f"the registry knows no schema {error.schema_id}") from error
                raise

        return decode

    def patient(self, decode: Callable[P, R]) -> Callable[P, R]:
        """Return *decode*, which asks the registry at once for an id that is not known; for threads, not for the loop.

        A changelog may hold what another version of this worker has written.
        """

        @functools.wraps(decode)
        def patiently(*args: P.args, **more: P.kwargs) -> R:
            try:
                return decode(*args, **more)
            except UnknownSchemaError as error:
                self._teach(error.schema_id, self._registry.fetch(error.schema_id))
                return decode(*args, **more)

        return patiently

    def _teach(self, schema_id: int, text: str) -> None:
        for codec in self._codecs:
            codec.learn(schema_id, text)
        self._learnt.add(schema_id)

    async def learn(self, schema_id: int) -> None:
        """Teach the codecs the schema of *schema_id*; an outage is waited out, however long it lasts."""
        async with self._asking:  # many partitions meet a new schema at once; one question is enough
            pause = _FIRST_PAUSE
            while not self._settled(schema_id) and not await self._asked(schema_id, pause):
                await asyncio.sleep(pause * (0.5 + random.random()))  # noqa: S311 - spreads the retries of many workers
                pause = min(2 * pause, _LONGEST_PAUSE)

    def _settled(self, schema_id: int) -> bool:
        return schema_id in self._learnt or self._clock() < self._unregistered.get(schema_id, 0.0)

    async def _asked(self, schema_id: int, pause: float) -> bool:
        try:
            text = await self._registry.fetch_async(schema_id)
        except SchemaNotFoundError:
            # For a while only: the id may be given to a schema later.
            self._unregistered[schema_id] = self._clock() + _REFUSED_SECONDS
            return True
        except RegistryUnavailableError as error:
            log.warning("registry.unavailable", schema_id=schema_id, error=str(error), pause_seconds=pause)
            return False
        self._teach(schema_id, text)
        log.info("schema.learnt", schema_id=schema_id)
        return True
