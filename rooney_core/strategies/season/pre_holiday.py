"""The session before a holiday. Facts only; behaviour is in `variant`."""

from __future__ import annotations

from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt

from rooney_core.strategies.calendar_view import Days, planned_days, weekdays_between
from rooney_core.strategies.conditions import all_of, is_so
from rooney_core.strategies.daily import daily_signals
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.variant import MaxBars, Signals, Variant, VariantParams

CLOSED_AT_SHORT_NOTICE: Final = tuple(
    date(*day) for day in ((2012, 10, 29), (2012, 10, 30), (2018, 12, 5), (2025, 1, 9))
)
"""Storm and mourning: closings that nobody knew of two sessions before. No holidays."""


class SeasonPreHolidayParams(VariantParams):
    """`max_bars`: sessions held; 1 is the last one before the holiday."""

    max_bars: MaxBars = 1

    @property
    def lookback_sessions(self) -> int:
        """The session itself."""
        return 1


def _eves(days: Days) -> Days:
    """Last trading days of the New York Stock Exchange before each of its holidays."""
    closed = np.array(CLOSED_AT_SHORT_NOTICE, dtype="datetime64[D]").astype(np.int64)
    planned = np.union1d(planned_days(days, "us_equity"), closed)
    eves: Days = planned[:-1][weekdays_between(planned[:-1], planned[1:]) > 0]
    return eves


def _enters(prices: Prices) -> npt.NDArray[np.bool_]:
    calendar = prices.calendar
    eve: npt.NDArray[np.bool_] = np.isin(calendar.next_session, _eves(calendar.session))
    return eve


def _rule(prices: Prices, params: SeasonPreHolidayParams) -> Signals:
    enter = prices.once("season.enters_before_eve", lambda: _enters(prices))
    before = is_so("before the last session ahead of a holiday of the stock exchange", enter)
    enter = all_of(prices, before)
    return daily_signals(
        prices, enter=enter, leave=np.zeros(len(enter), np.bool_), max_bars=params.max_bars
    )


SEASON_PRE_HOLIDAY = Variant(
    name="season_pre_holiday",
    summary="Long over the last session before a holiday of the New York Stock Exchange.",
    source="Catalogue F06: a standard rule (Ariel, High Stock Returns before Holidays, 1990). The "
    "stock exchange's holidays, for futures too, which trade for some hours on most of them.",
    params_type=SeasonPreHolidayParams,
    axes={"max_bars": (1, 2)},
    rule=_rule,
    timeframe="session",
    overnight=True,
    family="season",
)
