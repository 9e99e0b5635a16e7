"""A registry for tools: a person rather waits a few seconds than runs a command again."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from streams.registry import Registry, registry_of
from streams.registry_errors import RegistryUnavailableError
from streams.settings import Settings

T = TypeVar("T")
_ATTEMPTS = 3  # of two seconds each at most: a registry which has just started takes longer for its first answer


class PatientRegistry:
    """Asks a registry again when it does not answer in time; errors are those of Registry."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def fetch(self, schema_id: int) -> str:
        """Return the schema with *schema_id*."""
        return _asked(lambda: self._registry.fetch(schema_id))

    async def fetch_async(self, schema_id: int) -> str:
        """Return the schema with *schema_id*, without blocking the event loop."""
        return await asyncio.to_thread(self.fetch, schema_id)

    def register(self, subject: str, schema_json: str, *, or_known: bool = False) -> int:
        """Register a schema and return its id."""
        return _asked(lambda: self._registry.register(subject, schema_json, or_known=or_known))

    def registered(self, subject: str) -> dict[int, str]:
        """Return all schemas of *subject* by their ids."""
        return _asked(lambda: self._registry.registered(subject))

    def versions(self, subject: str) -> list[int]:
        """Return the registered versions of *subject*, ascending."""
        return _asked(lambda: self._registry.versions(subject))

    def version(self, subject: str, version: int) -> str:
        """Return one schema of *subject*."""
        return _asked(lambda: self._registry.version(subject, version))

    def subjects(self) -> list[str]:
        """Return all subjects."""
        return _asked(self._registry.subjects)

    def delete(self, subject: str) -> None:
        """Delete *subject* for good; one that is not there is no matter."""
        _asked(lambda: self._registry.delete(subject))

    def compatibility(self) -> str:
        """Return the level enforced where a subject has none of its own."""
        return _asked(self._registry.compatibility)


def patient_registry(settings: Settings) -> PatientRegistry:
    """Return the registry which the settings name."""
    return PatientRegistry(registry_of(settings))


def _asked(question: Callable[[], T]) -> T:
    for _ in range(_ATTEMPTS - 1):
        try:
            return question()
        except RegistryUnavailableError as error:
            if not isinstance(error.__cause__, TimeoutError) and "timed out" not in str(error):
                raise
    return question()
