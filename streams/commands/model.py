"""`touchline model`: what is known of bundles, in a folder or in the store."""

import json
from pathlib import Path

import click

from models.card import card_text, read_card
from models.manifest import MANIFEST, BundleError, read_manifest
from streams.commands.control import canary, history, pause, promote, rollback, shadow, status
from streams.commands.errors import UserError
from streams.commands.model_changes import alias_command, register_command, retire_command
from streams.commands.model_looks import diff_command, list_command, show_command, verify_command


@click.group()
def model() -> None:
    """Tell what a model bundle is, and keep bundles in a store.

    The store is a folder, a URL such as s3://bucket/models, or mlflow: for the registry of MLflow. REFERENCE is
    NAME@VERSION, NAME@champion, NAME@challenger, or a digest.

    \b
    Example:
      touchline model card bundles/lightgbm
      touchline model register bundles/lightgbm --why "trained on 2025"
      touchline model alias internationals champion 2 --why "better in the backtest"
      TOUCHLINE_BUNDLE=store:internationals@champion touchline worker predict
    """  # noqa: D301 - \b is click's mark for a block kept as it is


@model.command()
@click.argument("bundle", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def card(bundle: Path, *, as_json: bool) -> None:
    """Show the card of BUNDLE: its data, its contract, what it is worth and where, its limits, how to make it again.

    \b
    Example:
      touchline model card bundles/lightgbm > CARD.md
    """  # noqa: D301 - as above
    try:
        manifest = read_manifest((bundle / MANIFEST).read_bytes(), str(bundle))
        found = read_card(bundle, manifest.digest)
    except OSError as error:
        raise UserError(f"{bundle} is no bundle: {MANIFEST} cannot be read: {error.strerror}") from error
    except BundleError as error:
        raise UserError(str(error)) from error
    click.echo(json.dumps(found, ensure_ascii=False) if as_json else card_text(found), nl=as_json)


for _command in (
    list_command,
    show_command,
    register_command,
    alias_command,
    diff_command,
    verify_command,
    retire_command,
    promote,
    canary,
    shadow,
    pause,
    rollback,
    status,
    history,
):
    model.add_command(_command)
