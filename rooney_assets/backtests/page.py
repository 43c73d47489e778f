"""The page about one backtest: a single HTML file that needs nothing but a browser.

Belongs here: what the page shows, and in which order. Does not belong here: computing it. No
script, no link, no font, no time of writing: the same run gives the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict
from datetime import date
from html import escape
from typing import Any, Final

import polars as pl

from rooney_assets.backtests.run import Done
from rooney_assets.graph.page import facts, number, page, percent, table
from rooney_assets.graph.svg import MOST_POINTS, Chart
from rooney_assets.provenance import git_commit
from rooney_core.backtest.summary import Summary, monthly_returns
from rooney_core.strategies import params_json
from rooney_core.validation.windows import SPLITS

MOST_TRADES: Final = 1000
"""Trades that the page lists; the table beside it has them all."""
MONTHS: Final = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def page_of(done: Done) -> str:
    """The document."""
    wanted = done.wanted
    title = f"{wanted.symbol} {wanted.variant.name}"
    body = [
        f"<h1>{escape(title)}, backtest</h1>",
        *(f"<p class='bad'>{escape(one)}</p>" for one in warnings_of(done)),
        f"<p>{escape(wanted.variant.summary)}</p>",
        "<h2>In numbers</h2>",
        facts(summary_rows(done.summary)),
        "<h2>Equity and drawdown</h2>",
        *_charts(done),
        "<h2>Monthly returns</h2>",
        *_months(monthly_returns(done.result)),
        "<h2>What was run</h2>",
        facts(_origin(done)),
        "<h2>Trades</h2>",
        *_trades(done.result.trades),
    ]
    return page(title, body)


def warnings_of(done: Done) -> list[str]:
    """What a reader must know before the numbers."""
    wanted, said = done.wanted, []
    if wanted.symbol.startswith("SIM_"):
        said.append("SIMULATED market: nothing here says anything about real prices.")
    if wanted.is_in_test:
        said.append(
            f"The sealed test window (after {SPLITS.validation_end}) was opened for this: the look "
            "is on the record."
        )
    elif wanted.end > SPLITS.train_end:
        said.append(f"The window holds sessions of the validation window, to {wanted.end}.")
    if done.absent_peers:
        said.append(
            f"The variant compares with {', '.join(done.absent_peers)}, which the lake does not "
            "hold: it was run without."
        )
    return said


def summary_rows(summary: Summary) -> list[tuple[str, str]]:
    """Names and numbers for a person."""
    sharpe = f"{number(summary.annual_sharpe)} ± {number(summary.annual_sharpe_error)}"
    reasons = ", ".join(f"{name} {count}" for name, count in summary.exit_reasons.items())
    return [
        ("window", f"{summary.first_session} to {summary.last_session}"),
        ("sessions, bars", f"{summary.n_sessions:,}, {summary.n_bars:,}"),
        ("trades", f"{summary.n_trades:,} ({summary.n_long:,} long)"),
        ("trades a year", number(summary.trades_per_year, 1)),
        ("win rate", percent(summary.win_rate)),
        ("profit factor", number(summary.profit_factor)),
        ("annual Sharpe ± its error", sharpe),
        ("PSR: P(true Sharpe > 0)", number(summary.psr, 3)),
        ("max drawdown", percent(summary.max_drawdown)),
        ("net profit, one contract", f"{number(summary.net_profit_usd)} USD"),
        ("exposure", percent(summary.exposure)),
        ("exits", reasons or "none"),
    ]


def _origin(done: Done) -> list[tuple[str, str]]:
    wanted, costs = done.wanted, done.costs
    ticks = f"{costs.slippage_ticks:g} ticks a fill"
    if costs.slippage_by_hour is not None:
        ticks += ", times a factor of the hour"
    counted = "in the search of the factory" if done.trial is None else f"by hand, {done.trial}"
    return [
        ("variant", wanted.variant.name),
        ("source", wanted.variant.source),
        ("parameters", params_json(wanted.params)),
        ("commission", f"{costs.commission_per_contract_usd:g} USD a contract and side"),
        ("slippage", ticks),
        ("costs in force", done.priced.line),
        ("costs counted", f"{wanted.costs_times:g} times those in force"),
        ("contract", f"multiplier {done.priced.instrument.multiplier:g}"),
        *((name, version) for name, version in done.inputs.items()),
        ("code version", done.code_version),
        ("git commit", git_commit()),
        ("counted as a trial", counted),
    ]


def _charts(done: Done) -> Iterable[str]:
    equity = _thinned(done.result.equity)
    times = [_year(one) for one in equity["session"]]
    whole = times[-1] - times[0] > 3.0
    for title, column, label in (
        ("Equity of one contract", "equity_usd", "USD"),
        ("Drawdown", "drawdown", "fraction"),
    ):
        chart = Chart(
            title=title,
            x=times,
            y=equity[column].to_list(),
            x_label="year",
            y_label=label,
            kind="line",
            x_is_whole=whole,
        )
        yield f"<p>{chart.to_svg()}</p>"
    yield (
        "<p class='note'>Equity: the contract's value at the start, plus profits in USD. Drawdown: "
        "of daily returns compounded, with the start as a peak.</p>"
    )


def _thinned(equity: pl.DataFrame) -> pl.DataFrame:
    """As many points as a chart draws, each stretch its end and its deepest drawdown.

    The chart's own thinning keeps what is farthest from zero: of an equity, only its peaks.
    """
    step = max(1, math.ceil(equity.height / MOST_POINTS))
    stretch = (pl.int_range(pl.len()) - pl.len()) // step
    ends = equity.group_by(stretch.alias("stretch"), maintain_order=True).agg(
        pl.col("session", "equity_usd").last(), pl.col("drawdown").min()
    )
    return ends.drop("stretch")


def _months(returns: pl.DataFrame) -> Iterable[str]:
    rows, all_years = [], 1.0
    for (year,), months in returns.group_by("year", maintain_order=True):
        known = dict(months.select("month", "monthly_return").iter_rows())
        total = math.prod(1.0 + one for one in known.values()) - 1.0
        all_years *= 1.0 + total
        cells = [percent(known.get(month)) for month in range(1, 13)]
        rows.append((str(year), *cells, percent(total)))
    yield table(("year", *MONTHS, "year's"), rows)
    yield (
        "<p class='note'>Percent of one contract's value at the session before, compounded; over "
        f"the whole window {percent(all_years - 1.0)}.</p>"
    )


def _trades(trades: pl.DataFrame) -> list[str]:
    shown = trades.head(MOST_TRADES)
    rows = [
        (
            f"{one['entry_time']:%Y-%m-%d %H:%M}",
            f"{one['exit_time']:%Y-%m-%d %H:%M}",
            "long" if one["side"] > 0 else "short",
            f"{one['entry_price']:,.10g}",
            f"{one['exit_price']:,.10g}",
            number(one["net_profit_usd"]),
            one["exit_reason"],
            str(one["n_bars"]),
            str(one["rolls"]),
        )
        for one in shown.iter_rows(named=True)
    ]
    names = (
        "entry, UTC",
        "exit",
        "side",
        "at",
        "out at",
        "net USD",
        "exit reason",
        "bars",
        "rolls",
    )
    note = "Times UTC; prices with slippage."
    if shown.height < trades.height:
        note += f" The first {shown.height:,} of {trades.height:,}; all are in trades.parquet."
    return [f"<p class='note'>{note}</p>", table(names, rows)]


def _year(session: date) -> float:
    return session.year + (session.timetuple().tm_yday - 1) / 365.25


def summary_facts(done: Done) -> dict[str, Any]:
    """The same for a program; NaN and infinities as None."""
    numbers = asdict(done.summary)
    plain = {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in numbers.items()
    }
    return {
        "symbol": done.wanted.symbol,
        "variant": done.wanted.variant.name,
        "params": done.wanted.params.model_dump(mode="json"),
        "costs_times": done.wanted.costs_times,
        "cost_basis": str(done.priced.basis),
        "cost_reason": done.priced.words,
        "n_fills_used": done.priced.n_fills,
        "commission_per_contract_usd": done.costs.commission_per_contract_usd,
        "slippage_ticks": done.costs.slippage_ticks,
        **plain,
        "first_session": str(done.summary.first_session),
        "last_session": str(done.summary.last_session),
        "inputs": dict(done.inputs),
        "absent_peers": list(done.absent_peers),
        "code_version": done.code_version,
        "trial": done.trial,
        "warnings": warnings_of(done),
    }
