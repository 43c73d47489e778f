"""The `rooney-live` command: what a person at the trader's server can ask and do.

Belongs here: arguments, exit codes and what is printed. Does not belong here: anything that a
program would want too. Imports are inside the commands, so that --help answers at once.
Exit codes: 0 fine, 1 refused or failed, 2 usage.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from rooney_core.errors import MissingArtifact, RooneyError, UnknownName
from rooney_live.settings import Settings, read_settings

if TYPE_CHECKING:
    from rooney_live.journal import Journal, Row
    from rooney_live.rehearsal.rehearse import RehearsalReport

Command = TypeVar("Command", bound=Callable[..., Any])
SHOWN_TRADES = 20
FOLDER = click.Path(file_okay=False, path_type=Path)


class RefusingGroup(click.Group):
    """A group whose commands may raise any RooneyError: one clear message, its exit code."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; never show a traceback for what Rooney raises on purpose."""
        try:
            return super().invoke(ctx)
        except RooneyError as error:
            click.echo(f"Error: {error}", err=True)
            ctx.exit(error.exit_code)


def places(command: Command) -> Command:
    """Add the options every command has: where the lake and the trader's state are."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table."),
        click.option("--state", type=FOLDER, help="The trader's own folder [ROONEY_STATE]."),
        click.option("--lake", type=FOLDER, help="Root of the lake, only read [ROONEY_LAKE]."),
    ):
        command = option(command)
    return command


@click.group(cls=RefusingGroup, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """The trader. It reads one verified release from the lake and remembers every decision."""


@main.command()
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


@main.command()
@click.argument("symbol")
@click.argument("time")
@places
def why(symbol: str, time: str, lake: Path | None, state: Path | None, as_json: bool) -> None:
    """Why a decision was made. TIME is the end of the bar: 2025-12-30T15:00, UTC without a zone."""
    from rooney_live.journal_reading import decision_at, events_at, orders_at, parse_moment

    settings = read_settings(lake=lake, state=state)
    moment_us = parse_moment(time)
    with _existing_journal(settings) as journal:
        _refuse_unknown(symbol, journal, settings)
        row = decision_at(journal, symbol, moment_us)
        row |= {"orders": orders_at(journal, row), "events": events_at(journal, row)}
    for name in ("features", "contributions"):
        row[name] = json.loads(row[name])
    if as_json:
        _echo_json(row)
    else:
        _print_decision(row)


@main.command()
@places
def status(lake: Path | None, state: Path | None, as_json: bool) -> None:
    """The last rehearsal: its release, decisions, trades and whether it finished."""
    from rooney_live.journal_reading import last_run, run_summary

    settings = read_settings(lake=lake, state=state)
    with _existing_journal(settings) as journal:
        run = last_run(journal)
        if run is None:
            raise MissingArtifact("Nothing was rehearsed yet; run `rooney-live rehearse`.")
        summary = run_summary(journal, run["run_id"])
    run |= {
        "symbols": json.loads(run["symbols"]),
        "decisions_by_code": summary.decisions_by_code,
        "n_trades": len(summary.trades),
        "net_profit_usd": summary.net_profit_usd,
        "n_open_positions": summary.n_open,
        "journal": str(settings.journal),
        "overrides": _overrides(settings),
    }
    if as_json:
        _echo_json(run)
        return
    for notice in run.pop("overrides"):
        _echo_red(notice)
    run["symbols"] = ", ".join(run["symbols"]) or "none (empty portfolio)"
    run["decisions_by_code"] = _counts(summary.decisions_by_code)
    run["net_profit_usd"] = f"{summary.net_profit_usd:.2f}"
    _echo_table(("what", "value"), [(name, value) for name, value in run.items()])


@main.command()
@click.option("--bars", type=FOLDER, help="Folder of bars, laid out as the lake [the lake].")
@places
def preflight(bars: Path | None, lake: Path | None, state: Path | None, as_json: bool) -> None:
    """Check all that the trader depends on; exit code 1 when anything would stop it."""
    settings = read_settings(lake=lake, state=state)
    from rooney_live.preflight import preflight as run_preflight

    checks = run_preflight(settings, bars or settings.lake)
    if as_json:
        _echo_json([vars(check) for check in checks])
    else:
        words = {True: "pass", False: "FAIL", None: "skipped"}
        rows = [(check.name, words[check.passed], check.detail) for check in checks]
        red = [check.passed is False or check.is_red for check in checks]
        _echo_table(("check", "result", "detail"), rows, red)
    if not all(check.passed for check in checks):
        raise SystemExit(1)


@main.command("serve-history")
@click.argument("folder", type=click.Path(file_okay=False, exists=True, path_type=Path))
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="0: a free one."
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="KIND[:ENDPOINT[:TIMES]]",
    help="Go wrong on purpose, such as cut_stream or too_many:*:3; may be given again.",
)
@click.option("--random-faults", type=click.IntRange(min=0), metavar="SEED", help="At random.")
@click.option("--key", help="Refuse any key but this made-up one; never give a real one.")
@click.option("--state", type=FOLDER, help="Where the certificate is written [ROONEY_STATE].")
def serve_history(
    folder: Path,
    port: int,
    faults: tuple[str, ...],
    random_faults: int | None,
    key: str | None,
    state: Path | None,
) -> None:
    """Serve the bars in FOLDER as Databento's historical service would, on this machine only.

    They are your own bars: nothing is fetched from the vendor, and nothing is billed.
    """
    from rooney_live.rehearsal.serve import serve_until_stopped

    settings = read_settings(state=state)
    serve_until_stopped(folder, settings.state, click.echo, port, faults, random_faults, key)


def _existing_journal(settings: Settings) -> Journal:
    from rooney_live.journal import Journal

    if not settings.journal.is_file():
        raise MissingArtifact(
            f"There is no journal at {settings.journal}; run `rooney-live rehearse`, or point "
            "ROONEY_STATE (or --state) at the folder that has one."
        )
    return Journal.open(settings.journal)


def _overrides(settings: Settings) -> list[str]:
    """Gates that the lake's release passes on a person's word; [] where there is no release."""
    from rooney_core.release.standing import overrides_shown
    from rooney_live.release_store import config_path, day_of, read_release

    if not config_path(settings.lake).is_file():
        return []
    config = read_release(settings.lake).config
    return list(overrides_shown(config, day_of(config)))


def _refuse_unknown(symbol: str, journal: Journal, settings: Settings) -> None:
    """A symbol without a record is either out of the release, for a reason, or unknown."""
    from rooney_live.journal_reading import recorded_symbols
    from rooney_live.release_store import config_path, read_release

    recorded = recorded_symbols(journal)
    if symbol in recorded:
        return
    reasons: Mapping[str, str] = {}
    if config_path(settings.lake).is_file():
        reasons = read_release(settings.lake).config.reasons
    if symbol in reasons:
        raise MissingArtifact(
            f"No decision of {symbol} is recorded. The release says of it: {reasons[symbol]}."
        )
    raise UnknownName.among("symbol", symbol, {*recorded, *reasons})


def _print_rehearsal(report: RehearsalReport, settings: Settings, as_json: bool) -> None:
    if as_json:
        _echo_json(vars(report) | {"journal": str(settings.journal)})
        return
    market = " (simulated market)" if report.is_simulated else ""
    click.echo(f"Release {report.release_id} of {report.rebalance_month}{market}")
    for notice in (*report.overrides, *report.lapsed):
        _echo_red(notice)
    if not report.symbols:
        click.echo("The portfolio is empty: nothing is traded, nothing was replayed. Why:")
        _echo_table(("symbol", "reason"), list(report.reasons.items()))
        click.echo("Next: `rooney status` for the factory; a new release makes a new rehearsal.")
        return
    _print_run(report, settings)


def _print_run(report: RehearsalReport, settings: Settings) -> None:
    from rooney_live.journal_reading import as_text

    click.echo(
        f"Replayed {len(report.sessions)} sessions, {report.sessions[0]} to "
        f"{report.sessions[-1]}, for {', '.join(report.symbols)}\n"
    )
    _echo_table(("code", "decisions"), list(report.decisions_by_code.items()))
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
        _echo_table(headers, rows)
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
    _echo_red(f"PARITY: {found['n_unexplained']} differences to the batch path, the first of them:")
    for one in found["differences"]:
        _echo_red(
            f"  {one['symbol']} {one['at']} {one['what']}: recorded {one['recorded']}, "
            f"replayed {one['replayed']}"
        )


def _print_decision(row: Row) -> None:
    from rooney_live.journal_reading import as_text, order_in_words

    asked = row["probability"] is not None
    facts = [
        ("symbol", row["symbol"]),
        ("contract", row["contract"]),
        ("bar end", as_text(row["bar_end_us"])),
        ("session", row["session"]),
        ("close", f"{row['close']:.10g}"),
        ("code", row["code"]),
        ("action", row["action"]),
        ("side", f"{row['side']:+d}" if row["side"] else "none"),
        ("probability", f"{row['probability']:.4f}" if asked else "the model was not asked"),
        ("threshold", f"{row['threshold']:.4f}"),
        ("release", row["release_id"]),
        *(("order", order_in_words(order)) for order in row["orders"]),
        *((event["code"], event["message"]) for event in row["events"]),
    ]
    _echo_table(("what", "value"), facts)
    if row["features"]:
        click.echo("")
        _echo_table(("feature", "value", "added before calibration"), _explained(row))


def _explained(row: Row) -> list[tuple[str, str, str]]:
    """The base, then the features and what each added to it, the strongest first, then their sum.

    The sum is what the trees say together; calibration makes the probability of it.
    """
    from rooney_core.decision.records import BASE

    values, added = row["features"], row["contributions"]
    ordered = sorted(values.items(), key=lambda one: -abs(added[one[0]]))
    return [
        (BASE, "", f"{added[BASE]:.6f}"),
        *(
            (name, "unknown" if value is None else f"{value:.6g}", f"{added[name]:+.6f}")
            for name, value in ordered
        ),
        ("sum", "", f"{math.fsum(added.values()):.6f}"),
    ]


def _counts(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in numbers.items()) or "none"


def _echo_json(value: object) -> None:
    click.echo(json.dumps(value, indent=2))


def _echo_red(line: str) -> None:
    """In red on a terminal; plain text in a pipe."""
    click.secho(line, fg="red", bold=True)


def _echo_table(
    headers: Sequence[str], rows: Sequence[Sequence[object]], red: Sequence[bool] = ()
) -> None:
    """Aligned columns; plain text, so that it stays whole in a pipe and at any width.

    `red`: which rows are shown in red on a terminal.
    """
    lines = [tuple(headers), *(tuple(str(cell) for cell in row) for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(headers))]
    for number, line in enumerate(lines):
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        is_red = bool(red) and number > 0 and red[number - 1]
        (_echo_red if is_red else click.echo)("  ".join(padded).rstrip())
        if number == 0:
            click.echo("  ".join("-" * width for width in widths))


if __name__ == "__main__":
    main()
