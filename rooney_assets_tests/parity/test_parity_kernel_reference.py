"""The compiled kernel against the slow reference, trade by trade, on random nasty markets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_markets import (
    Shape,
    market,
    random_signals,
    rich_signals,
    shapes,
    with_rolls_within_sessions,
)
from test_parity_decisions import INSTRUMENT
from test_parity_signals_causal import NASTY, ground, on_weekdays

from rooney_core.backtest.kernel import ExitReason
from rooney_core.backtest.play import RoundTrips, play, trace
from rooney_core.backtest.reference import ReferenceTrade, reference_trades
from rooney_core.strategies import VARIANTS

# A small window, so that rules fire in small markets; nothing else about them changes.
SMALL_WINDOWS = {
    "ibs_baseline": {"entry_below": 0.4, "exit_above": 0.7, "max_bars": 3},
    "ibs_filtered": {"entry_below": 0.4, "exit_above": 0.7, "trend_bars": 4, "range_above": 0.5},
    "ibs_adaptive_exit": {"entry_below": 0.4, "range_bars": 2, "stop_ranges": 0.8},
}


def as_trades(trips: RoundTrips) -> list[ReferenceTrade]:
    return [
        ReferenceTrade(
            side=int(trips.side[i]),
            signal_index=int(trips.signal_index[i]),
            entry_index=int(trips.entry_index[i]),
            exit_index=int(trips.exit_index[i]),
            entry_price=float(trips.entry_price[i]),
            exit_price=float(trips.exit_price[i]),
            reason=trips.exit_reason[i],
            n_bars=int(trips.n_bars[i]),
            rolls=int(trips.rolls[i]),
            roll_gap=float(trips.roll_gap[i]),
        )
        for i in range(len(trips.side))
    ]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(shape=shapes(), seed=st.integers(0, 2**32 - 1))
def test_every_trade_of_arbitrary_signals_is_the_same(shape, seed):
    bars = market(shape)
    signals = random_signals(bars, seed)
    assert as_trades(play(bars, signals)) == reference_trades(bars, signals)


@settings(max_examples=2500, deadline=None, derandomize=True)
@given(shape=shapes(), seed=st.integers(0, 2**32 - 1), rolls=st.sampled_from([0.0, 0.05, 0.5]))
def test_every_trade_is_the_same_with_orders_targets_trails_nights_and_rolls(shape, seed, rolls):
    bars = with_rolls_within_sessions(market(shape), seed, rolls)
    signals = rich_signals(bars, seed)
    assert as_trades(play(bars, signals)) == reference_trades(bars, signals)


@pytest.mark.parametrize("name", SMALL_WINDOWS)
@settings(max_examples=100, deadline=None, derandomize=True)
@given(shape=shapes())
def test_every_trade_of_every_variant_is_the_same(name, shape):
    bars, variant = market(shape), VARIANTS[name]
    signals = variant.signals(bars, variant.parse_params(SMALL_WINDOWS[name]), INSTRUMENT)
    assert as_trades(play(bars, signals)) == reference_trades(bars, signals)


@pytest.mark.parametrize("name", VARIANTS)
def test_every_trade_of_the_whole_catalogue_is_the_same(name):
    variant, random_ground = VARIANTS[name], ground("random")
    rng = np.random.default_rng(list(name.encode()))
    for _ in range(2):
        nasty = replace(NASTY, seed=int(rng.integers(2**32)), without_volume=0.1)
        bars = with_rolls_within_sessions(on_weekdays(market(nasty)), 7, 0.01)
        params = variant.grid()[rng.integers(variant.n_configurations)]
        signals = variant.signals(bars, params, random_ground.instrument, random_ground.peers)
        assert as_trades(play(bars, signals)) == reference_trades(bars, signals)


@settings(max_examples=1000, deadline=None, derandomize=True)
@given(shape=shapes(), seed=st.integers(0, 2**32 - 1))
def test_stepping_through_every_bar_equals_jumping_over_idle_ones(shape, seed):
    bars = with_rolls_within_sessions(market(shape), seed, 0.05)
    signals = rich_signals(bars, seed)
    trips, events = play(bars, signals), trace(bars, signals)
    assert np.flatnonzero(events.exited).tolist() == trips.exit_index.tolist()
    assert events.exited[trips.exit_index].tolist() == trips.reason.tolist()
    assert events.entered[trips.entry_index].tolist() == trips.side.tolist()


@settings(max_examples=100, deadline=None, derandomize=True)
@given(shape=shapes(), seed=st.integers(0, 2**32 - 1))
def test_before_the_flat_deadline_everything_is_flat(shape, seed):
    bars = market(shape)
    events = trace(bars, random_signals(bars, seed))
    last = 2 * bars.bar_end_us - bars.bar_start_us > bars.flat_deadline_us
    assert not events.held[last & (bars.volume > 0)].any()
    assert events.exit_pending[events.held.astype(bool) & last].all()
    assert not events.entry_ordered[last].any()
    orders = (events.entry_ordered != 0) * 1 + (events.exit_ordered != 0) + (events.exited > 2)
    assert orders.max() <= 1


@settings(max_examples=500, deadline=None, derandomize=True)
@given(shape=shapes(), seed=st.integers(0, 2**32 - 1))
def test_nothing_fills_without_volume_or_outside_the_bar_of_its_fill(shape, seed):
    bars = with_rolls_within_sessions(market(replace(shape, without_volume=0.3)), seed, 0.05)
    trips = play(bars, rich_signals(bars, seed))
    assert (bars.volume[trips.entry_index] > 0).all()
    assert (bars.volume[trips.exit_index] > 0).all()
    low, high = bars.low + bars.adjustment, bars.high + bars.adjustment
    # In adjusted prices, where the contract of an exit at a roll does not matter.
    entry = trips.entry_price + bars.adjustment[trips.entry_index]
    leave = trips.exit_price - trips.roll_gap + bars.adjustment[trips.entry_index]
    for price, at in ((entry, trips.entry_index), (leave, trips.exit_index)):
        assert (low[at] - 1e-9 <= price).all()
        assert (price <= high[at] + 1e-9).all()


def test_the_random_markets_reach_every_way_out():
    shape = Shape(3, 40, 20, 0.1, 0.05, 0.05, 0.2, 0.05, 0.1, 0.2)
    bars = market(shape)
    reasons = {one.reason for one in reference_trades(bars, random_signals(bars, 5))}
    assert reasons == {"SIGNAL", "TIME", "STOP", "FLAT_TIME", "FLAT_LATE"}
    seen = {
        one.reason for seed in range(40) for one in reference_trades(bars, rich_signals(bars, seed))
    }
    assert seen == set(ExitReason)
    for name, params in SMALL_WINDOWS.items():
        variant = VARIANTS[name]
        signals = variant.signals(bars, variant.parse_params(params), INSTRUMENT)
        assert len(reference_trades(bars, signals)) > 20
