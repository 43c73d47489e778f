"""`rooney materialize`: the graph without the UI, on all cores, with progress."""

from __future__ import annotations

import sys

import click


@click.command()
@click.option("--symbols", help="Comma-separated; default: every symbol that is not watched only.")
@click.option("--to", "target", help="Stop at this asset; default: the whole graph.")
@click.option("--month", help="Rebalance month, YYYY-MM; default: the one after the newest bars.")
@click.option("--processes", type=click.IntRange(1, 64), help="Default: one per core.")
@click.option(
    "--quick", is_flag=True, help="Search ten sets in place of 420 [ROONEY_TUNING=quick]."
)
@click.option("--force", is_flag=True, help="Recompute even what is up to date.")
@click.option("--summary/--no-summary", "show", default=False, help="Print what came out.")
def materialize(
    symbols: str | None,
    target: str | None,
    month: str | None,
    processes: int | None,
    quick: bool,
    force: bool,
    show: bool,
) -> None:
    """Materialize assets through Dagster and show progress.

    What the lake already holds, made from the same inputs by the same code, is not made again.
    """
    from rooney_assets.cli.context import Place
    from rooney_assets.cli.progress import Board
    from rooney_assets.headless import Request, run

    place = Place.from_environment(quick=quick)
    chosen = None
    if symbols is not None:
        chosen = tuple(place.symbol(one) for one in symbols.split(",") if one.strip())
        if not chosen:
            raise click.UsageError("--symbols names no symbol; write for example --symbols ES,NQ")
    request = Request(symbols=chosen, target=target, month=month, processes=processes, force=force)
    with Board(place) as board:
        report = run(request, place.settings, place.universe, place.source, place.lake, board.show)
    board.conclude(report)
    if show:
        from rooney_assets.cli.summary import print_summary

        print_summary(place)
    sys.exit(0 if report.succeeded else 1)
