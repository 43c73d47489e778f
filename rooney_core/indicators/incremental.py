"""Every indicator bar by bar: what a live trader keeps between two bars.

Belongs here: one class per indicator of `rooney_core.indicators`, of the same name, fed one bar at
a time. Does not belong here: a formula (`wilder`, `exponential`, `windows`) or what a number means
(the batch function of the name says its unit, its edges and its source).

The n-th `update` returns, to the bit, what the batch function says at index n - 1 of all the values
fed so far, for it takes the same compiled step. NaN until defined. Wilder's and exponential ones
remember everything since their first value: fed the last `memory` bars only, each ends at the bits
of its `bounded` form, so a trader that holds a window needs no state of the past.

Numbers go in as floats; state is a few floats or a ring of the last n, never the history.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rooney_core.errors import InvalidSetting
from rooney_core.indicators import exponential, wilder, windows
from rooney_core.indicators.arrays import checked_period
from rooney_core.indicators.windows import HEADER


class Incremental:
    """A compiled step and its state: the base of all."""

    __slots__ = ("_periods", "_state", "_step")

    def __init__(self, step: Callable[..., Any], size: int, *periods: int) -> None:
        self._step = step
        self._state = np.zeros(size)
        self._periods = periods


class _OfValue(Incremental):
    """Fed one number a bar, says one number."""

    __slots__ = ()

    def update(self, value: float) -> float:
        """The indicator with this value, the newest, included."""
        new: float = self._step(self._state, float(value), *self._periods)
        return new


class _OfBar(Incremental):
    """Fed high, low and close, says one number."""

    __slots__ = ()

    def update(self, high: float, low: float, close: float) -> float:
        """The indicator with this bar, the newest, included."""
        bar = (float(high), float(low), float(close))
        new: float = self._step(self._state, *bar, *self._periods)
        return new


class SimpleMovingAverage(_OfValue):
    """`simple_moving_average` of n values."""

    __slots__ = ()

    def __init__(self, n: int) -> None:
        super().__init__(windows.mean_step, HEADER + checked_period(n), int(n))


class RollingMedian(_OfValue):
    """`rolling_median` of n values."""

    __slots__ = ()

    def __init__(self, n: int) -> None:
        super().__init__(windows.median_step, HEADER + 2 * checked_period(n), int(n))


class RollingMax(_OfValue):
    """`rolling_max` of n values."""

    __slots__ = ()

    def __init__(self, n: int) -> None:
        super().__init__(windows.highest_step, HEADER + 2 * checked_period(n), int(n))


class RollingMin(RollingMax):
    """`rolling_min` of n values."""

    __slots__ = ()

    def update(self, value: float) -> float:
        """The smallest with this value, the newest, included."""
        return -super().update(-value)


class PercentRank(_OfValue):
    """`percent_rank` among the n values before."""

    __slots__ = ()

    def __init__(self, n: int) -> None:
        super().__init__(windows.rank_step, HEADER + checked_period(n), int(n))


class RateOfChange(_OfValue):
    """`rate_of_change` over n values."""

    __slots__ = ()

    def __init__(self, n: int) -> None:
        super().__init__(windows.rate_step, HEADER + checked_period(n) + 1, int(n))


class PointChange(_OfValue):
    """`point_change` over n values."""

    __slots__ = ()

    def __init__(self, n: int) -> None:
        super().__init__(windows.lag_step, HEADER + checked_period(n) + 1, int(n))

    def update(self, value: float) -> float:
        """The change with this value, the newest, included."""
        return float(value) - super().update(value)


class Streak(_OfValue):
    """`streak` of closes, counted up to `longest`."""

    __slots__ = ()

    def __init__(self, longest: int = 20) -> None:
        checked_period(longest, name="longest")
        super().__init__(windows.streak_step, HEADER, int(longest))


class ExponentialMovingAverage(_OfValue):
    """`exponential_moving_average` of period n."""

    __slots__ = ()

    def __init__(self, n: int) -> None:
        checked_period(n)
        super().__init__(exponential.exponential_mean_step, exponential.MEAN_STATE, int(n))


class RelativeStrengthIndex(_OfValue):
    """`relative_strength_index` of period n."""

    __slots__ = ()

    def __init__(self, n: int) -> None:
        checked_period(n)
        super().__init__(wilder.relative_strength_step, wilder.STRENGTH_STATE, int(n))


class Macd(Incremental):
    """`macd`: line, signal, histogram."""

    __slots__ = ()

    def __init__(self, fast: int = 12, slow: int = 26, signal: int = 9) -> None:
        for name, n in {"fast": fast, "slow": slow, "signal": signal}.items():
            checked_period(n, name=name)
        if fast >= slow:
            raise InvalidSetting(f"fast={fast} and slow={slow} arrived; fast < slow is allowed.")
        super().__init__(
            exponential.macd_step, exponential.MACD_STATE, int(fast), int(slow), int(signal)
        )

    def update(self, close: float) -> tuple[float, float, float]:
        """(macd, signal, histogram) with this close, the newest, included."""
        line, signal, histogram = self._step(self._state, float(close), *self._periods)
        return line, signal, histogram


class RollingStd(Incremental):
    """`rolling_std` of n values, and their mean."""

    __slots__ = ()

    def __init__(self, n: int, ddof: int = 0) -> None:
        size = HEADER + checked_period(n, at_least=1 + ddof)
        super().__init__(windows.moments_step, size, int(n), int(ddof))

    def moments(self, value: float) -> tuple[float, float]:
        """(mean, deviation) with this value, the newest, included; an update."""
        mean, deviation = self._step(self._state, float(value), *self._periods)
        return mean, deviation

    def update(self, value: float) -> float:
        """The deviation with this value, the newest, included."""
        return self.moments(value)[1]


class BollingerBands:
    """`bollinger_bands` of n closes, k deviations wide."""

    __slots__ = ("_k", "_window")

    def __init__(self, n: int, k: float) -> None:
        self._window = RollingStd(n)
        self._k = k

    def update(self, close: float) -> tuple[float, float, float]:
        """(upper, middle, lower) with this close, the newest, included."""
        middle, deviation = self._window.moments(close)
        return middle + self._k * deviation, middle, middle - self._k * deviation


class RollingZscore:
    """`rolling_zscore` of n values."""

    __slots__ = ("_window",)

    def __init__(self, n: int, ddof: int = 1) -> None:
        if ddof not in (0, 1):
            raise InvalidSetting(
                f"ddof={ddof!r} arrived; 0 (population) and 1 (sample) are allowed."
            )
        checked_period(n, at_least=2)
        self._window = RollingStd(n, ddof)

    def update(self, value: float) -> float:
        """The score of this value, the newest, in its window."""
        mean, deviation = self._window.moments(value)
        return (float(value) - mean) / deviation if deviation else float("nan")


class InternalBarStrength:
    """`internal_bar_strength`; it remembers nothing."""

    __slots__ = ()

    def update(self, high: float, low: float, close: float) -> float:
        """The strength of this bar."""
        new: float = windows.strength_step(float(high), float(low), float(close))
        return new


class TrueRange(_OfBar):
    """`true_range`."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(wilder.true_range_step, wilder.TRUE_RANGE_STATE)


