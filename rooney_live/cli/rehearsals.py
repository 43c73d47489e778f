"""`rooney-live rehearse`: the trader on stored bars, and what came of it.

Belongs here: the command and its tables. Does not belong here: running it (`rehearsal/`).
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rooney_live.cli.group import FOLDER, places
from rooney_live.cli.shown import echo_json, echo_red, echo_table
from rooney_live.settings import Settings, read_settings

if TYPE_CHECKING:
    from rooney_live.rehearsal.report import RehearsalReport

SHOWN_TRADES = 20


MAX = "max"
NONE = "none"


def _speed(_context: click.Context, _option: click.Parameter, value: str) -> float | None:
    """Seconds that pass in one; None for `max`, no waiting."""
    if value == MAX:
        return None
    try:
        speed = float(value)
    except ValueError:
        speed = math.nan
    if not 0.0 < speed < math.inf:
        raise click.BadParameter(f"{value!r} is neither `max` nor a number above 0, such as 100.")
    return speed


def _seed(_context: click.Context, _option: click.Parameter, value: str) -> int | None:
    """A seed of faults; None for `none`."""
    if value == NONE:
        return None
    if not value.isdigit():
        raise click.BadParameter(f"{value!r} is neither `none` nor a seed, 0 or more.")
    return int(value)


@click.command()
@click.option(
    "--sessions", type=click.IntRange(min=1), default=20, show_default=True, help="Last sessions."
)
@click.option("--bars", type=FOLDER, help="Folder of bars, laid out as the lake [the lake].")
@click.option(
    "--speed",
    callback=_speed,
    default=MAX,
    show_default=True,
    metavar="max|NUMBER",
    help="How many seconds pass in one; max: none is waited for.",
)
@click.option(
    "--faults",
    callback=_seed,
    default=NONE,
    show_default=True,
    metavar="none|SEED",
    help="What goes wrong is drawn from it.",
)
@places
def rehearse(
    sessions: int,
    bars: Path | None,
    speed: float | None,
    faults: int | None,
    lake: Path | None,
    state: Path | None,
    as_json: bool,
) -> None:
    """Let the whole trader trade the last sessions, against stand-ins on this machine.

    A local Databento serves the stored bars, a local TradersPost takes the orders and fills them,
    and the trader is the real one, in a process of its own. With --faults it is also killed, and
    started again. At the end come the invariants; one that breaks, and a decision or trade that
    differs from the batch path's for no recorded reason, is exit code 1.
    """
    settings = read_settings(lake=lake, state=state)
    from rooney_live.rehearsal.harness import Rehearsal, rehearse_whole
    from rooney_live.rehearsal.plan import NO_FAULTS, draw_plan
    from rooney_live.release_store import read_release

    report = rehearse_whole(
        Rehearsal(
            release=read_release(settings.lake),
            settings=settings,
            bars=bars or settings.lake,
            n_sessions=sessions,
            plan=NO_FAULTS if faults is None else draw_plan(faults),
            speed=speed,
        )
    )
    _print_rehearsal(report, settings.rehearsal, as_json)
    if not report.holds:
        raise SystemExit(1)


def _print_rehearsal(report: RehearsalReport, settings: Settings, as_json: bool) -> None:
    if as_json:
        echo_json(vars(report) | {"journal": str(settings.journal)})
        return
    market = " (simulated market)" if report.is_simulated else ""
    click.echo(f"Release {report.release_id} of {report.rebalance_month}{market}")
    for notice in (*report.overrides, *report.lapsed):
        echo_red(notice)
    if not report.symbols:
        click.echo("The portfolio is empty: nothing is traded, nothing was replayed. Why:")
        echo_table(("symbol", "reason"), list(report.reasons.items()))
        click.echo("Next: `rooney status` for the factory; a new release makes a new rehearsal.")
        return
    _print_run(report, settings)


def _print_run(report: RehearsalReport, settings: Settings) -> None:
    from rooney_live.journal_reading import as_text

    click.echo(
        f"Replayed {len(report.sessions)} sessions, {report.sessions[0]} to "
        f"{report.sessions[-1]}, for {', '.join(report.symbols)}\n"
    )
    echo_table(("code", "decisions"), list(report.decisions_by_code.items()))
    headers = ("symbol", "side", "size", "entry", "exit", "entry price", "exit price", "why", "USD")
    rows = [
        (
            trade["symbol"],
            f"{trade['side']:+d}",
            trade["size"],
            as_text(trade["entry_time_us"]),
            as_text(trade["exit_time_us"]),
            f"{trade['entry_price']:.10g}",
            f"{trade['exit_price']:.10g}",
            trade["exit_reason"],
            f"{trade['net_profit_usd']:.2f}",
        )
        for trade in report.trades[-SHOWN_TRADES:]
    ]
    click.echo("")
    if rows:
        echo_table(headers, rows)
    if len(report.trades) > SHOWN_TRADES:
        click.echo(f"These are the last {SHOWN_TRADES} trades; --json prints all.")
    click.echo(
        f"\n{report.n_decisions} decisions ({report.n_new_decisions} new in the journal), "
        f"{len(report.trades)} trades, net {report.net_profit_usd:.2f} USD, "
        f"open positions: {len(report.open_positions)} {', '.join(report.open_positions)}".rstrip()
    )
    _print_parity(report)
    _print_invariants(report)
    for note in report.notes:
        click.echo(f"Note: {note}.")
    click.echo(f"Journal: {settings.journal}")
    if report.trades:
        shown = report.trades[-1]
        moment = as_text(shown["signal_time_us"])
        click.echo(f"Next: `rooney-live why {shown['symbol']} {moment}`")
    else:
        click.echo("Next: `rooney-live status`, or more --sessions: no entry was approved.")


def _print_parity(report: RehearsalReport) -> None:
    found = report.parity
    if not found["n_unexplained"]:
        click.echo("Parity: the batch path decides and trades the same, bar by bar.")
        if found["n_explained"]:
            click.echo(f"Other decisions for a recorded reason: {found['n_explained']}.")
        return
    echo_red(f"PARITY: {found['n_unexplained']} differences to the batch path, the first of them:")
    for one in found["differences"]:
        echo_red(
            f"  {one['symbol']} {one['at']} {one['what']}: recorded {one['recorded']}, "
            f"replayed {one['replayed']}"
        )


def _print_invariants(report: RehearsalReport) -> None:
    if not report.invariants:
        return
    click.echo("")
    rows = [
        (one["name"], "holds" if one["holds"] else "BROKEN", one["n_checked"], one["n_broken"])
        for one in report.invariants
    ]
    red = [not one["holds"] for one in report.invariants]
    echo_table(("invariant", "result", "checked", "broken"), rows, red)
    for one in report.invariants:
        for line in one["broken"]:
            echo_red(f"  {one['name']}: {line}")
    click.echo("")


COMMANDS = (rehearse,)
