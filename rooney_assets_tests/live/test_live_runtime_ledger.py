"""The ledger believes what the orders came to: each line of the table, by hand."""

from __future__ import annotations

import pytest

from rooney_live.journal import Journal, Run
from rooney_live.ledger import Ledger
from rooney_live.orders.outbox import Outbox
from rooney_live.orders.records import OrderIntent, OrderState

RUN = Run("r1", "release", "2021-04", "code", "", ("ES",), None, None, "live")
MINUTE_US = 60_000_000
S = OrderState


def intent(what, at_us, **changed):
    values = {
        "order_id": f"ES:{at_us}:{what}",
        "symbol": "ES",
        "decided_at_us": at_us,
        "intent": what,
        "side": 1,
        "size": 2,
        "reason": "ENTER",
        "run_id": "r1",
        "decision_id": f"ES:{at_us}",
        "contract": "ESH1",
        "ticker": "ESH2021",
        "signal_price": 3900.0,
    }
    return OrderIntent(**values | changed)


@pytest.fixture
def journal(tmp_path):
    with Journal.open(tmp_path / "journal.sqlite") as opened:
        opened.begin(RUN, "2021-04-01T00:00:00+00:00")
        yield opened


class Book:
    """Orders and ledger of one symbol, a minute apart."""

    def __init__(self, journal):
        self.journal, self.now_us = journal, MINUTE_US
        self.outbox, self.ledger = Outbox(journal), Ledger(journal)

    def enter(self, state, **changed):
        return self.do("enter", state, **changed)

    def do(self, what, *states, **changed):
        order = intent(what, self.now_us, **changed)
        with self.journal.transaction():
            stored = self.outbox.add(order, self.now_us, send_now=True)
            if what == "enter":
                self.ledger.begin(stored.order, None)
            self.ledger.follow(self.now_us)
        for state in states:
            self.mark(order.order_id, state)
        self.now_us += 2 * MINUTE_US
        return order.order_id

    def mark(self, order_id, state):
        with self.journal.transaction():
            if self.outbox.get(order_id).state is not S.SENDING and state is not S.WITHDRAWN:
                assert self.outbox.claim(order_id, self.now_us).state is S.SENDING
            self.outbox.mark(order_id, state, self.now_us)
            self.ledger.follow(self.now_us)

    @property
    def state(self):
        return [(one.state, one.is_known) for one in self.ledger.open]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (S.ACKED, [("open", True)]),
        (S.REJECTED, []),
        (S.DENIED, []),
        # Nobody knows: it counts, and its exit is on record already.
        (S.UNKNOWN, [("leaving", False)]),
    ],
)
def test_an_entry_counts_from_its_commit_and_then_as_it_was_answered(journal, answer, expected):
    book = Book(journal)
    entry = book.enter(S.ACKED) if answer is None else book.do("enter")
    assert book.state == [("sent", False)]
    book.mark(entry, answer)
    assert book.state == expected


def test_an_exit_ends_it_when_it_is_acknowledged_and_not_before(journal):
    book = Book(journal)
    entry = book.enter(S.ACKED)
    leave = book.do("exit", S.UNKNOWN)
    assert book.state == [("leaving", True)]
    book.now_us += MINUTE_US
    book.mark(leave, S.REJECTED)
    assert book.state == [("leaving", True)]
    book.now_us += 10 * MINUTE_US
    book.mark(leave, S.ACKED)
    assert book.state == []
    (row,) = journal.query("SELECT * FROM positions")
    assert (row["opened_by"], row["closed_by"], row["state"]) == (entry, leave, "flat")
    assert row["closed_at_us"] == book.now_us


def test_an_exit_of_before_ends_no_later_position_and_no_other_contract(journal):
    book = Book(journal)
    book.enter(S.ACKED)
    book.do("exit", S.ACKED)
    assert book.state == []
    book.enter(S.ACKED)
    assert book.state == [("open", True)]
    book.do("exit", S.ACKED, contract="ESM1", ticker="ESM2021")
    assert book.state == [("open", True)]


def test_a_limit_exit_ends_nothing_before_the_market_order_behind_it(journal):
    book = Book(journal)
    book.enter(S.ACKED)
    book.do("exit", S.ACKED, order_type="limit", limit_price=3900.0)
    assert book.state == [("open", True)]
    book.do("exit", S.ACKED)
    assert book.state == []


def test_what_a_person_told_of_ends_by_a_later_exit_only(journal):
    book = Book(journal)
    book.enter(S.ACKED)
    book.do("exit", S.ACKED)
    with journal.transaction():
        journal.put(
            "positions",
            {
                "opened_by": "person:1:ES:ESH1",
                "run_id": "r1",
                "symbol": "ES",
                "contract": "ESH1",
                "side": 1,
                "size": 3,
                "since_us": book.now_us,
                "state": "open",
                "is_known": 1,
                "deadline_us": None,
                "proof": "person",
                "proof_at_us": book.now_us,
                "closed_by": None,
                "closed_at_us": None,
            },
        )
        book.ledger.reload()
        book.ledger.follow(book.now_us)
    assert book.state == [("open", True)]
    book.now_us += MINUTE_US
    book.do("exit", S.ACKED)
    assert book.state == []


def test_the_ledger_in_memory_is_the_journals(journal):
    book = Book(journal)
    book.enter(S.ACKED)
    book.do("exit", S.UNKNOWN)
    assert Ledger(journal).open == book.ledger.open
    assert book.ledger.symbols == {"ES"}
    assert book.ledger.of("NQ") == ()
