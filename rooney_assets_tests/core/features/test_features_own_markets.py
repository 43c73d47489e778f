"""Own-symbol features on markets with holidays, rolls and gaps: simulated ones and real ones."""

from datetime import date, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from plain_features import plain_features

from rooney_core.features import FEATURES, MAX_LOOKBACK, compute_features
from rooney_core.market.bars import BarArrays
from rooney_core.market.calendar import session_labels
from rooney_core.market.instruments import Universe
from rooney_core.market.rolls import find_rolls, stitch
from rooney_core.market.simulation import SimulatedMarket, simulate_bars

ROOT = Path(__file__).parents[3]
REAL = ROOT.parent / "shared" / "data" / "futures_1h"
UNIVERSE = Universe.parse(yaml.safe_load((ROOT / "universe.yaml").read_text()), "universe")
MARKET = SimulatedMarket(first_session=date(2020, 1, 2), last_session=date(2022, 12, 30))
SIMULATED, FROM_FILES = ("SIM_ES", "SIM_CL"), ("YM", "QG", "M6A")
SHARE_KNOWN = 0.98
needs_real_bars = pytest.mark.skipif(not REAL.is_dir(), reason="no real bars beside the repository")


@cache
def bars_of(symbol: str) -> BarArrays:
    """Stitched bars; the simulated contracts end on a third Friday."""
    if symbol.startswith("SIM_"):
        own = UNIVERSE[symbol].model_copy(update={"expiry": "third_friday"})
        raw = simulate_bars(own, MARKET)
    else:
        own, raw = UNIVERSE[symbol], real_bars(symbol)
    return BarArrays.from_frame(stitch(raw, find_rolls(raw, own), own), own)


def real_bars(symbol: str) -> pl.DataFrame:
    file = pl.read_parquet(REAL / f"{symbol}.parquet")
    return file.select(
        pl.lit(symbol).alias("symbol"),
        "contract",
        bar_start="ts_event",
        bar_end=pl.col("ts_event") + timedelta(hours=1),
        **{name: name for name in ("open", "high", "low", "close", "volume")},
        session=session_labels(file["ts_event"], UNIVERSE[symbol].product_group),
        adjustment=pl.lit(0.0),
    ).sort("bar_start", "contract")


def own_features(bars: BarArrays, rows) -> np.ndarray:
    return compute_features(bars, rows)[:, : len(FEATURES)]


def require_the_plain_way(bars: BarArrays) -> None:
    plain = plain_features(bars)
    for name, column in zip(FEATURES, own_features(bars, np.arange(len(bars))).T, strict=True):
        expected = plain[name]
        assert np.array_equal(np.isnan(column), np.isnan(expected)), name
        close = np.isclose(column, expected, rtol=1e-7, atol=1e-8, equal_nan=True)
        # A close that stands still over a roll moves by the dust of the gap in one of the two.
        assert (~close).sum() <= (20 if name == "rsi_2" else 0), name
        assert np.isfinite(column).mean() > SHARE_KNOWN, name


def require_the_bits_of_a_window(bars: BarArrays, n_asked: int) -> None:
    rows = np.random.default_rng(1).integers(MAX_LOOKBACK - 1, len(bars), n_asked)
    batch = own_features(bars, rows)
    for t, expected in zip(rows, batch, strict=True):
        window = bars.window(t - MAX_LOOKBACK + 1, t + 1)
        assert own_features(window, [MAX_LOOKBACK - 1])[0].tobytes() == expected.tobytes()


@pytest.mark.parametrize("symbol", SIMULATED)
def test_simulated_markets_by_the_plain_way(symbol: str) -> None:
    require_the_plain_way(bars_of(symbol))


@pytest.mark.parametrize("symbol", SIMULATED)
def test_simulated_windows_give_the_bits_of_the_history(symbol: str) -> None:
    require_the_bits_of_a_window(bars_of(symbol), 1500)


@needs_real_bars
@pytest.mark.parametrize("symbol", FROM_FILES)
def test_real_markets_by_the_plain_way(symbol: str) -> None:
    require_the_plain_way(bars_of(symbol))


@needs_real_bars
@pytest.mark.parametrize("symbol", FROM_FILES)
def test_real_windows_give_the_bits_of_the_history(symbol: str) -> None:
    require_the_bits_of_a_window(bars_of(symbol), 1500)


def test_the_day_after_a_bank_holiday_is_one_session_of_two() -> None:
    bars = bars_of("SIM_ES")
    values = dict(zip(FEATURES, own_features(bars, np.arange(len(bars))).T, strict=True))
    # Memorial Day was Monday, 30 May 2022: its hours belong to Tuesday's session.
    tuesday = bars.session == (date(2022, 5, 31) - date(1970, 1, 1)).days
    assert tuesday.sum() > 23
    assert (values["weekday"][tuesday] == 1).all()
    last = np.flatnonzero(tuesday)[-1]
    low, high, close = bars.low[tuesday].min(), bars.high[tuesday].max(), bars.close[last]
    assert values["session_ibs"][last] == (close - low) / (high - low)
    assert values["previous_session_ibs"][last + 1] == (close - low) / (high - low)
    assert values["hour"][np.argmax(tuesday)] == 17


def test_days_to_roll_count_down_to_what_the_calendar_says_whenever_the_series_rolls() -> None:
    bars = bars_of("SIM_ES")
    days = own_features(bars, np.arange(len(bars)))[:, list(FEATURES).index("days_to_roll")]
    on = (date(2022, 3, 1) - date(1970, 1, 1)).days
    # The third Friday of March 2022 was the 18th; the simulated series rolls eight sessions
    # before the 15th, on the 3rd, to the contract that ends on Friday, 17 June.
    assert set(days[bars.session == on]) == {17.0}
    assert set(days[bars.session == on + 3]) == {105.0}
    # The rolls that follow are not there yet, and nothing moves.
    early = bars.window(0, int(np.argmax(bars.session == on + 1)))
    cut = own_features(early, np.arange(len(early)))[:, list(FEATURES).index("days_to_roll")]
    assert cut.tobytes() == days[: len(early)].tobytes()
