"""The one row that paper trading of a candidate comes to.

Belongs here: the numbers, from days, trades and counts. Does not belong here: their comparison with
limits (`gate`), or where they were recorded (the trader's journal).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import polars as pl
from scipy.special import ndtri

from rooney_core.gates.calibration.rates import rate_of
from rooney_core.gates.paper.gate import paper_grade
from rooney_core.gates.paper.limits import PaperLimits
from rooney_core.validation.alpha import alpha_against
from rooney_core.validation.sharpe import DAYS_PER_YEAR, return_moments, sharpe_standard_error

TRADED, EMPTY, SKIPPED = "traded", "nothing_to_trade", "not_paper_traded"
"""`status` of a report: paper traded; the candidate trades nothing; nobody has traded it."""

PAPER_SCHEMA: Final[dict[str, Any]] = {
    "rebalance_month": pl.String(),
    "candidate_id": pl.String(),
    "production_model_version": pl.String(),
    "status": pl.String(),
    "note": pl.String(),
    "feed": pl.String(),
    "run_id": pl.String(),
    "trader_code_version": pl.String(),
    "symbols": pl.List(pl.String()),
    "first_session": pl.Date(),
    "last_session": pl.Date(),
    "n_sessions": pl.Int64(),
    "n_decisions": pl.Int64(),
    "n_trades": pl.Int64(),
    "n_open": pl.Int64(),
    "net_profit_usd": pl.Float64(),
    "total_return": pl.Float64(),
    "win_rate": pl.Float64(),
    "win_rate_low": pl.Float64(),
    "win_rate_high": pl.Float64(),
    "annual_sharpe": pl.Float64(),
    "annual_sharpe_low": pl.Float64(),
    "annual_sharpe_high": pl.Float64(),
    "max_drawdown": pl.Float64(),
    "buy_hold_return": pl.Float64(),
    "beta": pl.Float64(),
    "annual_alpha": pl.Float64(),
    "annual_alpha_low": pl.Float64(),
    "annual_alpha_high": pl.Float64(),
    "confidence": pl.Float64(),
    "n_emergency_stops": pl.Int64(),
    "n_unexplained": pl.Int64(),
    "n_unexplained_by_trader": pl.Int64(),
    "grade": pl.String(),
}
"""One row. Money is of all contracts, fractions are of the starting cash; `*_low` and `*_high` are
the ends of two-sided intervals of `confidence`. Undefined is null, and so is all of a candidate
that was not traded."""


def paper_facts(
    days: pl.DataFrame,
    trade_profits_usd: Sequence[float],
    starting_cash_usd: float,
    confidence: float,
) -> dict[str, Any]:
    """What the sessions and trades of paper trading came to, as columns of PAPER_SCHEMA.

    `days`: a row per session with daily_pnl_usd and buy_hold_pnl_usd, flat days included, of the
    whole portfolio. Returns are over `starting_cash_usd`, not compounded. Intervals: Clopper and
    Pearson's of the win rate, Mertens' standard error of the Sharpe (normal), at least that of a
    Sharpe of 0 (1 / sqrt(sessions)), the stationary bootstrap of the alpha. Undefined is NaN, as
    nearly all is where not one session was decided on.
    """
    returns = days["daily_pnl_usd"].to_numpy() / starting_cash_usd
    market = days["buy_hold_pnl_usd"].to_numpy() / starting_cash_usd
    wins = rate_of(sum(one > 0.0 for one in trade_profits_usd), len(trade_profits_usd), confidence)
    alpha = alpha_against(returns, market, confidence)
    return {
        "n_sessions": days.height,
        "n_trades": len(trade_profits_usd),
        "net_profit_usd": float(days["daily_pnl_usd"].sum()),
        "total_return": float(returns.sum()),
        "win_rate": wins.share,
        "win_rate_low": wins.low,
        "win_rate_high": wins.high,
        **_sharpe(returns, confidence),
        "max_drawdown": _deepest(returns),
        "buy_hold_return": float(market.sum()),
        "beta": alpha.beta,
        "annual_alpha": alpha.annual,
        "annual_alpha_low": alpha.low,
        "annual_alpha_high": alpha.high,
        "confidence": confidence,
    }


def paper_row(
    facts: dict[str, Any],
    limits: PaperLimits,
    *,
    n_emergency_stops: int,
    n_unexplained: int,
    n_unexplained_by_trader: int | None,
    **more: Any,
) -> pl.DataFrame:
    """PAPER_SCHEMA, one row: what was traded, with its grade under these limits.

    `facts`: columns as `paper_facts` has them. `n_unexplained_by_trader` is None where the trader
    gave no answer, which fails. `more`: further columns; one that is not given is null, except
    `feed`, which is "rehearsed".
    """
    counts = {
        "n_emergency_stops": n_emergency_stops,
        "n_unexplained": n_unexplained,
        "n_unexplained_by_trader": n_unexplained_by_trader,
    }
    table = _table({"status": TRADED, "feed": "rehearsed"} | facts | counts | more)
    return table.with_columns(grade=pl.lit(paper_grade(table, limits)))


def untraded_row(status: str, note: str, **more: Any) -> pl.DataFrame:
    """PAPER_SCHEMA, one row of a candidate that was not paper traded: EMPTY or SKIPPED, and why."""
    return _table({"status": status, "note": note, **more})


def _table(row: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([row], schema=PAPER_SCHEMA).with_columns(pl.col(pl.Float64).fill_nan(None))


def _sharpe(returns: np.ndarray[Any, np.dtype[np.float64]], confidence: float) -> dict[str, float]:
    moments = return_moments(returns)
    if not moments.n_obs:
        # A trader that stopped before its first decision.
        return dict.fromkeys(("annual_sharpe", "annual_sharpe_low", "annual_sharpe_high"), math.nan)
    year = math.sqrt(DAYS_PER_YEAR)
    # Mertens' error falls where mean and skew are both negative; of a few sessions it is then far
    # too small, and an interval of 98 % missed true edges ten times as often as it says.
    error = float(np.fmax(sharpe_standard_error(*moments), 1.0 / math.sqrt(moments.n_obs)))
    reach = float(ndtri((1.0 + confidence) / 2.0)) * error * year
    sharpe = moments.sharpe_per_bar * year
    return {
        "annual_sharpe": sharpe,
        "annual_sharpe_low": sharpe - reach,
        "annual_sharpe_high": sharpe + reach,
    }


def _deepest(returns: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """Deepest fall of 1 + summed returns below its highest so far, the start included."""
    equity = np.concatenate(([1.0], 1.0 + np.cumsum(returns)))
    return float(np.min(equity / np.maximum.accumulate(equity) - 1.0))
