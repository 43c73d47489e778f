"""How one-sided recent moves were: Wilder's oscillators, changes, ranks and streaks.

Belongs here: ratios of gains to losses and of up to down movement, a value beside earlier ones.
Does not belong here: averages of price (`trend`), sizes of moves (`volatility`). All values at
bar t are functions of bars up to and including t. Wilder's remember everything since their seed (a
rule uses their `bounded` forms), the others the last values only, to the bit.
"""

from __future__ import annotations

import numpy.typing as npt

from rooney_core.indicators import wilder, windows
from rooney_core.indicators.arrays import FloatArray, checked, checked_period


def relative_strength_index(close: npt.ArrayLike, n: int) -> FloatArray:
    """Wilder's RSI in [0, 100], seeded as in TA-Lib.

    The seed at index n is the mean gain and mean loss of the first n changes. Prices that never
    moved are 50, neither strong nor weak (TA-Lib says 0). NaN before index n (leading NaN of close
    skipped), and for ever after a NaN inside. Source: Wilder (1978).
    """
    (closes,) = checked(close=close)
    strengths: FloatArray = wilder.relative_strengths(closes, checked_period(n))
    return strengths


def average_directional_index(
    high: npt.ArrayLike, low: npt.ArrayLike, close: npt.ArrayLike, n: int
) -> FloatArray:
    """Wilder's ADX in [0, 100], seeded as in TA-Lib.

    Movements are summed over bars 1..n-1, then smoothed by Wilder; the seed at index
    2 n - 1 is the mean of the first n directional indices. A bar without direction adds nothing to
    the seed and repeats the previous value later, as in TA-Lib. NaN before index 2 n - 1 (leading
    NaN of the inputs skipped), and for ever after a NaN inside; n >= 2. Source: Wilder (1978).
    """
    highs, lows, closes = checked(high=high, low=low, close=close)
    adx: FloatArray = wilder.directions(highs, lows, closes, checked_period(n, at_least=2))[0]
    return adx


def directional_indicators(
    high: npt.ArrayLike, low: npt.ArrayLike, close: npt.ArrayLike, n: int
) -> tuple[FloatArray, FloatArray]:
    """(+DI, -DI) of Wilder in [0, 100]: smoothed up and down movement, percent of the true range.

    As TA-Lib's PLUS_DI and MINUS_DI: sums over bars 1..n-1, then smoothed by Wilder. A market
    without any range is 0 in both. NaN before index n (leading NaN of the inputs skipped), and for
    ever after a NaN inside; n >= 2. Source: Wilder (1978).
    """
    highs, lows, closes = checked(high=high, low=low, close=close)
    _, plus, minus = wilder.directions(highs, lows, closes, checked_period(n, at_least=2))
    return plus, minus


def point_change(x: npt.ArrayLike, n: int) -> FloatArray:
    """x minus x of n values before, in the unit of x: what momentum is on adjusted prices.

    As TA-Lib's MOM. NaN for the first n values and wherever one of the last n + 1 is NaN.
    """
    (values,) = checked(x=x)
    change: FloatArray = values - windows.lags(values, checked_period(n))
    return change


def rate_of_change(x: npt.ArrayLike, n: int) -> FloatArray:
    """100 (x / x of n values before - 1), in percent.

    As TA-Lib's ROC, but NaN where the earlier value is 0 (TA-Lib says 0). NaN for the first n
    values and wherever one of the last n + 1 is NaN. Back-adjusted prices may come near 0 or below:
    take `point_change` over a range of theirs there.
    """
    (values,) = checked(x=x)
    rates: FloatArray = windows.rates(values, checked_period(n))
    return rates


def percent_rank(x: npt.ArrayLike, n: int) -> FloatArray:
    """Share, in [0, 1], of the n values before this one that are below it.

    Equal values are not below. NaN for the first n values and wherever one of the last n + 1 is
    NaN. Times 100 it is the rank in ConnorsRSI (Connors Research, 2012).
    """
    (values,) = checked(x=x)
    shares: FloatArray = windows.ranks(values, checked_period(n))
    return shares


def streak(close: npt.ArrayLike, longest: int = 20) -> FloatArray:
    """Closes in a row that rose (+1, +2, ...) or fell (-1, -2, ...); 0 where it did not change.

    Counted up to `longest` and no further, so the value at a bar is a function of the last
    `longest` + 1 closes. NaN at the first bar, and at a NaN and after it, where counting restarts.
    """
    (closes,) = checked(close=close)
    runs: FloatArray = windows.streaks(closes, checked_period(longest, name="longest"))
    return runs
