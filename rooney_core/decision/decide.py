"""One bar in, one decision out: the path that live takes, bar by bar.

Belongs here: the order in which rule, position and model are asked. Does not belong here: what
they answer (`strategies`, `backtest.kernel`, `features`, `modeling`), or whether an order may go
out (`rooney_live`: kill switch, limits, stale feeds).

The rule, the compiled `step` and the features are those of the backtest, applied to a window of
the last bars. Warm-up has two parts. The strategy trades virtually from its first full window on,
and after a bar with volume whose successor would pass the flat deadline: after such a bar every
history has the same, empty, position. A model looks back at these trades, so with one a decision is
made only after `virtual_bars` more, and again after such a bar; from there on decisions do not
depend on when warm-up began. A variant that may hold overnight has no such bar: it starts, empty,
with its first full window, and until its first common flat moment, and as long as a model sees
trades from before it, its decisions may differ from those of a longer history.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from rooney_core.backtest import kernel
from rooney_core.decision.bundle import DecisionBundle
from rooney_core.decision.coverage import n_missing_required
from rooney_core.decision.memory import TradeMemory
from rooney_core.decision.records import (
    BASE,
    BarOutcome,
    Decision,
    DecisionCode,
    VirtualFill,
    explain,
)
from rooney_core.decision.window import Bar, BarWindow, refuse_impossible
from rooney_core.features import NO_FEEDS, Feeds, compute_features, feature_names
from rooney_core.features.compute import PRIOR
from rooney_core.strategies import Signals
from rooney_core.strategies.peers import NO_PEERS, Peers


class DecisionState:
    """What one symbol carries from bar to bar; make it with `new_state`, feed it to `decide`.

    `first_virtual`: number of the bar, counted from the first one seen, from which on the strategy
    trades virtually; None: not yet. `is_ready` from the first bar on that can bring a decision
    other than WARMING_UP. `is_approved` is the model's word on the trade, or entry order, that is
    virtually open. `memory`: what the virtual trades came to.
    """

    def __init__(self, window_bars: int, overnight: bool = False, virtual_bars: int = 0) -> None:
        self.window = BarWindow(window_bars)
        self.machine = np.zeros(kernel.STATE_SIZE)
        self.memory = TradeMemory(virtual_bars)
        self.first_virtual = 0 if overnight and window_bars == 1 else None
        self.is_ready = self.first_virtual is not None and virtual_bars == 0
        self.is_approved = False
        self.window_bars = window_bars
        self.virtual_bars = virtual_bars
        self.overnight = overnight
        self.last_bar_start_us = np.iinfo(np.int64).min

    @property
    def is_engaged(self) -> bool:
        """True while the strategy virtually holds a position, or waits for one to be filled."""
        return bool(self.machine[kernel.SIDE] or self.machine[kernel.PENDING_SIDE])

    @property
    def engaged_side(self) -> int:
        """Side of that position, or of the one that is waited for; 0 without either."""
        return int(self.machine[kernel.SIDE] or self.machine[kernel.PENDING_SIDE])

    def finish(self, is_flat: bool) -> None:
        """Note that a bar is over: is the next one the first that can be decided on?

        `is_flat`: whatever was held before this bar, nothing is after it.
        """
        n_seen = self.window.n_seen
        if not (is_flat or self.overnight):
            return
        if self.first_virtual is None and n_seen >= self.window_bars - 1:
            self.first_virtual = n_seen
        if self.first_virtual is not None:
            self.is_ready |= n_seen - self.first_virtual >= self.virtual_bars - 1


class Asked(NamedTuple):
    """The model's answer at an entry signal."""

    approved: bool
    probability: float | None
    features: Mapping[str, float | None]
    contributions: Mapping[str, float]
    n_missing_required: int = 0


def new_state(bundle: DecisionBundle) -> DecisionState:
    """The state before the first bar."""
    return DecisionState(bundle.window_bars, bundle.variant.overnight, bundle.virtual_bars)


