"""Every indicator that TA-Lib has, against TA-Lib itself: years of real bars, and generated ones.

To 1e-9 of the price scale (of 100 for oscillators), the same bars undefined. Where we differ from
TA-Lib on purpose is tested below: prices that never move (RSI), a window without range (Williams
%R), a base of zero (rate of change).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from rooney_core import indicators as ours

talib = pytest.importorskip("talib", reason="TA-Lib is a development dependency")

REAL_BARS = Path(__file__).resolve().parents[4] / "shared" / "data" / "futures_1h"
MARKETS = ("YM", "SI", "MGC", "generated", "coarse")
TOLERANCE = 1e-9

CALLS = {
    "SMA": (
        lambda hi, lo, c, n: ours.simple_moving_average(c, n),
        lambda hi, lo, c, n: talib.SMA(c, n),
    ),
    "EMA": (
        lambda hi, lo, c, n: ours.exponential_moving_average(c, n),
        lambda hi, lo, c, n: talib.EMA(c, n),
    ),
    "RSI": (
        lambda hi, lo, c, n: ours.relative_strength_index(c, n),
        lambda hi, lo, c, n: talib.RSI(c, n),
    ),
    "TRANGE": (
        lambda hi, lo, c, n: ours.true_range(hi, lo, c),
        lambda hi, lo, c, n: talib.TRANGE(hi, lo, c),
    ),
    "ATR": (
        lambda hi, lo, c, n: ours.average_true_range(hi, lo, c, n),
        lambda hi, lo, c, n: talib.ATR(hi, lo, c, n),
    ),
    "ADX": (
        lambda hi, lo, c, n: ours.average_directional_index(hi, lo, c, n),
        lambda hi, lo, c, n: talib.ADX(hi, lo, c, n),
    ),
    "PLUS_DI": (
        lambda hi, lo, c, n: ours.directional_indicators(hi, lo, c, n)[0],
        lambda hi, lo, c, n: talib.PLUS_DI(hi, lo, c, n),
    ),
    "MINUS_DI": (
        lambda hi, lo, c, n: ours.directional_indicators(hi, lo, c, n)[1],
        lambda hi, lo, c, n: talib.MINUS_DI(hi, lo, c, n),
    ),
    "BBANDS": (
        lambda hi, lo, c, n: ours.bollinger_bands(c, n, 2.5),
        lambda hi, lo, c, n: talib.BBANDS(c, n, 2.5, 2.5),
    ),
    "STDDEV": (
        lambda hi, lo, c, n: ours.rolling_std(c, n),
        lambda hi, lo, c, n: talib.STDDEV(c, n),
    ),
    "MACD": (
        lambda hi, lo, c, n: ours.macd(c, n, 2 * n + 3, n + 1),
        lambda hi, lo, c, n: talib.MACD(c, n, 2 * n + 3, n + 1),
    ),
    "MAX": (
        lambda hi, lo, c, n: ours.rolling_max(hi, n),
        lambda hi, lo, c, n: talib.MAX(hi, n),
    ),
    "MIN": (
        lambda hi, lo, c, n: ours.rolling_min(lo, n),
        lambda hi, lo, c, n: talib.MIN(lo, n),
    ),
    "DONCHIAN": (
        lambda hi, lo, c, n: ours.donchian_channel(hi, lo, n),
        lambda hi, lo, c, n: (talib.MAX(hi, n), talib.MIN(lo, n)),
    ),
    "ROC": (
        lambda hi, lo, c, n: ours.rate_of_change(c, n),
        lambda hi, lo, c, n: talib.ROC(c, n),
    ),
    "MOM": (
        lambda hi, lo, c, n: ours.point_change(c, n),
        lambda hi, lo, c, n: talib.MOM(c, n),
    ),
    "WILLR": (
        lambda hi, lo, c, n: ours.williams_percent_r(hi, lo, c, n),
        lambda hi, lo, c, n: talib.WILLR(hi, lo, c, n),
    ),
}
OF_A_HUNDRED = {"RSI", "ADX", "PLUS_DI", "MINUS_DI", "ROC", "WILLR"}


@cache
def _bars(market: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if market in ("generated", "coarse"):
        # "coarse" moves by whole ticks or not at all: ties, bars without range, equal closes.
        rng, tick = np.random.default_rng(4), 1e-9 if market == "generated" else 0.25
        close = 2000 + np.round(rng.standard_t(3, 20_000) * 0.4 / tick).cumsum() * tick
        reach = np.round(rng.exponential(0.5, (2, 20_000)) / tick) * tick
        return close + reach[0], close - reach[1], close
    path = REAL_BARS / f"{market}.parquet"
    if not path.exists():
        pytest.skip(f"no real bars of {market} beside this checkout")
    bars = pl.read_parquet(path, columns=["high", "low", "close"])
    return tuple(bars[column].cast(pl.Float64).to_numpy() for column in bars.columns)


@pytest.mark.parametrize("n", [2, 5, 14, 100])
@pytest.mark.parametrize("market", MARKETS)
@pytest.mark.parametrize("name", CALLS)
def test_agrees_with_talib_on_every_bar(name, market, n):
    high, low, close = _bars(market)
    mine, theirs = (np.atleast_2d(call(high, low, close, n)) for call in CALLS[name])
    assert np.array_equal(np.isnan(mine), np.isnan(theirs))
    if name == "WILLR":
        flat = ours.rolling_max(high, n) == ours.rolling_min(low, n)
        mine, theirs = mine[:, ~flat], theirs[:, ~flat]
    scale = 100.0 if name in OF_A_HUNDRED else float(np.median(close))
    assert np.nanmax(abs(mine - theirs)) <= TOLERANCE * scale


def test_where_nothing_moves_we_say_the_middle_and_talib_zero():
    flat = np.full(20, 3.1)
    assert set(ours.relative_strength_index(flat, 4)[4:]) == {50.0}
    assert set(talib.RSI(flat, 4)[4:]) == {0.0}
    assert set(ours.williams_percent_r(flat, flat, flat, 4)[3:]) == {-50.0}
    assert set(abs(talib.WILLR(flat, flat, flat, 4)[3:])) == {0.0}
    for index in (*ours.directional_indicators(flat, flat, flat, 4), talib.PLUS_DI(*[flat] * 3, 4)):
        assert set(index[4:]) == {0.0}


def test_a_change_from_zero_is_unknown_to_us_and_zero_to_talib():
    values = np.array([0.0, 1.0, 2.0, 3.0])
    assert np.isnan(ours.rate_of_change(values, 2)[2])
    assert talib.ROC(values, 2)[2] == 0.0
    assert ours.rate_of_change(values, 2)[3] == talib.ROC(values, 2)[3] == pytest.approx(200.0)
