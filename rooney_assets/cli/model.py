"""`rooney model show` and `rooney model report`: what there is to see of a trained model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rooney_assets.model_report.standing import Standing


@click.group()
def model() -> None:
    """The trained meta model of a symbol: its facts, and its report."""


@model.command()
@click.argument("symbol")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def show(symbol: str, as_json: bool) -> None:
    """Print what SYMBOL's model is, how it was chosen, how it did, and where it came from."""
    from rooney_assets.model_report import words
    from rooney_assets.model_report.files import report_of

    standing = _standing(symbol)
    path = report_of(standing)
    if as_json:
        report = None if path is None else str(path)
        click.echo(json.dumps({**words.facts_of(standing), "report": report}, indent=2))
    else:
        _print(standing, path)


@model.command()
@click.argument("symbol")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the report; default: reports/<symbol>_meta_model_<version>.",
)
@click.option("--overwrite", is_flag=True, help="Replace another file in that folder.")
def report(symbol: str, out: Path | None, overwrite: bool) -> None:
    """Write SYMBOL's model as a page that needs nothing but a browser: report.html."""
    from rooney_assets.model_report import files

    if out is not None:
        files.require_folder(out)
    standing = _standing(symbol)
    path = files.write(standing, out or files.default_folder(standing), overwrite=overwrite)
    click.echo(f"wrote {path}")


def _standing(symbol: str) -> Standing:
    from rooney_assets.cli.context import Place
    from rooney_assets.cli.train import read_standing, require_tradable

    place = Place.from_environment()
    own = place.symbol(symbol)
    require_tradable(own, place)
    return read_standing(own, place)


def _print(standing: Standing, path: Path | None) -> None:
    from rooney_assets.cli.lines import print_rows, print_table
    from rooney_assets.cli.train import print_result
    from rooney_assets.model_report import words

    print_result(standing)
    click.echo("hyperparameters")
    print_rows(words.hyperparameter_rows(standing))
    click.echo("reliability: probability stated, and trades won")
    print_table(words.RELIABILITY_HEAD, words.reliability_table(standing))
    click.echo(
        f"features, on {standing.portrait.judged_on} trades: importance (rise of the log loss when "
        "shuffled), mean absolute contribution; coverage"
    )
    print_table(words.FEATURE_HEAD, words.feature_table(standing))
    click.echo("lineage")
    print_rows(words.origin_rows(standing))
    how = f"none in {Path.cwd() / 'reports'}; `rooney model report {standing.portrait.symbol}`"
    print_rows([("report", how if path is None else str(path))])
