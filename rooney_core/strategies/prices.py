"""What a rule sees: one symbol's bars, and every indicator of them computed once.

Belongs here: turning bars into arrays that rules compare, on the right prices. Does not belong
here: a threshold or a decision.

Everything offered is a function of a bounded window that ends at the bar, and is summed afresh in
each window: a live window of `lookback` bars gives the same bits as the whole history.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from rooney_core.indicators import (
    internal_bar_strength,
    mean_true_range,
    simple_moving_average,
)
from rooney_core.indicators.arrays import FloatArray
from rooney_core.market.bars import BarArrays
from rooney_core.market.instruments import Instrument
from rooney_core.strategies.calendar_view import CalendarView
from rooney_core.strategies.conditions import Recorder
from rooney_core.strategies.peers import NO_PEERS, Peers
from rooney_core.strategies.session_indicators import SessionIndicators
from rooney_core.strategies.session_view import SessionView

Value = TypeVar("Value")


class Prices:
    """Indicators of one run of bars, float64, aligned with the bars, each computed at first use.

    Levels are adjusted prices (raw + adjustment), so a roll is not a move. NaN until defined. The
    arrays are shared by every configuration of a sweep: a rule reads them and never writes.
    """

    def __init__(self, bars: BarArrays, instrument: Instrument, peers: Peers = NO_PEERS) -> None:
        self.bars = bars
        self.instrument = instrument
        self.peers = peers
        # A list where somebody wants to know why: see `conditions`.
        self.recorder: Recorder | None = None
        self._known: dict[tuple[object, ...], Any] = {}

    def __len__(self) -> int:
        return len(self.bars)

    @property
    def close(self) -> FloatArray:
        """Adjusted close, quote units; lookback 1."""
        return self._once("close", 0, lambda: self.bars.close + self.bars.adjustment)

    @property
    def ibs(self) -> FloatArray:
        """Internal bar strength in [0, 1]; lookback 1.

        On raw prices: one bar has one contract, so the adjustment cancels, and leaving it out
        keeps the value free of rolls that come later.
        """
        bars = self.bars
        return self._once("ibs", 0, lambda: internal_bar_strength(bars.high, bars.low, bars.close))

    @property
    def spread(self) -> FloatArray:
        """High minus low, quote units; lookback 1."""
        return self._once("spread", 0, lambda: self.bars.high - self.bars.low)

    def mean_close(self, n: int) -> FloatArray:
        """Mean adjusted close of the last n bars, quote units; lookback n."""
        return self._once("mean_close", n, lambda: simple_moving_average(self.close, n))

    def mean_true_range(self, n: int) -> FloatArray:
        """Mean true range of the last n bars, quote units; lookback n + 1."""
        bars = self.bars
        return self._once(
            "mean_true_range",
            n,
            lambda: mean_true_range(
                bars.high + bars.adjustment, bars.low + bars.adjustment, self.close, n
            ),
        )

    @property
    def sessions(self) -> SessionView:
        """Finished sessions of these bars, adjusted prices."""
        return self.once("sessions", lambda: SessionView.of(self.bars))

    @property
    def daily(self) -> SessionIndicators:
        """Indicators of `sessions`, aligned with them."""
        return self.once("daily", lambda: SessionIndicators(self.sessions, self.once))

    @property
    def decides(self) -> npt.NDArray[np.bool_]:
        """True at the decision bar of each session: where a daily rule decides."""
        return self.once("decides", self._decides)

    @property
    def calendar(self) -> CalendarView:
        """The calendar's facts about each of `sessions`."""
        return self.once(
            "calendar",
            lambda: CalendarView.of(self.sessions.session, self.instrument.product_group),
        )

    def once(self, name: str, compute: Callable[[], Value], *arguments: object) -> Value:
        """What `compute` gives, computed at the first use of (name, arguments) and then shared."""
        key = (name, *arguments)
        if key not in self._known:
            self._known[key] = compute()
        known: Value = self._known[key]
        return known

    def _decides(self) -> npt.NDArray[np.bool_]:
        every = np.ones(len(self.sessions), np.bool_)
        return self.sessions.at_decisions(every, len(self)).astype(np.bool_)

    def _once(self, name: str, n: int, compute: Callable[[], FloatArray]) -> FloatArray:
        return self.once(name, compute, n)