class MeanTrueRange:
    """`mean_true_range` of n bars."""

    __slots__ = ("_mean", "_range")

    def __init__(self, n: int) -> None:
        self._range = TrueRange()
        self._mean = SimpleMovingAverage(n)

    def update(self, high: float, low: float, close: float) -> float:
        """The mean with this bar, the newest, included."""
        return self._mean.update(self._range.update(high, low, close))


class AverageTrueRange(_OfBar):
    """`average_true_range` of period n."""

    __slots__ = ()

    def __init__(self, n: int) -> None:
        checked_period(n)
        super().__init__(wilder.average_range_step, wilder.AVERAGE_RANGE_STATE, int(n))


class KeltnerChannel:
    """`keltner_channel` of period n, k average ranges wide."""

    __slots__ = ("_k", "_mean", "_range")

    def __init__(self, n: int, k: float) -> None:
        self._mean = ExponentialMovingAverage(n)
        self._range = AverageTrueRange(n)
        self._k = k

    def update(self, high: float, low: float, close: float) -> tuple[float, float, float]:
        """(upper, middle, lower) with this bar, the newest, included."""
        width = self._k * self._range.update(high, low, close)
        middle = self._mean.update(close)
        middle = middle if width == width else width
        return middle + width, middle, middle - width


class WilliamsPercentR(_OfBar):
    """`williams_percent_r` of n bars."""

    __slots__ = ()

    def __init__(self, n: int) -> None:
        super().__init__(windows.percent_r_step, 2 * (HEADER + 2 * checked_period(n)), int(n))


class DonchianChannel(Incremental):
    """`donchian_channel` of n bars, this one included."""

    __slots__ = ()

    def __init__(self, n: int) -> None:
        super().__init__(windows.channel_step, 2 * (HEADER + 2 * checked_period(n)), int(n))

    def update(self, high: float, low: float) -> tuple[float, float]:
        """(upper, lower) with this bar, the newest, included."""
        upper, lower = self._step(self._state, float(high), float(low), *self._periods)
        return upper, lower


class _Direction(Incremental):
    """Wilder's (ADX, +DI, -DI) of period n."""

    __slots__ = ()

    def __init__(self, n: int) -> None:
        checked_period(n, at_least=2)
        super().__init__(wilder.direction_step, wilder.DIRECTION_STATE, int(n))

    def all_three(self, high: float, low: float, close: float) -> tuple[float, float, float]:
        """(ADX, +DI, -DI) with this bar, the newest, included; an update."""
        bar = (float(high), float(low), float(close))
        adx, plus, minus = self._step(self._state, *bar, *self._periods)
        return adx, plus, minus


class AverageDirectionalIndex(_Direction):
    """`average_directional_index` of period n."""

    __slots__ = ()

    def update(self, high: float, low: float, close: float) -> float:
        """The index with this bar, the newest, included."""
        return self.all_three(high, low, close)[0]


class DirectionalIndicators(_Direction):
    """`directional_indicators` of period n."""

    __slots__ = ()

    def update(self, high: float, low: float, close: float) -> tuple[float, float]:
        """(+DI, -DI) with this bar, the newest, included."""
        return self.all_three(high, low, close)[1:]
