"""The sessions of some bars, flat ones included, and what a session's P&L is a return on.

Belongs here: the sessions and the denominator of a daily return. Does not belong here: the session
that a profit is booked in (`accounts`), statistics of the returns (`rooney_core.validation`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rooney_core.errors import BarsRejected, NotEnoughData
from rooney_core.market.bars import BarArrays
from rooney_core.market.instruments import Instrument

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TradingDays:
    """The sessions of some bars: oldest first, one entry each, days without a trade included.

    `sessions`: days since 1970-01-01. `of_bar`: each bar's position in `sessions`.
    `notional_usd`: one contract's value, |last raw close of the session before| x multiplier; the
    first session, which has none before it, uses its own first open. Never below one tick, so a
    price near zero cannot make a return explode without bound.
    """

    sessions: npt.NDArray[np.int32]
    of_bar: npt.NDArray[np.int64]
    notional_usd: FloatArray

    @classmethod
    def of(cls, bars: BarArrays, instrument: Instrument) -> TradingDays:
        """Raises NotEnoughData when there are no bars, BarsRejected for a price that is none."""
        if len(bars) == 0:
            raise NotEnoughData(f"{instrument.symbol}: no bars arrived; a backtest needs some.")
        _refuse_unknown_prices(bars, instrument)
        starts = np.flatnonzero(np.diff(bars.session, prepend=bars.session[0] - 1))
        of_bar = np.zeros(len(bars), np.int64)
        of_bar[starts[1:]] = 1
        price = np.concatenate((bars.open[:1], bars.close[starts[1:] - 1]))
        notional = np.maximum(np.abs(price), instrument.tick_size) * instrument.multiplier
        return cls(bars.session[starts], np.cumsum(of_bar), notional)

    def __len__(self) -> int:
        return len(self.sessions)

    def daily_returns(self, daily_pnl_usd: FloatArray) -> FloatArray:
        """P&L over the notional value of one contract, f8[n_sessions], simple returns."""
        return daily_pnl_usd / self.notional_usd


def _refuse_unknown_prices(bars: BarArrays, instrument: Instrument) -> None:
    # One fill at a NaN would make every number of the backtest one.
    for name in ("open", "high", "low", "close", "adjustment"):
        unknown = np.flatnonzero(~np.isfinite(getattr(bars, name)))
        if len(unknown):
            start = np.datetime64(int(bars.bar_start_us[unknown[0]]), "us")
            raise BarsRejected(
                f"{instrument.symbol}: {name} is null, NaN or infinite in {len(unknown)} bar(s), "
                f"first in the one of {start} UTC; a backtest needs every price. Drop or repair "
                "those rows where the bars are read."
            )
