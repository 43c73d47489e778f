"""Any sequence of orders, answers, crashes and rival processes keeps the promises of the outbox.

The journal is a real SQLite file that is opened anew after each crash. The venue is a counter of
what reached it: a request whose fate is not known may have been acted on or not, and the venue
remembers which. Positions are what a person would count with pencil and paper.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from order_desk import MINUTE_US, RUN, START_US, entry, leaving

from rooney_live.journal import Journal
from rooney_live.orders.limits import SPACING_US, Hold
from rooney_live.orders.outbox import Outbox
from rooney_live.orders.outcomes import outcome_of
from rooney_live.orders.records import OrderState, PostKind, PostResult, StoredOrder

SYMBOLS = ("SIM_ES", "SIM_CL")
PROCESSES = ("trader", "monitor")
LIKELY = (*PostKind, *2 * (PostKind.ACKED, PostKind.UNKNOWN))
POSTED = (PostKind.ACKED, PostKind.REJECTED, PostKind.RETRY_LATER, PostKind.UNKNOWN)


class OrderMachine(RuleBasedStateMachine):
    """Two processes, two symbols; the trader dies and comes back at any instruction."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="rooney-orders-"))
        self.us = START_US
        self.n_decisions = 0
        self.posts: Counter[str] = Counter()
        self.held: Counter[str] = Counter()
        self.flying: dict[str, dict[str, StoredOrder]] = {one: {} for one in PROCESSES}
        self.open_journal()
        with self.journal.transaction():
            pass

    def open_journal(self) -> None:
        self.journal = Journal.open(self.folder / "journal.sqlite")
        self.journal.begin(RUN, "2026-01-01T00:00:00+00:00")
        self.boxes = {one: Outbox(self.journal, one) for one in PROCESSES}

    def teardown(self) -> None:
        self.journal.__exit__(None, None, None)
        shutil.rmtree(self.folder)

    @rule(seconds=st.sampled_from((1.0, 20.0, 61.0, 61.0, 150.0, 4000.0, -5.0, -3600.0)))
    def time_passes(self, seconds: float) -> None:
        """The host's clock may step back, too."""
        self.us += int(seconds * 1e6)

    @rule(
        symbol=st.sampled_from(SYMBOLS),
        send_now=st.booleans(),
        twice=st.booleans(),
        minutes=st.sampled_from((3, 600)),
    )
    def an_entry_is_decided(self, symbol: str, send_now: bool, twice: bool, minutes: int) -> None:
        self.n_decisions += 1
        at_us = START_US + self.n_decisions
        order = entry(symbol, at_us, expires_at_us=self.us + minutes * MINUTE_US)
        with self.journal.transaction():
            stored = self.boxes["trader"].add(order, self.us, send_now=send_now)
        if twice:
            again = self.boxes["trader"].add(order, self.us, send_now=send_now)
            assert again == self.boxes["trader"].get(stored.order.order_id)

    @precondition(lambda self: self.boxes["trader"].may_be_open())
    @rule(symbol=st.sampled_from(SYMBOLS), sender=st.sampled_from(PROCESSES))
    def an_exit_is_wanted(self, symbol: str, sender: str) -> None:
        self.n_decisions += 1
        order = leaving(symbol, START_US + self.n_decisions)
        self.boxes[sender].add(order, self.us)

    @precondition(lambda self: any(one.order.is_entry for one in self.flying["trader"].values()))
    @rule()
    def the_trader_hangs_and_the_monitor_leaves(self) -> None:
        """Its exit overtakes an entry of which nobody knows whether it has left."""
        entries = [one for one in self.flying["trader"].values() if one.order.is_entry]
        self.us += SPACING_US
        self.n_decisions += 1
        order = leaving(entries[0].order.symbol, START_US + self.n_decisions)
        self.boxes["monitor"].add(order, self.us)
        self.what_is_due_is_claimed("monitor")

    @rule(sender=st.sampled_from(("trader", "trader", "monitor")))
    def what_is_due_is_claimed(self, sender: str) -> None:
        box = self.boxes[sender]
        for one in box.claimed():
            self.flying[sender].setdefault(one.order.order_id, one)
        for one in box.due(self.us):
            order = one.order
            if order.is_entry and self.us > (order.expires_at_us or 0):
                box.mark(order.order_id, OrderState.DENIED, self.us, code="EXPIRED")
                continue
            claimed = box.claim(order.order_id, self.us)
            if not isinstance(claimed, Hold):
                self.flying[sender][order.order_id] = claimed

    @precondition(lambda self: any(self.flying.values()))
    @rule(data=st.data(), kind=st.sampled_from(LIKELY), is_taken=st.booleans())
    def an_attempt_ends(self, data: st.DataObject, kind: PostKind, is_taken: bool) -> None:
        sender = data.draw(st.sampled_from([one for one in PROCESSES if self.flying[one]]))
        key = data.draw(st.sampled_from(sorted(self.flying[sender])))
        self.end(sender, key, kind, is_taken)

    @precondition(lambda self: any(self.flying.values()))
    @rule(kinds=st.lists(st.sampled_from(LIKELY), min_size=1, max_size=4))
    def all_attempts_end(self, kinds: list[PostKind]) -> None:
        names = [(sender, key) for sender in PROCESSES for key in sorted(self.flying[sender])]
        for at, (sender, key) in enumerate(names):
            self.end(sender, key, kinds[at % len(kinds)], is_taken=at % 2 == 0)

    def end(self, sender: str, key: str, kind: PostKind, is_taken: bool) -> None:
        """The venue gets it, or not, and the answer is recorded."""
        stored = self.flying[sender].pop(key)
        self.at_the_venue(stored, kind, is_taken)
        result = PostResult(kind, code="X", retry_after_seconds=30.0)
        outcome = outcome_of(stored, result, self.us)
        self.boxes[sender].mark(
            key,
            outcome.state,
            self.us,
            due_at_us=outcome.due_at_us,
            quiet_until_us=outcome.quiet_until_us,
            is_unsent=kind in (PostKind.NOT_SENT, PostKind.DENIED),
        )

    def at_the_venue(self, stored: StoredOrder, kind: PostKind, is_taken: bool) -> None:
        if kind not in POSTED:
            return
        order = stored.order
        is_taken = kind is PostKind.ACKED or (kind is PostKind.UNKNOWN and is_taken)
        self.posts[order.order_id] += 1
        if is_taken and order.is_entry:
            self.held[order.ticker] += order.size
        elif is_taken:
            self.held[order.ticker] = 0

    @precondition(lambda self: any(self.flying.values()))
    @rule(
        sender=st.sampled_from(PROCESSES),
        kind=st.sampled_from((PostKind.UNKNOWN, PostKind.ACKED, PostKind.NOT_SENT)),
        is_taken=st.booleans(),
    )
    def the_process_dies(self, sender: str, kind: PostKind, is_taken: bool) -> None:
        """kill -9 before or after the POST: memory is gone, the file is opened again."""
        for stored in self.flying[sender].values():
            self.at_the_venue(stored, kind, is_taken)
        self.flying[sender].clear()
        self.journal.__exit__(None, None, None)
        self.open_journal()
        for one in self.boxes[sender].recover(self.us, senders=(sender,)):
            assert one.state is OrderState.UNKNOWN
        assert self.boxes[sender].claimed() == ()

    @invariant()
    def no_entry_is_posted_twice(self) -> None:
        entries = {key: n for key, n in self.posts.items() if key.endswith(":enter")}
        assert all(n == 1 for n in entries.values()), entries

    @invariant()
    def what_is_held_is_counted(self) -> None:
        """A position at the venue has an entry that the outbox still counts as open."""
        counted = {one.order.ticker for one in self.boxes["trader"].may_be_open()}
        assert {ticker for ticker, held in self.held.items() if held} <= counted

    @invariant()
    def an_unknown_entry_has_an_exit_behind_it(self) -> None:
        """Until an exit that left later is acknowledged, one is there to be sent."""
        box = self.boxes["trader"]
        leaving_ = {one.order.ticker for one in box.open_orders() if one.order.intent == "exit"}
        unknown = {one.order.ticker for one in box.may_be_open() if one.state is OrderState.UNKNOWN}
        assert unknown <= leaving_

    @invariant()
    def sent_orders_have_room_between_them(self) -> None:
        """No two different signals of a ticker are claimed within a minute, step back or not."""
        rows = self.journal.query(
            "SELECT e.order_id, e.sent_at_us, o.ticker, o.intent, o.sender FROM order_events e "
            "JOIN orders o USING (order_id) WHERE e.to_state = 'SENDING' AND NOT EXISTS ("
            "SELECT 1 FROM order_events u WHERE u.order_id = e.order_id "
            "AND u.attempt = e.attempt AND u.unsent = 1) ORDER BY e.seq"
        )
        last: dict[str, tuple[str, int]] = {}
        for row in rows:
            before = last.get(row["ticker"])
            if before is not None and before[0] != row["order_id"]:
                assert abs(row["sent_at_us"] - before[1]) >= SPACING_US
            last[row["ticker"]] = (row["order_id"], row["sent_at_us"])

    @invariant()
    def the_events_are_the_states(self) -> None:
        rows = self.journal.query(
            "SELECT o.state, o.attempts, (SELECT to_state FROM order_events e "
            "WHERE e.order_id = o.order_id ORDER BY seq DESC LIMIT 1) AS told, "
            "(SELECT count(*) FROM order_events e WHERE e.order_id = o.order_id "
            "AND to_state = 'SENDING') AS n_sent FROM orders o"
        )
        assert all(row["state"] == row["told"] for row in rows)
        assert all(row["attempts"] == row["n_sent"] for row in rows)


OrderMachine.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
TestOrderMachine = OrderMachine.TestCase
