"""`rooney backtest`: one configuration on the lake's bars, with a page to look at."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rooney_assets.backtests.run import Done, Wanted

DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.command()
@click.argument("symbol")
@click.option("--variant", "name", required=True, help="Such as ibs_filtered.")
@click.option("--params", help="JSON object; what it does not name keeps its default.")
@click.option("--from", "first", type=DAY, help="First session; default: the first there is.")
@click.option("--to", "last", type=DAY, help="Last session; default: that of the train window.")
@click.option(
    "--costs-times",
    default=1.0,
    show_default=True,
    type=click.FloatRange(min=0, max=1000),
    help="Multiply commission and slippage.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the table and the page; default: reports/<symbol>_<variant>_<from>_<to>.",
)
@click.option("--overwrite", is_flag=True, help="Replace another run's files in that folder.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.option(
    "--spend-holdout-look",
    "may_look",
    is_flag=True,
    help="Open the sealed test window, on the record and within the budget of looks.",
)
def backtest(
    symbol: str,
    name: str,
    params: str | None,
    first: datetime | None,
    last: datetime | None,
    costs_times: float,
    out: Path | None,
    overwrite: bool,
    as_json: bool,
    may_look: bool,
) -> None:
    """Backtest one configuration on SYMBOL's continuous bars, one contract, after costs.

    Costs are those in force: what cost_model learnt from own fills, else what universe.yaml
    assumes; a line says which. Prints a summary, and writes trades.parquet and report.html. Bars
    before --from are history for the signals. Every run is a trial that the deflated Sharpe ratio
    later pays for, unless the search of the factory scores the same.
    """
    from rooney_assets.backtests import files
    from rooney_assets.backtests.run import Wanted, require_window, run
    from rooney_assets.cli.context import Place
    from rooney_core.strategies import find_variant

    place = Place.from_environment()
    variant = find_variant(name)
    wanted = Wanted(
        symbol=place.symbol(symbol),
        variant=variant,
        params=variant.parse_params(params),
        first=_date(first),
        last=_date(last),
        costs_times=costs_times,
        may_look=may_look,
    )
    require_window(wanted)
    folder = out or files.default_folder(wanted)
    if may_look and not wanted.is_in_test:
        click.echo("The window ends before the test window: no look is spent.", err=True)
    with files.prepared(folder):
        done = run(wanted, place.universe, place.lake, place.mandate.evaluation)
        paths = files.write(done, folder, overwrite=overwrite)
    if as_json:
        _print_json(done, paths)
    else:
        _print(done, paths)


def _date(moment: datetime | None) -> date | None:
    return None if moment is None else moment.date()


def _print_json(done: Done, paths: dict[str, Path]) -> None:
    from rooney_assets.backtests.page import summary_facts

    files = {name: str(path) for name, path in paths.items()}
    click.echo(json.dumps({**summary_facts(done), "files": files}))


def _print(done: Done, paths: dict[str, Path]) -> None:
    from rooney_assets.backtests.page import summary_rows, warnings_of

    wanted: Wanted = done.wanted
    click.echo(f"{wanted.symbol}: {wanted.identity}, costs x{wanted.costs_times:g}")
    click.echo(f"costs: {done.priced.line}")
    for one in warnings_of(done):
        click.echo(one)
    for label, value in summary_rows(done.summary):
        click.echo(f"  {label:<26}{value}")
    if done.trial is None:
        click.echo("The search of the factory scores and counts this configuration.")
    else:
        click.echo(f"Recorded as trial {done.trial}: the symbol's deflated Sharpe pays for it.")
    for path in paths.values():
        click.echo(f"wrote {path}")
