"""The state that a long history leaves behind, without deciding on each of its bars.

Belongs here: arriving at a bar as `decide` would have, through the compiled loop. Does not belong
here: a decision, or how much history there is (the feed).

A variant that holds overnight has no bar at which every history is flat, so it needs all the
history there is to stand where the backtest stands; bar by bar that would take minutes.
"""

from __future__ import annotations

from rooney_core.backtest.compiled import njit_across_files
from rooney_core.backtest.kernel import FloatArray
from rooney_core.backtest.play import step_at
from rooney_core.backtest.tape import Columns, Opinions, columns_of, opinions_of
from rooney_core.decision.batch import decided_signals, first_decided_bar, is_warm_after
from rooney_core.decision.bundle import DecisionBundle
from rooney_core.decision.decide import DecisionState, new_state
from rooney_core.market.bars import BarArrays
from rooney_core.strategies.peers import NO_PEERS, Peers


def state_after(bars: BarArrays, bundle: DecisionBundle, peers: Peers = NO_PEERS) -> DecisionState:
    """The state after `decide` on each of these sound bars, oldest first, and no word of the model.

    Nobody took the trades of a history: what is virtually open at its end is not approved, and its
    rolls are not priced.
    """
    state = new_state(bundle)
    if len(bars) == 0:
        return state
    first = first_decided_bar(bars, bundle)
    signals = decided_signals(bars, bundle, first, peers)
    _run(state.machine, columns_of(bars), opinions_of(signals), first)
    state.window.fill(bars)
    state.last_bar_start_us = int(bars.bar_start_us[-1])
    state.is_ready = is_warm_after(bars, bundle)
    return state


@njit_across_files
def _run(state: FloatArray, bars: Columns, signals: Opinions, first: int) -> None:
    for bar in range(first, len(signals.entry)):
        step_at(state, bars, signals, bar)
