"""A month's portfolio as it is shown: read whole, and told in short rows.

Belongs here: what the command line shows of a month and of the change to another. Does not belong
here: printing, or anything that computes a portfolio.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from rooney_assets.lake import Lake
from rooney_core.errors import InvalidSetting, MissingArtifact
from rooney_core.portfolio.settings import PortfolioLimits
from rooney_core.portfolio.turnover import diff_portfolios, sizes_of, turnover_breaches

ASSET: Final = "portfolio_config"
MONTH: Final = re.compile(r"\d{4}-(0[1-9]|1[0-2])")

MEMBERS_HEAD: Final = (
    "symbol",
    "size",
    "sharpe",
    "adds",
    "corr",
    "in all",
    "vol USD",
    "margin USD",
)
WEIGHTS_HEAD: Final = ("weights", "symbols", "sharpe", "drawdown")
CASES_HEAD: Final = ("case", "members", "sharpe", "drawdown", "trades/y", "same sizes")


@dataclass(frozen=True)
class ShownMonth:
    """A portfolio_config table and what is kept beside it; `limits` are the mandate's of now."""

    month: str
    members: pl.DataFrame
    beside: dict[str, pl.DataFrame]
    limits: PortfolioLimits

    @property
    def reasons(self) -> dict[str, str]:
        """Symbol -> why it is in or out."""
        return dict(self.beside["reasons"].select("symbol", "reason").iter_rows())


def read_month(lake: Lake, month: str | None, limits: PortfolioLimits) -> ShownMonth:
    """The portfolio of a month as YYYY-MM; None: of the newest there is.

    Raises InvalidSetting for what is no month, MissingArtifact for one that was never made.
    """
    if month is not None and MONTH.fullmatch(month) is None:
        raise InvalidSetting(f"{month!r} arrived; a month is written YYYY-MM, such as 2026-10.")
    made = lake.partitions(ASSET)
    if not made:
        raise MissingArtifact(
            f"The lake at {lake.root} holds no portfolio. Run `rooney materialize --to {ASSET}`."
        )
    wanted = month or made[-1]
    if wanted not in made:
        raise MissingArtifact(
            f"The lake at {lake.root} holds no portfolio of {wanted}; it has {', '.join(made)}. "
            f"Run `rooney materialize --month {wanted} --to {ASSET}` to make it."
        )
    partition = ("rebalance_month", wanted)
    return ShownMonth(wanted, lake.read(ASSET, partition), lake.beside(ASSET, partition), limits)


def diff_facts(before: ShownMonth, after: ShownMonth) -> dict[str, Any]:
    """The change, for a program; `lines` are for a person."""
    old, new = sizes_of(before.members), sizes_of(after.members)
    left = [symbol for symbol in old if symbol not in new]
    return {
        "before": before.month,
        "after": after.month,
        "removed": [{"symbol": one, "reason": after.reasons.get(one)} for one in left],
        "added": [{"symbol": one, "size": new[one]} for one in new if one not in old],
        "resized": [
            {"symbol": one, "before": old[one], "after": new[one]}
            for one in new
            if one in old and old[one] != new[one]
        ],
        "lines": diff_portfolios(before.members, after.members, after.reasons),
        "breaches": list(turnover_breaches(old, new, after.limits)),
    }


def facts_of(shown: ShownMonth) -> dict[str, Any]:
    """Everything about the month, for a program; dates as texts."""
    tables = {"members": shown.members, **shown.beside}
    return {
        "rebalance_month": shown.month,
        **{
            name: table.with_columns(pl.col(pl.Date).cast(pl.String)).to_dicts()
            for name, table in tables.items()
        },
    }


def headline(shown: ShownMonth) -> str:
    """The month in a sentence or two."""
    facts = shown.beside["summary"].row(0, named=True)
    if not facts["n_members"]:
        return f"{shown.month}: nothing is traded."
    return (
        f"{shown.month}: {facts['n_members']} members, from {facts['starting_cash_usd']:,.0f} USD, "
        f"traded together from {facts['first_session']} to {facts['last_session']}:\n"
        f"Sharpe {_number(facts['annual_sharpe'])}, drawdown {_share(facts['max_drawdown'])}, "
        f"volatility {_share(facts['annual_volatility'])}, average correlation "
        f"{_number(facts['average_correlation'])}, {facts['trades_per_year']:.0f} trades a year, "
        f"{facts['n_denied']} signals without a place, margin {facts['margin_at_once_usd']:,.0f} "
        "USD at the most"
    )


def member_rows(shown: ShownMonth) -> list[tuple[str, ...]]:
    """MEMBERS_HEAD, in order of priority; `*` marks a margin that is assumed."""
    return [
        (
            row["symbol"],
            str(row["size"]),
            _number(row["sharpe"]),
            _number(row["marginal_sharpe"]),
            _number(row["correlation"]),
            _number(row["marginal_contribution"]),
            f"{row['annual_volatility_usd']:,.0f}",
            f"{row['margin_per_contract_usd']:,.0f}{'*' if row['is_margin_assumed'] else ''}",
        )
        for row in shown.members.iter_rows(named=True)
    ]


def weight_rows(shown: ShownMonth) -> list[tuple[str, ...]]:
    """WEIGHTS_HEAD, a row a scheme."""
    rows = []
    for (scheme,), part in shown.beside["weights"].group_by("scheme", maintain_order=True):
        weights = part.select("symbol", "weight").iter_rows()
        told = ", ".join(f"{symbol} {weight:.0%}" for symbol, weight in weights)
        sharpe, drawdown = part["scheme_annual_sharpe"][0], part["scheme_max_drawdown"][0]
        rows.append((str(scheme).replace("_", " "), told, _number(sharpe), _share(drawdown)))
    return rows


def case_rows(shown: ShownMonth) -> list[tuple[str, ...]]:
    """CASES_HEAD, a row a case."""
    return [
        (
            row["case"],
            row["members"] or "none",
            _number(row["annual_sharpe"]),
            _share(row["max_drawdown"]),
            "-" if row["trades_per_year"] is None else f"{row['trades_per_year']:.0f}",
            _number(row["sharpe_of_same_sizes"]),
        )
        for row in shown.beside["sensitivity"].iter_rows(named=True)
    ]


def reason_rows(shown: ShownMonth) -> list[tuple[str, str]]:
    """Each tradable symbol and why it is in or out; members first."""
    table = shown.beside["reasons"].sort("is_member", descending=True, maintain_order=True)
    return [(symbol, reason) for symbol, reason in table.select("symbol", "reason").iter_rows()]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
