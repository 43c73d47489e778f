"""Positions held over rolls: kernel, reference and decisions tell one story, also of the money."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_markets import (
    PRICES,
    Shape,
    market,
    random_signals,
    shapes,
    with_rolls_within_sessions,
)
from test_parity_decisions import (
    BUSY,
    INSTRUMENT,
    PARAMS,
    bars_one_by_one,
    bundle_of,
    decide_all,
)
from test_parity_kernel_reference import as_trades

from rooney_core.backtest.play import play
from rooney_core.backtest.reference import reference_trades
from rooney_core.decision import filtered_trades
from rooney_core.market.bars import BarArrays


def on_adjusted_prices(bars: BarArrays) -> BarArrays:
    """One contract for ever, at the spread-adjusted prices."""
    prices = {name: getattr(bars, name) + bars.adjustment for name in PRICES}
    return replace(bars, adjustment=np.zeros(len(bars)), **prices)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(shape=shapes(), seed=st.integers(0, 2**32 - 1), share=st.sampled_from([0.02, 0.2, 1.0]))
def test_kernel_and_reference_roll_alike(shape: Shape, seed: int, share: float):
    bars = with_rolls_within_sessions(market(shape), seed, share)
    signals = random_signals(bars, seed)
    assert as_trades(play(bars, signals)) == reference_trades(bars, signals)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(shape=shapes(), seed=st.integers(0, 2**32 - 1), share=st.sampled_from([0.02, 0.2, 1.0]))
def test_a_chain_of_contracts_earns_what_one_adjusted_contract_does(
    shape: Shape, seed: int, share: float
):
    """The gaps are no profit and trigger nothing: only the rolls and their fills are more."""
    bars = with_rolls_within_sessions(market(shape), seed, share)
    signals = random_signals(bars, seed)
    chain, single = play(bars, signals), play(on_adjusted_prices(bars), signals)
    for name in ("side", "signal_index", "entry_index", "exit_index", "reason", "n_bars"):
        assert getattr(chain, name).tolist() == getattr(single, name).tolist()
    earned = chain.side * (chain.exit_price - chain.entry_price - chain.roll_gap)
    assert earned.tolist() == (single.side * (single.exit_price - single.entry_price)).tolist()
    assert not single.rolls.any()


@pytest.mark.parametrize("name", PARAMS)
def test_fills_bar_by_bar_add_up_to_the_trades_of_the_batch(name: str):
    bars = with_rolls_within_sessions(market(BUSY), 3, 0.2)
    bundle = bundle_of(name, with_model=False)
    decisions = decide_all(bars_one_by_one(bars), bundle)
    fills = [fill for one in decisions for fill in one.fills if fill.approved]
    commission = bundle.costs.commission_per_contract_usd
    slippage = bundle.costs.slippage(INSTRUMENT) * INSTRUMENT.multiplier
    by_fill = [
        entry.side * (leave.price - entry.price - leave.roll_gap) * INSTRUMENT.multiplier
        - 2 * commission
        - leave.rolls * 2 * (commission + slippage)
        for entry, leave in zip(fills[::2], fills[1::2], strict=False)
    ]
    trades = filtered_trades(bars, bundle)
    assert trades["net_profit_usd"].to_list() == pytest.approx(by_fill)
    assert trades["rolls"].sum() > 10
