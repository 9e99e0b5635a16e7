"""Environments: lines of NAME=VALUE, with something secret in every place where a secret may be."""

import os
from unittest import mock

from streams.settings import PREFIX, SettingsError, read_settings

SECRET = "hunter2-hunter2"
_SECRET_NAMES = ("PASSWORD", "REDIS_URL", "SECURITY__X")


def settings(data: bytes) -> None:
    """Read the settings of an environment; a secret is never shown, and what was read can be handed on."""
    with mock.patch.dict(os.environ, environment(data), clear=True):
        try:
            found = read_settings()
        except SettingsError as error:
            assert str(error)
            assert SECRET not in str(error)
            return
    assert SECRET not in repr(found)
    with mock.patch.dict(os.environ, found.environment(), clear=True):
        assert found == read_settings()


def environment(data: bytes) -> dict[str, str]:
    """Return what the lines set."""
    found = {"XDG_STATE_HOME": "/nonexistent"}
    for line in data.replace(b"\x00", b"").split(b"\n"):
        name, _, value = os.fsdecode(line).partition("=")
        if name:
            found[f"{PREFIX}{name}"] = _with_secret(name, value)
    return found


def _with_secret(name: str, value: str) -> str:
    if name.upper().endswith(_SECRET_NAMES):
        return value + SECRET
    if name.upper() == "SECURITY":
        return value.replace('"password":"', f'"password":"{SECRET}').replace('"passwort":"', f'"passwort":"{SECRET}')
    return value.replace("@", f":{SECRET}@") if name.upper() == "REGISTRY_URL" else value
