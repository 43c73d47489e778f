"""Equity and the day's result by the journal alone; every number by hand.

Belongs here: what was left. Does not belong here: what is held (test_live_monitor_watch.py).
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from ledger_desk import answered, filled
from monitor_desk import INSTRUMENTS, decide, journal_at
from order_desk import MINUTE_US, START_US, entry, leaving

from rooney_core.release.limits import LiveLimits
from rooney_live.orders.outbox import Outbox
from rooney_live.orders.records import OrderState, Origin
from rooney_live.reconcile import reconcile_one
from rooney_live.risk.journal_book import book_from_journal

ES = INSTRUMENTS["SIM_ES"]
POINT = 2 * ES.multiplier
FEES = 2 * 2 * ES.commission_per_contract_usd
OUT_US = START_US + 10 * MINUTE_US
NOW_US = START_US + 20 * MINUTE_US
MANUAL = {"origin": Origin.MANUAL, "order_id": f"SIM_ES:{START_US}:enter:manual"}


@pytest.fixture
def journal(tmp_path):
    with journal_at(tmp_path) as opened:
        decide(opened, START_US - MINUTE_US, 4_000.25)
        decide(opened, OUT_US - MINUTE_US, 3_980.25)
        decide(opened, NOW_US, 3_900.0)
        yield opened


def out(**changed):
    """An exit that nobody decided on a bar: it has no price of its own."""
    return leaving(at_us=OUT_US, origin=Origin.FLATTEN, signal_price=None, **changed)


def result(journal):
    book = book_from_journal(journal, INSTRUMENTS, LiveLimits(), NOW_US)
    assert book.equity_usd - LiveLimits().capital_usd == pytest.approx(book.day_profit_usd)
    return book.day_profit_usd


def test_a_loss_by_hand_stays_a_loss_when_it_is_taken(journal):
    answered(journal, entry(**MANUAL))
    assert result(journal) == pytest.approx(-100.25 * POINT)
    answered(journal, out())
    # At the last close before the exit, whatever the price did since.
    assert result(journal) == pytest.approx(-20.0 * POINT - FEES)


def test_the_brokers_fills_come_first_and_a_trade_before_all(journal):
    bought = entry()
    answered(journal, bought)
    filled(journal, bought, 4_001.25)
    answered(journal, out())
    assert result(journal) == pytest.approx(-21.0 * POINT - FEES)
    filled(journal, bought, 4_001.0, source="reported")
    filled(journal, out(), 3_981.0, source="reported")
    assert result(journal) == pytest.approx(-20.0 * POINT - FEES)
    with journal.transaction():
        journal.put(
            "trades",
            {
                "entry_order_id": bought.order_id,
                "exit_order_id": out().order_id,
                "run_id": "run",
                "symbol": "SIM_ES",
                "side": 1,
                "size": 2,
                "signal_time_us": START_US,
                "entry_time_us": START_US,
                "exit_time_us": NOW_US,
                "entry_price": 1.0,
                "exit_price": 1.0,
                "commission_usd": 1.0,
                "net_profit_usd": -77.0,
                "exit_reason": "EXIT_TIME",
                "rolls": 0,
                "roll_gap": 0.0,
            },
        )
    assert result(journal) == pytest.approx(-77.0)


def test_what_was_never_filled_has_no_result(journal):
    """A stop that its bar did not reach, refused entries, and those of which nobody knew."""
    answered(journal, entry(kind="stop", level=4_100.0))
    answered(journal, out())
    assert result(journal) == 0.0
    box, later = Outbox(journal), entry(at_us=START_US + MINUTE_US, **{"signal_price": 9_000.0})
    box.add(later, later.decided_at_us, send_now=True)
    box.mark(later.order_id, OrderState.REJECTED, later.decided_at_us)
    assert result(journal) == 0.0


@pytest.mark.parametrize(("close", "expected"), [(3_980.25, -20.0 * POINT - FEES), (4_050.0, 0.0)])
def test_what_a_person_says_to_be_gone_counts_only_as_a_loss(tmp_path, close, expected):
    with journal_at(tmp_path) as journal:
        decide(journal, START_US - MINUTE_US, 4_000.25)
        answered(journal, entry(**MANUAL))
        decide(journal, OUT_US - MINUTE_US, close)
        reconcile_one(journal, ("SIM_ES", "SIM_ESH21"), 0, INSTRUMENTS, "looked", OUT_US)
        assert result(journal) == pytest.approx(expected)


def test_a_rolled_position_counts_in_both_contracts_until_its_trade_tells(journal):
    bought = entry()
    answered(journal, bought)
    filled(journal, bought, 4_000.25)
    answered(journal, out())
    new = replace(
        entry(at_us=OUT_US, origin=Origin.ROLL, contract="SIM_ESM21", ticker="SIM_ESM2021"),
        order_id=f"SIM_ES:{OUT_US}:enter:roll",
        signal_price=3_990.0,
    )
    answered(journal, new)
    assert result(journal) == pytest.approx((-20.0 - 90.0) * POINT - FEES)
