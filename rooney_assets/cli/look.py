"""`rooney sql`, `rank`, `status`, `summary`: what the lake says."""

from __future__ import annotations

import json

import click


@click.command()
@click.argument("query")
@click.option("--json", "as_json", is_flag=True, help="Print rows as JSON.")
@click.option(
    "--limit",
    default=50,
    type=click.IntRange(min=0),
    show_default=True,
    help="Rows to print; 0 prints all.",
)
def sql(query: str, as_json: bool, limit: int) -> None:
    """Query the lake; every asset is a view, `symbol` or `rebalance_month` a column."""
    from rooney_assets.cli.context import Place
    from rooney_assets.cli.tables import print_frame, to_json

    table = Place.from_environment().lake.query(query)
    if as_json:
        click.echo(to_json(table))
    else:
        print_frame(table, limit)


@click.command()
@click.argument("symbol")
@click.option("--json", "as_json", is_flag=True, help="Print rows as JSON.")
def rank(symbol: str, as_json: bool) -> None:
    """Print the ranking of strategy variants of SYMBOL; --json has every column."""
    from rooney_assets.cli.context import Place
    from rooney_assets.cli.ranking import other_mandate, print_ranking
    from rooney_assets.cli.tables import to_json

    place = Place.from_environment()
    partition = ("symbol", place.symbol(symbol))
    table, version = place.lake.read_versioned("strategy_ranking", partition)
    made = place.lake.manifest("strategy_ranking", partition, version=version)
    differs = other_mandate(made.config.get("params", {}), place.mandate.ranking)
    if differs:
        click.echo(
            f"This ranking was made under another mandate ({differs}). Run `rooney materialize "
            f"--symbols {partition[1]} --to strategy_ranking` to make it anew.",
            err=True,
        )
    if as_json:
        click.echo(to_json(table))
    else:
        print_ranking(table)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print rows as JSON.")
@click.option("--symbols", help="Comma-separated; default: all.")
def status(as_json: bool, symbols: str | None) -> None:
    """Print every asset and partition: its version, age, rows and checks.

    An emergency stop is told first (with --json on the error stream).
    """
    from rooney_assets.cli.context import Place
    from rooney_assets.cli.standing import standing
    from rooney_assets.cli.stop import tell_stop
    from rooney_assets.cli.tables import print_frame, to_json

    place = Place.from_environment()
    tell_stop(place.lake.root, err=as_json)
    chosen = None
    if symbols is not None:
        chosen = {place.symbol(one) for one in symbols.split(",") if one.strip()}
    table = standing(place, chosen)
    if as_json:
        click.echo(to_json(table))
    else:
        print_frame(table, 0)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def summary(as_json: bool) -> None:
    """Print what came out: per symbol the strategy, Sharpe ratios and verdict; the portfolio."""
    from rooney_assets.cli.context import Place
    from rooney_assets.cli.summary import print_summary, summary_facts

    place = Place.from_environment()
    if as_json:
        click.echo(json.dumps(summary_facts(place), indent=2, default=str))
    else:
        print_summary(place)
