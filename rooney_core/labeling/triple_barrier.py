"""Was the entry good, whatever became of the exit? Labels by three barriers, or the trade itself.

Belongs here: the label of each trade and the span of bars that it is made of. Does not belong here:
the money that a trade earns (always the strategy's own exit), windows and weights.

Lopez de Prado, Advances in Financial Machine Learning (2018), 3.4 and 3.6: from the entry on, a
profit barrier above, a stop barrier below (mirrored for a sale) and a vertical one in time; the
first that is met ends the label. Within a bar, and in this order: a stop that the open is beyond
fills at the open, so does a profit barrier; a stop that the bar touches; a profit barrier that the
bar trades through. What happened first inside a bar is not known, and the worse is believed: the
stop comes first. That is the backtest's own rule (`backtest.kernel.protection`), bar for bar. A bar
without volume meets no barrier. Prices are adjusted by the rolls on the way, which move no barrier.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from rooney_core.backtest.accounts import Books, books_of, net_profit_usd
from rooney_core.backtest.compiled import njit_across_files
from rooney_core.backtest.costs import CostModel
from rooney_core.backtest.kernel import (
    BILLION,
    FLAT_LATE,
    FLAT_TIME,
    STOP,
    TARGET,
    gap_between,
    protection,
)
from rooney_core.backtest.play import RoundTrips
from rooney_core.backtest.tape import CLOSES_LATE, TRADED, Tape, tape_of
from rooney_core.indicators.volatility import mean_true_range
from rooney_core.labeling.settings import LabelSettings
from rooney_core.market.bars import BarArrays
from rooney_core.market.instruments import Instrument

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

LABELS_SCHEMA: Final = {
    "meta_label": pl.Int8(),
    "label_end": pl.Datetime("us", "UTC"),
    "label_end_index": pl.Int64(),
    "barrier": pl.String(),
}
"""One row per trade. `meta_label`: 1 where the profit after costs is above 0, null where the label
cannot be known. `label_end` (UTC) and `label_end_index` (bar): where the last of what the row knows
of the future ends: the later of the label's end and the trade's own exit. `barrier`: "own_exit", or
"profit", "stop", "vertical", "deadline"; null beside a null label."""

PROFIT, STOPPED, VERTICAL, DEADLINE, LATE, UNRESOLVED = range(6)
_NAMES: Final = ("profit", "stop", "vertical", "deadline", "deadline", None)
# What the backtest's books call the same end: a close by the clock fills at the bar's close.
_REASONS: Final = np.array([TARGET, STOP, FLAT_TIME, FLAT_TIME, FLAT_LATE, FLAT_TIME], np.int8)


def label_trades(
    trades: pl.DataFrame,
    bars: BarArrays,
    *,
    settings: LabelSettings,
    costs: CostModel,
    instrument: Instrument,
    overnight: bool,
) -> pl.DataFrame:
    """LABELS_SCHEMA for BacktestResult.trades of these bars, in their order.

    `overnight`: the variant may hold past the flat deadline. Where it may not, no label reaches
    beyond the deadline either: what is open then ends at the close of the last bar before it (where
    the hours before it are missing, at the next open there is, as the backtest does).

    A trade is without a label where the unit is unknown at its signal (fewer bars of history than
    `unit_bars`, or bars that never moved), or where the bars end before any barrier is met.
    """
    if settings.method == "strategy":
        return trades.select(
            (pl.col("net_profit_usd") > 0).cast(pl.Int8).alias("meta_label"),
            pl.col("exit_time").alias("label_end"),
            pl.col("exit_index").alias("label_end_index"),
            pl.lit("own_exit").alias("barrier"),
        ).cast(pl.Schema(LABELS_SCHEMA))
    books = books_of(bars, costs, instrument)
    unit = barrier_unit(bars, settings)[trades["signal_index"].to_numpy()]
    trips, met = _meet_barriers(trades, bars, books, unit, settings, overnight)
    profit = net_profit_usd(trips, books)
    at_open = met == LATE
    ends_us = np.where(
        at_open, bars.bar_start_us[trips.exit_index], bars.bar_end_us[trips.exit_index]
    )
    label_end = pl.Series(ends_us).cast(pl.Datetime("us", "UTC"))
    table = pl.DataFrame(
        {
            "meta_label": (profit > 0.0).astype(np.int8),
            "label_end": pl.select(pl.max_horizontal(label_end, trades["exit_time"])).to_series(),
            "label_end_index": np.maximum(trips.exit_index, trades["exit_index"].to_numpy()),
            "barrier": pl.Series([_NAMES[one] for one in met], dtype=pl.String),
        },
        schema=LABELS_SCHEMA,
    )
    known = pl.col("barrier").is_not_null()
    return table.with_columns(pl.when(known).then("meta_label").alias("meta_label"))


def barrier_unit(bars: BarArrays, settings: LabelSettings) -> FloatArray:
    """The distance that multiples count, in price units, f8[n] at each bar's close; NaN = unknown.

    Of the last `unit_bars` changes of adjusted prices, those of the bar itself included; 0 where
    they never moved.
    """
    n = settings.unit_bars
    if len(bars) <= n:
        return np.full(len(bars), np.nan)
    close = bars.close + bars.adjustment
    if settings.barrier_unit == "atr":
        return mean_true_range(bars.high + bars.adjustment, bars.low + bars.adjustment, close, n)
    unit = np.full(len(bars), np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(np.diff(close), n)
    unit[n:] = windows.std(axis=1, ddof=1)
    return unit


def _meet_barriers(
    trades: pl.DataFrame,
    bars: BarArrays,
    books: Books,
    unit: FloatArray,
    settings: LabelSettings,
    overnight: bool,
) -> tuple[RoundTrips, IntArray]:
    """Each trade's entry taken to its barrier, and which one it met."""
    side, entered = trades["side"].to_numpy(), trades["entry_index"].to_numpy()
    tape = tape_of(bars, overnight=overnight)
    walked = Walked.of_size(len(trades))
    entry_price = _before_slippage(trades["entry_price"].to_numpy(), side, entered, books)
    _walk(
        tape,
        side.astype(np.float64),
        entered,
        entry_price,
        settings.stop_multiple * unit,
        settings.profit_multiple * unit,
        settings.vertical_bars,
        walked,
    )
    trips = RoundTrips(
        side=side.astype(np.int8),
        signal_index=trades["signal_index"].to_numpy(),
        entry_index=entered,
        exit_index=walked.exit_index,
        entry_price=entry_price,
        exit_price=walked.exit_price,
        reason=_REASONS[walked.met],
        n_bars=walked.exit_index - entered + (walked.met != LATE),
        rolls=walked.rolls,
        roll_gap=walked.roll_gap,
    )
    return trips, walked.met


