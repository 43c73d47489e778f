"""Buy and hold on raw contracts, and regimes that know nothing of their own session."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from rooney_core.backtest import CostModel
from rooney_core.market.instruments import Instrument
from rooney_core.market.source_pages import SimulatedFacts, SourceFacts
from rooney_core.portfolio.market import (
    FEWEST_TO_RANK,
    MARKET_SCHEMA,
    TERCILES,
    TREND_SESSIONS,
    VOLATILITY_SESSIONS,
    market_days,
)

INSTRUMENT = Instrument(
    symbol="SIM_T",
    name="Test",
    role="tradable",
    exchange="SIMULATED",
    product_group="equity_index",
    multiplier=50,
    tick_size=0.25,
    commission_per_contract_usd=1.25,
    slippage_ticks=0.5,
    contract_months="HMUZ",
    sources=SourceFacts(simulated=SimulatedFacts(start_price=4000, annual_volatility=0.2)),
)
COSTS = CostModel.of(INSTRUMENT)
FILL_USD = 1.25 + 0.5 * 0.25 * 50


def bars(opened, close, adjustment, contract) -> pl.DataFrame:
    n = len(close)
    return pl.DataFrame(
        {
            "session": [date(2015, 1, 1) + timedelta(days=i) for i in range(n)],
            "open": opened,
            "close": close,
            "adjustment": adjustment,
            "contract": contract,
        }
    )


def drawn(n: int = 900, seed: int = 3) -> pl.DataFrame:
    close = 1000.0 + np.cumsum(np.random.default_rng(seed).normal(0.0, 5.0, n))
    return bars(close.tolist(), close.tolist(), [0.0] * n, ["SIMH20"] * n)


def test_a_roll_earns_no_gap_and_costs_two_fills() -> None:
    # The new contract is 10 higher: older prices are moved up by 10, so that nothing is earned.
    table = bars([99.0, 100.0, 112.0], [100.0, 101.0, 113.0], [10.0, 10.0, 0.0], ["H", "H", "M"])
    made = market_days(table, COSTS, INSTRUMENT)
    assert made.schema == pl.Schema(MARKET_SCHEMA)
    pnl = [50.0 - FILL_USD, 50.0, 100.0 - 2 * FILL_USD]
    assert made["buy_and_hold_daily_pnl_usd"].to_list() == pytest.approx(pnl)
    returns = [pnl[0] / (99 * 50), pnl[1] / (100 * 50), pnl[2] / (101 * 50)]
    assert made["buy_and_hold_daily_return"].to_list() == pytest.approx(returns)
    assert made["contract_value_usd"].to_list() == [5000.0, 5050.0, 5650.0]


def test_no_session_gives_no_row() -> None:
    assert market_days(drawn(0), COSTS, INSTRUMENT).height == 0


def test_a_price_near_zero_is_worth_a_tick_at_least() -> None:
    made = market_days(bars([1.0, 1.0], [0.0, -2.0], [0.0, 0.0], ["H", "H"]), COSTS, INSTRUMENT)
    assert made["contract_value_usd"].to_list() == [0.25 * 50, 100.0]


def test_terciles_are_those_of_the_plain_definition() -> None:
    table = drawn()
    made = market_days(table, COSTS, INSTRUMENT)
    close = table["close"].to_numpy()
    moved = np.diff(close, prepend=close[0]) / np.concatenate((close[:1], close[:-1]))
    for column, length, measure in (
        ("volatility_regime", VOLATILITY_SESSIONS, lambda part: part.std(ddof=1)),
        ("trend_regime", TREND_SESSIONS, np.sum),
    ):
        known: list[float] = []
        for t, named in enumerate(made[column].to_list()):
            if t < length:
                assert named is None
                continue
            known.append(float(measure(moved[t - length : t])))
            if len(known) < FEWEST_TO_RANK:
                assert named is None
                continue
            below = sum(one < known[-1] for one in known) / len(known)
            expected = TERCILES[0 if below < 1 / 3 else 1 if below < 2 / 3 else 2]
            assert named == expected, (column, t)
    counts = made["volatility_regime"].drop_nulls().value_counts()
    assert counts.height == 3


def test_a_later_price_changes_no_earlier_regime() -> None:
    before = market_days(drawn(), COSTS, INSTRUMENT)
    close = drawn()["close"].to_list()
    close[700:] = [one * 3.0 for one in close[700:]]
    changed = drawn().with_columns(close=pl.Series(close))
    after = market_days(changed, COSTS, INSTRUMENT)
    names = ("volatility_regime", "trend_regime")
    # The regime of session 700 itself was known before it began.
    assert before.head(701).select(names).equals(after.head(701).select(names))
    assert not before.select(names).equals(after.select(names))
