"""Every own-symbol feature as a page of facts, in the order of the matrix's columns.

Belongs here: name, inputs, lookback, meaning and what a missing value means. Does not belong here:
the arithmetic (`own_symbol.py`), or features of other symbols and of trades (`pair.py`,
`prior_trades.py`, `references.py`, `hourly.py`).

Differences are of adjusted prices, rebased to the contract of the current bar: price[i] +
(adjustment[i] - adjustment[t]). A roll is then no move, and a roll after t changes nothing.
Distances are in mean ranges: the mean of high - low over the last 50 bars. Returns and volatility
are fractions of the current raw close, its absolute value: prices may be negative. A session is the
exchange's trade date, so a bank holiday's hours are part of the next one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Feature:
    """One column. `lookback` counts the bars it reads, the current one included.

    `inputs`: the columns of BarArrays, or the feeds, that it is made of. `meaning` has the unit.
    """

    name: str
    inputs: tuple[str, ...]
    lookback: int
    meaning: str
    null_means: str


_RANGES = ("high", "low")
_BODY = ("high", "low", "close")
_CLOSES = ("close", "adjustment")
_PRICES = ("high", "low", "close", "adjustment")
_SESSION = ("open", *_PRICES, "session")

_SHORT = "fewer bars of history than the lookback"
_NO_PRICE = f"{_SHORT}, or a close of 0"
_NO_RANGE = f"{_SHORT}, or 50 bars without range"
_CUT = "the bar before the session is not among the last 100"
_CUT_BEFORE = f"{_CUT}, or the bar before the previous session"

RETURN_BARS: Final = (1, 2, 5, 10, 23, 46, 115)
"""Horizons of the returns: 23 hourly bars are about a session, 115 about five."""
AVERAGE_BARS: Final = (20, 50, 200)
"""Lengths of the averages from which the close's distance is taken."""


def _return(n: int) -> Feature:
    bars = "1 bar" if n == 1 else f"{n} bars"
    return Feature(
        f"return_{n}", _CLOSES, n + 1, f"change of close over {bars} / |close|", _NO_PRICE
    )


def _distance_to_average(n: int) -> Feature:
    return Feature(
        f"distance_to_sma_{n}",
        _PRICES,
        max(n, 50),
        f"close minus its {n}-bar mean, in mean ranges",
        _NO_RANGE,
    )