def _before_slippage(
    price: FloatArray, side: npt.NDArray[np.int8], bar: IntArray, books: Books
) -> FloatArray:
    """The price of the fill itself: slippage is a cost, and moves no barrier."""
    factor = books.slippage_factor[bar] if len(books.slippage_factor) else 1.0
    raw: FloatArray = np.round((price - side * books.slippage * factor) * BILLION) / BILLION
    return raw


class Walked(NamedTuple):
    """What compiled code writes, one entry per trade; prices raw, of the contract held."""

    met: IntArray
    exit_index: IntArray
    exit_price: FloatArray
    rolls: IntArray
    roll_gap: FloatArray

    @classmethod
    def of_size(cls, n: int) -> Walked:
        """Room for n trades."""
        integers = np.zeros((3, n), np.int64)
        prices = np.zeros((2, n))
        return cls(integers[0], integers[1], prices[0], integers[2], prices[1])


@njit_across_files
def _walk(
    tape: Tape,
    sides: FloatArray,
    entered: IntArray,
    entry_price: FloatArray,
    stop_distance: FloatArray,
    profit_distance: FloatArray,
    vertical_bars: int,
    walked: Walked,
) -> None:
    """Every trade from its entry's bar on; distances are of one trade each, NaN = unknown."""
    bars, adjustment = tape.columns, tape.columns.adjustment
    n_bars = len(bars.open)
    for i in range(len(sides)):
        side, first, price = sides[i], entered[i], entry_price[i]
        met, left, out, rolls, moved = UNRESOLVED, first, price, 0, 0.0
        stop, profit = price - side * stop_distance[i], price + side * profit_distance[i]
        forced = np.int64(tape.forced[first])
        is_late = tape.flags[first] & CLOSES_LATE != 0
        last = n_bars if stop_distance[i] > 0.0 else first
        for bar in range(first, last):
            gap = gap_between(adjustment[bar - 1], adjustment[bar]) if bar > first else 0.0
            if is_late and bar == forced:
                # In the contract held: the bar may be the first of the next one.
                met, left, out = LATE, bar, bars.open[bar] - gap
                break
            if gap != 0.0:
                stop, profit, moved, rolls = stop + gap, profit + gap, moved + gap, rolls + 1
            reason = 0
            if tape.flags[bar] & TRADED:
                reason, out = protection(
                    side,
                    stop,
                    np.nan,
                    profit,
                    bars.open[bar],
                    bars.high[bar],
                    bars.low[bar],
                    bars.close[bar],
                    bar == first and price != bars.open[bar],
                )
            if reason:
                met, left = PROFIT if reason == TARGET else STOPPED, bar
                break
            if bar == forced or bar == first + vertical_bars - 1:
                met, left, out = DEADLINE if bar == forced else VERTICAL, bar, bars.close[bar]
                break
        if met == UNRESOLVED:
            out, rolls, moved = price, 0, 0.0
        walked.met[i], walked.exit_index[i], walked.exit_price[i] = met, left, out
        walked.rolls[i], walked.roll_gap[i] = rolls, moved
