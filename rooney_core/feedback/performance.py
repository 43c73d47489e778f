"""How live trading went beside what was expected of the models that were traded.

Belongs here: intervals, simulated drawdowns, and the words. Does not belong here: what follows from
a result (`rooney_core.gates.retraining`), or day-by-day differences (`parity`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.special import ndtri

from rooney_core.feedback.limits import FeedbackLimits
from rooney_core.gates.calibration.rates import rate_of

PERFORMANCE_SCHEMA: Final[dict[str, Any]] = {
    "symbol": pl.String(),
    "mode": pl.String(),
    "model_version": pl.String(),
    "first_exit_time": pl.Datetime("us", "UTC"),
    "last_exit_time": pl.Datetime("us", "UTC"),
    "n_trades": pl.Int64(),
    "n_reported": pl.Int64(),
    "net_profit_usd": pl.Float64(),
    "win_rate": pl.Float64(),
    "win_rate_low": pl.Float64(),
    "win_rate_high": pl.Float64(),
    "expected_win_rate": pl.Float64(),
    "is_win_rate_inside": pl.Boolean(),
    "avg_profit_usd": pl.Float64(),
    "expected_avg_profit_usd": pl.Float64(),
    "expected_avg_profit_low_usd": pl.Float64(),
    "expected_avg_profit_high_usd": pl.Float64(),
    "drawdown": pl.Float64(),
    "drawdown_usd": pl.Float64(),
    "simulated_drawdown_p95_usd": pl.Float64(),
    "is_drawdown_inside": pl.Boolean(),
    "live_slippage_ticks": pl.Float64(),
    "assumed_slippage_ticks": pl.Float64(),
    "live_status": pl.String(),
    "codes": pl.List(pl.String()),
    "words": pl.String(),
}
"""One row per symbol. What nobody can say is null: without trades, or without an expectation; and
whether something is inside, with too few trades to judge."""


class LiveStatus(StrEnum):
    """How it goes.

    NO_TRADES     nothing was traded
    NO_MODEL      the lake does not know what was expected of the model that was traded
    TOO_FEW       too few trades to judge
    AS_EXPECTED   inside every interval
    WORSE         outside one of them, on the bad side
    """

    NO_TRADES = "no_trades"
    NO_MODEL = "no_model"
    TOO_FEW = "too_few"
    AS_EXPECTED = "as_expected"
    WORSE = "worse"


class LiveCode(StrEnum):
    """What is worse than expected."""

    WIN_RATE_BELOW = "WIN_RATE_BELOW"
    PROFIT_BELOW = "PROFIT_BELOW"
    DRAWDOWN_BEYOND = "DRAWDOWN_BEYOND"
    SLIPPAGE_ABOVE = "SLIPPAGE_ABOVE"


@dataclass(frozen=True)
class Traded:
    """What was traded of one symbol with one model, oldest first.

    `profits_usd`: net, of all contracts, f8[n]; `sizes`: contracts, i8[n]. `slippage_ticks`: of the
    broker's fills, f8[m].
    """

    profits_usd: npt.NDArray[np.float64]
    sizes: npt.NDArray[np.int64]
    slippage_ticks: npt.NDArray[np.float64]
    assumed_slippage_ticks: float


def compared(
    traded: Traded,
    expected_profits_usd: npt.NDArray[np.float64] | None,
    starting_cash_usd: float,
    limits: FeedbackLimits,
) -> dict[str, Any]:
    """The columns of PERFORMANCE_SCHEMA that are counted.

    `expected_profits_usd`: net profit of the model's trades in the window that judged it, USD of
    one contract, f8[k]; None where it is not known. The live win rate's interval is the exact
    binomial one (Clopper and Pearson), the average profit's of n trades drawn from the expected
    ones, at `confidence`; drawdowns are of the way from trade to trade.
    """
    row: dict[str, Any] = {"n_trades": len(traded.profits_usd), "codes": []}
    row["assumed_slippage_ticks"] = traded.assumed_slippage_ticks
    if len(traded.slippage_ticks):
        row["live_slippage_ticks"] = float(traded.slippage_ticks.mean())
    if len(traded.profits_usd) == 0:
        return row | {"live_status": LiveStatus.NO_TRADES, "words": "nothing was traded"}
    each = traded.profits_usd / traded.sizes
    row |= {
        "net_profit_usd": float(traded.profits_usd.sum()),
        "win_rate": float((each > 0.0).mean()),
        "avg_profit_usd": float(each.mean()),
        "drawdown": _deepest(traded.profits_usd, starting_cash_usd),
        "drawdown_usd": float(_falls_usd(traded.profits_usd[None, :])[0]),
    }
    won = rate_of(int((each > 0.0).sum()), len(each), limits.confidence)
    row |= {"win_rate_low": won.low, "win_rate_high": won.high}
    if expected_profits_usd is None or len(expected_profits_usd) < 2:
        words = "what was expected of the model is not in the lake"
        return row | {"live_status": LiveStatus.NO_MODEL, "words": words}
    row |= _expected(traded, expected_profits_usd, limits)
    return row | _judged(row, traded, limits)


def _expected(
    traded: Traded,
    profits: npt.NDArray[np.float64],
    limits: FeedbackLimits,
) -> dict[str, float]:
    n = len(traded.profits_usd)
    mean, z = float(profits.mean()), float(ndtri(0.5 + limits.confidence / 2.0))
    error = float(profits.std(ddof=1)) * math.sqrt(1.0 / n + 1.0 / len(profits))
    generator = np.random.default_rng(limits.seed)
    drawn = profits[generator.integers(0, len(profits), size=(limits.n_histories, n))]
    deep = np.quantile(_falls_usd(drawn * traded.sizes), 1.0 - limits.drawdown_quantile)
    return {
        "expected_win_rate": float((profits > 0.0).mean()),
        "expected_avg_profit_usd": mean,
        "expected_avg_profit_low_usd": mean - z * error,
        "expected_avg_profit_high_usd": mean + z * error,
        "simulated_drawdown_p95_usd": float(deep),
    }


def _judged(row: dict[str, Any], traded: Traded, limits: FeedbackLimits) -> dict[str, Any]:
    n = len(traded.profits_usd)
    if n < limits.min_trades:
        words = f"{n} trades; {limits.min_trades} are needed to judge"
        return {"live_status": LiveStatus.TOO_FEW, "words": words}
    found = {}
    low, high, rate = (row[name] for name in ("win_rate_low", "win_rate_high", "expected_win_rate"))
    if rate > high:
        found[LiveCode.WIN_RATE_BELOW] = (
            f"win rate {row['win_rate']:.3f}, {high:.3f} at most, below the {rate:.3f} expected"
        )
    if row["avg_profit_usd"] < row["expected_avg_profit_low_usd"]:
        found[LiveCode.PROFIT_BELOW] = (
            f"average profit {row['avg_profit_usd']:.2f} USD below "
            f"{row['expected_avg_profit_low_usd']:.2f}"
        )
    fall, deep = row["drawdown_usd"], row["simulated_drawdown_p95_usd"]
    if fall < deep:
        found[LiveCode.DRAWDOWN_BEYOND] = (
            f"drawdown {fall:.2f} USD beyond {deep:.2f}, which {limits.drawdown_quantile:.0%} of "
            "simulated histories keep to"
        )
    slippage = traded.slippage_ticks
    if len(slippage) >= limits.min_trades:
        error = float(slippage.std(ddof=1)) / math.sqrt(len(slippage))
        least = float(slippage.mean()) - float(ndtri(limits.confidence)) * error
        if least > traded.assumed_slippage_ticks:
            found[LiveCode.SLIPPAGE_ABOVE] = (
                f"slippage {slippage.mean():.2f} ticks, {least:.2f} at least, above the "
                f"{traded.assumed_slippage_ticks:g} that is assumed"
            )
    status = LiveStatus.WORSE if found else LiveStatus.AS_EXPECTED
    words = "; ".join(found.values()) or "inside every interval"
    return {
        "live_status": status,
        "codes": [str(one) for one in found],
        "words": words,
        "is_win_rate_inside": low <= rate <= high,
        "is_drawdown_inside": fall >= deep,
    }


def _deepest(profits_usd: npt.NDArray[np.float64], starting_cash_usd: float) -> float:
    """Deepest fall from the highest equity so far, the start included, a fraction <= 0."""
    equity = starting_cash_usd + np.concatenate(([0.0], np.cumsum(profits_usd)))
    return float(np.min(equity / np.maximum.accumulate(equity) - 1.0))


def _falls_usd(profits_usd: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The same in USD of each history, f8[n_histories], <= 0; `profits_usd` f8[n_histories, n]."""
    start = np.zeros((len(profits_usd), 1))
    earned = np.hstack((start, np.cumsum(profits_usd, axis=1)))
    falls: npt.NDArray[np.float64] = np.min(earned - np.maximum.accumulate(earned, axis=1), axis=1)
    return falls