def decide(
    bar: Bar,
    state: DecisionState,
    bundle: DecisionBundle,
    feeds: Feeds = NO_FEEDS,
    peers: Peers = NO_PEERS,
    shown: Callable[[], kernel.FloatArray] | None = None,
) -> Decision:
    """The decision at the end of `bar`; advances `state`. Call once per bar, oldest first.

    `feeds`: series of the symbols in the bundle's `feed_names`, of which only what is known at the
    bar's end is used; a symbol that is absent is unknown, not zero. Their prior trades are not
    looked at: `state` has its own. `peers`: sessions of the bundle's peer symbols, likewise.
    `shown`: gives the bar's features, f8[n_features], where the caller holds them already
    (`features.panel`); `feeds` are not looked at then.

    Raises BarsRejected, with `state` unchanged, for a bar that is of another symbol, impossible,
    or not later than the last.
    """
    refuse_impossible(bar, bundle.instrument.symbol, state.last_bar_start_us)
    state.last_bar_start_us = bar.bar_start_us
    state.window.push(bar)
    last = not state.overnight and bool(
        kernel.is_last_before_flat(bar.bar_start_us, bar.bar_end_us, bar.flat_deadline_us)
    )
    decision = _record(bar, bundle, DecisionCode.WARMING_UP)
    if state.first_virtual is not None:
        signals = _trade_virtually(bar, state, bundle, peers)
        if state.is_ready:
            known = partial(_row, state, bundle, feeds) if shown is None else shown
            decision = _decide_ready(bar, state, bundle, known, signals, last)
    state.finish(last and bar.volume > 0.0)
    return decision


def _trade_virtually(
    bar: Bar, state: DecisionState, bundle: DecisionBundle, peers: Peers
) -> Signals:
    """Advance the strategy by one bar; returns its signals at that bar's close."""
    window = state.window.arrays
    signals = bundle.variant.signals(
        window, bundle.params, bundle.instrument, bundle.peers_among(peers), first=len(window) - 1
    )
    rolls_before = state.machine[kernel.ROLLS]
    _step(bar, state.machine, signals)
    _remember(bar, state, bundle, rolls_before)
    return signals


def _decide_ready(
    bar: Bar,
    state: DecisionState,
    bundle: DecisionBundle,
    shown: Callable[[], kernel.FloatArray],
    signals: Signals,
    last: bool,
) -> Decision:
    # Fills belong to the trade decided on earlier, so they are noted before a new entry is judged.
    fills = _fills(bar, state, bundle)
    asked, approved_before = Asked(state.is_approved, None, {}, {}), state.is_approved
    if state.machine[kernel.ENTRY_ORDERED]:
        asked = ask(state, bundle, shown)
        state.is_approved = asked.approved
    code, action, side = explain(_outcome(state, approved_before, last))
    return Decision(
        symbol=bar.symbol,
        contract=bar.contract,
        bar_end_us=bar.bar_end_us,
        session=bar.session,
        close=bar.close,
        code=code,
        action=action,
        side=side,
        threshold=bundle.threshold,
        probability=asked.probability,
        features=asked.features,
        contributions=asked.contributions,
        n_missing_features=sum(value is None for value in asked.features.values()),
        n_missing_required=asked.n_missing_required,
        fills=fills,
        **(_order(bar, state, signals) if action == "enter" else {}),
    )


def _order(bar: Bar, state: DecisionState, signals: Signals) -> dict[str, Any]:
    """The entry that pends after this bar, as a venue would need it; fields of Decision."""
    machine, level = state.machine, state.machine[kernel.ORDER_LEVEL]
    values = {
        "stop_distance": machine[kernel.STOP_PRICE],
        "target_distance": machine[kernel.TARGET_PRICE],
        "trail_distance": machine[kernel.TRAIL_DISTANCE],
        "target_level": kernel.raw_level(machine[kernel.TARGET_LEVEL], bar.adjustment),
        "entry_level": kernel.raw_level(level, bar.adjustment),
    }
    if signals.order == "market":
        values["entry_level"] = np.nan
    known = {name: None if np.isnan(value) else float(value) for name, value in values.items()}
    return {"order": signals.order, **known}


def _step(bar: Bar, machine: kernel.FloatArray, signals: Signals) -> None:
    kernel.step(
        machine,
        bar.bar_start_us,
        bar.bar_end_us,
        bar.flat_deadline_us,
        bar.open,
        bar.high,
        bar.low,
        bar.close,
        bar.adjustment,
        bar.volume,
        int(signals.entry[0]),
        bool(signals.exit[0]),
        signals.decides is None or bool(signals.decides[0]),
        _first(signals.stop_distance),
        _first(signals.target_distance),
        _first(signals.target_level),
        _first(signals.trail_distance),
        _first(signals.entry_level),
        kernel.ORDERS.index(signals.order),
        signals.max_bars,
        signals.overnight,
    )


