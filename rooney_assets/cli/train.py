"""`rooney train`: one symbol's meta model, from its bars to its report, through Dagster."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rooney_core.errors import InvalidSetting

if TYPE_CHECKING:
    from rooney_assets.cli.context import Place
    from rooney_assets.model_report.standing import Standing


@click.command()
@click.argument("symbol")
@click.option("--quick", is_flag=True, help="Search ten sets in place of 420: to see it run.")
@click.option(
    "--evaluate",
    is_flag=True,
    help="Go on to the verdict: spends a look at the sealed test window, on the record.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the report; default: reports/<symbol>_meta_model_<version>.",
)
@click.option("--overwrite", is_flag=True, help="Replace another file in that folder.")
def train(symbol: str, quick: bool, evaluate: bool, out: Path | None, overwrite: bool) -> None:
    """Train the meta model of SYMBOL and print what came of it.

    Materializes what meta_model needs, as `rooney materialize` does: bars, the strategy search, the
    training set, and the search of hyper-parameters; what is up to date is not made again. The
    sealed test window stays shut unless --evaluate is given.
    """
    from rooney_assets.cli.context import Place
    from rooney_assets.model_report import files

    place = Place.from_environment(quick=quick)
    own = place.symbol(symbol)
    require_tradable(own, place)
    files.require_folder(out or files.HOME)
    if not _materialize(own, "meta_model", place):
        sys.exit(1)
    succeeded = not evaluate or _evaluate(own, place)
    standing = read_standing(own, place)
    print_result(standing)
    path = files.write(standing, out or files.default_folder(standing), overwrite=overwrite)
    click.echo(f"wrote {path}")
    sys.exit(0 if succeeded else 1)


def read_standing(symbol: str, place: Place) -> Standing:
    """The symbol's model with everything on record, MLflow included."""
    from dataclasses import replace

    from rooney_assets.model_report.standing import standing_of
    from rooney_assets.registry import registered, store_file

    standing = standing_of(place.lake, symbol, _budget(place))
    version = standing.portrait.model_version
    return replace(standing, registered=registered(store_file(place.settings), symbol, version))


def print_result(standing: Standing) -> None:
    """The windows, the model and the verdict."""
    from rooney_assets.cli.lines import print_rows, print_table
    from rooney_assets.model_report import words

    click.echo(f"{standing.portrait.symbol}: meta model")
    for one in words.warnings_of(standing):
        click.echo(one)
    print_table(words.WINDOW_HEAD, words.windows_table(standing))
    print_rows(words.model_rows(standing))
    print_rows(words.evaluation_rows(standing))


def require_tradable(symbol: str, place: Place) -> None:
    """Raises InvalidSetting for a symbol that only informs others."""
    tradable = place.universe.tradable
    if symbol not in tradable:
        raise InvalidSetting(
            f"{symbol} is a reference symbol: features read it, and no model trades it. Train one "
            f"of {', '.join(tradable)}."
        )


def _materialize(symbol: str, target: str, place: Place) -> bool:
    """Whether all went well; what did not is printed."""
    from rooney_assets.cli.progress import Board
    from rooney_assets.headless import Request, run

    request = Request(symbols=(symbol,), target=target)
    with Board(place) as board:
        report = run(request, place.settings, place.universe, place.source, place.lake, board.show)
    board.conclude(report)
    return report.succeeded


def _evaluate(symbol: str, place: Place) -> bool:
    """Whether the model was evaluated; the model stays what it is where the look is refused."""
    _tell_of_the_look(symbol, place)
    # The table of looks comes of the evaluation, and shows this one.
    return _materialize(symbol, "holdout_looks", place)


def _tell_of_the_look(symbol: str, place: Place) -> None:
    from rooney_assets.model_report.standing import evaluation_of, looks_at

    version = place.lake.read("meta_model", ("symbol", symbol))["model_version"][0]
    looks = looks_at(place.lake, symbol, _budget(place))
    if evaluation_of(place.lake, symbol, version) is not None:
        click.echo(f"{symbol}: model {version} was evaluated before; {looks.told}.")
        return
    if looks.used >= looks.budget:
        click.echo(f"{symbol}: asking for a look, the budget being spent: {looks.told}.")
        return
    click.echo(
        f"{symbol}: opening the sealed test window for model {version}: this spends a look, which "
        f"stays on record ({looks.told})."
    )


def _budget(place: Place) -> int:
    from rooney_core.gates.settings import EvaluationSettings

    settings = place.mandate.params_of(EvaluationSettings)
    assert isinstance(settings, EvaluationSettings)
    return settings.holdout_budget
