"""Indicators of one symbol's sessions, each computed once: what daily rules compare.

Belongs here: one value per session that several rules share. Does not belong here: a threshold,
or how bars become sessions (`session_view.py`).

Everything is a function of a bounded window of sessions, which each docstring names as its
lookback. Prices are adjusted; what would change with rolls that come later (a ratio to a price, a
place within one session's range) is made of raw prices.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rooney_core.indicators import (
    internal_bar_strength,
    rolling_zscore,
    simple_moving_average,
)
from rooney_core.indicators.arrays import FloatArray
from rooney_core.indicators.bounded import (
    bounded_average_true_range,
    bounded_exponential_moving_average,
    bounded_relative_strength_index,
    memory_of,
)
from rooney_core.strategies.session_view import SessionView


class SessionIndicators:
    """Arrays f8[m], one value per session of `sessions`; NaN until defined."""

    def __init__(self, sessions: SessionView, once: Callable[..., Any]) -> None:
        self.sessions = sessions
        self._once = once

    @property
    def close(self) -> FloatArray:
        """Adjusted close; lookback 1."""
        return self.sessions.close

    @property
    def ibs(self) -> FloatArray:
        """Internal bar strength of the session in [0, 1]; lookback 1."""
        view = self.sessions
        return self._shared(
            "ibs", lambda: internal_bar_strength(view.raw_high, view.raw_low, view.raw_close)
        )

    @property
    def spread(self) -> FloatArray:
        """High minus low, quote units; lookback 1."""
        return self._shared("spread", lambda: self.sessions.raw_high - self.sessions.raw_low)

    @property
    def raw_close(self) -> FloatArray:
        """Close as traded, to divide by: NaN where it is not positive; lookback 1."""
        raw = self.sessions.raw_close
        return self._shared("raw_close", lambda: np.where(raw > 0.0, raw, np.nan))

    @property
    def change(self) -> FloatArray:
        """Change of the adjusted close as a fraction of the raw close before; lookback 2."""
        return self._shared(
            "change", lambda: (self.close - earlier(self.close)) / earlier(self.raw_close)
        )

    def mean_close(self, n: int) -> FloatArray:
        """Mean close of the last n sessions; lookback n."""
        return self._shared("mean_close", lambda: simple_moving_average(self.close, n), n)

    def exponential_mean_close(self, n: int) -> FloatArray:
        """Exponential mean close of period n, forgetting; lookback memory_of(n)."""
        return self._shared(
            "exponential_mean_close",
            lambda: bounded_exponential_moving_average(self.close, n, memory_of(n)),
            n,
        )

    def zscore(self, n: int) -> FloatArray:
        """Sample deviations of the close from the mean of the last n sessions; lookback n."""
        return self._shared("zscore", lambda: rolling_zscore(self.close, n), n)

    def relative_strength(self, n: int) -> FloatArray:
        """Wilder's RSI in [0, 100], forgetting; lookback memory_of(n)."""
        return self._shared(
            "relative_strength",
            lambda: bounded_relative_strength_index(self.close, n, memory_of(n)),
            n,
        )

    def average_true_range(self, n: int) -> FloatArray:
        """Wilder's ATR, quote units, forgetting; lookback memory_of(n)."""
        view = self.sessions
        return self._shared(
            "average_true_range",
            lambda: bounded_average_true_range(view.high, view.low, view.close, n, memory_of(n)),
            n,
        )

    def _shared(
        self, name: str, compute: Callable[[], FloatArray], *arguments: object
    ) -> FloatArray:
        known: FloatArray = self._once(f"daily.{name}", compute, *arguments)
        return known


def earlier(values: FloatArray, n: int = 1) -> FloatArray:
    """The value of n sessions before; NaN for the first n."""
    shifted = np.full(len(values), np.nan)
    shifted[n:] = values[: max(0, len(values) - n)]
    return shifted
