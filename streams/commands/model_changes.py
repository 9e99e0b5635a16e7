"""What changes a store of models: `touchline model register`, `alias` and `retire`."""

import json
from pathlib import Path

import click

from models.entries import Act, Alias, Pointed, Retired
from models.journal import append, read_model
from models.manifest import MANIFEST
from models.registering import register
from models.signatures import read_signing_key
from models.store import ModelStore, resolve
from streams.commands.errors import UserError
from streams.commands.model_views import row_of
from streams.commands.store_options import NONE, act_options, store_options


@click.command("register")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--key", type=click.Path(path_type=Path), metavar="FILE", help="Private key (PEM, Ed25519) that signs it."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@act_options
@store_options
def register_command(store: ModelStore, act: Act, *, bundle: Path, key: Path | None, as_json: bool) -> None:
    """Take the folder BUNDLE into the store, as the model and version that its manifest says.

    A bundle that is damaged, of another contract, too slow or not finite on its own golden rows is refused, and so is
    one that is not signed where signatures are asked for. A version never changes: another bundle needs another one.

    \b
    Example:
      touchline model register bundles/lightgbm --why "trained on 2025"
      touchline model register bundles/lightgbm --why "trained on 2025" --store s3://models/touchline --key signing.pem
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    if not (bundle / MANIFEST).is_file():
        raise UserError(f"{bundle} is no bundle: it has no {MANIFEST}; touchline train writes one")
    model, version = register(store, bundle, act, None if key is None else read_signing_key(key))
    if as_json:
        click.echo(json.dumps(row_of(model, version)))
        return
    click.echo(f"{model.name} {version.version} is in the store, as bundle {version.digest}")


@click.command("alias")
@click.argument("name")
@click.argument("alias", type=click.Choice(["champion", "challenger"]))
@click.argument("version")
@click.option("--replaces", metavar="VERSION", help="What it must be now, or none (default: what it is found to be).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@act_options
@store_options
def alias_command(
    store: ModelStore, act: Act, *, name: str, alias: Alias, version: str, replaces: str | None, as_json: bool
) -> None:
    """Point the champion or challenger of the model NAME at VERSION, or at none.

    Workers that are told store:NAME@champion serve it from their next start on. Of two who point it at the same time
    one wins, and the other is told.

    \b
    Example:
      touchline model alias internationals champion 2 --why "better in the backtest"
      touchline model alias internationals champion 1 --replaces 2 --why "back: slow on Sundays"
      touchline model alias internationals challenger none --why "tried"
    """  # noqa: D301 - as above
    known = read_model(store.files, name)
    now = known.version_of(alias) if replaces is None else _version(replaces)
    model = append(store.files, name, Pointed(alias, _version(version), now, act))
    if as_json:
        click.echo(json.dumps({"model": name, "alias": alias, "version": model.version_of(alias), "replaced": now}))
        return
    click.echo(f"the {alias} of {name} is {version}; it was {now or NONE}")


@click.command("retire")
@click.argument("reference")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@act_options
@store_options
def retire_command(store: ModelStore, act: Act, *, reference: str, as_json: bool) -> None:
    """Retire the version REFERENCE (NAME@VERSION or a digest): nobody serves it from then on, unless told to.

    Its files stay, so that its predictions can be explained. A champion or challenger is not retired.

    \b
    Example:
      touchline model retire internationals@1 --why "older than two years"
    """  # noqa: D301 - as above
    found, version = resolve(store, reference)
    model = append(store.files, found.name, Retired(version.version, act))
    if as_json:
        click.echo(json.dumps(row_of(model, version)))
        return
    click.echo(f"{model.name} {version.version} is retired; bundle {version.digest} stays in the store")


def _version(text: str) -> str | None:
    return None if text == NONE else text
