"""The state that a long history leaves behind, without deciding on each of its bars.

Belongs here: arriving at a bar as `decide` would have, through the compiled loop. Does not belong
here: a decision, or how much history there is (the feed).

A variant that holds overnight has no bar at which every history is flat, so it needs all the
history there is to stand where the backtest stands; bar by bar that would take minutes.
"""

from __future__ import annotations

from collections.abc import Callable

from rooney_core.backtest.compiled import njit_across_files
from rooney_core.backtest.kernel import BARS_HELD, SIDE, FloatArray
from rooney_core.backtest.play import play, step_at
from rooney_core.backtest.tape import Columns, Opinions, columns_of, opinions_of, roll_bars_of
from rooney_core.decision.batch import (
    first_virtual_bar,
    is_warm_after,
    prior_trades,
    virtual_signals,
)
from rooney_core.decision.bundle import DecisionBundle
from rooney_core.decision.decide import DecisionState, ask, decide, new_state
from rooney_core.decision.window import COLUMNS, Bar
from rooney_core.market.bars import BarArrays
from rooney_core.strategies.peers import NO_PEERS, Peers


def state_after(bars: BarArrays, bundle: DecisionBundle, peers: Peers = NO_PEERS) -> DecisionState:
    """The state after `decide` on each of these sound bars, oldest first, and no word of the model.

    Nobody took the trades of a history: what is virtually open at its end is not approved.
    """
    state = new_state(bundle)
    if len(bars) == 0:
        return state
    state.window.fill(bars)
    state.last_bar_start_us = int(bars.bar_start_us[-1])
    state.first_virtual = first_virtual_bar(bars, bundle)
    state.is_ready = is_warm_after(bars, bundle)
    if state.first_virtual is not None:
        signals = virtual_signals(bars, bundle, peers)
        _run(state.machine, columns_of(bars), opinions_of(signals), state.first_virtual)
        state.memory.recall(prior_trades(bars, bundle, play(bars, signals)), len(bars))
        _recall_open_trade(state, bars, bundle)
    return state


def practise(
    bars: BarArrays,
    bundle: DecisionBundle,
    peers: Peers,
    shown: Callable[[], FloatArray],
) -> None:
    """Decide on the last of these bars, ask the model about it, and forget both.

    Whatever a first decision has to compile, or load, is so before a bar waits for it: on a machine
    without caches that takes a minute. `shown` as for `decide`, of the last bar.
    """
    if len(bars) == 0:
        return
    state = state_after(bars.window(0, len(bars) - 1), bundle, peers)
    values = {name: getattr(bars, name)[-1].item() for name in COLUMNS}
    decide(Bar(bundle.instrument.symbol, "", **values), state, bundle, peers=peers, shown=shown)
    ask(state, bundle, shown)


def _recall_open_trade(state: DecisionState, bars: BarArrays, bundle: DecisionBundle) -> None:
    """Price the fills that the trade at the end of the bars has had so far."""
    if not state.machine[SIDE]:
        return
    entered = len(bars) - int(state.machine[BARS_HELD])
    factors = bundle.costs.slippage_factors(bars.bar_start_us)
    state.memory.enter(float(factors[entered]))
    rolls = roll_bars_of(bars)
    for bar in rolls[rolls > entered]:
        state.memory.roll(float(factors[bar]))


@njit_across_files
def _run(state: FloatArray, bars: Columns, signals: Opinions, first: int) -> None:
    for bar in range(first, len(signals.entry)):
        step_at(state, bars, signals, bar)
