"""What a start goes on with: whose position it is, in whichever contract, under whichever code."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ledger_desk import answered, filled
from order_desk import MINUTE_US, START_US, entry, leaving

from rooney_live.journal import Journal, Run
from rooney_live.ledger import Ledger
from rooney_live.orders.outbox import Outbox
from rooney_live.orders.records import Origin, order_id_of
from rooney_live.recovery import held_orders

FIRST = Run("run", "release", "2026-01", "code", "", ("SIM_ES",), None, None, "live")
SECOND = replace(FIRST, run_id="upgraded", code_version="newer")


@pytest.fixture
def journal(tmp_path):
    with Journal.open(tmp_path / "journal.sqlite") as opened:
        opened.begin(FIRST, "2026-01-01T00:00:00+00:00")
        opened.begin(SECOND, "2026-02-01T00:00:00+00:00")
        yield opened


def rolled(journal, at_us, **changed):
    """The exit of the old contract and as much of the new one, as `Runtime._roll` orders them."""
    old = leaving(at_us=at_us, origin=Origin.ROLL, reason="SIM_ESH21")
    answered(journal, replace(old, order_id=f"{old.order_id}:roll"))
    new = entry(
        at_us=at_us,
        order_id=order_id_of("SIM_ES", at_us, "enter", Origin.ROLL),
        decision_id=f"SIM_ES:{at_us}:roll",
        origin=Origin.ROLL,
        contract="SIM_ESM21",
        ticker="SIM_ESM2021",
        **changed,
    )
    return answered(journal, new)


@pytest.mark.parametrize("run", [FIRST, SECOND])
@pytest.mark.parametrize("n_rolls", [0, 1])
def test_a_position_goes_on_in_its_later_contract_and_under_newer_code(journal, run, n_rolls):
    bought = answered(journal, entry())
    filled(journal, bought, 4000.5)
    for _ in range(n_rolls):
        rolled(journal, START_US + 90 * MINUTE_US)
    assert [one.contract[-3:] for one in Ledger(journal).open] == [("H21", "M21")[n_rolls]]
    (held,) = held_orders(journal, run).values()
    assert (held.order.order_id, held.fill.price, held.leaving) == (bought.order_id, 4000.5, None)


def test_an_exit_that_the_code_before_decided_comes_along(journal):
    filled(journal, answered(journal, entry()), 4000.5)
    rolled(journal, START_US + 90 * MINUTE_US)
    with journal.transaction():
        Outbox(journal).add(leaving(at_us=START_US + 150 * MINUTE_US), START_US)
    (held,) = held_orders(journal, SECOND).values()
    assert held.leaving.decided_at_us == START_US + 150 * MINUTE_US


def test_an_older_entry_of_the_symbol_is_not_the_one_that_was_rolled(journal):
    filled(journal, answered(journal, entry()), 4000.5)
    answered(journal, leaving(at_us=START_US + 2 * MINUTE_US))
    bought = answered(journal, entry(at_us=START_US + 60 * MINUTE_US))
    filled(journal, bought, 4000.5)
    rolled(journal, START_US + 90 * MINUTE_US)
    (held,) = held_orders(journal, SECOND).values()
    assert held.order.order_id == bought.order_id


def test_what_is_flat_or_of_the_other_side_is_nobodys_under_newer_code(journal):
    filled(journal, answered(journal, entry()), 4000.5)
    new = rolled(journal, START_US + 90 * MINUTE_US, side=-1)
    assert held_orders(journal, SECOND) == {}
    out = leaving(at_us=START_US + 120 * MINUTE_US, contract=new.contract, ticker=new.ticker)
    answered(journal, out)
    assert Ledger(journal).open == ()
    assert held_orders(journal, SECOND) == {}


def test_an_entry_that_never_filled_is_over_when_the_code_before_saw_its_bar(journal):
    answered(journal, entry())
    assert set(held_orders(journal, SECOND)) == {"SIM_ES"}
    with journal.transaction():
        journal.put(
            "decisions",
            {
                "run_id": "run",
                "symbol": "SIM_ES",
                "bar_end_us": START_US + MINUTE_US,
                "contract": "SIM_ESH21",
                "session": "2023-11-14",
                "close": 1.0,
                "code": "ENTRY_LAPSED",
                "action": "none",
                "side": 1,
                "features": "{}",
                "contributions": "{}",
                "release_id": "release",
            },
        )
    assert held_orders(journal, SECOND) == {}
