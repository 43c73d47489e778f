"""The limits of a month's portfolio: what a person sets in the mandate's section `portfolio`.

Belongs here: frozen, validated settings. Does not belong here: applying them.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

STARTING_CASH_USD: Final = 250_000.0


class PortfolioLimits(BaseModel):
    """Limits of selection, of sizes, and of what may change from one month to the next.

    Selection: `max_correlation` with each member chosen before, `min_sharpe` (annual, in the
    validation window). `max_positions`: how many may be open at one time, over all symbols.

    Sizes: from `starting_cash_usd`, so many contracts that the members' joint volatility stays at
    or below `target_annual_volatility` of it, and the margin of the largest `max_positions` at or
    below `max_margin_share`. An instrument that states no margin is taken to need
    `assumed_margin_share` of its contract's value.

    Turnover, against a month before that trades something: at most `max_new_symbols` come in, and
    no size grows by more than `max_size_increase` contracts. Leaving and shrinking have no limit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    max_positions: Annotated[int, Field(ge=1, le=20)] = 2
    max_correlation: Annotated[float, Field(ge=0, le=1)] = 0.7
    min_sharpe: Annotated[float, Field(ge=-5, le=10)] = 1.2
    starting_cash_usd: Annotated[float, Field(gt=0, le=1e12)] = STARTING_CASH_USD
    target_annual_volatility: Annotated[float, Field(gt=0, le=2)] = 0.15
    max_margin_share: Annotated[float, Field(gt=0, le=1)] = 0.5
    assumed_margin_share: Annotated[float, Field(gt=0, le=1)] = 0.1
    max_new_symbols: Annotated[int, Field(ge=1, le=100)] = 2
    max_size_increase: Annotated[int, Field(ge=1, le=10_000)] = 2
