"""`rooney recalibrate`: the quarterly run, by hand, with its report."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import polars as pl

    from rooney_assets.cli.context import Place
    from rooney_assets.recalibration import Recalibrated, Workshop

MOST_SHOWN = 40
"""Changes that are printed one by one."""


@click.command()
@click.option("--dry-run", is_flag=True, help="Print what would be made and why; change nothing.")
@click.option("--processes", type=click.IntRange(1, 64), help="Default: one per core.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def recalibrate(dry_run: bool, processes: int | None, as_json: bool) -> None:
    """Run the whole chain for candidates, as the quarterly schedule does, and report.

    What was made from the same bars by the same code is not made again. A candidate that passes
    every gate is promoted when the mandate allows it (promotion.auto); otherwise what is traded
    stays, and the report says why. It is kept in the lake: `recalibration_report`.
    """
    from rooney_assets.cli.context import Place
    from rooney_assets.recalibration import Workshop

    place = Place.from_environment()
    shop = Workshop(place.settings, place.universe, place.source, place.lake)
    if dry_run:
        _dry_run(place, shop, as_json)
        return
    done = _run(place, shop, processes, quiet=as_json)
    if as_json:
        click.echo(json.dumps(report_facts(done), indent=2))
    else:
        _print(done)
    sys.exit(0 if done.succeeded else 1)


def _run(place: Place, shop: Workshop, processes: int | None, *, quiet: bool) -> Recalibrated:
    from rooney_assets.cli.progress import Board
    from rooney_assets.recalibration import recalibrate as run

    by_hand = "rooney recalibrate"
    if quiet:
        return run(shop, by_hand, processes=processes)
    with Board(place) as board:
        return run(shop, by_hand, board.show, processes=processes, heard=board.conclude)


def report_facts(done: Recalibrated) -> dict[str, Any]:
    """The report for a program."""
    from rooney_assets.cli.tables import to_json

    (row,) = json.loads(to_json(done.row))
    tables = {"changes": done.changes, "conditions": done.conditions, "failures": done.failures}
    return {**row, **{name: json.loads(to_json(one)) for name, one in tables.items()}}


def _print(done: Recalibrated) -> None:
    from rooney_assets.cli.tables import print_frame
    from rooney_assets.recalibration import RecalibrationOutcome

    row = done.row.row(0, named=True)
    click.echo(f"Recalibration {done.id}, candidate {row['candidate_id'] or 'none'}")
    if done.changes.is_empty():
        click.echo("No table changed.")
    else:
        click.echo("What changed:")
        short = done.changes.with_columns(_short("version_before"), _short("version_after"))
        print_frame(short, MOST_SHOWN, "`rooney sql` shows all: recalibration_report_changes")
    _print_conditions(done.conditions)
    good = done.outcome in (RecalibrationOutcome.PROMOTED, RecalibrationOutcome.KEPT)
    click.secho(f"{_told(done)}: {done.reason}", fg="green" if good else "red")
    for where, why in done.failures.iter_rows():
        click.secho(f"  {where}: {why}", fg="red")


def _print_conditions(conditions: pl.DataFrame) -> None:
    for name, holds, reason in conditions.iter_rows():
        mark, colour = ("yes", "green") if holds else ("NO ", "red")
        click.echo(f"  {click.style(mark, fg=colour)} {name:<22} {reason}")


def _told(done: Recalibrated) -> str:
    from rooney_assets.recalibration import RecalibrationOutcome

    row = done.row.row(0, named=True)
    now = row["release_after"]
    stays = f"{now} stays" if now else "nothing is released"
    return {
        RecalibrationOutcome.PROMOTED: f"PROMOTED {now} in place of {row['release_before']}",
        RecalibrationOutcome.KEPT: f"Nothing to promote, {stays}",
        RecalibrationOutcome.NOT_PROMOTED: f"NOT promoted, {stays}",
        RecalibrationOutcome.FAILED: f"FAILED, {stays}",
    }[done.outcome]


def _dry_run(place: Place, shop: Workshop, as_json: bool) -> None:
    """What would be made, and how the candidate that is there now stands."""
    from rooney_assets.cli.tables import print_frame, to_json
    from rooney_assets.promotion import asking, decision
    from rooney_assets.recalibration import conditions_of
    from rooney_assets.recalibration_plan import planned
    from rooney_core.errors import MissingArtifact

    plan = planned(shop)
    try:
        asked = asking(place.lake, place.mandate)
        conditions = conditions_of(decision(place.lake, asked))
        about = asked.traded.release_id
    except MissingArtifact:
        conditions, about = conditions_of(None), "none"
    auto = place.mandate.promotion.auto
    if as_json:
        facts = {"would_make": json.loads(to_json(plan)), "candidate_id": about, "is_auto": auto}
        click.echo(json.dumps(facts | {"conditions": json.loads(to_json(conditions))}, indent=2))
        return
    if plan.is_empty():
        click.echo("Nothing would be made: every table is of the bars and the code of now.")
    else:
        click.echo(f"{plan.height} tables would be made:")
        print_frame(plan, MOST_SHOWN, "--json prints all")
    click.echo(f"The candidate that is there now, {about}:")
    _print_conditions(conditions)
    allowed = "promotes by itself" if auto else "leaves the last word to a person"
    click.echo(f"The mandate {allowed} (promotion.auto); nothing was changed.")


def _short(name: str) -> pl.Expr:
    import polars as pl

    return pl.col(name).str.slice(0, 10)
