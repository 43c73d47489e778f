"""How the primary strategy fared lately: outcomes of its trades, within a bounded look-back.

Belongs here: the outcomes with the bar that ended each, the features made of them, and from which
bar on they are those of any longer history. Does not belong here: which trades happen
(`rooney_core.backtest`), or whether a model took them: the strategy trades virtually all the time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

from rooney_core.errors import InputError
from rooney_core.features.declarations import Feature
from rooney_core.market.bars import BarArrays

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

PRIOR_TRADE_BARS: Final = 500
"""Bars, the current one included, in which a trade must have ended to count: about a month."""

PRIOR_TRADES: Final = 5
"""Trades behind a mean; fewer where fewer ended within the look-back."""

_NONE: Final = f"no trade of the strategy ended within {PRIOR_TRADE_BARS} bars, or {{short}}"
_SHORT: Final = "fewer bars of virtual trading than that"
PRIOR_TRADE_FEATURES: Final = (
    Feature(
        name="prior_return",
        inputs=("trades",),
        lookback=PRIOR_TRADE_BARS,
        meaning="net profit of the strategy's last trade over the contract's value at its entry",
        null_means=_NONE.format(short=_SHORT),
    ),
    Feature(
        name=f"prior_mean_return_{PRIOR_TRADES}",
        inputs=("trades",),
        lookback=PRIOR_TRADE_BARS,
        meaning=f"mean of that over the last {PRIOR_TRADES} trades, or as many as there are",
        null_means=_NONE.format(short=_SHORT),
    ),
    Feature(
        name=f"prior_win_share_{PRIOR_TRADES}",
        inputs=("trades",),
        lookback=PRIOR_TRADE_BARS,
        meaning="share of these trades that earned money after costs, in [0, 1]",
        null_means=_NONE.format(short=_SHORT),
    ),
    Feature(
        name="bars_since_exit",
        inputs=("trades",),
        lookback=PRIOR_TRADE_BARS,
        meaning="bars since the bar that ended the last trade; 0 where this bar did",
        null_means=_NONE.format(short=_SHORT),
    ),
    Feature(
        name=f"n_trades_{PRIOR_TRADE_BARS}",
        inputs=("trades",),
        lookback=PRIOR_TRADE_BARS,
        meaning=f"trades of the strategy that ended within {PRIOR_TRADE_BARS} bars",
        null_means=_SHORT,
    ),
)
"""Columns of the prior trades, in order."""


@dataclass(frozen=True, eq=False)
class PriorTrades:
    """Closed trades of the primary strategy on one series of bars, oldest first; may be none.

    `exit_index`: number of the bar in which each ended, i8[m], strictly rising; counted from the
    first of the bars that the features are computed on, so negative for one before them.
    `returns`: net profit after the costs of all fills over the contract's value at entry, f8[m].
    `first_index`: number of the first bar from which on every trade is in here; a bar whose
    look-back reaches before it knows nothing.

    Raises InputError for arrays of different lengths, or exits out of order.
    """

    exit_index: Integers
    returns: Floats
    first_index: int

    def __post_init__(self) -> None:
        if self.exit_index.ndim != 1 or self.exit_index.shape != self.returns.shape:
            raise InputError(
                f"{self.exit_index.shape} exits and {self.returns.shape} returns of prior trades "
                "arrived; one of each per trade is needed."
            )
        if np.any(np.diff(self.exit_index) <= 0):
            raise InputError("Prior trades must be in order of their exits, one exit per bar.")

    @classmethod
    def of(cls, trades: pl.DataFrame, first_index: int) -> PriorTrades:
        """Of the `trades` frame of a backtest (BacktestResult.trades) on the same bars."""
        return cls(
            exit_index=np.array(trades["exit_index"], dtype=np.int64),
            returns=np.array(trades["return"], dtype=np.float64),
            first_index=first_index,
        )

    def at(self, indices: Integers) -> Floats:
        """PRIOR_TRADE_FEATURES of bars `indices` i8[n], f8[n, 5].

        A trade counts from the bar in which it ended: that is over when the features are computed.
        """
        values = np.empty((len(indices), len(PRIOR_TRADE_FEATURES)))
        _fill(indices, self.exit_index, self.returns, self.first_index, values)
        return values


def first_flat_bar(bars: BarArrays, earliest: int, overnight: bool) -> int | None:
    """Index of the first bar from `earliest` on that every longer history begins flat too.

    It follows a bar with volume whose successor would end after the flat deadline. A rule that may
    hold `overnight` has no such bar, and is taken to be flat at `earliest`. len(bars) where that is
    the bar to come, None where even that one is too early.
    """
    if overnight:
        return earliest if earliest <= len(bars) else None
    is_meeting = last_before_flat(bars) & (bars.volume > 0.0)
    is_meeting[: max(0, earliest - 1)] = False
    return int(np.argmax(is_meeting)) + 1 if is_meeting.any() else None


def last_before_flat(bars: BarArrays) -> npt.NDArray[np.bool_]:
    """Bars whose successor, of equal length, would end after the flat deadline."""
    is_last: npt.NDArray[np.bool_] = 2 * bars.bar_end_us - bars.bar_start_us > bars.flat_deadline_us
    return is_last


@njit(cache=True)
def _fill(
    indices: Integers, exit_index: Integers, returns: Floats, first_index: int, out: Floats
) -> None:
    for row in range(len(indices)):
        t = indices[row]
        out[row] = math.nan
        begin = t - PRIOR_TRADE_BARS + 1
        if begin < first_index:
            continue
        past = np.searchsorted(exit_index, t, side="right")
        oldest = np.searchsorted(exit_index, begin, side="left")
        out[row, 4] = past - oldest
        if past == oldest:
            continue
        total, wins = 0.0, 0.0
        first = max(oldest, past - PRIOR_TRADES)
        for trade in range(first, past):
            total += returns[trade]
            wins += returns[trade] > 0.0
        out[row, 0] = returns[past - 1]
        out[row, 1] = total / (past - first)
        out[row, 2] = wins / (past - first)
        out[row, 3] = t - exit_index[past - 1]
