"""How a report looks: by day, by fill, against what was expected.

Belongs here: its tables and its JSON. Does not belong here: its numbers (`report.py`).
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from rooney_live.cli.shown import echo_red, echo_table

if TYPE_CHECKING:
    from rooney_live.report import Expectation, Report

NOT_REPORTED = "no fills reported"
SHOWN_FILLS = 20
PERCENT = 100.0


def report_facts(report: Report) -> dict[str, Any]:
    """The report as JSON values; `is_off` says it in one word."""
    return {
        "days": list(report.days),
        "fills": list(report.fills),
        "expectations": [asdict(one) | {"is_off": one.is_off} for one in report.expectations],
        "net_profit_usd": sum(one["net_profit_usd"] for one in report.days),
        "is_off": any(one.is_off for one in report.expectations),
    }


def print_report(report: Report, where: str) -> None:
    """Print the report; what is off in red."""
    click.echo(f"Report of {where} journal\n")
    if not report.days:
        click.echo("No trade has ended yet.")
        return
    headers = ("session", "trades", "net USD", "commission", "by the broker's fills")
    days = [
        (
            one["session"],
            one["n_trades"],
            f"{one['net_profit_usd']:.2f}",
            f"{one['commission_usd']:.2f}",
            f"{one['n_reported']} of {one['n_trades']}",
        )
        for one in report.days
    ]
    echo_table(headers, days)
    total = sum(one["net_profit_usd"] for one in report.days)
    click.echo(f"\nNet of commissions: {total:.2f} USD\n")
    _print_expectations(report)
    _print_fills(report)


def _print_expectations(report: Report) -> None:
    headers = ("symbol", "trades", "win rate", "profit a trade", "slippage, ticks")
    rows = [
        (one.symbol, one.n_trades, _win_rate(one), _profit(one), _slippage(one))
        for one in report.expectations
    ]
    echo_table(headers, rows, [one.is_off for one in report.expectations])
    if any(one.is_off for one in report.expectations):
        echo_red("OFF: not what was expected. Look at it before trading on.")


def _win_rate(one: Expectation) -> str:
    if one.win_rate is None or one.expected_win_rate is None:
        return one.win_rate_verdict
    return (
        f"{one.win_rate * PERCENT:.1f} % of {one.expected_win_rate * PERCENT:.1f} % "
        f"({one.win_rate_verdict})"
    )


def _profit(one: Expectation) -> str:
    if one.mean_profit_usd is None or one.expected_profit_usd is None:
        return NOT_REPORTED
    return f"{one.mean_profit_usd:.2f} of {one.expected_profit_usd:.2f} ({one.profit_verdict})"


def _slippage(one: Expectation) -> str:
    if one.slippage_ticks is None or one.expected_slippage_ticks is None:
        return NOT_REPORTED
    return f"{one.slippage_ticks:.2f} of {one.expected_slippage_ticks:.2f} ({one.slippage_verdict})"


def _print_fills(report: Report) -> None:
    from rooney_live.journal_reading import as_text

    if not report.fills:
        click.echo("\nNext: `rooney-live reconcile --fills FILE` with the broker's list of fills.")
        return
    headers = ("time", "order", "expected", "filled", "slippage, ticks")
    rows = [
        (
            as_text(one["at_us"]),
            one["order_id"],
            "not known" if one["expected_price"] is None else f"{one['expected_price']:.10g}",
            f"{one['price']:.10g}",
            "not known" if one["slippage_ticks"] is None else f"{one['slippage_ticks']:.2f}",
        )
        for one in report.fills[-SHOWN_FILLS:]
    ]
    click.echo("")
    echo_table(headers, rows)
