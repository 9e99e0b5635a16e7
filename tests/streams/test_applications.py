"""Which roles a deployment has, by its settings."""

import pytest

from streams.applications import ROLES, every_role, watched_roles
from streams.settings import Settings

PLAIN = {*ROLES} - {"materialize", "shadow"}


@pytest.mark.parametrize(
    ("given", "roles"),
    [
        ({}, PLAIN),
        ({"redis_url": "redis://127.0.0.1"}, {*PLAIN, "materialize"}),
        ({"shadows_by": "shadow"}, {*PLAIN, "shadow"}),
    ],
)
def test_all_roles_are_those_which_have_something_to_do(given: dict[str, str], roles: set[str]) -> None:
    assert {*every_role(Settings(**given))} == roles  # type: ignore[arg-type] # settings are read


def test_shadow_is_watched_where_shadows_are_its() -> None:
    assert {*ROLES} - {*watched_roles(Settings())} == {"shadow"}
    assert watched_roles(Settings(shadows_by="shadow")) == [*ROLES]
