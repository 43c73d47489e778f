"""The decisions of all symbols, moment by moment, and the paper account that each should make.

Belongs here: the order in which bars, references, decisions, fills and the portfolio's limits
follow each other. Does not belong here: what a decision is (core), where moments come from
(`feeds`), or reading, writing and sending: what to remember and to order is handed back.

The paper accounts are the expectation that a live market is measured against. They learn what
became of an order: an entry that was denied or refused is one that they take no part in.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import partial
from typing import Final, Literal

from rooney_core.backtest.kernel import ExitReason
from rooney_core.decision import (
    Bar,
    Decision,
    DecisionCode,
    DecisionState,
    decide,
    practise,
    state_after,
)
from rooney_core.decision.replay import PortfolioCode
from rooney_core.release import Release
from rooney_core.release.standing import lapsed, may_enter
from rooney_live.facts import FeatureFacts, PeerBook
from rooney_live.feeds.records import Moment, WarmUp
from rooney_live.paper import Fill, Order, PaperAccount, Trade

_EPOCH: Final = date(1970, 1, 1)
_HELD: Final = (DecisionCode.IN_POSITION, DecisionCode.EXIT_PENDING)
_ORDERED_EXITS: Final = (DecisionCode.EXIT_SIGNAL, DecisionCode.EXIT_TIME)
# What a venue has standing for a position while it is open; every other exit is at the market.
_STANDING: Final[Mapping[str, Literal["stop", "limit"]]] = {
    ExitReason.STOP: "stop",
    ExitReason.TRAIL: "stop",
    ExitReason.TARGET: "limit",
}

Admit = Callable[[Order, Decision, Moment], str | None]
"""Asked last, for an entry that everything else lets in: a code that denies it, or None."""


@dataclass(frozen=True)
class Outcome:
    """What became of a decision: the final code and action, and what to remember and order.

    `orders` in the order in which they were given, none of them sent by anybody yet; `fills` and
    `trades` are the paper account's. `withdrawn`: the entry that did not fill in this bar and is
    not given anew; whatever a venue made of it must go.
    """

    decision: Decision
    code: str
    action: str
    orders: tuple[Order, ...] = ()
    fills: tuple[Fill, ...] = ()
    trades: tuple[Trade, ...] = ()
    withdrawn: Order | None = None

    @property
    def given(self) -> tuple[Order, ...]:
        """What a venue has to hear: the orders, and the exit of an entry that lapsed, which is left
        as if it had been taken."""
        if self.withdrawn is None:
            return self.orders
        gone, at_us = self.withdrawn, self.decision.bar_end_us
        leave = Order(
            order_id=f"{gone.symbol}:{at_us}:exit",
            symbol=gone.symbol,
            decided_at_us=at_us,
            intent="exit",
            side=gone.side,
            size=gone.size,
            reason=self.code,
        )
        return (*self.orders, leave)


@dataclass(frozen=True)
class Held:
    """What an earlier process left of a symbol: the entry's order, its fill if it had one, and the
    exit if one was decided."""

    order: Order
    fill: Fill | None = None
    leaving: Order | None = None


@dataclass
class _Making:
    """An outcome while it is made."""

    decision: Decision
    code: str
    action: str
    orders: list[Order] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)
    withdrawn: Order | None = None

    def done(self) -> Outcome:
        return Outcome(
            self.decision,
            str(self.code),
            self.action,
            tuple(self.orders),
            tuple(self.fills),
            tuple(self.trades),
            self.withdrawn,
        )


class Engine:
    """Decides on the moments of one market. `begin` once, then `take` each moment, oldest first.

    `book`: what else is held, by symbol, that the paper accounts may not know of: positions of
    unknown outcome, or of a person. They count against max_positions. `order_prefix` begins every
    order's id, so that several replays fit one journal.
    """

    def __init__(
        self,
        release: Release,
        book: Callable[[], Collection[str]] = tuple,
        order_prefix: str = "",
    ) -> None:
        self._release = release
        self._book = book
        self._prefix = order_prefix
        self._states: dict[str, DecisionState] = {}
        self._facts = FeatureFacts({one: of.feed_names for one, of in release.bundles.items()})
        self._peers = PeerBook()
        self._accounts = {
            symbol: PaperAccount(bundle, release.sizes[symbol])
            for symbol, bundle in release.bundles.items()
        }

    @property
    def open_positions(self) -> tuple[str, ...]:
        """Symbols whose account has a position, or an entry order that may become one."""
        return tuple(name for name, account in self._accounts.items() if account.is_busy)

    @property
    def held(self) -> tuple[str, ...]:
        """Symbols whose account has a position that no exit was ordered for."""
        return tuple(
            name
            for name, account in self._accounts.items()
            if account.entry is not None and account.waiting_exit is None
        )

    @property
    def engaged(self) -> tuple[str, ...]:
        """Symbols in which the strategy virtually holds a position, or waits for one."""
        return tuple(name for name, state in self._states.items() if state.is_engaged)

    def begin(self, warm_up: WarmUp, held: Mapping[str, Held] | None = None) -> None:
        """Arrive at the end of the warm-up's history, with what an earlier process held.

        Raises BarsRejected for a history that cannot be.
        """
        histories = warm_up.history
        ends = {
            symbol: int(histories[symbol].bar_end_us[-1]) if len(histories[symbol]) else 0
            for symbol in self._release.bundles
        }
        self._facts.learn(warm_up.past)
        past = list(warm_up.past.peers)
        for symbol in sorted(ends, key=lambda one: ends[one]):
            while past and past[0].known_at_us <= ends[symbol]:
                self._peers.take(past.pop(0))
            self._facts.begin(symbol, histories[symbol])
            bundle = self._release.bundles[symbol]
            self._states[symbol] = state_after(histories[symbol], bundle, self._peers.known)
            shown = partial(self._facts.row, symbol)
            practise(histories[symbol], bundle, self._peers.known, shown)
        for one in past:
            self._peers.take(one)
        for symbol, own in (held or {}).items():
            self._take_over(symbol, own)

    def _take_over(self, symbol: str, own: Held) -> None:
        """Go on with a position, or an order that may become one, as its own."""
        account, state = self._accounts.get(symbol), self._states.get(symbol)
        if account is None or state is None or state.engaged_side != own.order.side:
            return
        account.entry, state.is_approved = own.fill, True
        account.waiting_entry = own.order if own.fill is None else None
        account.waiting_exit = own.leaving

    def take(self, moment: Moment, admit: Admit | None = None) -> list[Outcome]:
        """Decide on the moment's bars, in order of priority. Moments rise.

        Raises BarsRejected for a bar that cannot follow; what was decided before stays.
        """
        self._facts.take(moment)
        for peer in moment.peers:
            self._peers.take(peer)
        decisions = [self._decide(bar) for bar in moment.bars]
        settled = [self._settle(decision) for decision in decisions]
        self._limit(settled, moment, admit)
        return [one.done() for one in settled]

    def lapsed(self, moment: Moment) -> tuple[str, ...]:
        """Which approvals and overrides have ended by the moment's session, in words."""
        if not moment.bars:
            return ()
        day = max(date_of(bar.session) for bar in moment.bars)
        return lapsed(self._release.config, self._release.bundles, day)

    def refuse(self, order_id: str, symbol: str) -> bool:
        """An entry came to nothing, or to something unknown: its account takes no part in it.

        False where the account knows nothing of the order (any more).
        """
        account = self._accounts.get(symbol)
        if account is None:
            return False
        if account.waiting_entry is not None and account.waiting_entry.order_id == order_id:
            account.waiting_entry = None
            return True
        if account.entry is not None and account.entry.order.order_id == order_id:
            account.entry = account.waiting_exit = None
            return True
        return False

    def _decide(self, bar: Bar) -> Decision:
        shown = partial(self._facts.row, bar.symbol)
        bundle = self._release.bundles[bar.symbol]
        state = self._states[bar.symbol]
        return decide(bar, state, bundle, peers=self._peers.known, shown=shown)

    def _settle(self, decision: Decision) -> _Making:
        """Fills and exits of one symbol; entries wait until every symbol has settled."""
        account = self._accounts[decision.symbol]
        made = _Making(decision, decision.code, decision.action)
        takes_part = account.is_busy
        for virtual in decision.fills:
            if virtual.kind == "entry":
                entry = account.enter(virtual)
                if entry is not None:
                    made.fills.append(entry)
            elif account.entry is not None:
                order = account.waiting_exit
                if order is None:
                    order = self._order(decision, "exit", virtual.reason)
                    made.orders.append(order)
                trade = account.leave(order, virtual)
                made.fills.append(trade.exit)
                made.trades.append(trade)
        if not takes_part:
            _only_virtual(made)
            return made
        # Whatever did not fill in this bar is gone; an entry given anew is a new order.
        gone, account.waiting_entry = account.waiting_entry, None
        if decision.code is DecisionCode.ENTRY_LAPSED and gone is not None:
            made.withdrawn = gone
        elif decision.code in _ORDERED_EXITS:
            account.waiting_exit = self._order(decision, "exit", decision.code)
            made.orders.append(account.waiting_exit)
        return made

    def _limit(self, settled: Sequence[_Making], moment: Moment, admit: Admit | None) -> None:
        """Let entries in by priority, where they are approved, until max_positions are open."""
        for made in settled:
            if made.action != "enter":
                continue
            order = self._order(made.decision, "enter", made.decision.code)
            denial = self._denial(made.decision)
            if denial is None and admit is not None:
                denial = admit(order, made.decision, moment)
            if denial is None:
                self._accounts[order.symbol].waiting_entry = order
                made.orders.append(order)
            else:
                made.code, made.action = denial, "none"

    def _denial(self, decision: Decision) -> str | None:
        """The limits that the batch path knows as well (`replay_portfolio`), in its order."""
        config = self._release.config
        if not may_enter(config, decision.symbol, date_of(decision.session)):
            return PortfolioCode.REDUCING
        if decision.n_missing_required:
            return PortfolioCode.FEATURES_MISSING
        held = {*self.open_positions, *self._book()}
        if len(held) >= config.max_positions:
            return PortfolioCode.MAX_POSITIONS
        return None

    def _order(self, decision: Decision, intent: Literal["enter", "exit"], reason: str) -> Order:
        account = self._accounts[decision.symbol]
        side = account.entry.order.side if account.entry is not None else decision.side
        order = Order(
            order_id=f"{self._prefix}{decision.symbol}:{decision.bar_end_us}:{intent}",
            symbol=decision.symbol,
            decided_at_us=decision.bar_end_us,
            intent=intent,
            side=side,
            size=account.size,
            reason=str(reason),
            kind=_STANDING.get(reason, "market"),
        )
        if intent == "exit":
            return order
        return replace(
            order,
            kind=decision.order or "market",
            level=decision.entry_level,
            stop_distance=decision.stop_distance,
            target_distance=decision.target_distance,
            target_level=decision.target_level,
            trail_distance=decision.trail_distance,
        )


def date_of(session: int) -> date:
    """The date of a session that is counted in days since 1970-01-01."""
    return _EPOCH + timedelta(days=session)


def _only_virtual(made: _Making) -> None:
    """Codes of a trade that this account does not take part in: it was denied its entry."""
    code = made.decision.code
    if code in _HELD:
        made.code, made.action = DecisionCode.VETOED_TRADE_OPEN, "none"
    elif made.action == "exit":
        made.code, made.action = DecisionCode.VETOED_TRADE_EXIT, "none"
