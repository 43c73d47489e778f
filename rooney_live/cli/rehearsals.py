"""`rooney-live rehearse`: the trader on stored bars, and what came of it.

Belongs here: the command and its tables. Does not belong here: running it (`rehearsal/`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rooney_live.cli.group import FOLDER, places
from rooney_live.cli.shown import echo_json, echo_red, echo_table
from rooney_live.settings import Settings, read_settings

if TYPE_CHECKING:
    from rooney_live.rehearsal.report import RehearsalReport

SHOWN_TRADES = 20


@click.command()
@click.option(
    "--sessions", type=click.IntRange(min=1), default=20, show_default=True, help="Last sessions."
)
@click.option("--bars", type=FOLDER, help="Folder of bars, laid out as the lake [the lake].")
@places
def rehearse(
    sessions: int, bars: Path | None, lake: Path | None, state: Path | None, as_json: bool
) -> None:
    """Replay the last sessions through the trader, on paper, into the journal.

    Every decision and trade is held to the batch path's own; a difference is exit code 1.
    """
    settings = read_settings(lake=lake, state=state)
    from rooney_live.journal import Journal
    from rooney_live.rehearsal.rehearse import rehearse as run_rehearsal
    from rooney_live.release_store import read_release

    release = read_release(settings.lake)
    with Journal.open(settings.journal) as journal:
        report = run_rehearsal(release, bars or settings.lake, journal, sessions)
        _print_rehearsal(report, settings, as_json)
    if report.parity["n_unexplained"]:
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
        return
    echo_red(f"PARITY: {found['n_unexplained']} differences to the batch path, the first of them:")
    for one in found["differences"]:
        echo_red(
            f"  {one['symbol']} {one['at']} {one['what']}: recorded {one['recorded']}, "
            f"replayed {one['replayed']}"
        )


COMMANDS = (rehearse,)
