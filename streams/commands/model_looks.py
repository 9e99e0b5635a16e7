"""What looks into a store of models: `touchline model list`, `show`, `diff` and `verify`."""

import json
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console

from models.card import card_text
from models.comparing import differences, same_holdout
from models.manifest import MANIFEST, BundleError, Manifest, read_manifest
from models.registering import verify
from models.store import SIGNATURES, ModelStore, read_models, read_stored_card, read_stored_manifest, resolve
from streams.commands.errors import UserError
from streams.commands.letter_views import printable
from streams.commands.model_views import details_of, difference_table, row_of, show_details, version_table
from streams.commands.store_options import store_options

_PIPED_WIDTH = 160
_BAD_EXIT = 1


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@store_options
def list_command(store: ModelStore, *, as_json: bool) -> None:
    """List the versions of each model in the store.

    \b
    Example:
      touchline model list
      touchline model list --store s3://models/touchline --json
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    rows = [row_of(model, version) for model in read_models(store) for version in model.versions.values()]
    if as_json:
        click.echo(json.dumps(rows))
    elif rows:
        _console().print(version_table(rows))
    else:
        click.echo(f"{store.files.url} holds no model yet; touchline model register takes one in")


@click.command("show")
@click.argument("reference")
@click.option("--card", is_flag=True, help="Show its card in place of this.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@store_options
def show_command(store: ModelStore, *, reference: str, card: bool, as_json: bool) -> None:
    """Show what the store knows of REFERENCE: NAME@VERSION, NAME@champion, NAME@challenger or a digest.

    \b
    Example:
      touchline model show internationals@champion
      touchline model show internationals@2 --card
    """  # noqa: D301 - as above
    model, version = resolve(store, reference)
    if card:
        found = read_stored_card(store, version)
        if found is None:
            raise UserError(f"{model.name} {version.version} was registered without a card")
        click.echo(json.dumps(found, ensure_ascii=False) if as_json else card_text(found), nl=as_json)
        return
    signed_by = store.files.names(f"{SIGNATURES}/{version.digest}")
    details = details_of(model, version, signed_by, read_stored_manifest(store, version.digest))
    if as_json:
        click.echo(json.dumps(details))
        return
    show_details(_console(), details)


@click.command("diff")
@click.argument("first")
@click.argument("second")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@store_options
def diff_command(store: ModelStore, *, first: str, second: str, as_json: bool) -> None:
    """Show in what the bundles FIRST and SECOND differ; each is in the store, or a folder.

    Kind, features and contract, training data, metrics, libraries and sizes.

    \b
    Example:
      touchline model diff internationals@champion internationals@challenger
      touchline model diff internationals@champion bundles/lightgbm --json
    """  # noqa: D301 - as above
    manifests = _manifest(store, first), _manifest(store, second)
    found, comparable = differences(*manifests), same_holdout(*manifests)
    if as_json:
        told = {"differences": [asdict(one) for one in found], "same_holdout": comparable}
        click.echo(json.dumps({"first": first, "second": second, **told}))
        return
    if not found:
        click.echo("they are the same bundle")
        return
    _console().print(difference_table(found, first, second))
    if not comparable:
        click.echo("their metrics are of other matches: the hold-outs differ, so do not compare them")


def _manifest(store: ModelStore, named: str) -> Manifest:
    if not (Path(named) / MANIFEST).is_file():
        return read_stored_manifest(store, resolve(store, named)[1].digest)
    return read_manifest((Path(named) / MANIFEST).read_bytes(), named)


@click.command("verify")
@click.argument("references", nargs=-1, metavar="[REFERENCE...]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@store_options
def verify_command(store: ModelStore, *, references: tuple[str, ...], as_json: bool) -> None:
    """Check bundles in the store, all of them by default, as they would be before they are served.

    Digests, signature, contract, golden rows and speed; retired ones, too. The exit code is 1 when one is refused.

    \b
    Example:
      touchline model verify
      touchline model verify internationals@champion --json
    """  # noqa: D301 - as above
    every = [(model, version) for model in read_models(store) for version in model.versions.values()]
    results = []
    for model, version in [resolve(store, one) for one in references] or every:
        refused = None
        try:
            verify(store, version)
        except BundleError as error:
            refused = " ".join(str(error).split())
        results.append({"model": model.name, "version": version.version, "digest": version.digest, "refused": refused})
        if not as_json:
            click.echo(f"{model.name} {version.version}: {'ok' if refused is None else printable(refused)}")
    if as_json:
        click.echo(json.dumps(results))
    if any(one["refused"] for one in results):
        raise SystemExit(_BAD_EXIT)


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_PIPED_WIDTH)
