"""Bar by bar and all at once: the same numbers, bit for bit, for every indicator there is.

A new indicator is swept by being in `indicators.__all__`: its incremental class has its name.
"""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from rooney_core import indicators
from rooney_core.errors import InvalidSetting
from rooney_core.indicators import incremental

REAL_BARS = Path(__file__).resolve().parents[4] / "shared" / "data" / "futures_1h"
BOUNDED = [name for name in indicators.__all__ if name.startswith("bounded_")]
ENDLESS = [name for name in indicators.__all__ if name not in BOUNDED]
SETTINGS = {"k": 1.7, "fast": 4, "slow": 9, "signal": 3, "longest": 6, "memory": 41}
FIELDS = ("high", "low", "close", "x")


def _walk(seed: int, n_bars: int = 400) -> dict[str, np.ndarray]:
    """Prices in ticks, with ties, stretches that stand still, and some that are unknown."""
    rng = np.random.default_rng(seed)
    close = 50 + np.round(rng.normal(0, 2, n_bars)).cumsum() / 10
    close[100:130] = close[100]
    low = close - np.round(rng.exponential(1, n_bars)) / 10
    high = close + np.round(rng.exponential(1, n_bars)) / 10
    low[105:120] = high[105:120] = close[105:120]
    if seed % 2:
        high[:5], close[:3] = np.nan, np.nan
        high[200], low[260], close[300] = np.nan, np.nan, np.nan
    return {"high": high, "low": low, "close": close, "x": close}


def _real(symbol: str) -> dict[str, np.ndarray]:
    path = REAL_BARS / f"{symbol}.parquet"
    if not path.exists():
        pytest.skip(f"no real bars of {symbol} beside this checkout")
    bars = pl.read_parquet(path, columns=["high", "low", "close"], n_rows=3000)
    prices = {column: bars[column].cast(pl.Float64).to_numpy() for column in bars.columns}
    return prices | {"x": prices["close"]}


def _batch(name: str, prices: dict[str, np.ndarray], n: int) -> np.ndarray:
    function = getattr(indicators, name)
    known = prices | SETTINGS | {"n": n}
    wanted = [one for one in inspect.signature(function).parameters if one in known]
    return np.atleast_2d(function(**{one: known[one] for one in wanted}))


def _fed(name: str, prices: dict[str, np.ndarray], n: int) -> np.ndarray:
    """The incremental class of this name, fed every bar; one column per bar."""
    if name == "bounded_average_directional_index":  # says three numbers that two classes say
        parts = ("average_directional_index", "directional_indicators")
        return np.vstack([_fed(part, prices, n) for part in parts])
    name = name.removeprefix("bounded_")
    one_by_one = getattr(incremental, "".join(word.title() for word in name.split("_")))
    known = SETTINGS | {"n": n}
    wanted = [one for one in inspect.signature(one_by_one).parameters if one in known]
    indicator = one_by_one(**{one: known[one] for one in wanted})
    function = inspect.signature(getattr(indicators, name)).parameters
    columns = [prices[one] for one in function if one in FIELDS]
    return np.array([np.atleast_1d(indicator.update(*bar)) for bar in zip(*columns, strict=True)]).T


def _same_bits(some: np.ndarray, others: np.ndarray) -> bool:
    """Equal to the last bit, the sign of zero included; one NaN is as good as another."""
    known = ~np.isnan(some)
    return np.array_equal(known, ~np.isnan(others)) and (
        some[known].tobytes() == others[known].tobytes()
    )


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("n", [2, 7, 30])
@pytest.mark.parametrize("name", ENDLESS)
def test_bar_by_bar_gives_the_bits_of_the_batch(name, n, seed):
    prices = _walk(seed)
    assert _same_bits(_fed(name, prices, n), _batch(name, prices, n))


@pytest.mark.parametrize("symbol", ["YM", "SI", "MGC"])
@pytest.mark.parametrize("name", ENDLESS)
def test_bar_by_bar_gives_the_bits_of_the_batch_on_real_bars(name, symbol):
    prices = _real(symbol)
    assert _same_bits(_fed(name, prices, 14), _batch(name, prices, 14))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("n", [2, 7, 20])
@pytest.mark.parametrize("name", BOUNDED)
def test_a_bounded_indicator_is_the_incremental_one_fed_its_window(name, n, seed):
    prices, memory = _walk(seed), SETTINGS["memory"]
    whole = _batch(name, prices, n)
    assert np.isnan(whole[:, : memory - 1]).all()
    for last in range(memory - 1, 400, 7):
        window = {key: values[last - memory + 1 : last + 1] for key, values in prices.items()}
        value = _fed(name, window, n)[:, -1]
        needed = ("high", "low", "close") if "high" in _inputs(name) else ("close",)
        if any(np.isnan(window[key]).any() for key in needed):
            value = np.full_like(value, np.nan)
        assert _same_bits(whole[:, last], value)


def _inputs(name: str) -> list[str]:
    return [one for one in inspect.signature(getattr(indicators, name)).parameters if one in FIELDS]


@pytest.mark.parametrize("n", [0, -3, 2.5, True])
@pytest.mark.parametrize(
    "one_by_one",
    [
        incremental.AverageTrueRange,
        incremental.DonchianChannel,
        incremental.ExponentialMovingAverage,
        incremental.RelativeStrengthIndex,
        incremental.RollingZscore,
        incremental.SimpleMovingAverage,
        incremental.Streak,
    ],
)
def test_a_period_that_is_not_a_count_of_bars_is_refused(one_by_one, n):
    with pytest.raises(InvalidSetting, match="whole number of bars"):
        one_by_one(n)


def test_settings_that_contradict_are_refused():
    with pytest.raises(InvalidSetting, match="fast < slow"):
        incremental.Macd(9, 9)
    with pytest.raises(InvalidSetting, match="ddof"):
        incremental.RollingZscore(5, ddof=2)


def test_whole_numbers_are_prices_too():
    assert incremental.SimpleMovingAverage(1).update(3) == 3.0
    assert incremental.InternalBarStrength().update(4, 0, 1) == 0.25
