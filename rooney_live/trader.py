"""The loop: bars that ended together go through `decide`, then through the portfolio's limit.

Belongs here: the order in which bars, references, decisions, limits, orders and records follow each
other. Does not belong here: what a decision is (core), where bars come from (feed), how they are
stored (journal). Start-up is recovery: a run that was killed is decided again from its first bar,
and the journal keeps one copy of what it already knew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from typing import Literal

from rooney_core.backtest.kernel import ExitReason
from rooney_core.decision import Bar, Decision, DecisionCode, DecisionState, decide, state_after
from rooney_core.decision.replay import PortfolioCode
from rooney_core.errors import RooneyError
from rooney_core.release import Release
from rooney_core.release.standing import lapsed, may_enter
from rooney_core.strategies.peers import Peers
from rooney_live.codes import TraderCode
from rooney_live.feed import FeatureFacts, Feed, Step, peer_book, steps
from rooney_live.journal import Journal, JournalRefused, Run
from rooney_live.paper import Fill, Order, PaperAccount, Trade

_EPOCH = date(1970, 1, 1)
_HELD = (DecisionCode.IN_POSITION, DecisionCode.EXIT_PENDING)
_ORDERED_EXITS = (DecisionCode.EXIT_SIGNAL, DecisionCode.EXIT_TIME)
# What a venue has standing for a position while it is open; every other exit is at the market.
_STANDING: Mapping[str, Literal["stop", "limit"]] = {
    ExitReason.STOP: "stop",
    ExitReason.TRAIL: "stop",
    ExitReason.TARGET: "limit",
}


@dataclass(frozen=True)
class Outcome:
    """What the trader made of a decision: the final code and action."""

    decision: Decision
    code: str
    action: str


class Trader:
    """Decides on one run of bars and trades the decisions on paper."""

    def __init__(self, release: Release, journal: Journal, run: Run) -> None:
        self._release = release
        self._journal = journal
        self._run = run
        self._states: dict[str, DecisionState] = {}
        self._accounts = {
            symbol: PaperAccount(bundle, release.sizes[symbol])
            for symbol, bundle in release.bundles.items()
        }
        self.n_new_decisions = 0
        self._lapsed: tuple[str, ...] = ()

    @property
    def open_positions(self) -> tuple[str, ...]:
        """Symbols with a position or an entry order that may become one."""
        return tuple(name for name, account in self._accounts.items() if account.is_busy)

    def run(self, feed: Feed) -> None:
        """Warm up on the feed's history, then decide on each of its live bars.

        Raises BarsRejected for a bar that cannot follow, JournalRefused when the journal cannot
        remember; what was recorded before stays.
        """
        symbols = tuple(self._release.bundles)
        bundles, peers = self._release.bundles, peer_book(feed)
        facts = FeatureFacts(feed, {one: bundles[one].feed_names for one in symbols})
        pasts = {symbol: feed.history(symbol) for symbol in symbols}
        ends = {one: int(past.bar_end_us[-1]) if len(past) else 0 for one, past in pasts.items()}
        for symbol in sorted(symbols, key=lambda one: ends[one]):
            past, known = pasts.pop(symbol), peers.known_at(ends[symbol])
            facts.begin(symbol, past)
            self._states[symbol] = state_after(past, bundles[symbol], known)
        is_first = True
        for step in steps(feed, symbols):
            if is_first:
                self._leave_alone(step.bar_end_us)
            is_first = False
            try:
                facts.take(step)
                self._take(step, facts, peers.known_at(step.bar_end_us))
            except JournalRefused:
                raise
            except RooneyError as error:
                with self._journal.transaction():
                    self._put_event(step.bar_end_us, "", TraderCode.EMERGENCY_STOP, str(error))
                raise

    def _leave_alone(self, moment_us: int) -> None:
        """Note whose position is from before the run: nobody here bought it."""
        with self._journal.transaction():
            for symbol, state in self._states.items():
                if state.is_engaged:
                    message = "a position from before the first bar is left to the strategy alone"
                    self._put_event(moment_us, symbol, TraderCode.HELD_FROM_BEFORE, message)

    def _take(self, step: Step, facts: FeatureFacts, peers: Peers) -> None:
        decisions = [self._decide(bar, facts, peers) for bar in step.bars]
        # One transaction per moment: after a kill, a moment is known whole or not at all.
        with self._journal.transaction():
            self._tell_what_lapsed(step)
            settled = [self._settle(decision) for decision in decisions]
            for outcome in self._limit(settled):
                self._record(outcome)

    def _decide(self, bar: Bar, facts: FeatureFacts, peers: Peers) -> Decision:
        bundle = self._release.bundles[bar.symbol]
        shown = partial(facts.row, bar.symbol)
        return decide(bar, self._states[bar.symbol], bundle, peers=peers, shown=shown)

    def _settle(self, decision: Decision) -> Outcome:
        """Fills and exits of one symbol; entries wait until every symbol has settled."""
        account = self._accounts[decision.symbol]
        takes_part = account.is_busy
        for virtual in decision.fills:
            if virtual.kind == "entry":
                entry = account.enter(virtual)
                if entry is not None:
                    self._put_fill(entry)
            elif account.entry is not None:
                order = account.waiting_exit or self._order(decision, "exit", virtual.reason)
                self._put_trade(account.leave(order, virtual))
        outcome = Outcome(decision, decision.code, decision.action)
        if not takes_part:
            return _virtual_only(outcome)
        # Whatever did not fill in this bar is gone; an entry given anew is a new order.
        lapsed, account.waiting_entry = account.waiting_entry, None
        if decision.code is DecisionCode.ENTRY_LAPSED and lapsed is not None:
            self._lapse(lapsed, decision)
        elif decision.code in _ORDERED_EXITS:
            account.waiting_exit = self._order(decision, "exit", decision.code)
        return outcome

    def _tell_what_lapsed(self, step: Step) -> None:
        """Note, once, that from this moment on entries are denied, and why."""
        day = max(_date_of(bar.session) for bar in step.bars)
        now = lapsed(self._release.config, self._release.bundles, day)
        if len(now) > len(self._lapsed):
            self._lapsed = now
            self._put_event(step.bar_end_us, "", TraderCode.REDUCING, "; ".join(now))

    def _limit(self, settled: Sequence[Outcome]) -> list[Outcome]:
        """Let entries in by priority, where they are approved, until max_positions are open."""
        limited, config = [], self._release.config
        for outcome in settled:
            if outcome.action == "enter":
                decision = outcome.decision
                if not may_enter(config, decision.symbol, _date_of(decision.session)):
                    outcome = replace(outcome, code=PortfolioCode.REDUCING, action="none")
                elif len(self.open_positions) >= config.max_positions:
                    outcome = replace(outcome, code=PortfolioCode.MAX_POSITIONS, action="none")
                else:
                    order = self._order(decision, "enter", decision.code)
                    self._accounts[decision.symbol].waiting_entry = order
            limited.append(outcome)
        return limited

    def _order(self, decision: Decision, intent: Literal["enter", "exit"], reason: str) -> Order:
        account = self._accounts[decision.symbol]
        side = account.entry.order.side if account.entry is not None else decision.side
        order = Order(
            order_id=f"{self._run.run_id}:{decision.symbol}:{decision.bar_end_us}:{intent}",
            symbol=decision.symbol,
            decided_at_us=decision.bar_end_us,
            intent=intent,
            side=side,
            size=account.size,
            reason=str(reason),
            kind=_STANDING.get(reason, "market"),
        )
        if intent == "enter":
            order = replace(
                order,
                kind=decision.order or "market",
                level=decision.entry_level,
                stop_distance=decision.stop_distance,
                target_distance=decision.target_distance,
                target_level=decision.target_level,
                trail_distance=decision.trail_distance,
            )
        self._journal.put("orders", vars(order) | {"run_id": self._run.run_id})
        return order

    def _lapse(self, order: Order, decision: Decision) -> None:
        why = "had no bar to fill in"
        if order.kind != "market":
            why = f"did not reach its level, {order.level:.10g}, or had no bar to fill in,"
        message = f"the {order.kind} order {why} and was withdrawn"
        self._put_event(decision.bar_end_us, decision.symbol, decision.code, message)

    def _put_event(self, at_us: int, symbol: str, code: str, message: str) -> None:
        self._journal.put(
            "events",
            {
                "run_id": self._run.run_id,
                "at_us": at_us,
                "symbol": symbol,
                "code": str(code),
                "message": message,
            },
        )

    def _put_fill(self, fill: Fill) -> None:
        self._journal.put(
            "fills",
            {
                "order_id": fill.order.order_id,
                "run_id": self._run.run_id,
                "symbol": fill.order.symbol,
                "filled_at_us": fill.filled_at_us,
                "price": fill.price,
                "size": fill.order.size,
                "commission_usd": fill.commission_usd,
            },
        )

    def _put_trade(self, trade: Trade) -> None:
        self._put_fill(trade.exit)
        entry = trade.entry
        self._journal.put(
            "trades",
            {
                "entry_order_id": entry.order.order_id,
                "exit_order_id": trade.exit.order.order_id,
                "run_id": self._run.run_id,
                "symbol": entry.order.symbol,
                "side": entry.order.side,
                "size": entry.order.size,
                "signal_time_us": entry.order.decided_at_us,
                "entry_time_us": entry.filled_at_us,
                "exit_time_us": trade.exit.filled_at_us,
                "entry_price": entry.price,
                "exit_price": trade.exit.price,
                "commission_usd": trade.commission_usd,
                "net_profit_usd": trade.net_profit_usd,
                "exit_reason": trade.exit_reason,
                "rolls": trade.rolls,
                "roll_gap": trade.roll_gap,
            },
        )

    def _record(self, outcome: Outcome) -> None:
        decision = outcome.decision
        is_new = self._journal.put(
            "decisions",
            {
                "run_id": self._run.run_id,
                "symbol": decision.symbol,
                "bar_end_us": decision.bar_end_us,
                "contract": decision.contract,
                "session": _date_of(decision.session).isoformat(),
                "close": decision.close,
                "code": str(outcome.code),
                "action": outcome.action,
                "side": decision.side,
                "probability": decision.probability,
                "threshold": decision.threshold,
                "features": json.dumps(dict(decision.features), allow_nan=False),
                "contributions": json.dumps(dict(decision.contributions), allow_nan=False),
                "release_id": self._run.release_id,
            },
        )
        self.n_new_decisions += is_new


def _date_of(session: int) -> date:
    return _EPOCH + timedelta(days=session)


def _virtual_only(outcome: Outcome) -> Outcome:
    """Codes of a trade that this account does not take part in: it was denied its entry."""
    code = outcome.decision.code
    if code in _HELD:
        return replace(outcome, code=DecisionCode.VETOED_TRADE_OPEN, action="none")
    if outcome.action == "exit":
        return replace(outcome, code=DecisionCode.VETOED_TRADE_EXIT, action="none")
    return outcome
