"""The features of several symbols, bar by bar: what a trader holds, and the rows it gives.

Belongs here: the last bars of the symbols that are decided on, the last closes of those that
inform, and one compiled call for a row of each. Does not belong here: a feature's arithmetic, which
is the batch's own, so that a row has the bits of `compute_features`; prior trades, which whoever
trades virtually remembers; or fetching bars.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Final

import numpy as np
import numpy.typing as npt

from rooney_core.backtest.compiled import njit_across_files
from rooney_core.errors import NotEnoughData, UnknownName
from rooney_core.features import hourly, references
from rooney_core.features.as_of import Floats, Integers, z_score
from rooney_core.features.compute import IBS, PAIR, feature_names
from rooney_core.features.declarations import MAX_LOOKBACK
from rooney_core.features.feeds import FeedNames
from rooney_core.features.hourly import HOURLY_CLOSES
from rooney_core.features.own_symbol import fill_rows
from rooney_core.features.own_symbol_columns import Bars
from rooney_core.features.references import REFERENCE_CLOSES
from rooney_core.market.bars import BarArrays

_SPARE: Final = 4
_ROOM: Final = _SPARE * MAX_LOOKBACK
"""Bars that are taken in before the last MAX_LOOKBACK move to the front again."""

PAIR_AT: Final = PAIR.start
HOUR_AGE_US, DAY_AGE_US = hourly.MAX_AGE_US, references.MAX_AGE_US

_VALUES: Final = attrgetter(*Bars._fields)
_LONG_AGO: Final = np.iinfo(np.int64).min // 2

_INTEGERS: Final = ("bar_start_us", "bar_end_us", "session_open_us", "session_close_us")
_TYPES: Final = {**dict.fromkeys(_INTEGERS, np.int64), "session": np.int32}


class FeaturePanel:
    """The rows of `compute_features` for symbols whose bars and feeds arrive one by one.

    `names`: the symbols that rows are wanted of, and whose bars inform each. Everything must be
    told in the order in which it becomes known, and before a row is asked for that may use it.
    """

    def __init__(self, names: Mapping[str, FeedNames]) -> None:
        self._own = {symbol: at for at, symbol in enumerate(names)}
        informing = sorted({one for of_one in names.values() for one in of_one.symbols})
        self._others = {symbol: at for at, symbol in enumerate(informing)}
        shape = len(names), _ROOM
        self._bars = Bars(*(np.zeros(shape, _TYPES.get(name, np.float64)) for name in Bars._fields))
        # One column of one symbol each: writing into these is what taking in a bar is.
        self._columns = [tuple(one[at] for one in self._bars) for at in range(len(names))]
        self._n_bars = np.zeros(len(names), np.int64)
        self._days = _Closes(len(informing), REFERENCE_CLOSES)
        self._hours = _Closes(len(informing), HOURLY_CLOSES)
        chosen = list(names.values())
        self._daily = _numbers([[self._others[name] for name in one.daily] for one in chosen])
        self._hourly = _numbers([[self._others[name] for name in one.hourly] for one in chosen])
        partners = [self._others.get(one.partner or "", -1) for one in chosen]
        self._partner = np.array(partners, dtype=np.int64)
        self._widths = [len(feature_names(one)) for one in chosen]
        self._rows = np.full((len(names), max(self._widths, default=0)), math.nan)

    def take_bar(self, symbol: str, bar: object) -> None:
        """The next bar of a symbol that rows are wanted of: whatever has the fields of `Bars`."""
        at = self._at(symbol)
        end = self._n_bars[at]
        if end == _ROOM:
            for column in self._columns[at]:
                column[:MAX_LOOKBACK] = column[-MAX_LOOKBACK:]
            end = MAX_LOOKBACK
        for value, column in zip(_VALUES(bar), self._columns[at], strict=True):
            column[end] = value
        self._n_bars[at] = end + 1

    def take_history(self, symbol: str, bars: BarArrays) -> None:
        """Begin with the last of these bars, in place of whatever was taken in of the symbol."""
        at, n_kept = self._at(symbol), min(len(bars), MAX_LOOKBACK)
        for name, column in zip(Bars._fields, self._columns[at], strict=True):
            column[:n_kept] = getattr(bars, name)[len(bars) - n_kept :]
        self._n_bars[at] = n_kept

    def take_session(self, symbol: str, known_at_us: int, close: float, ibs: float) -> None:
        """A session of a symbol that informs: adjusted close, and internal bar strength."""
        if symbol in self._others:
            self._days.take(self._others[symbol], known_at_us, close, 0.0, ibs)

    def take_hour(
        self, symbol: str, known_at_us: int, close: float, adjustment: float, ibs: float
    ) -> None:
        """An hour of a symbol that informs: raw close, its adjustment, internal bar strength."""
        if symbol in self._others:
            self._hours.take(self._others[symbol], known_at_us, close, adjustment, ibs)

    def rows(self, symbols: Sequence[str]) -> dict[str, Floats]:
        """The row of each symbol at the end of its last bar, f8[n_features] by symbol.

        Columns are `feature_names` of the symbol's names; those of prior trades are NaN. The arrays
        are the caller's. Raises NotEnoughData for a symbol that has no bar yet.
        """
        wanted = np.array([self._at(one) for one in symbols], dtype=np.int64)
        if not self._n_bars[wanted].all():
            raise NotEnoughData(
                f"A row was asked of {', '.join(symbols)}, of which one has no bar yet; take in a "
                "bar, or a history, of each before."
            )
        _fill_rows(
            wanted,
            self._n_bars,
            *self._bars,
            *self._days.arrays,
            *self._hours.arrays,
            self._daily,
            self._hourly,
            self._partner,
            self._rows,
        )
        return {
            one: self._rows[at, : self._widths[at]].copy()
            for one, at in zip(symbols, wanted.tolist(), strict=True)
        }

    def _at(self, symbol: str) -> int:
        if symbol not in self._own:
            raise UnknownName.among("symbol of the panel", symbol, self._own)
        return self._own[symbol]


class _Closes:
    """The last `n` closes of each of some symbols, oldest first: in columns [end - n, end).

    What was never taken in is a NaN that became known long ago, so that its z-score is NaN too.
    """

    def __init__(self, n_symbols: int, n: int) -> None:
        shape = (n_symbols, _SPARE * n)
        self._n = n
        self._ends = np.full(n_symbols, n, np.int64)
        self._known_at_us = np.full(shape, _LONG_AGO)
        self._close = np.full(shape, math.nan)
        self._adjustment = np.zeros(shape)
        self._ibs = np.full(shape, math.nan)

    @property
    def arrays(self) -> tuple[Integers, Integers, Floats, Floats, Floats]:
        """ends, then known_at_us, close, adjustment and ibs, a row per symbol."""
        return self._ends, self._known_at_us, self._close, self._adjustment, self._ibs

    def take(self, at: int, known_at_us: int, close: float, adjustment: float, ibs: float) -> None:
        """The next close of symbol number `at`."""
        _, *columns = self.arrays
        end, n = int(self._ends[at]), self._n
        if end == _SPARE * n:
            for column in columns:
                column[at, :n] = column[at, -n:]
            end = n
        values = (known_at_us, close, adjustment, ibs)
        for column, value in zip(columns, values, strict=True):
            column[at, end] = value
        self._ends[at] = end + 1


def _numbers(lists: list[list[int]]) -> Integers:
    """Rows of one length, filled up with -1."""
    longest = max(map(len, lists), default=0)
    filled = [[*one, *[-1] * (longest - len(one))] for one in lists]
    return np.array(filled, dtype=np.int64).reshape(len(lists), longest)


@njit_across_files
def _fill_rows(
    wanted: Integers,
    n_bars: Integers,
    bar_start_us: Integers,
    bar_end_us: Integers,
    session_open_us: Integers,
    session_close_us: Integers,
    session: npt.NDArray[np.int32],
    open_: Floats,
    high: Floats,
    low: Floats,
    close: Floats,
    adjustment: Floats,
    volume: Floats,
    exchange_hour: Floats,
    last_safe_day: Floats,
    day_ends: Integers,
    days_known_at_us: Integers,
    day_close: Floats,
    day_adjustment: Floats,
    day_ibs: Floats,
    hour_ends: Integers,
    hours_known_at_us: Integers,
    hour_close: Floats,
    hour_adjustment: Floats,
    hour_ibs: Floats,
    daily: Integers,
    hourly_: Integers,
    partner: Integers,
    out: Floats,
) -> None:
    n_others = len(day_ends)
    day_known_at_us, hour_known_at_us = np.empty(n_others, np.int64), np.empty(n_others, np.int64)
    day_z, hour_z = np.empty(n_others), np.empty(n_others)
    for one in range(n_others):
        day, hour = day_ends[one], hour_ends[one]
        day_known_at_us[one] = days_known_at_us[one, day - 1]
        hour_known_at_us[one] = hours_known_at_us[one, hour - 1]
        day_z[one] = z_score(day_close[one], day_adjustment[one], day - REFERENCE_CLOSES, day)
        hour_z[one] = z_score(hour_close[one], hour_adjustment[one], hour - HOURLY_CLOSES, hour)
    last = np.empty(1, np.int64)
    for at in wanted:
        row = out[at]
        last[0] = n_bars[at] - 1
        fill_rows(
            last,
            out[at : at + 1],
            bar_start_us[at],
            bar_end_us[at],
            session_open_us[at],
            session_close_us[at],
            session[at],
            open_[at],
            high[at],
            low[at],
            close[at],
            adjustment[at],
            volume[at],
            exchange_hour[at],
            last_safe_day[at],
        )
        moment_us = bar_end_us[at, last[0]]
        row[PAIR_AT] = row[PAIR_AT + 1] = row[PAIR_AT + 2] = math.nan
        if partner[at] >= 0:
            one = partner[at]
            if moment_us - hour_known_at_us[one] <= HOUR_AGE_US:
                row[PAIR_AT] = hour_ibs[one, hour_ends[one] - 1]
                row[PAIR_AT + 1] = row[IBS] - row[PAIR_AT]
            if moment_us - day_known_at_us[one] <= DAY_AGE_US:
                row[PAIR_AT + 2] = day_ibs[one, day_ends[one] - 1]
        column = PAIR_AT + 3
        for one in daily[at]:
            if one >= 0:
                is_fresh = moment_us - day_known_at_us[one] <= DAY_AGE_US
                row[column] = day_z[one] if is_fresh else math.nan
                column += 1
        for one in hourly_[at]:
            if one >= 0:
                is_fresh = moment_us - hour_known_at_us[one] <= HOUR_AGE_US
                row[column] = hour_z[one] if is_fresh else math.nan
                column += 1
