"""A continuous simulated path: the same closes, farther highs and lows, nothing free for a stop."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import polars as pl
import pytest

from rooney_core.backtest import CostModel, run_backtest
from rooney_core.market.instruments import Instrument
from rooney_core.market.rolls import find_rolls, stitch
from rooney_core.market.simulation import SimulatedMarket, simulate_bars
from rooney_core.market.simulation_kernel import _farthest, _variance_behind
from rooney_core.market.source_pages import SimulatedFacts, SourceFacts
from rooney_core.validation.sharpe import annual_sharpe

INSTRUMENT = Instrument(
    symbol="SIM_T",
    name="Test",
    role="tradable",
    exchange="SIMULATED",
    product_group="equity_index",
    multiplier=50,
    tick_size=0.25,
    contract_months="HMUZ",
    sources=SourceFacts(simulated=SimulatedFacts(start_price=4000, annual_volatility=0.2)),
)
FREE = CostModel(commission_per_contract_usd=0.0, slippage_ticks=0.0)
SEEDS = range(1, 9)
DRAWS = 40_000
KEY = np.uint64(20100104)


def bars_of(seed: int, path: str, years: int = 8) -> pl.DataFrame:
    market = SimulatedMarket(seed=seed, last_session=date(2009 + years, 12, 31), path=path)
    raw = simulate_bars(INSTRUMENT, market)
    return stitch(raw, find_rolls(raw, INSTRUMENT), INSTRUMENT)


def breakout_sharpes(path: str) -> np.ndarray:
    found = [
        run_backtest(bars_of(seed, path), "breakout_stretch", None, FREE, INSTRUMENT).daily_returns
        for seed in SEEDS
    ]
    return np.array([annual_sharpe(one["daily_return"].to_numpy()) for one in found])


def in_standard_errors(values: np.ndarray) -> float:
    return float(values.mean() / values.std(ddof=1) * math.sqrt(len(values)))


def test_where_nothing_is_planted_opens_and_closes_are_the_same_and_ranges_wider() -> None:
    steps, path = bars_of(1, "steps", 1), bars_of(1, "continuous", 1)
    assert path.select("bar_start", "open", "close").equals(
        steps.select("bar_start", "open", "close")
    )
    assert (path["high"] >= steps["high"]).all()
    assert (path["low"] <= steps["low"]).all()
    wider = (path["high"] - path["low"]).mean() / (steps["high"] - steps["low"]).mean()
    assert 1.2 < wider < 1.8


def test_a_stop_order_earns_nothing_on_a_continuous_path() -> None:
    """Without costs and without an edge, the mean over markets is 0 but for its own error."""
    assert abs(in_standard_errors(breakout_sharpes("continuous"))) < 3.0


def test_between_steps_a_stop_order_is_filled_where_no_price_was() -> None:
    """Why there is another path: the default one gives breakouts a Sharpe that nobody planted."""
    found = breakout_sharpes("steps")
    assert found.mean() > 0.4
    assert in_standard_errors(found) > 5.0


@pytest.mark.parametrize(
    ("end", "expected"),
    # Of a bridge from 0 of variance 1: sqrt(pi / 8), and, ending at 1, the integral over m of
    # exp(-2 m (m - 1)) from 1, and 1: by numerical integration.
    [(0.0, math.sqrt(math.pi / 8.0)), (1.0, 1.3278)],
)
def test_extremes_of_a_bridge_have_the_known_mean(end: float, expected: float) -> None:
    far = np.array([_farthest(0.0, end, 1.0, KEY, np.uint64(i)) for i in range(DRAWS)])
    highest = end / 2.0 + far
    assert (highest >= max(0.0, end)).all()
    assert highest.mean() == pytest.approx(expected, abs=4 * highest.std() / math.sqrt(DRAWS))


def test_the_variance_behind_a_draw_has_the_mean_of_its_law() -> None:
    """3 over a chi squared of 5 degrees has mean 1; before its draw is seen, nothing else is."""
    behind = np.array([_variance_behind(KEY, np.uint64(i)) for i in range(DRAWS)])
    assert behind.mean() == pytest.approx(1.0, abs=4 * behind.std() / math.sqrt(DRAWS))