def _remember(bar: Bar, state: DecisionState, bundle: DecisionBundle, rolls_before: float) -> None:
    machine, memory = state.machine, state.memory
    is_rolled = machine[kernel.ROLLS] > rolls_before
    if not (machine[kernel.ENTERED] or machine[kernel.EXITED] or is_rolled):
        return
    factor = _slippage_factor(bar, bundle)
    if machine[kernel.ENTERED]:
        memory.enter(factor)
    elif is_rolled:
        memory.roll(factor)
    if machine[kernel.EXITED]:
        memory.leave(state.window.n_seen - 1, machine, factor, bundle)


def _slippage_factor(bar: Bar, bundle: DecisionBundle) -> float:
    return float(bundle.costs.slippage_factors(np.array([bar.bar_start_us]))[0])


def _first(values: kernel.FloatArray | None) -> float:
    return np.nan if values is None else float(values[0])


def ask(
    state: DecisionState, bundle: DecisionBundle, shown: Callable[[], kernel.FloatArray]
) -> Asked:
    """The model's answer about the window's last bar; `shown` as for `decide`."""
    if bundle.model is None:
        return Asked(True, None, {}, {})
    last = state.window.n_seen - 1
    trades = state.memory.prior_trades(last, state.first_virtual or 0)
    values = shown()[np.newaxis, :]
    values[:, PRIOR] = trades.at(np.zeros(1, np.int64))
    probability = float(bundle.model.probability(values)[0])
    names = feature_names(bundle.feed_names)
    return Asked(
        probability >= bundle.threshold,
        probability,
        {
            name: float(value) if np.isfinite(value) else None
            for name, value in zip(names, values[0], strict=True)
        },
        dict(zip((*names, BASE), bundle.model.contributions(values)[0].tolist(), strict=True)),
        int(n_missing_required(values, bundle.feed_names)[0]),
    )


def _row(state: DecisionState, bundle: DecisionBundle, feeds: Feeds) -> kernel.FloatArray:
    """The features of the window's last bar, without prior trades."""
    window = state.window.arrays
    known = replace(feeds.aligned(bundle.feed_names), trades=None)
    row: kernel.FloatArray = compute_features(window, np.array([len(window) - 1]), known)[0]
    return row


def _outcome(state: DecisionState, approved_before: bool, last: bool) -> BarOutcome:
    machine = state.machine
    return BarOutcome(
        exited=int(machine[kernel.EXITED]),
        exit_side=int(machine[kernel.EXIT_SIDE]),
        lapsed=int(machine[kernel.LAPSED]),
        entry_ordered=int(machine[kernel.ENTRY_ORDERED]),
        exit_ordered=int(machine[kernel.EXIT_ORDERED]),
        held=int(machine[kernel.SIDE]),
        exit_pending=int(machine[kernel.PENDING_EXIT]),
        approved=state.is_approved,
        approved_before=approved_before,
        last=last,
    )


def _fills(bar: Bar, state: DecisionState, bundle: DecisionBundle) -> tuple[VirtualFill, ...]:
    machine = state.machine
    if not (machine[kernel.ENTERED] or machine[kernel.EXITED]):
        return ()
    slippage = bundle.costs.slippage(bundle.instrument) * _slippage_factor(bar, bundle)
    fills = []
    if machine[kernel.ENTERED]:
        side = int(machine[kernel.ENTERED])
        price = float(machine[kernel.ENTRY_PRICE]) + side * slippage
        fills.append(VirtualFill("entry", side, price, bar.bar_start_us, "", state.is_approved))
    if machine[kernel.EXITED]:
        side, reason = int(machine[kernel.EXIT_SIDE]), int(machine[kernel.EXITED])
        price = float(machine[kernel.EXIT_PRICE]) - side * slippage
        time_us = bar.bar_end_us if reason == kernel.FLAT_TIME else bar.bar_start_us
        fills.append(
            VirtualFill(
                "exit",
                side,
                price,
                time_us,
                str(kernel.REASONS[reason]),
                state.is_approved,
                rolls=int(machine[kernel.ROLLS]),
                roll_gap=float(machine[kernel.ROLL_GAP]),
                roll_slippages=state.memory.roll_slippages,
            )
        )
    return tuple(fills)


def _record(bar: Bar, bundle: DecisionBundle, code: DecisionCode) -> Decision:
    return Decision(
        symbol=bar.symbol,
        contract=bar.contract,
        bar_end_us=bar.bar_end_us,
        session=bar.session,
        close=bar.close,
        code=code,
        action="none",
        side=0,
        threshold=bundle.threshold,
    )
