"""What the trader may never do, whatever it decides: limits that travel with a release.

Belongs here: the frozen page, and which sizes it refuses. Does not belong here: keeping them (the
trader does), or choosing them (the mandate does).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Usd = Annotated[float, Field(gt=0, le=1e12)]
Contracts = Annotated[int, Field(ge=1, le=10_000)]


class LiveLimits(BaseModel):
    """Limits of live trading; each is inclusive: at the limit is still allowed.

    Per order: `max_order_contracts`, `max_order_notional_usd`, `max_price_jump` (a fraction, of the
    price against the last bar's close), `max_orders_per_hour`. Per symbol:
    `max_symbol_contracts`. In all: `max_notional_usd` of open positions,
    `max_correlated_notional_usd` (the root of the sum of value times value times correlation over
    all pairs), `max_heat_usd` (what all of them lose together on a bad day), `max_daily_loss_usd`
    (a positive number), `max_drawdown` (a fraction of the highest equity so far, which begins with
    `capital_usd`). Truth:
    `max_bar_age_seconds` after a bar's end, `max_unproven_hours` since a position was last proved.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    max_order_contracts: Contracts = 10
    max_symbol_contracts: Contracts = 10
    max_order_notional_usd: Usd = 2_000_000.0
    max_notional_usd: Usd = 3_000_000.0
    max_correlated_notional_usd: Usd = 2_500_000.0
    max_heat_usd: Usd = 37_500.0
    max_price_jump: Annotated[float, Field(gt=0, le=1)] = 0.05
    max_orders_per_hour: Annotated[int, Field(ge=1, le=500)] = 60
    capital_usd: Usd = 250_000.0
    max_daily_loss_usd: Usd = 5_000.0
    max_drawdown: Annotated[float, Field(gt=0, le=1)] = 0.10
    max_bar_age_seconds: Annotated[int, Field(ge=1, le=3600)] = 180
    max_unproven_hours: Annotated[int, Field(ge=1, le=240)] = 24


def live_refusals(sizes: Mapping[str, int], limits: LiveLimits) -> tuple[str, ...]:
    """What of these sizes (contracts per entry, by symbol) live would refuse, in words; () if none.

    An entry is one order, and a position is one entry: its size is held to both limits.
    """
    most = {
        "max_order_contracts": limits.max_order_contracts,
        "max_symbol_contracts": limits.max_symbol_contracts,
    }
    return tuple(
        f"{symbol}: {size} contracts, live.{name} is {limit}"
        for symbol, size in sizes.items()
        for name, limit in most.items()
        if size > limit
    )