OWN_FEATURES: Final = (
    Feature(
        "ibs",
        _BODY,
        1,
        "(close - low) / (high - low), in [0, 1]; 0.5 for a bar without range",
        "never",
    ),
    Feature("ibs_mean_5", _BODY, 5, "mean ibs of 5 bars", _SHORT),
    Feature("ibs_mean_23", _BODY, 23, "mean ibs of 23 bars, about a session", _SHORT),
    Feature(
        "ibs_percentile_100",
        _BODY,
        100,
        "rank of this bar's ibs among the last 100, in (0, 1); ties count half",
        _SHORT,
    ),
    Feature("atr_14", _PRICES, 15, "mean of 14 true ranges / |close|", _NO_PRICE),
    Feature(
        "atr_percentile_100",
        _PRICES,
        114,
        "rank of the mean of 14 true ranges among those of the last 100 bars, in price, in (0, 1); "
        "ties count half",
        _SHORT,
    ),
    Feature("range_to_mean_50", _RANGES, 50, "high - low of this bar, in mean ranges", _NO_RANGE),
    Feature(
        "range_percentile_100",
        _RANGES,
        100,
        "rank of this bar's range among the last 100, in (0, 1); ties count half",
        _SHORT,
    ),
    Feature(
        "rsi_2",
        _CLOSES,
        3,
        "Cutler's RSI in [0, 100]: simple means of 2 rises and falls; 50 when nothing moved",
        _SHORT,
    ),
    Feature(
        "rsi_14",
        _CLOSES,
        15,
        "Cutler's RSI in [0, 100]: simple means of 14 rises and falls; 50 when nothing moved",
        _SHORT,
    ),
    Feature(
        "volume_z_20",
        ("volume",),
        20,
        "standard deviations (ddof 1) of this bar's volume above the mean of 20 bars",
        f"{_SHORT}, or 20 equal volumes",
    ),
    Feature(
        "volume_to_hour_5",
        ("volume", "bar_start_us", "session_open_us"),
        170,
        "volume / mean volume of the 5 bars before in the same hour since the session's open",
        "fewer than 5 such bars among the last 170, or all of them empty",
    ),
    *map(_return, RETURN_BARS),
    *map(_distance_to_average, AVERAGE_BARS),
    Feature(
        "band_position_20",
        _CLOSES,
        20,
        "place of close in the Bollinger band of 20 bars and 2 standard deviations (ddof 0): "
        "0 on the lower band, 1 on the upper one",
        f"{_SHORT}, or 20 equal closes",
    ),
    Feature("band_width_20", _CLOSES, 20, "upper minus lower of that band / |close|", _NO_PRICE),
    Feature(
        "distance_to_high_115",
        _PRICES,
        115,
        "highest high of 115 bars (about five sessions) minus close, in mean ranges; never below 0",
        _NO_RANGE,
    ),
    Feature(
        "distance_to_low_115",
        _PRICES,
        115,
        "close minus lowest low of 115 bars, in mean ranges; never below 0",
        _NO_RANGE,
    ),
    Feature(
        "realised_volatility_23",
        _CLOSES,
        24,
        "standard deviation (ddof 1) of 23 changes of close / |close|, per bar",
        _NO_PRICE,
    ),
    Feature(
        "realised_volatility_115",
        _CLOSES,
        116,
        "standard deviation (ddof 1) of 115 changes of close / |close|, per bar",
        _NO_PRICE,
    ),
    Feature(
        "volatility_ratio_23_115",
        _CLOSES,
        116,
        "standard deviation of the last 23 changes of close over that of the last 115",
        f"{_SHORT}, or 115 equal changes",
    ),
    Feature(
        "return_skewness_115",
        _CLOSES,
        116,
        "skewness (third central moment over the cubed deviation, ddof 0) of 115 changes of close",
        f"{_SHORT}, or 115 equal changes",
    ),
    Feature(
        "efficiency_ratio_23",
        _CLOSES,
        24,
        "trend strength (Kaufman): |sum| of 23 changes of close over the sum of their sizes, "
        "in [0, 1]",
        f"{_SHORT}, or 24 equal closes",
    ),
    Feature(
        "session_gap",
        _SESSION,
        100,
        "open of the session minus the close before it, in mean ranges",
        f"{_CUT}; {_NO_RANGE}",
    ),
    Feature(
        "distance_to_session_open",
        _SESSION,
        100,
        "close minus the session's open, in mean ranges",
        f"{_CUT}; {_NO_RANGE}",
    ),
    Feature(
        "session_ibs",
        (*_PRICES, "session"),
        100,
        "(close - low) / (high - low) of the session so far, in [0, 1]; 0.5 without range",
        _CUT,
    ),
    Feature(
        "previous_session_return",
        ("open", *_CLOSES, "session"),
        100,
        "close minus open of the previous session / |current close|",
        f"{_CUT_BEFORE}; or a close of 0",
    ),
    Feature(
        "previous_session_ibs",
        (*_PRICES, "session"),
        100,
        "ibs of the previous session, in [0, 1]; 0.5 without range",
        _CUT_BEFORE,
    ),
    Feature(
        "previous_session_range",
        ("high", "low", "adjustment", "session"),
        100,
        "high - low of the previous session, in mean ranges",
        f"{_CUT_BEFORE}; {_NO_RANGE}",
    ),
    Feature(
        "hour",
        ("exchange_hour",),
        1,
        "hour of the exchange's clock at the bar's start, 0 to 23",
        "bars that do not state their exchange's clock",
    ),
    Feature(
        "weekday",
        ("session",),
        1,
        "weekday of the session's date, 0 = Monday to 6 = Sunday",
        "never",
    ),
    Feature(
        "session_progress",
        ("bar_end_us", "session_open_us", "session_close_us"),
        1,
        "elapsed share of the session's scheduled hours at bar_end: 0 open, 1 close",
        "a day without scheduled hours",
    ),
    Feature(
        "days_to_roll",
        ("session", "last_safe_day"),
        1,
        "calendar days from the session's date to the last day on which this contract trades and "
        "nobody can be asked to deliver, by the rules of its instrument's page: known when it is "
        "listed, whenever the series rolls; below 0 after it",
        "an instrument without expiry rule, or a contract whose name has no date",
    ),
)

FEATURES: Final = {one.name: one for one in OWN_FEATURES}
"""Own-symbol features by name, in column order."""

MAX_LOOKBACK: Final = max(one.lookback for one in OWN_FEATURES)
"""Bars, the current one included, that give every own-symbol feature its exact bits."""
