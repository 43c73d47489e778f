"""How much hangs on one symbol, one year, the costs or the way of weighting.

Belongs here: the same choice under other conditions, and other weights on the same days. Does not
belong here: the choice itself (`choice`), and any decision by these numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

import numpy as np
import polars as pl

from rooney_core.portfolio.candidates import Candidate, Panel
from rooney_core.portfolio.choice import choose, trade_together
from rooney_core.portfolio.hierarchical import hierarchical_risk_parity
from rooney_core.portfolio.settings import PortfolioLimits
from rooney_core.portfolio.simulation import Simulation
from rooney_core.validation.metrics import max_drawdown
from rooney_core.validation.samples import FloatArray
from rooney_core.validation.sharpe import annual_sharpe
from rooney_core.validation.windows import Splits

WEIGHTS_SCHEMA: Final = {
    "rebalance_month": pl.String(),
    "scheme": pl.String(),
    "symbol": pl.String(),
    "weight": pl.Float64(),
    "scheme_annual_sharpe": pl.Float64(),
    "scheme_max_drawdown": pl.Float64(),
}
SENSITIVITY_SCHEMA: Final = {
    "rebalance_month": pl.String(),
    "case": pl.String(),
    "first_session": pl.Date(),
    "last_session": pl.Date(),
    "members": pl.String(),
    "n_members": pl.Int64(),
    "annual_sharpe": pl.Float64(),
    "max_drawdown": pl.Float64(),
    "average_correlation": pl.Float64(),
    "trades_per_year": pl.Float64(),
    "net_profit_usd": pl.Float64(),
    "sharpe_of_same_sizes": pl.Float64(),
}
DOUBLE: Final = 2.0


def weights_beside(
    month: str,
    sizes: Mapping[str, int],
    panel: Panel,
    candidates: Mapping[str, Candidate],
    limits: PortfolioLimits,
) -> pl.DataFrame:
    """WEIGHTS_SCHEMA: the portfolio, and equal weight and hierarchical risk parity beside it.

    `greedy`: shares of the members' contract values times contracts. The two others are of every
    candidate whose Sharpe meets the minimum, correlated or not: what the selection adds is then to
    be seen. Sharpe and drawdown are of the weighted daily returns, every trade taken.
    """
    pool = [
        symbol
        for symbol, returns in panel.returns.items()
        if annual_sharpe(returns) >= limits.min_sharpe
    ]
    values = {name: size * candidates[name].contract_value_usd for name, size in sizes.items()}
    held = np.array(list(values.values()))
    schemes = {
        "greedy": (list(values), held / held.sum() if len(held) else held),
        "equal_weight": (pool, np.full(len(pool), 1.0 / max(len(pool), 1))),
        "hierarchical_risk_parity": (pool, _risk_parity(panel.matrix(pool))),
    }
    rows = [
        (month, scheme, symbol, float(weight), *facts)
        for scheme, (symbols, weights) in schemes.items()
        for facts in (_weighted(panel.matrix(symbols) @ weights),)
        for symbol, weight in zip(symbols, weights, strict=True)
    ]
    return _table(rows, WEIGHTS_SCHEMA)


def sensitivity(
    month: str,
    sizes: Mapping[str, int],
    panel: Panel,
    candidates: Mapping[str, Candidate],
    limits: PortfolioLimits,
    splits: Splits,
) -> pl.DataFrame:
    """SENSITIVITY_SCHEMA: the portfolio as it is, and the choice made anew under other conditions.

    `base`: the portfolio of `sizes`. `without X`: as if X did not exist, for each member.
    `a year earlier`: chosen and traded on days a year before those of the selection; its first year
    trained the models. `double costs`: commission and slippage twice. `sharpe_of_same_sizes`: of
    the portfolio's own members and contracts (without X, if it is that) in the same case.
    """
    earlier = Panel.of(candidates, *_a_year_before(splits), 1.0)
    costly = Panel.of(candidates, splits.validation_start, splits.validation_end, DOUBLE)
    cases = [("base", panel, sizes)]
    cases += [
        (f"without {one}", panel.without(one), {s: n for s, n in sizes.items() if s != one})
        for one in sizes
    ]
    cases += [("a year earlier", earlier, sizes), ("double costs", costly, sizes)]
    rows = []
    for case, days, same in cases:
        chosen = same if case == "base" else choose(days, candidates, limits).sizes
        rows.append((month, case, *_case(chosen, same, days, candidates, limits)))
    return _table(rows, SENSITIVITY_SCHEMA)


def _case(
    chosen: Mapping[str, int],
    same: Mapping[str, int],
    panel: Panel,
    candidates: Mapping[str, Candidate],
    limits: PortfolioLimits,
) -> tuple[Any, ...]:
    traded = trade_together(chosen, panel, candidates, limits)
    unchanged = traded if chosen == same else trade_together(same, panel, candidates, limits)
    days = panel.sessions
    return (
        days.min(),
        days.max(),
        ", ".join(f"{symbol} {size}" for symbol, size in chosen.items()),
        len(chosen),
        *path_facts(traded, bool(chosen)),
        panel.average_correlation(list(chosen)),
        traded.trades_per_year if chosen else math.nan,
        traded.net_profit_usd if chosen else math.nan,
        unchanged.annual_sharpe if same else math.nan,
    )


def path_facts(traded: Simulation, is_any: bool) -> tuple[float, float]:
    """Sharpe and drawdown; NaN where nothing was traded: no portfolio has no drawdown."""
    return (traded.annual_sharpe, traded.max_drawdown) if is_any else (math.nan, math.nan)


def _risk_parity(returns: FloatArray) -> FloatArray:
    return hierarchical_risk_parity(returns) if returns.shape[1] else np.empty(0)


def _weighted(returns: FloatArray) -> tuple[float, float]:
    return annual_sharpe(returns), max_drawdown(returns)


def _a_year_before(splits: Splits) -> tuple[date, date]:
    days = pl.Series([splits.validation_start, splits.validation_end]).dt.offset_by("-1y")
    first, last = days.to_list()
    return first, last


def _table(rows: list[tuple[Any, ...]], schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    table = pl.DataFrame(rows, schema=dict(schema), orient="row")
    return table.with_columns(pl.col(pl.Float64).fill_nan(None))
