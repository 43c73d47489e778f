"""The page at the end of a run: what was found per symbol, the portfolio, and where to look."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console
from rich.table import Table

from rooney_assets.cli.context import Place
from rooney_assets.cli.lines import tell_overrides
from rooney_assets.cli.tables import open_console

NEXT = (
    ("make ui", "the asset graph, checks and plots on http://127.0.0.1:3000"),
    ("rooney status", "every partition's version, age and checks"),
    ("rooney rank {symbol}", "the strategy variants of one symbol"),
    ('rooney sql "select * from model_evaluation"', "any asset as a table"),
    ("rooney-live rehearse --sessions 20", "the trader deciding on the released symbols"),
)


def summary_facts(place: Place) -> dict[str, Any]:
    """Everything the summary shows, as plain data; None where nothing is materialized."""
    return {
        "simulated": place.source.is_simulated,
        "symbols": [_symbol_facts(place, symbol) for symbol in place.universe.tradable],
        "references": [_bars(place, symbol) for symbol in place.universe.reference],
        "portfolio": _portfolio(place),
    }


def print_summary(place: Place) -> None:
    """Print the summary for a person."""
    facts = summary_facts(place)
    console = open_console()
    console.print()
    if facts["simulated"]:
        console.print(
            "SIMULATED market: nothing here says anything about real prices.", style="bold"
        )
    console.print(_symbols_table(facts["symbols"]))
    _print_reasons(console, facts["symbols"])
    _print_portfolio(console, facts["portfolio"])
    console.print("\nOpen next", style="bold")
    for command, shows in NEXT:
        command = command.format(symbol=place.universe.tradable[0])
        console.print(f"  {command:<46} {shows}", soft_wrap=True, highlight=False, markup=False)


def _symbol_facts(place: Place, symbol: str) -> dict[str, Any]:
    best = _row(place, "best_strategy", symbol)
    evaluation = _row(place, "model_evaluation", symbol)
    wanted = (
        "train_sharpe",
        "validation_sharpe",
        "test_sharpe",
        "deflated_sharpe_z",
        "deflated_sharpe_prob",
        "n_trials_raw",
        "test_trades",
        "verdict",
        "reasons",
    )
    return {
        **_bars(place, symbol),
        "variant": best.get("variant"),
        **{name: evaluation.get(name) for name in wanted},
    }


def _bars(place: Place, symbol: str) -> dict[str, Any]:
    partition = ("symbol", symbol)
    if place.lake.version("continuous_bars", partition) is None:
        return {"symbol": symbol, "bars": None}
    return {"symbol": symbol, "bars": place.lake.manifest("continuous_bars", partition).rows}


def _row(place: Place, asset: str, symbol: str) -> dict[str, Any]:
    partition = ("symbol", symbol)
    if place.lake.version(asset, partition) is None:
        return {}
    return place.lake.read(asset, partition).row(0, named=True)


def _portfolio(place: Place) -> dict[str, Any] | None:
    if place.lake.version("production_config", None) is None:
        return None
    config = place.lake.read("production_config", None)
    rows = config.select("symbol", "size", "reason").to_dicts()
    first = config.row(0, named=True)
    return {
        "rebalance_month": first["rebalance_month"],
        "release_id": first["release_id"],
        "rows": rows,
        "approved_until": first.get("approved_until"),
        "overrides": json.loads(first.get("overrides") or "[]"),
    }


def _symbols_table(symbols: list[dict[str, Any]]) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 1, 0, 0))
    for name in ("symbol", "bars", "best variant"):
        table.add_column(name, no_wrap=True)
    for name in (
        "Sharpe\nin sample",
        "\nvalid.",
        "\ntest",
        "deflated\nz",
        "\nprob",
        "\ntrials",
        "\nverdict",
    ):
        table.add_column(name, justify="right", no_wrap=True)
    for one in symbols:
        numbers = (one["train_sharpe"], one["validation_sharpe"], one["test_sharpe"])
        deflated = (one["deflated_sharpe_z"], one["deflated_sharpe_prob"])
        table.add_row(
            one["symbol"],
            "-" if one["bars"] is None else f"{one['bars']:,}",
            one["variant"] or "-",
            *(_number(value) for value in (*numbers, *deflated)),
            str(one["n_trials_raw"] or "-"),
            one["verdict"] or "-",
        )
    return table


def _print_reasons(console: Console, symbols: list[dict[str, Any]]) -> None:
    console.print("\nVerdicts", style="bold")
    for one in symbols:
        reasons = one["reasons"] or ["never evaluated: see the errors above or `rooney status`"]
        texts = [why["text"] if isinstance(why, dict) else str(why) for why in reasons]
        console.print(f"  {one['symbol']}: {'; '.join(texts)}", soft_wrap=True, highlight=False)


def _print_portfolio(console: Console, portfolio: dict[str, Any] | None) -> None:
    if portfolio is None:
        console.print("\nNo production release yet.", style="bold")
        return
    month, release = portfolio["rebalance_month"], portfolio["release_id"]
    traded = sum(row["size"] > 0 for row in portfolio["rows"])
    title = f"{traded} symbols" if traded else "EMPTY, a valid result: nothing passed"
    console.print(f"\nPortfolio for {month} ({title}), release {release}", style="bold")
    for row in portfolio["rows"]:
        line = f"  {row['symbol']:<10} {row['size']} contract(s)  {row['reason']}"
        console.print(line, soft_wrap=True, highlight=False)
    if portfolio["approved_until"] is not None:
        console.print(f"  Approved until {portfolio['approved_until']}; then it only reduces.")
    tell_overrides(portfolio["overrides"])


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
