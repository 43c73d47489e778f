"""The state after a history in one go is the state after deciding on each of its bars."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from odd_variants import ODD
from random_markets import market, shapes, with_rolls_within_sessions
from test_parity_decisions import BUSY, bars_one_by_one
from test_parity_decisions_orders import bundle_of, peers_for

from rooney_core.backtest.kernel import PENDING_SIDE, SIDE
from rooney_core.decision import decide, new_state, practise, state_after
from rooney_core.features import NO_FEEDS
from rooney_core.strategies.peers import NO_PEERS


@settings(max_examples=120, deadline=None, derandomize=True)
@given(
    shape=shapes(max_sessions=30),
    name=st.sampled_from(list(ODD)),
    peered=st.booleans(),
    window=st.sampled_from([1, 2, 30]),
    share=st.floats(0, 1),
)
def test_the_state_after_a_history_is_the_state_bar_by_bar(shape, name, peered, window, share):
    bars = with_rolls_within_sessions(market(shape), shape.seed, 0.1)
    bundle = bundle_of(name, with_model=False, window=window)
    peers = peers_for(bars, shape.seed) if peered else NO_PEERS
    n_past = round(share * len(bars))
    slow = new_state(bundle)
    for bar in bars_one_by_one(bars.window(0, n_past)):
        decide(bar, slow, bundle, NO_FEEDS, peers)
    fast = state_after(bars.window(0, n_past), bundle, peers)
    np.testing.assert_array_equal(fast.machine, slow.machine)
    assert fast.is_ready == slow.is_ready
    assert fast.last_bar_start_us == slow.last_bar_start_us
    # What follows is decided alike, but for the word on what was open before.
    for bar in bars_one_by_one(bars.window(n_past, len(bars))):
        is_like = fast.is_approved or not (slow.machine[SIDE] or slow.machine[PENDING_SIDE])
        one, other = (decide(bar, state, bundle, NO_FEEDS, peers) for state in (fast, slow))
        np.testing.assert_array_equal(fast.machine, slow.machine)
        if is_like:
            assert one == other


def test_a_history_leaves_nothing_approved():
    state = state_after(market(BUSY), bundle_of("odd_market_night", with_model=True))
    assert not state.is_approved


@pytest.mark.parametrize("name", ["odd_market_night", "odd_market_day"])
def test_no_history_is_the_new_state(name):
    bundle = bundle_of(name, with_model=False)
    state = state_after(market(BUSY).window(0, 0), bundle)
    assert (state.is_ready, state.window.n_seen) == (False, 0)


class Counting:
    """The bundle's model, with a count of what it was asked."""

    def __init__(self, model):
        self.features, self._model, self.asked = model.features, model, []

    def probability(self, features):
        self.asked.append("probability")
        return self._model.probability(features)

    def contributions(self, features):
        self.asked.append("contributions")
        return self._model.contributions(features)


def test_practice_asks_the_model_whatever_the_last_bar_says():
    """So that nothing is left to be compiled or loaded at the first entry signal."""
    bundle = bundle_of("odd_market_day", with_model=True)
    model = Counting(bundle.model)
    bars, row = market(BUSY), np.zeros(len(model.features))
    practise(bars, replace(bundle, model=model), NO_PEERS, row.copy)
    assert model.asked[-2:] == ["probability", "contributions"]


def test_without_history_there_is_nothing_to_practise_on():
    bundle = bundle_of("odd_market_day", with_model=False)
    with pytest.raises(ZeroDivisionError):
        practise(
            market(BUSY), bundle_of("odd_market_day", with_model=True), NO_PEERS, lambda: 1 / 0
        )
    practise(market(BUSY).window(0, 0), bundle, NO_PEERS, lambda: 1 / 0)
