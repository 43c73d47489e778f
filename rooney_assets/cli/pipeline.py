"""`rooney pipeline`: what runs by itself; a look at it, a dry run, or one round of it by hand."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from textwrap import shorten
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rooney_assets.cli.context import Place
    from rooney_assets.pipeline import Answer, Floor, Round

MOST_REASON = 90
"""Characters of a reason or a description that a table shows."""


@click.command()
@click.option("--status", "mode", flag_value="status", help="Print every automation [default].")
@click.option("--dry-run", "mode", flag_value="dry-run", help="Print what would be run, and why.")
@click.option("--once", "mode", flag_value="once", help="Do it once, here, without the daemon.")
@click.option("--only", multiple=True, metavar="NAME", help="This automation alone, due or not.")
@click.option("--processes", type=click.IntRange(1, 64), help="Default: one per core.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def pipeline(mode: str | None, only: tuple[str, ...], processes: int | None, as_json: bool) -> None:
    """Show, try or do what the schedules, sensors and conditions would do now.

    One round fetches new bars, makes what follows from them, trains the symbols that the retraining
    sensor names, runs the schedules whose time has come, and sends notices. An emergency stop halts
    it.
    """
    from rooney_assets.cli.context import Place
    from rooney_assets.pipeline import require_no_stop

    place = Place.from_environment()
    with _floor(place) as floor:
        if mode in (None, "status"):
            _status(place, floor, as_json)
            return
        require_no_stop(floor)
        now, named = datetime.now(UTC), only or None
        if mode == "dry-run":
            _dry_run(floor, now, named, as_json)
        else:
            sys.exit(_once(place, floor, now, named, processes, as_json))


@contextmanager
def _floor(place: Place) -> Iterator[Floor]:
    from rooney_assets.build import build_defs
    from rooney_assets.instance import dagster_instance
    from rooney_assets.pipeline import Floor
    from rooney_assets.recalibration import Workshop

    logging.getLogger("dagster").setLevel(logging.WARNING)
    shop = Workshop(place.settings, place.universe, place.source, place.lake)
    with dagster_instance(place.settings) as instance:
        yield Floor(shop, build_defs(place.settings, place.universe), instance)


def _dry_run(floor: Floor, now: datetime, only: tuple[str, ...] | None, as_json: bool) -> None:
    from rooney_assets.pipeline import ask

    answers = ask(floor, now, only)
    if as_json:
        click.echo(json.dumps({"at": now.isoformat(), "automations": _facts(answers)}, indent=2))
        return
    _print_answers(answers)
    n_wishes = sum(len(one.wishes) for one in answers)
    if n_wishes == 0:
        click.echo("Nothing to do: nobody asks for a run.")
    else:
        click.echo(f"{_runs(n_wishes)} would be made; nothing was. `--once` does it.")


def _once(
    place: Place,
    floor: Floor,
    now: datetime,
    only: tuple[str, ...] | None,
    processes: int | None,
    as_json: bool,
) -> int:
    from rooney_assets.cli.progress import Board
    from rooney_assets.pipeline import do

    if as_json:
        done = do(floor, now, lambda event: None, only=only, processes=processes)
        click.echo(json.dumps(_round_facts(done, now), indent=2))
    else:
        with Board(place) as board:
            done = do(floor, now, board.show, only=only, processes=processes)
        _print_answers(done.answers)
        _print_end(done)
    return 0 if done.report.succeeded else 1


def _round_facts(done: Round, now: datetime) -> dict[str, Any]:
    return {
        "at": now.isoformat(),
        "automations": _facts(done.answers),
        "made": done.report.made,
        "unchanged": done.report.reused,
        "failures": done.report.failures,
        "is_settled": done.is_settled,
    }


def _facts(answers: list[Answer]) -> list[dict[str, Any]]:
    return [
        {
            "automation": one.automation,
            "words": one.words,
            "runs": [
                {
                    "job": wish.job,
                    "partition": wish.key,
                    "assets": list(wish.assets),
                    "reason": wish.reason,
                }
                for wish in one.wishes
            ],
        }
        for one in answers
    ]


def _print_answers(answers: list[Answer]) -> None:
    """What each said; a round asks several times, and the same answer is told once."""
    told = set()
    for one in answers:
        line = f"{one.automation}: {one.words or _runs(len(one.wishes))}"
        if not one.wishes and line in told:
            continue
        told.add(line)
        click.echo(line)
        for wish in one.wishes:
            where = wish.job if wish.key is None else f"{wish.job}[{wish.key}]"
            click.echo(f"  {where}: {shorten(wish.reason or 'asked for', MOST_REASON)}")


def _runs(count: int) -> str:
    return f"{count} run{'s'[: count != 1]}"


def _print_end(done: Round) -> None:
    report = done.report
    wished = any(one.wishes for one in done.answers)
    if not wished:
        click.secho("Nothing to do: nobody asks for a run.", fg="green")
        return
    told = f"{report.made} partitions made, {report.reused} unchanged (data versions match)"
    click.secho(f"{told}, {len(report.failures)} failed.", fg=None if report.succeeded else "red")
    for where, why in report.failures.items():
        click.secho(f"  {where}: {why.removeprefix(f'{where}: ')}", fg="red")
    if report.succeeded and not done.is_settled:
        click.echo("There is more to do; run it again.")


def _status(place: Place, floor: Floor, as_json: bool) -> None:
    """Every automation: on or off, when, its last tick; the stop, the queue and the daemon."""
    import polars as pl

    from rooney_assets.cli.stop import stop_told, tell_stop
    from rooney_assets.cli.tables import print_frame
    from rooney_assets.ticking import automations

    found = automations(floor.defs, floor.instance)
    counts = _queue(floor)
    if as_json:
        rows = [vars(one) for one in found]
        stop = stop_told(place.lake.root)
        click.echo(json.dumps({"emergency_stop": stop, **counts, "automations": rows}, indent=2))
        return
    tell_stop(place.lake.root)
    head = ("kind", "name", "on", "when", "last tick")
    rows_told = [
        (one.kind, one.name, "on" if one.is_on else "off", one.when, one.last_tick[:MOST_REASON])
        for one in found
    ]
    print_frame(pl.DataFrame(rows_told, schema=list(head), orient="row"), 0)
    click.echo(f"{counts['queued']} runs wait, {counts['running']} are running.")
    alive = ", ".join(counts["daemons"]) or "none: `make ui`, or the service rooney-daemon"
    click.echo(f"Daemons that are alive: {alive}.")


def _queue(floor: Floor) -> dict[str, Any]:
    import dagster as dg

    statuses = {"queued": dg.DagsterRunStatus.QUEUED, "running": dg.DagsterRunStatus.STARTED}
    counts: dict[str, Any] = {
        name: floor.instance.get_runs_count(dg.RunsFilter(statuses=[one]))
        for name, one in statuses.items()
    }
    beats = floor.instance.get_daemon_statuses()
    return {**counts, "daemons": sorted(name for name, one in beats.items() if one.healthy)}
