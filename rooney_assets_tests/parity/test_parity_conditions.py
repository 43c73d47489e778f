"""What explains an entry is what decided it: every variant, every side, every bar.

The signals that a backtest trades are compared with the conjunction of the conditions that a
recorder was told; and what an inquiry says became of a bar, with the trades that the other engine
(jumps from signal to exit, not bar by bar) finds.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from simulated_market import METALS, SYMBOLS, instrument, simulated_bars, simulated_peers

from rooney_core.backtest.play import play
from rooney_core.backtest.why_not import Cause, Inquiry
from rooney_core.strategies import VARIANTS
from rooney_core.strategies.prices import Prices

ALL = pytest.mark.parametrize("name", VARIANTS)
WAITS = (Cause.IN_POSITION, Cause.ONE_ORDER, Cause.FLAT_DEADLINE, Cause.NO_LEVEL)


@cache
def inquiry(name: str) -> Inquiry:
    symbols = METALS if name == "spread_commodity_pair" else SYMBOLS
    traded = instrument(symbols[0])
    return Inquiry.of(simulated_bars(symbols[0]), name, None, traded, simulated_peers(symbols))


def expected_entries(asked: Inquiry) -> np.ndarray:
    """Sides at each bar from the recorded conditions alone."""
    sides = np.zeros(len(asked.bars), np.int64)
    view = asked.prices.sessions
    for entry in asked.entries:
        holds = np.logical_and.reduce([one.holds for one in entry.conditions])
        if asked.decides_on_sessions:
            at_bars = np.zeros(len(asked.bars), bool)
            decided = view.decision >= 0
            at_bars[view.decision[decided]] = holds[decided]
            holds = at_bars
        sides[holds] += entry.side
    sides[: asked.variant.lookback(asked.params) - 1] = 0
    return sides


@ALL
def test_all_conditions_hold_exactly_where_there_is_an_entry(name):
    asked = inquiry(name)
    assert {one.side for one in asked.entries} == set(asked.variant.sides)
    assert (expected_entries(asked) == asked.signals.entry).all()
    for side in asked.variant.sides:
        assert (asked.signals.entry == side).any()


@ALL
def test_recording_changes_no_signal(name):
    asked = inquiry(name)
    prices = Prices(asked.bars, asked.prices.instrument, asked.prices.peers)
    silent = asked.variant.signals_of(prices, asked.params)
    assert (silent.entry == asked.signals.entry).all()
    assert (silent.exit == asked.signals.exit).all()


@ALL
def test_an_inquiry_finds_the_trades_and_a_cause_for_everything_else(name):
    asked = inquiry(name)
    signalled = np.flatnonzero(asked.signals.entry)
    traded = set(play(asked.bars, asked.signals).signal_index.tolist())
    drawn = np.random.default_rng(len(name))
    chosen = {
        *drawn.integers(0, len(asked.bars), 150).tolist(),
        *drawn.choice(signalled, min(150, len(signalled)), replace=False).tolist(),
        *sorted(traded)[:50],
    }
    still_open = {int(np.flatnonzero(asked.events.entered)[-1]) - 1}
    for bar in sorted(chosen):
        answer = asked.why_not(bar)
        assert (answer.cause is Cause.TRADED) == (bar in traded | still_open)
        if answer.signal == 0:
            assert answer.cause in (Cause.HISTORY, Cause.NO_DECISION, Cause.CONDITION)
        else:
            assert answer.cause in (*WAITS, Cause.LAPSED, Cause.NO_NEXT_BAR, Cause.TRADED)
            side = "long" if answer.signal > 0 else "short"
            assert all(one.holds for one in answer.conditions if one.side == side)
        if answer.cause is Cause.CONDITION:
            failed = [one.text for one in answer.conditions if not one.holds]
            assert failed
            assert all(text in answer.text for text in failed)
