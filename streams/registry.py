"""Registry: the schema registry, which tells an outage from a schema that is not there."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TypeVar

import httpx2
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient, SchemaRegistryError

from schemas.compatibility import SchemaError, incompatibilities
from streams.registry_errors import IncompatibleSchemaError, RegistryUnavailableError, SchemaNotFoundError
from streams.schema_cache import SchemaCache, cache_of
from streams.settings import Settings

TIMEOUT_SECONDS = 2.0
_NOT_FOUND = 404
_CONFLICT = 409
_INVALID = 422
_REGISTRY_CODES = range(40_400, 40_500)  # its own words; a bare 404 comes from a proxy or a wrong path

T = TypeVar("T")


class Registry:
    """A schema registry with Confluent's interface; calls block for two seconds at most and are never repeated.

    What it told is kept on disk, and used when, and only when, it cannot be reached.
    """

    def __init__(
        self, url: str, credentials: Mapping[str, str] | None = None, cache: SchemaCache | None = None
    ) -> None:
        self.url = url
        self._config = {"url": url, "timeout": TIMEOUT_SECONDS, "max.retries": 0, **(credentials or {})}
        self._cache = cache or cache_of(url)
        self._client: SchemaRegistryClient | None = None
        self._texts: dict[int, str] = {}

    def fetch(self, schema_id: int) -> str:
        """Return the schema with *schema_id*.

        Raises:
            SchemaNotFoundError: The registry says that there is none.
            RegistryUnavailableError: It does not answer, and the id is not known from before.
        """
        if schema_id not in self._texts:
            self._texts[schema_id] = self._fetched(schema_id)
        return self._texts[schema_id]

    async def fetch_async(self, schema_id: int) -> str:
        """Return the schema with *schema_id*, without blocking the event loop; see fetch."""
        return await asyncio.to_thread(self.fetch, schema_id)

    def _fetched(self, schema_id: int) -> str:
        try:
            text = str(self._ask(lambda client: client.get_schema(schema_id).schema_str))
        except SchemaNotFoundError:
            self._cache.forget(schema_id)
            raise
        except RegistryUnavailableError:
            known = self._cache.text(schema_id)
            if known is None:
                raise
            return known
        self._cache.keep_text(schema_id, text)
        return text

    def register(self, subject: str, schema_json: str, *, or_known: bool = False) -> int:
        """Register a schema and return its id; the same again gives the same id.

        Args:
            subject: `<topic>-value`.
            schema_json: The schema.
            or_known: Take the id from an earlier registration when the registry is away.

        Raises:
            IncompatibleSchemaError: The registry refuses it.
            SchemaError: It is no schema.
            RegistryUnavailableError: The registry does not answer.
        """
        try:
            schema_id = self._registered(subject, schema_json)
        except RegistryUnavailableError:
            known = self._cache.id_of(subject, schema_json) if or_known else None
            if known is None:
                raise
            return known
        except SchemaRegistryError as error:
            raise self._refusal(subject, schema_json, error) from error
        self._cache.keep_id(subject, schema_json, schema_id)
        return schema_id

    def _registered(self, subject: str, schema_json: str) -> int:
        def ask() -> int:
            return int(self._ask(lambda client: client.register_schema(subject, Schema(schema_json, "AVRO"))))

        try:
            return ask()
        except SchemaRegistryError as error:
            if error.http_status_code != _CONFLICT:
                raise
            return ask()  # of two who register the first schema at once, Apicurio refuses one: it is there by now

    def _refusal(self, subject: str, schema_json: str, error: SchemaRegistryError) -> Exception:
        if error.http_status_code == _INVALID:
            return SchemaError(f"{subject} takes no such schema: {error.error_message}")
        try:
            reasons = incompatibilities(schema_json, self.latest(subject))
        except (SchemaNotFoundError, RegistryUnavailableError, SchemaRegistryError):  # then its own words must do
            reasons = []
        return IncompatibleSchemaError(subject, reasons, str(error.error_message))

    def latest(self, subject: str) -> str:
        """Return the newest schema of *subject*; errors as of fetch."""
        return str(self._ask(lambda client: client.get_version(subject, self.versions(subject)[-1]).schema.schema_str))

    def version(self, subject: str, version: int) -> str:
        """Return one schema of *subject*; errors as of fetch."""
        return str(self._ask(lambda client: client.get_version(subject, version).schema.schema_str))

    def registered(self, subject: str) -> dict[int, str]:
        """Return all schemas of *subject* by their ids, and remember them; errors as of fetch."""
        found = {}
        for number in self.versions(subject):
            known = self._ask(lambda client, number=number: client.get_version(subject, number))  # type: ignore[misc]
            found[known.schema_id] = str(known.schema.schema_str)
        for schema_id, text in found.items():
            self._texts[schema_id] = text
            self._cache.keep_text(schema_id, text)
        return found

    def versions(self, subject: str) -> list[int]:
        """Return the registered versions of *subject*, ascending; errors as of fetch."""
        return sorted(self._ask(lambda client: client.get_versions(subject)))

    def subjects(self) -> list[str]:
        """Return all subjects; errors as of fetch."""
        return sorted(self._ask(lambda client: client.get_subjects()))

    def delete(self, subject: str) -> None:
        """Delete *subject* and its versions for good; one that is not there is no matter.

        Raises:
            RegistryUnavailableError: The registry does not answer.
        """
        with suppress(SchemaNotFoundError):
            self._ask(lambda client: client.delete_subject(subject))
        with suppress(SchemaNotFoundError):  # the registry may have deleted it for good at once
            self._ask(lambda client: client.delete_subject(subject, permanent=True))

    def set_compatibility(self, level: str, subject: str | None = None) -> None:
        """Enforce *level* (BACKWARD, FULL, NONE, ...) for *subject*, or for all.

        Raises:
            ValueError: There is no such level.
            RegistryUnavailableError: The registry does not answer.
        """
        try:
            self._ask(lambda client: client.set_compatibility(subject_name=subject, level=level))
        except SchemaRegistryError as error:
            raise ValueError(f"{level} is no level of compatibility: {error.error_message}") from error

    def compatibility(self) -> str:
        """Return the level enforced where a subject has none of its own; errors as of fetch."""
        return str(self._ask(lambda client: client.get_compatibility()))

    def _ask(self, question: Callable[[SchemaRegistryClient], T]) -> T:
        try:
            if self._client is None:
                self._client = SchemaRegistryClient(self._config)
            return question(self._client)
        except SchemaRegistryError as error:
            if error.http_status_code == _NOT_FOUND and error.error_code in _REGISTRY_CODES:
                raise SchemaNotFoundError(str(error.error_message)) from error
            if error.http_status_code in {_CONFLICT, _INVALID}:
                raise
            raise RegistryUnavailableError(
                f"the schema registry at {self.url} answers HTTP {error.http_status_code}: {error.error_message}"
            ) from error
        except (httpx2.HTTPError, OSError, ValueError) as error:  # ValueError: the answer is no JSON
            raise RegistryUnavailableError(f"the schema registry at {self.url} does not answer: {error}") from error


def registry_of(settings: Settings) -> Registry:
    """Return the registry which the settings name, with their credentials."""
    credentials: dict[str, str] = {}
    if settings.registry_user is not None:
        password = settings.registry_password.get_secret_value() if settings.registry_password else ""
        credentials["basic.auth.user.info"] = f"{settings.registry_user}:{password}"
    if settings.registry_ca_file is not None:
        credentials["ssl.ca.location"] = str(settings.registry_ca_file)
    return Registry(settings.registry_url, credentials)
