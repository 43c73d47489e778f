"""One month's portfolio: who was a candidate, who was chosen, how many contracts, and why.

Belongs here: putting a month's choice into rows. Does not belong here: the choice (`choice`), what
it hangs on (`compared`), or the verdict and the gates that make a symbol a candidate.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from rooney_core.market.instruments import Universe
from rooney_core.portfolio.candidates import OVERRIDE, Candidate, Panel, Standing, StandingCode
from rooney_core.portfolio.choice import choose, trade_together
from rooney_core.portfolio.compared import path_facts, sensitivity, weights_beside
from rooney_core.portfolio.equity import standing
from rooney_core.portfolio.greedy import Member
from rooney_core.portfolio.settings import PortfolioLimits as PortfolioLimits
from rooney_core.portfolio.sizing import margin_at_once
from rooney_core.portfolio.turnover import limit_turnover
from rooney_core.validation.windows import SPLITS, Splits

PORTFOLIO_SCHEMA: Final = {
    "rebalance_month": pl.String(),
    "symbol": pl.String(),
    "size": pl.Int64(),
    "sharpe": pl.Float64(),
    "marginal_sharpe": pl.Float64(),
    "correlation": pl.Float64(),
    "max_positions": pl.Int64(),
    "commission_per_contract_usd": pl.Float64(),
    "priority": pl.Int64(),
    "marginal_contribution": pl.Float64(),
    "annual_volatility_usd": pl.Float64(),
    "contract_value_usd": pl.Float64(),
    "margin_per_contract_usd": pl.Float64(),
    "is_margin_assumed": pl.Boolean(),
    "starting_cash_usd": pl.Float64(),
}
REASONS_SCHEMA: Final = {
    "rebalance_month": pl.String(),
    "symbol": pl.String(),
    "is_member": pl.Boolean(),
    "code": pl.String(),
    "reason": pl.String(),
}
SUMMARY_SCHEMA: Final = {
    "rebalance_month": pl.String(),
    "n_members": pl.Int64(),
    "first_session": pl.Date(),
    "last_session": pl.Date(),
    "annual_sharpe": pl.Float64(),
    "max_drawdown": pl.Float64(),
    "annual_volatility": pl.Float64(),
    "average_correlation": pl.Float64(),
    "trades_per_year": pl.Float64(),
    "n_trades": pl.Int64(),
    "n_denied": pl.Int64(),
    "net_profit_usd": pl.Float64(),
    "margin_at_once_usd": pl.Float64(),
    "starting_cash_usd": pl.Float64(),
}
DAYS_SCHEMA: Final = {
    "rebalance_month": pl.String(),
    "session": pl.Date(),
    "daily_pnl_usd": pl.Float64(),
    "equity_usd": pl.Float64(),
    "drawdown": pl.Float64(),
}
NOT_EVALUATED: Final = Standing(StandingCode.NOT_EVALUATED, "no evaluated model yet")


@dataclass(frozen=True)
class MonthlyPortfolio:
    """`members`: PORTFOLIO_SCHEMA in order of choice, which is the trader's priority.

    `standings`: why each tradable symbol is in or out (REASONS_SCHEMA, in the universe's order).
    `summary`: SUMMARY_SCHEMA, one row: the members traded together in the selection window, with
    the limit on open positions; `days`: DAYS_SCHEMA, the same day by day, none without members.
    `weights`, `sensitivity`: see `compared`.
    """

    members: pl.DataFrame
    standings: pl.DataFrame
    summary: pl.DataFrame
    days: pl.DataFrame
    weights: pl.DataFrame
    sensitivity: pl.DataFrame

    @property
    def reasons(self) -> dict[str, str]:
        """Symbol -> why it is in or out, in words."""
        return dict(self.standings.select("symbol", "reason").iter_rows())

    @property
    def beside(self) -> dict[str, pl.DataFrame]:
        """The small tables that are kept with the members, by name."""
        return {
            "reasons": self.standings,
            "summary": self.summary,
            "days": self.days,
            "weights": self.weights,
            "sensitivity": self.sensitivity,
        }


def select_portfolio(
    month: str,
    candidates: Mapping[str, Candidate],
    refusals: Mapping[str, Standing],
    universe: Universe,
    limits: PortfolioLimits,
    before: Mapping[str, int] | None = None,
    splits: Splits = SPLITS,
) -> MonthlyPortfolio:
    """Choose among the tradable symbols that no earlier judge refused, on the validation window.

    `candidates`: by symbol; those in `refusals` are not looked at. `before`: contracts by symbol of
    the month before, None or empty where nothing was traded. Sharpes, correlations and sizes are of
    the days from `splits.validation_start` to `splits.validation_end`, in returns; money is at the
    value that a contract has now. No candidate, or none that qualifies: no members, with reasons.
    """
    known = {symbol: one for symbol, one in candidates.items() if symbol not in refusals}
    panel = Panel.of(known, splits.validation_start, splits.validation_end, 1.0)
    choice = choose(panel, known, limits)
    allowed = limit_turnover(before or {}, choice.sizes, limits)
    postponed = {
        symbol: Standing(StandingCode.TURNOVER, text) for symbol, text in allowed.postponed.items()
    }
    made = _Month(month, known, panel, dict(allowed.sizes), limits)
    standings = dict.fromkeys(universe.tradable, NOT_EVALUATED)
    standings |= {**refusals, **choice.left_out, **postponed}
    members = [one for one in choice.members if one.symbol in made.sizes]
    for one in members:
        standings[one.symbol] = made.why_in(one, allowed.held_back.get(one.symbol))
    return MonthlyPortfolio(
        members=made.member_rows(members, universe),
        standings=_standings(month, standings, made.sizes),
        summary=made.summary(),
        days=made.days(),
        weights=weights_beside(month, made.sizes, panel, known, limits),
        sensitivity=sensitivity(month, made.sizes, panel, known, limits, splits),
    )


@dataclass(frozen=True, eq=False)
class _Month:
    """A choice with its sizes, about to become rows."""

    month: str
    candidates: Mapping[str, Candidate]
    panel: Panel
    sizes: dict[str, int]
    limits: PortfolioLimits

    def sharpe(self, sizes: Mapping[str, int]) -> float:
        if not sizes:
            return math.nan
        return trade_together(sizes, self.panel, self.candidates, self.limits).annual_sharpe

    def days(self) -> pl.DataFrame:
        if not self.sizes:
            return pl.DataFrame(schema=dict(DAYS_SCHEMA))
        traded = trade_together(self.sizes, self.panel, self.candidates, self.limits)
        pnl = pl.DataFrame({"session": self.panel.sessions, "daily_pnl_usd": traded.daily_pnl_usd})
        return pnl.with_columns(
            pl.lit(self.month).alias("rebalance_month"),
            *standing("daily_pnl_usd", self.limits.starting_cash_usd),
        ).select(tuple(DAYS_SCHEMA))

    def member_rows(self, members: list[Member], universe: Universe) -> pl.DataFrame:
        together = self.sharpe(self.sizes)
        rows = [
            self._row(one, priority, together, universe)
            for priority, one in enumerate(members, start=1)
        ]
        table = pl.DataFrame(rows, schema=dict(PORTFOLIO_SCHEMA))
        return table.with_columns(pl.col(pl.Float64).fill_nan(None))

    def _row(
        self, one: Member, priority: int, together: float, universe: Universe
    ) -> dict[str, Any]:
        candidate = self.candidates[one.symbol]
        rest = {symbol: size for symbol, size in self.sizes.items() if symbol != one.symbol}
        variance = float(self.panel.covariance([one.symbol])[0, 0])
        return {
            "rebalance_month": self.month,
            "symbol": one.symbol,
            "size": self.sizes[one.symbol],
            "sharpe": one.sharpe,
            "marginal_sharpe": one.marginal_sharpe,
            "correlation": one.correlation,
            "max_positions": self.limits.max_positions,
            "commission_per_contract_usd": universe[one.symbol].commission_per_contract_usd,
            "priority": priority,
            # Alone, a member brings all there is.
            "marginal_contribution": together - (self.sharpe(rest) if rest else 0.0),
            "annual_volatility_usd": candidate.contract_value_usd * math.sqrt(variance),
            "contract_value_usd": candidate.contract_value_usd,
            "margin_per_contract_usd": candidate.margin_usd(self.limits),
            "is_margin_assumed": candidate.instrument.margin_per_contract_usd is None,
            "starting_cash_usd": self.limits.starting_cash_usd,
        }

    def why_in(self, one: Member, held_back: str | None) -> Standing:
        size = self.sizes[one.symbol]
        text = (
            f"chosen: Sharpe {one.sharpe:.2f} in the selection window, adding "
            f"{one.marginal_sharpe:+.2f}; {size} contract{'' if size == 1 else 's'}"
        )
        in_sample = "its model was trained on that window too"
        candidate = self.candidates[one.symbol]
        overrides = [f"{OVERRIDE} {words}" for words in candidate.overrides]
        notes = [held_back, in_sample if candidate.is_in_sample else None, *overrides]
        told = "; ".join(note for note in notes if note)
        return Standing(StandingCode.CHOSEN, f"{text} ({told})" if told else text)

    def summary(self) -> pl.DataFrame:
        traded = trade_together(self.sizes, self.panel, self.candidates, self.limits)
        is_any = bool(self.sizes)
        sharpe, drawdown = path_facts(traded, is_any)
        sizes = pl.Series(list(self.sizes.values()), dtype=pl.Int64).to_numpy()
        margins = [self.candidates[one].margin_usd(self.limits) for one in self.sizes]
        row = {
            "rebalance_month": self.month,
            "n_members": len(self.sizes),
            "first_session": self.panel.sessions.min(),
            "last_session": self.panel.sessions.max(),
            "annual_sharpe": sharpe,
            "max_drawdown": drawdown,
            "annual_volatility": traded.annual_volatility if is_any else math.nan,
            "average_correlation": self.panel.average_correlation(list(self.sizes)),
            "trades_per_year": traded.trades_per_year if is_any else math.nan,
            "n_trades": traded.n_trades,
            "n_denied": traded.n_denied,
            "net_profit_usd": traded.net_profit_usd if is_any else math.nan,
            "margin_at_once_usd": margin_at_once(
                sizes, pl.Series(margins, dtype=pl.Float64).to_numpy(), self.limits.max_positions
            ),
            "starting_cash_usd": self.limits.starting_cash_usd,
        }
        table = pl.DataFrame([row], schema=dict(SUMMARY_SCHEMA))
        return table.with_columns(pl.col(pl.Float64).fill_nan(None))


def _standings(
    month: str, standings: Mapping[str, Standing], sizes: Mapping[str, int]
) -> pl.DataFrame:
    rows = [
        (month, symbol, symbol in sizes, str(one.code), one.text)
        for symbol, one in standings.items()
    ]
    return pl.DataFrame(rows, schema=dict(REASONS_SCHEMA), orient="row")
