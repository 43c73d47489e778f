"""Every own-symbol feature the plain way: whole columns of adjusted prices, polars and TA-Lib.

Belongs here: the second opinion, which shares no code and no order of sums with the product. Does
not belong here: assertions. Ranks and sums of changes are taken of copied windows, slow and fresh,
because what is exactly zero or exactly equal must stay so.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import talib
from numpy.lib.stride_tricks import sliding_window_view

from rooney_core.market.bars import BarArrays

HOUR_US = 3_600_000_000


def plain_features(bars: BarArrays) -> dict[str, np.ndarray]:
    """Feature by name, f8[len(bars)]; NaN where the history is too short or a divisor is 0."""
    close = bars.close + bars.adjustment
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = windowed(bars.high - bars.low, 50, lambda w: w.mean(axis=1))
        unit = np.where(unit > 0, unit, np.nan)
        price = np.where(bars.close != 0, np.abs(bars.close), np.nan)
        return {
            **of_bars(bars, unit, price),
            **of_closes(close, unit, price),
            **of_volume(bars),
            **of_sessions(bars, unit, price),
            "hour": bars.exchange_hour,
            "weekday": of_dates(bars.session, lambda day: day.dt.weekday() - 1),
            "session_progress": (bars.bar_end_us - bars.session_open_us)
            / (bars.session_close_us - bars.session_open_us),
            "days_to_roll": bars.last_safe_day - bars.session,
        }


def windowed(values: np.ndarray, n: int, fold) -> np.ndarray:
    """`fold` of the n values that end at each place, NaN before."""
    out = np.full(len(values), np.nan)
    if len(values) >= n:
        out[n - 1 :] = fold(sliding_window_view(values, n))
    return out


def rank(window: np.ndarray) -> np.ndarray:
    last = window[:, -1:]
    return ((window < last).mean(axis=1) + (window <= last).mean(axis=1)) / 2


def of_bars(bars: BarArrays, unit: np.ndarray, price: np.ndarray) -> dict[str, np.ndarray]:
    high, low, close = (one + bars.adjustment for one in (bars.high, bars.low, bars.close))
    spread = bars.high - bars.low
    ibs = np.where(spread > 0, (bars.close - bars.low) / np.where(spread > 0, spread, 1), 0.5)
    atr = windowed(talib.TRANGE(high, low, close), 14, lambda w: w.mean(axis=1))
    return {
        "ibs": ibs,
        "ibs_mean_5": talib.SMA(ibs, 5),
        "ibs_mean_23": talib.SMA(ibs, 23),
        "ibs_percentile_100": windowed(ibs, 100, rank),
        "atr_14": atr / price,
        # Sums of one set of ranges in two orders differ in dust; they are ties.
        "atr_percentile_100": np.where(
            np.arange(len(atr)) >= 113, windowed(np.round(atr, 9), 100, rank), np.nan
        ),
        "range_to_mean_50": spread / unit,
        "range_percentile_100": windowed(spread, 100, rank),
        "distance_to_high_115": (talib.MAX(high, 115) - close) / unit,
        "distance_to_low_115": (close - talib.MIN(low, 115)) / unit,
    }


def of_closes(close: np.ndarray, unit: np.ndarray, price: np.ndarray) -> dict[str, np.ndarray]:
    change = np.diff(close, prepend=np.nan)
    short, long = (windowed(change, n, lambda w: w.std(axis=1, ddof=1)) for n in (23, 115))
    upper, middle, lower = talib.BBANDS(close, 20, 2.0, 2.0)
    deviation = windowed(close, 20, lambda w: w.std(axis=1))
    still = windowed(close, 20, lambda w: np.ptp(w, axis=1)) == 0
    centred = pl.Series(change).fill_nan(None)
    return {
        **{f"return_{n}": (close - shifted(close, n)) / price for n in (1, 2, 5, 10, 23, 46, 115)},
        **{f"distance_to_sma_{n}": (close - talib.SMA(close, n)) / unit for n in (20, 50, 200)},
        "band_position_20": np.where(
            still, np.nan, (close - middle + 2 * deviation) / (4 * deviation)
        ),
        "band_width_20": np.where(still, 0.0, upper - lower) / price,
        "rsi_2": cutler(change, 2),
        "rsi_14": cutler(change, 14),
        "realised_volatility_23": short / price,
        "realised_volatility_115": long / price,
        "volatility_ratio_23_115": short / long,
        "return_skewness_115": centred.rolling_skew(115, bias=True).to_numpy(),
        "efficiency_ratio_23": np.abs(close - shifted(close, 23))
        / windowed(np.abs(change), 23, lambda w: w.sum(axis=1)),
    }


def shifted(values: np.ndarray, n: int) -> np.ndarray:
    return np.concatenate((np.full(min(n, len(values)), np.nan), values[:-n]))


def cutler(change: np.ndarray, n: int) -> np.ndarray:
    rises = windowed(np.maximum(change, 0), n, lambda w: w.mean(axis=1))
    falls = windowed(np.maximum(-change, 0), n, lambda w: w.mean(axis=1))
    index = 100 - 100 / (1 + rises / falls)
    return np.where((rises == 0) & (falls == 0), 50.0, index)


def of_volume(bars: BarArrays) -> dict[str, np.ndarray]:
    deviation = windowed(bars.volume, 20, lambda w: w.std(axis=1, ddof=1))
    mean = windowed(bars.volume, 20, lambda w: w.mean(axis=1))
    hour = (bars.bar_start_us - bars.session_open_us) // HOUR_US % 24
    volume = pl.col("volume")
    same_hour = pl.DataFrame({"volume": bars.volume, "hour": hour}).with_row_index("t")
    usual = same_hour.select(
        usual=volume.shift(1).rolling_mean(5).over("hour"),
        oldest=pl.col("t").cast(pl.Int64).shift(5).over("hour"),
    )
    far = np.arange(len(hour)) - usual["oldest"].to_numpy() >= 170
    mean_then = usual["usual"].to_numpy()
    return {
        "volume_z_20": np.where(deviation > 0, (bars.volume - mean) / deviation, np.nan),
        "volume_to_hour_5": np.where(far | (mean_then <= 0), np.nan, bars.volume / mean_then),
    }


def of_sessions(bars: BarArrays, unit: np.ndarray, price: np.ndarray) -> dict[str, np.ndarray]:
    """From a table of sessions, each joined with the one before it."""
    move = pl.col("adjustment")
    rows = (
        pl.DataFrame({name: getattr(bars, name) for name in (*PRICES, "adjustment", "session")})
        .with_row_index("t")
        .with_columns(pl.col(PRICES) + move, pl.col("session").rle_id().alias("run"))
        .with_columns(
            pl.col("high").cum_max().over("run").alias("top"),
            pl.col("low").cum_min().over("run").alias("bottom"),
            pl.col("open").first().over("run").alias("opened"),
            pl.col("t").first().over("run").alias("begin"),
        )
    )
    ends = rows.group_by("run", maintain_order=True).last()
    earlier = ends.select(pl.col("run") + 1, pl.exclude("run").name.suffix("_before"))
    table = rows.join(earlier, on="run", how="left", maintain_order="left").with_columns(
        pl.Series("unit", unit), pl.Series("price", price)
    )
    t, begin = pl.col("t").cast(pl.Int64), pl.col("begin").cast(pl.Int64)
    begin_before = pl.col("begin_before").cast(pl.Int64)
    seen = (begin > 0) & (t - begin + 1 < 100)
    seen_before = (begin_before > 0) & (t - begin_before + 1 < 100)
    close, unit_, span = pl.col("close"), pl.col("unit"), pl.col("top") - pl.col("bottom")
    close_before, bottom_before = pl.col("close_before"), pl.col("bottom_before")
    span_before = pl.col("top_before") - bottom_before
    columns = {
        "session_gap": pl.when(seen).then((pl.col("opened") - close_before) / unit_),
        "distance_to_session_open": pl.when(seen).then((close - pl.col("opened")) / unit_),
        "session_ibs": pl.when(seen).then(place(close - pl.col("bottom"), span)),
        "previous_session_return": pl.when(seen_before).then(
            (close_before - pl.col("opened_before")) / pl.col("price")
        ),
        "previous_session_ibs": pl.when(seen_before).then(
            place(close_before - bottom_before, span_before)
        ),
        "previous_session_range": pl.when(seen_before).then(span_before / unit_),
    }
    return {name: table.select(one).to_series().to_numpy() for name, one in columns.items()}


PRICES = ("open", "high", "low", "close")


def place(above: pl.Expr, span: pl.Expr) -> pl.Expr:
    return pl.when(span > 0).then(above / span).otherwise(0.5)


def of_dates(days: np.ndarray, ask) -> np.ndarray:
    return ask(pl.Series(days, dtype=pl.Int32).cast(pl.Date)).cast(pl.Float64).to_numpy()
