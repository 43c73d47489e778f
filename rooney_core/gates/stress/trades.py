"""The sequence of trades: what luck in their order and choice could have made of the same trades.

Belongs here: the Monte Carlo of the trade sequence, as two small tables. Does not belong here:
scenarios of the market.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from rooney_core.gates.stress.limits import StressLimits
from rooney_core.validation.resampling import BAND_QUANTILES, monte_carlo_trades

SEQUENCE_SCHEMA: Final[dict[str, Any]] = {
    "method": pl.String(),
    "n_histories": pl.Int64(),
    "n_trades": pl.Int64(),
    "starting_cash_usd": pl.Float64(),
    "probability_of_ruin": pl.Float64(),
    "drawdown_limit": pl.Float64(),
    "probability_of_drawdown_limit": pl.Float64(),
    "net_profit_p05_usd": pl.Float64(),
    "net_profit_p50_usd": pl.Float64(),
    "net_profit_p95_usd": pl.Float64(),
    "drawdown_p05": pl.Float64(),
    "drawdown_p50": pl.Float64(),
}
"""`redrawn`: as many trades with replacement, so totals vary; `reordered`: the same trades in other
orders, which changes the way and never the total. Ruin: equity at or below 0 at any time."""

BANDS_SCHEMA: Final[dict[str, Any]] = {
    "method": pl.String(),
    "trade": pl.Int64(),
    "p05": pl.Float64(),
    "p50": pl.Float64(),
    "p95": pl.Float64(),
}
"""Equity in USD after each trade; trade 0 is the start."""

METHODS: Final = {"redrawn": True, "reordered": False}


def trade_sequence(
    trade_profits_usd: npt.NDArray[np.float64], starting_cash_usd: float, limits: StressLimits
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """SEQUENCE_SCHEMA and BANDS_SCHEMA of trades f8[n] (net USD of one contract, oldest first).

    Both are empty without a trade. Trades count as independent, which those of one rule are but
    roughly; the block bootstrap of days keeps their order within blocks.
    """
    rows, bands = [], []
    for method, replaces in METHODS.items() if len(trade_profits_usd) else ():
        drawn = monte_carlo_trades(
            trade_profits_usd, limits.n_reshuffles, limits.seed, starting_cash_usd, replaces
        )
        profits = drawn.final_equity_usd - starting_cash_usd
        low, middle, high = np.quantile(profits, BAND_QUANTILES)
        deep, usual = np.quantile(drawn.max_drawdown, BAND_QUANTILES[:2])
        rows.append(
            {
                "method": method,
                "n_histories": limits.n_reshuffles,
                "n_trades": len(trade_profits_usd),
                "starting_cash_usd": starting_cash_usd,
                "probability_of_ruin": drawn.probability_of_ruin,
                "drawdown_limit": limits.max_drawdown,
                "probability_of_drawdown_limit": drawn.probability_of_drawdown(
                    -limits.max_drawdown
                ),
                "net_profit_p05_usd": float(low),
                "net_profit_p50_usd": float(middle),
                "net_profit_p95_usd": float(high),
                "drawdown_p05": float(deep),
                "drawdown_p50": float(usual),
            }
        )
        names = ("p05", "p50", "p95")
        columns = dict(zip(names, drawn.equity_bands_usd, strict=True))
        trade = np.arange(len(trade_profits_usd) + 1)
        bands.append(pl.DataFrame({"trade": trade, **columns}).with_columns(method=pl.lit(method)))
    empty = pl.DataFrame(schema=BANDS_SCHEMA)
    stacked = pl.concat([empty, *(one.select(tuple(BANDS_SCHEMA)) for one in bands)])
    return pl.DataFrame(rows, schema=SEQUENCE_SCHEMA), stacked
