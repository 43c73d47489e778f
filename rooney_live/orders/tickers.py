"""What the venue calls a contract, and prices on its grid.

Belongs here: names and prices as TradersPost takes them. Does not belong here: the payload.
"""

from __future__ import annotations

import math
from datetime import date, timedelta
from decimal import Decimal
from typing import Final, Literal

from rooney_core.market.contracts import order_ticker
from rooney_core.market.instruments import Instrument

_EPOCH: Final = date(1970, 1, 1)


def ticker_of(contract: str, instrument: Instrument, session: int | date) -> str:
    """The ticker of `contract`, such as ESZ2026. `session`: days since 1970, or a date.

    A name with one digit of the year (ESZ6) gets the decade in which it trades on that session.
    Raises InputError for a contract that is not the instrument's, or that nobody can order.
    """
    day = session if isinstance(session, date) else _EPOCH + timedelta(days=session)
    return order_ticker(contract, instrument, on=day)


def on_grid(
    price: float, tick_size: float, towards: Literal["nearest", "up", "down"] = "nearest"
) -> float:
    """`price` as a whole number of ticks, with no more digits than the tick has.

    A distance is rounded like a price. Raises ValueError for a price that is no number.
    """
    if not math.isfinite(price):
        raise ValueError(f"{price!r} arrived as a price; a finite number is needed.")
    tick, exact = Decimal(repr(tick_size)), Decimal(repr(price))
    rounding = {"nearest": "ROUND_HALF_EVEN", "up": "ROUND_CEILING", "down": "ROUND_FLOOR"}
    return float((exact / tick).to_integral_value(rounding[towards]) * tick)
