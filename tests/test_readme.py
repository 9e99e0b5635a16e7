"""The README names what there is."""

import re
from pathlib import Path

import pytest

from streams.cli import COMMANDS
from streams.settings import Security, Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def settings_rows():
    for name, field in Settings.model_fields.items():
        if name != "security":
            yield f"TOUCHLINE_{name.upper()}", field
    for name, field in Security.model_fields.items():
        yield f"TOUCHLINE_SECURITY__{name.upper()}", field


@pytest.mark.parametrize(("variable", "field"), list(settings_rows()))
def test_every_setting_stands_there_with_its_default(variable, field):
    default = "" if field.default_factory or field.default in {None, ""} else f"`{field.default}`"

    assert f"\n| `{variable}` | {default} | " in README


def test_no_setting_stands_there_that_is_none():
    assert set(re.findall(r"^\| `(TOUCHLINE_\w+)`", README, re.MULTILINE)) == {name for name, _ in settings_rows()}


def test_every_command_stands_there_and_no_other():
    assert set(re.findall(r"^\| `touchline ([\w-]+)` \|", README, re.MULTILINE)) == {*COMMANDS}


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_lead_to_files_and_headings_which_are_there(name):
    text = (ROOT / name).read_text()
    found = re.findall(r"^#+ (.*)", text, re.MULTILINE)
    headings = {re.sub(r"[^\w -]", "", head).lower().replace(" ", "-") for head in found}
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", text):
        file, _, heading = target.partition("#")
        assert (ROOT / file).exists()
        assert file or heading in headings


def test_make_targets_which_are_named_are_there():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    texts = README + (ROOT / "CONTRIBUTING.md").read_text()

    assert set(re.findall(r"(?:`|^)make ([a-z]+)", texts, re.MULTILINE)) <= targets
