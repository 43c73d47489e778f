"""`rooney data impact`: what a change of a symbol's bars would touch, before anything is made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import polars as pl

    from rooney_assets.graph.impact import Impact

SHOWN = 20


@click.command()
@click.argument("symbol")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def impact(symbol: str, as_json: bool) -> None:
    """Print what would change if SYMBOL's bars were materialized now. Writes nothing.

    Names the bars that the source tells differently from the lake, and every result downstream
    whose version would change, in any partition.
    """
    from rooney_assets.cli.context import Place
    from rooney_assets.graph.impact import impact_of

    place = Place.from_environment()
    own = place.symbol(symbol)
    found = impact_of(own, place.universe, place.source, place.lake, place.mandate)
    if as_json:
        click.echo(json.dumps(_facts(found), indent=2))
    else:
        _print(found)


def _facts(found: Impact) -> dict[str, Any]:
    from rooney_assets.cli.tables import to_json

    return {
        "symbol": found.symbol,
        "bars": dict(found.bars.numbers),
        "restated": json.loads(to_json(found.bars.rows)),
        "results": json.loads(to_json(found.results)),
    }


def _differences(restated: pl.DataFrame) -> pl.DataFrame:
    """One row per restated bar: which, what became of it, and each value that differs."""
    import polars as pl

    told = [_difference(row) for row in restated.iter_rows(named=True)]
    where = restated.select("bar_start", "contract", "what")
    return where.with_columns(pl.Series("was -> is now", told, dtype=pl.String))


def _difference(row: Mapping[str, Any]) -> str:
    from rooney_assets.cli.tables import cell
    from rooney_core.market.quality.versions import VALUES

    return ", ".join(
        f"{name} {cell(row[name])} -> {cell(row[f'{name}_now'])}"
        for name in VALUES
        if row[name] != row[f"{name}_now"]
    )


def _print(found: Impact) -> None:
    from rooney_assets.cli.tables import print_frame

    numbers = found.bars.numbers
    told = ", ".join(f"{numbers[one]:,} {one}" for one in ("changed", "removed", "inserted", "new"))
    click.echo(f"{found.symbol}: of {numbers['bars before']:,} bars in the lake, {told}.")
    if not found.bars.rows.is_empty():
        click.echo(f"Restated from {numbers['first restated']} to {numbers['last restated']}:")
        print_frame(_differences(found.bars.rows), SHOWN, "--json has more of them")
    if found.results.is_empty():
        click.echo("Nothing would change; nothing that was made from these bars is stale.")
        return
    click.echo(f"{found.results.height} results would change:")
    cut = ("current_version", "new_version")
    short = (found.results[name].str.slice(0, 10).alias(name) for name in cut)
    print_frame(found.results.with_columns(*short), 0)
    click.echo("`rooney materialize` makes them; old versions stay readable.")
