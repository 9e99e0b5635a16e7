"""The runbook has a page for each alert, and names commands, metrics, settings and log events which are there."""

import re
import shlex
from pathlib import Path

import click
import pytest
import yaml

from models.bundle import default_bundle_path
from streams.cli import main
from streams.settings import Settings
from tests.exported_metrics import asked, exported

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs/runbook"
PAGES = sorted(FOLDER.glob("*.md"))
OF_ALERTS = [page for page in PAGES if page.name != "README.md"]
HEADINGS = ["Look at", "Do", "Harmless when"]
named_by_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def commands(text: str) -> list[str]:
    """Return the commands of *text*: lines of its blocks, and what stands between backticks."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    spans = re.findall(r"`(touchline [^`]*)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return [*lines, *(" ".join(span.split()) for span in spans)]


def logged() -> set[str]:
    """Return the events which the code logs."""
    calls = r'(?:log\.\w+|stop_worker)\(\s*"([a-z]+\.[a-z_]+)"|stop_worker\("[a-z.]+" if .* else "([a-z.]+)"'
    found = [event for file in (ROOT / "streams").rglob("*.py") for event in re.findall(calls, file.read_text())]
    return {event for pair in found for event in pair if event}


def check(command: click.Command, words: list[str], line: str) -> None:
    """Raise what click says when it does not take *words*; a command may also be named for itself, without any."""
    if isinstance(command, click.Group) and words:
        with click.Context(command, info_name="touchline") as context:
            found = command.get_command(context, words[0])
        assert found is not None, f"{line}: there is no {words[0]}"
        check(found, words[1:], line)
    elif words:
        command.make_context("touchline", list(words))


def test_there_is_a_page_for_each_alert_and_for_nothing_else():
    groups = yaml.safe_load((ROOT / "deploy/prometheus-alerts.yml").read_text())["groups"]

    assert {rule["alert"] for group in groups for rule in group["rules"]} == {page.stem for page in OF_ALERTS}


def test_the_index_leads_to_each_page_once():
    found = re.findall(r"^\| \[(\w+)\]\((\w+)\.md\) \|", (FOLDER / "README.md").read_text(), re.MULTILINE)

    assert all(name == page for name, page in found)
    assert sorted(name for name, _ in found) == [page.stem for page in OF_ALERTS]


@pytest.mark.parametrize("page", OF_ALERTS, ids=lambda page: page.stem)
def test_a_page_says_what_it_means_what_to_look_at_what_to_do_and_when_it_is_harmless(page):
    text = page.read_text()

    assert text.startswith(f"# {page.stem}\n\n")
    assert HEADINGS == re.findall(r"^## (.*)", text, re.MULTILINE)
    assert re.search(r"```(sh|promql)\n", text)


@named_by_page
def test_a_page_names_commands_that_are_there_with_their_options(page):
    for line in commands(page.read_text()):
        program, *words = shlex.split(line.replace("BUNDLE", str(default_bundle_path())))
        assert "touchline" == program
        check(main, words, line)


@named_by_page
def test_a_page_names_metrics_log_events_settings_and_pages_that_are_there(page):
    text = page.read_text()
    events = {one for one in re.findall(r"`([a-z]+\.[a-z_]+)`", text) if not one.endswith(".yml")}
    settings = {name.lower() for name in re.findall(r"TOUCHLINE_([A-Z_]+)", text)}

    assert asked(text) <= exported()
    assert events <= logged()
    assert settings <= {*Settings.model_fields}
    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert (FOLDER / target).is_file()
    for path in re.findall(r"\b(?:docs|deploy)/[\w./-]+\w", text):
        assert (ROOT / path).exists()


@pytest.mark.parametrize("line", ["touchline lagg", "touchline lag --rolle predict", "touchline lag --role nobody"])
def test_a_command_that_is_not_there_would_be_noticed(line):
    with pytest.raises((AssertionError, click.UsageError)):
        check(main, shlex.split(line)[1:], line)
