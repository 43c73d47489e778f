"""One choice: members, contracts, and what they would have come to with the limit on positions.

Belongs here: selection, sizes and simulation in their order. Does not belong here: any of the three
(`greedy`, `sizing`, `simulation`), the month before (`turnover`), rows of tables (`monthly`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rooney_core.portfolio.candidates import Candidate, Panel, Standing, StandingCode
from rooney_core.portfolio.greedy import Member, greedy_portfolio
from rooney_core.portfolio.settings import PortfolioLimits
from rooney_core.portfolio.simulation import Simulation, simulate
from rooney_core.portfolio.sizing import integer_sizes


@dataclass(frozen=True, eq=False)
class Choice:
    """`members` in order of choice, which is their priority; `sizes` contracts of each, the same
    order; `left_out`: every other candidate."""

    members: tuple[Member, ...]
    sizes: Mapping[str, int]
    left_out: Mapping[str, Standing]


def choose(panel: Panel, candidates: Mapping[str, Candidate], limits: PortfolioLimits) -> Choice:
    """Select greedily on the panel's days, then size; a member that is too large for the cash at
    one contract stays out, the least of them first, and the others may become larger."""
    found = greedy_portfolio(
        panel.returns,
        max_correlation=limits.max_correlation,
        min_sharpe=limits.min_sharpe,
        max_positions=limits.max_positions,
    )
    left_out = {
        symbol: Standing(str(found.excluded_codes[symbol]), text)
        for symbol, text in found.excluded.items()
    }
    names = [one.symbol for one in found.members]
    sizes: dict[str, int] = {}
    while names:
        contracts = _contracts(names, panel, candidates, limits)
        sizes = dict(zip(names, contracts, strict=True))
        too_large = [name for name in names if sizes[name] == 0]
        if not too_large:
            break
        left_out[too_large[-1]] = _too_large(too_large[-1], panel, candidates, limits)
        names.remove(too_large[-1])
    members = tuple(one for one in found.members if one.symbol in names)
    return Choice(members, {name: sizes[name] for name in names}, left_out)


def trade_together(
    sizes: Mapping[str, int],
    panel: Panel,
    candidates: Mapping[str, Candidate],
    limits: PortfolioLimits,
) -> Simulation:
    """Simulate so many contracts each, symbols in order of priority, at today's contract value."""
    return simulate(
        {symbol: panel.books[symbol] for symbol in sizes},
        {symbol: size * candidates[symbol].contract_value_usd for symbol, size in sizes.items()},
        len(panel.sessions),
        max_positions=limits.max_positions,
        cash_usd=limits.starting_cash_usd,
    )


def _contracts(
    names: list[str], panel: Panel, candidates: Mapping[str, Candidate], limits: PortfolioLimits
) -> list[int]:
    values = np.array([candidates[name].contract_value_usd for name in names])
    sizes = integer_sizes(
        panel.covariance(names) * np.outer(values, values),
        np.array([candidates[name].margin_usd(limits) for name in names]),
        target_volatility_usd=limits.target_annual_volatility * limits.starting_cash_usd,
        margin_limit_usd=limits.max_margin_share * limits.starting_cash_usd,
        n_open=limits.max_positions,
    )
    return [int(one) for one in sizes]


def _too_large(
    name: str, panel: Panel, candidates: Mapping[str, Candidate], limits: PortfolioLimits
) -> Standing:
    one = candidates[name]
    volatility = one.contract_value_usd * float(np.sqrt(panel.covariance([name])[0, 0]))
    text = (
        f"too large: one contract has a volatility of {volatility:,.0f} USD a year and a margin of "
        f"{one.margin_usd(limits):,.0f} USD; from {limits.starting_cash_usd:,.0f} USD all members "
        f"together may have {limits.target_annual_volatility:.0%} and {limits.max_margin_share:.0%}"
    )
    return Standing(StandingCode.TOO_LARGE, text)
