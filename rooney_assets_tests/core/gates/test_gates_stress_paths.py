"""Drawn paths: as volatile as the real bars, with nothing in them to earn."""

import math
from datetime import date

import numpy as np
import pytest
from scipy import stats

from rooney_core.backtest.kernel import STOP
from rooney_core.backtest.play import play
from rooney_core.gates.stress.paths import Jumps, Volatility, drawn_path, hours_of
from rooney_core.market.bars import BarArrays
from rooney_core.market.instruments import Instrument
from rooney_core.market.rolls import find_rolls, stitch
from rooney_core.market.simulation import SimulatedMarket, simulate_bars
from rooney_core.market.source_pages import SimulatedFacts, SourceFacts
from rooney_core.strategies import Signals

INSTRUMENT = Instrument(
    symbol="SIM_T",
    name="Test",
    role="tradable",
    exchange="SIMULATED",
    product_group="equity_index",
    multiplier=50,
    tick_size=0.25,
    contract_months="HMUZ",
    sources=SourceFacts(
        simulated=SimulatedFacts(start_price=4000, annual_volatility=0.2, carry_per_roll=0.01)
    ),
)


@pytest.fixture(scope="module")
def real() -> BarArrays:
    """Two years of hourly bars, rolled seven times or more."""
    market = SimulatedMarket(first_session=date(2019, 1, 2), last_session=date(2020, 12, 31))
    raw = simulate_bars(INSTRUMENT, market)
    rolls = find_rolls(raw, INSTRUMENT)
    return BarArrays.from_frame(stitch(raw, rolls, INSTRUMENT), INSTRUMENT)


def drawn(real: BarArrays, seed: int, jumps: Jumps | None = None) -> BarArrays:
    rng = np.random.default_rng(seed)
    return drawn_path(real, Volatility.of(real), jumps, INSTRUMENT.tick_size, rng)


@pytest.fixture(scope="module")
def paths(real: BarArrays) -> list[BarArrays]:
    return [drawn(real, seed) for seed in range(20)]


def returns_of(bars: BarArrays) -> np.ndarray:
    adjusted = bars.close + bars.adjustment
    return np.diff(adjusted) / bars.close[:-1]


def test_bars_are_sound_on_the_grid_and_at_the_real_times(real: BarArrays) -> None:
    path = drawn(real, 1, Jumps(24.0, 0.02))
    assert (path.low <= np.minimum(path.open, path.close)).all()
    assert (path.high >= np.maximum(path.open, path.close)).all()
    for name in ("open", "high", "low", "close"):
        ticks = getattr(path, name) / INSTRUMENT.tick_size
        assert np.abs(ticks - np.round(ticks)).max() < 1e-6
    for name in ("bar_start_us", "session", "volume", "adjustment", "flat_deadline_us"):
        assert getattr(path, name).tobytes() == getattr(real, name).tobytes()
    assert path.close.tolist() == drawn(real, 1, Jumps(24.0, 0.02)).close.tolist()
    assert path.close.tolist() != drawn(real, 2, Jumps(24.0, 0.02)).close.tolist()


def test_no_return_has_a_mean_nor_says_anything_of_the_next(paths: list[BarArrays]) -> None:
    returns = np.concatenate([returns_of(one) for one in paths])
    assert abs(stats.ttest_1samp(returns, 0.0).statistic) < 3.5
    product = returns[1:] * returns[:-1]
    assert abs(stats.ttest_1samp(product, 0.0).statistic) < 3.5


def test_a_place_in_the_bar_says_nothing_of_the_next_return(paths: list[BarArrays]) -> None:
    strengths, following = [], []
    for path in paths:
        spread = np.maximum(path.high - path.low, INSTRUMENT.tick_size)
        strengths.append(((path.close - path.low) / spread)[:-1] - 0.5)
        following.append(returns_of(path))
    product = np.concatenate(strengths) * np.concatenate(following)
    assert abs(stats.ttest_1samp(product, 0.0).statistic) < 3.5


@pytest.mark.parametrize("side", [1, -1])
def test_a_stop_earns_nothing(paths: list[BarArrays], side: int) -> None:
    """Entries at every tenth bar, a stop half a mean range away, out after five bars."""
    profits = []
    for path in paths:
        n = len(path)
        near = np.full(n, 0.5 * float(np.mean(path.high - path.low)))
        entry = np.where(np.arange(n) % 10 == 0, side, 0).astype(np.int8)
        trips = play(path, Signals(entry, np.zeros(n, np.bool_), near, max_bars=5))
        assert np.mean(trips.reason == STOP) > 0.3
        profits.append(trips.side * (trips.exit_price - trips.entry_price - trips.roll_gap))
    assert abs(stats.ttest_1samp(np.concatenate(profits), 0.0).statistic) < 3.5


def test_each_hour_is_as_volatile_as_the_real_one(real: BarArrays, paths: list[BarArrays]) -> None:
    hour = hours_of(real)
    squares = np.mean([((one.close - one.open) / one.open) ** 2 for one in paths], axis=0)
    for at in (0, 8, 15, 20):
        expected = np.sqrt(np.mean(((real.close - real.open) / real.close)[hour == at] ** 2))
        assert np.sqrt(squares[hour == at].mean()) == pytest.approx(expected, rel=0.12)


def test_jumps_add_their_variance(real: BarArrays, paths: list[BarArrays]) -> None:
    jumps = Jumps(a_year=100.0, deviation=0.03)
    calm = np.concatenate([returns_of(one) for one in paths[:12]])
    wild = np.concatenate([returns_of(drawn(real, seed, jumps)) for seed in range(12)])
    n_years = 12 * len(np.unique(real.session)) / 252.0
    added = (wild**2).sum() - (calm**2).sum()
    # 100 a year of variance 0.03 squared; a sum of 2400 squares is known to about 4 %.
    assert added == pytest.approx(n_years * 100.0 * 0.03**2, rel=0.15)


def test_a_roll_is_no_move_of_the_path(real: BarArrays) -> None:
    rolls = np.flatnonzero(np.diff(real.adjustment)) + 1
    assert len(rolls) >= 7
    path = drawn(real, 5)
    moves = np.abs(np.diff(path.close + path.adjustment, prepend=np.nan))[rolls]
    gaps = np.abs(np.diff(real.adjustment, prepend=np.nan))[rolls]
    assert np.median(gaps) > 4.0 * np.median(moves)
    raw = np.diff(path.close, prepend=math.nan)[rolls]
    np.testing.assert_allclose(np.abs(raw), gaps, atol=max(moves) + 1.0)
