"""`touchline doctor`: is everything there, and what to do when not."""

import json
from collections.abc import Sequence
from dataclasses import asdict

import click
from rich.console import Console
from rich.text import Text

from streams.acls import ACTORS, role_acls
from streams.admin import Admin
from streams.commands.errors import UserError
from streams.commands.options import cluster_options
from streams.commands.sentences import in_one_sentence
from streams.doctor import Examination, Finding, topics_of
from streams.patient_registry import patient_registry
from streams.settings import Settings


@click.command()
@click.option("--role", "roles", multiple=True, type=click.Choice(list(ACTORS)), help="Only what this role needs.")
@click.option("--acls", is_flag=True, help="Print the least that each role must be allowed, as commands.")
@click.option("--principal", metavar="User:NAME", help="Whom to allow (default: User:touchline-ROLE).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@cluster_options
@in_one_sentence
def doctor(settings: Settings, *, roles: tuple[str, ...], acls: bool, principal: str | None, as_json: bool) -> None:
    """Check broker, registry, topics, schemas, bundle, clock and, when set, Redis.

    Each line is ok, or says what to do. The exit code is 1 when there is something to do.

    \b
    Example:
      touchline doctor
      touchline doctor --role predict --json
      touchline doctor --acls --role predict --principal User:predict
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    if acls:
        _print_acls(settings, roles or tuple(ACTORS), principal, as_json=as_json)
        return
    if principal is not None:
        raise UserError("--principal goes with --acls")
    load = (lambda: _bundle(settings)) if not roles or "predict" in roles else None
    examination = Examination(settings, Admin(settings), patient_registry(settings), topics_of(roles), load)
    found: list[Finding] = []
    for finding in examination.findings():
        found.append(finding)
        if not as_json:
            _show(finding)
    if as_json:
        click.echo(json.dumps({"ok": _all_ok(found), "findings": [asdict(finding) for finding in found]}))
    if not _all_ok(found):
        raise SystemExit(1)


def _all_ok(found: Sequence[Finding]) -> bool:
    return all(finding.ok for finding in found)


def _bundle(settings: Settings) -> str:
    from streams.bundles import bundle_of  # noqa: PLC0415 - loads the model libraries, which --acls does not need

    bundle = bundle_of(settings, settings.scoring_threads)
    return f"{bundle.model} {bundle.version} loads, for feature set {bundle.feature_set}"


def _show(finding: Finding) -> None:
    console = Console(highlight=False, soft_wrap=True)
    mark = Text("ok   ", style="green") if finding.ok else Text("to do", style="bold red")
    console.print(mark, Text(f"{finding.check:<10} {finding.message}"))
    if finding.do is not None:
        console.print(Text(f"                 {finding.do}", style="cyan"))


def _print_acls(settings: Settings, roles: Sequence[str], principal: str | None, *, as_json: bool) -> None:
    acls = [(acl, principal or f"User:touchline-{role}") for role in roles for acl in role_acls(settings, role)]
    if as_json:
        rows = [{**asdict(acl), "permission": "Allow", "principal": whom} for acl, whom in acls]
        click.echo(json.dumps(rows))
        return
    for acl, whom in acls:
        click.echo(acl.command(settings.bootstrap_servers, whom))
