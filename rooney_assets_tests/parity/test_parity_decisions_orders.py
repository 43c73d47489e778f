"""`decide` against the batch for orders, targets, trails, nights, decision bars and peers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from odd_variants import ODD, PEER
from random_markets import market, shapes, with_rolls_within_sessions
from test_parity_decisions import (
    BUSY,
    INSTRUMENT,
    NAMES,
    FoldedModel,
    approved_trades,
    as_rows,
    bars_one_by_one,
    batch_rows,
    batch_trades,
    feeds_for,
    long_enough,
)

from rooney_core.backtest import CostModel
from rooney_core.decision import (
    Decision,
    DecisionBundle,
    DecisionCode,
    batch_decisions,
    decide,
    filtered_trades,
    first_decided_bar,
    new_state,
)
from rooney_core.features import NO_FEEDS, Feeds, feature_names
from rooney_core.market.bars import BarArrays
from rooney_core.strategies.peers import NO_PEERS, Peers, PeerSessions

COSTS = CostModel.of(INSTRUMENT).model_copy(
    update={"slippage_by_hour": tuple(1.0 + hour % 3 for hour in range(24))}
)


def bundle_of(name: str, *, with_model: bool, window: int = 30) -> DecisionBundle:
    variant = ODD[name]
    return DecisionBundle(
        instrument=INSTRUMENT,
        variant=variant,
        params=variant.parse_params({"window": window}),
        costs=COSTS,
        model=FoldedModel(feature_names(NAMES)) if with_model else None,
        threshold=0.5 if with_model else 0.0,
        feed_names=NAMES,
        peer_symbols=(PEER,),
    )


def peers_for(bars: BarArrays, seed: int) -> Peers:
    """A peer whose sessions are known in the middle of ours."""
    rng = np.random.default_rng(seed)
    first = np.flatnonzero(np.diff(bars.session, prepend=-1))
    close = rng.integers(0, 9, len(first)).astype(float)
    known_at = bars.bar_start_us[first] + 18_000_000_000
    return {PEER: PeerSessions(known_at, bars.session[first], close, close, close, close)}


def decide_all(
    bars: BarArrays, bundle: DecisionBundle, feeds: Feeds, peers: Peers
) -> list[Decision]:
    state = new_state(bundle)
    return [decide(bar, state, bundle, feeds, peers) for bar in bars_one_by_one(bars)]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    shape=shapes(max_sessions=40),
    name=st.sampled_from(list(ODD)),
    model=st.booleans(),
    peered=st.booleans(),
    rolls=st.sampled_from([0.0, 0.1]),
    window=st.sampled_from([1, 2, 30]),
)
def test_bar_by_bar_is_the_batch(shape, name, model, peered, rolls, window):
    drawn = market(long_enough(shape) if model else shape)
    bars = with_rolls_within_sessions(drawn, shape.seed, rolls)
    bundle = bundle_of(name, with_model=model, window=window)
    feeds = feeds_for(bars, shape.seed)
    peers = peers_for(bars, shape.seed) if peered else NO_PEERS
    decisions = decide_all(bars, bundle, feeds, peers)
    assert as_rows(decisions) == batch_rows(batch_decisions(bars, bundle, feeds, peers))
    trades = filtered_trades(bars, bundle, feeds, peers)
    assert approved_trades(decisions) == batch_trades(trades)


@pytest.mark.parametrize("name", ODD)
def test_a_busy_market_brings_trades_of_every_kind(name):
    bars = market(replace(BUSY, n_sessions=160))
    bundle, feeds = bundle_of(name, with_model=True), feeds_for(bars, 9)
    peers = peers_for(bars, 9)
    decisions = decide_all(bars, bundle, feeds, peers)
    assert as_rows(decisions) == batch_rows(batch_decisions(bars, bundle, feeds, peers))
    trades = filtered_trades(bars, bundle, feeds, peers)
    assert approved_trades(decisions) == batch_trades(trades)
    assert {"STOP", "TARGET", "TRAIL"} <= set(trades["exit_reason"])
    assert set(trades["side"]) == {-1, 1}
    without = batch_rows(batch_decisions(bars, bundle, feeds))
    assert without != as_rows(decisions), "the peer has a say"


@pytest.mark.parametrize("name", [one for one in ODD if one.endswith("night")])
def test_a_variant_that_holds_overnight_starts_with_its_first_full_window(name):
    bars, bundle = market(BUSY), bundle_of(name, with_model=False)
    assert first_decided_bar(bars, bundle) == 29
    decisions = decide_all(bars, bundle, NO_FEEDS, NO_PEERS)
    assert {one.code for one in decisions[:29]} == {DecisionCode.WARMING_UP}
    assert DecisionCode.WARMING_UP not in {one.code for one in decisions[29:]}
    assert not {one.code for one in decisions} & {
        DecisionCode.FLAT_WINDOW,
        DecisionCode.EXIT_FLAT_TIME,
        DecisionCode.EXIT_FLAT_LATE,
    }


@pytest.mark.parametrize("name", ODD)
def test_an_entry_carries_what_a_venue_needs(name):
    bars, bundle = market(BUSY), bundle_of(name, with_model=False)
    signals = bundle.variant.signals(bars, bundle.params, INSTRUMENT)
    seen = 0
    for index, one in enumerate(decide_all(bars, bundle, NO_FEEDS, NO_PEERS)):
        if one.action != "enter":
            assert (one.order, one.entry_level, one.stop_distance, one.target_level) == (None,) * 4
            continue
        seen += 1
        here = {
            name: float(getattr(signals, name)[index])
            for name in ("stop_distance", "target_distance", "trail_distance")
        }
        for name_, value in here.items():
            assert getattr(one, name_) == (None if np.isnan(value) else value)
        levels = {"target_level": signals.target_level[index]}
        if one.order != "market":
            levels["entry_level"] = signals.entry_level[index]
        for name_, level in levels.items():
            raw = level - bars.adjustment[index]
            assert getattr(one, name_) == (None if np.isnan(raw) else pytest.approx(raw))
        assert one.order == signals.order
    assert seen > 20


def test_an_order_that_lapses_is_taken_back_or_replaced():
    bars, bundle = market(BUSY), bundle_of("odd_limit_day", with_model=True)
    decisions = decide_all(bars, bundle, feeds_for(bars, 2), NO_PEERS)
    open_order = 0
    for one in decisions:
        if any(fill.kind == "entry" and fill.approved for fill in one.fills):
            open_order = 0
        if one.code is DecisionCode.ENTRY_LAPSED:
            assert (one.action, one.side) == ("exit", open_order)
            open_order = 0
        elif one.action == "enter":
            open_order = one.side
        else:
            assert not open_order, "an order works during one bar only"
    assert {one.code for one in decisions} >= {DecisionCode.ENTRY_LAPSED, DecisionCode.ENTER}
