"""The outbox by hand: races, recovery, holds and limits, one at a time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from order_desk import MINUTE_US, SECOND_US, START_US, entry, leaving, opened

from rooney_live.journal import Journal, JournalRefused
from rooney_live.orders.limits import Budget, Hold
from rooney_live.orders.outbox import (
    ADOPT_AFTER_US,
    COMMAND,
    MAX_BACK_OFF_US,
    MONITOR,
    STUCK_US,
    Outbox,
    UnknownOrder,
)
from rooney_live.orders.records import HoldCode, OrderIntent, OrderState, Origin, order_id_of
from rooney_live.orders.states import ENTRY, EXIT, ImpossibleTransition, check_transition

HOUR_US = 60 * MINUTE_US


@pytest.fixture
def journal(tmp_path: Path):
    with opened(tmp_path) as found:
        yield found


@pytest.fixture
def box(journal: Journal) -> Outbox:
    return Outbox(journal)


def sent(box: Outbox, order: OrderIntent, at_us: int) -> str:
    """An order that is SENDING since `at_us`; its id."""
    box.add(order, at_us)
    claimed = box.claim(order.order_id, at_us)
    assert not isinstance(claimed, Hold), claimed
    return order.order_id


def test_an_acknowledged_entry_counts_until_an_exit_that_left_later_is(box: Outbox) -> None:
    bought = sent(box, entry(), START_US)
    assert [one.order.order_id for one in box.may_be_open()] == [bought]
    box.mark(bought, OrderState.ACKED, START_US)
    left = sent(box, leaving(at_us=START_US + 1), START_US + MINUTE_US)
    assert [one.order.order_id for one in box.may_be_open()] == [bought]
    box.mark(left, OrderState.ACKED, START_US + MINUTE_US)
    assert box.may_be_open() == ()


def test_an_exit_that_overtakes_an_entry_does_not_count_and_another_follows(journal) -> None:
    """The trader hangs while it sends; the monitor's exit is answered before the entry is."""
    trader, monitor = Outbox(journal), Outbox(journal, MONITOR)
    bought = sent(trader, entry(), START_US)
    now_us = START_US + MINUTE_US
    left = sent(monitor, leaving(at_us=now_us, origin=Origin.MONITOR), now_us)
    monitor.mark(left, OrderState.ACKED, now_us)
    assert [one.order.order_id for one in trader.may_be_open()] == [bought]
    trader.mark(bought, OrderState.ACKED, now_us + 1)
    assert [one.order.order_id for one in trader.may_be_open()] == [bought]
    (again,) = trader.open_orders()
    assert (again.order.intent, again.order.reason) == ("exit", "RACED")
    sent(trader, again.order, now_us + MINUTE_US)
    trader.mark(again.order.order_id, OrderState.ACKED, now_us + MINUTE_US)
    assert trader.may_be_open() == ()


def test_an_exit_that_was_on_its_way_does_not_cover_the_one_of_an_unknown_entry(journal) -> None:
    trader, monitor = Outbox(journal), Outbox(journal, MONITOR)
    bought = sent(trader, entry(), START_US)
    now_us = START_US + MINUTE_US
    left = sent(monitor, leaving(at_us=now_us, origin=Origin.MONITOR), now_us)
    trader.mark(bought, OrderState.UNKNOWN, now_us + 1)
    monitor.mark(left, OrderState.ACKED, now_us + 2)
    (waiting,) = trader.open_orders()
    assert waiting.order.origin is Origin.RECOVERY
    assert [one.order.order_id for one in trader.may_be_open()] == [bought]


def test_an_exit_that_a_dead_process_left_on_its_way_is_taken_over_and_repeated(journal) -> None:
    trader, monitor = Outbox(journal), Outbox(journal, MONITOR)
    left = sent(monitor, leaving(origin=Origin.MONITOR), START_US)
    assert trader.take_over(START_US + STUCK_US - 1) == ()
    assert monitor.take_over(START_US + STUCK_US) == (), "its own is in the hands of its dispatcher"
    now_us = START_US + STUCK_US
    (taken,) = trader.take_over(now_us)
    assert (taken.state, taken.code) == (OrderState.UNKNOWN, HoldCode.RECOVERED)
    assert trader.take_over(now_us) == ()
    # No entry of the ticker waits for it for ever, and whoever is there sends it again.
    later_us = now_us + ADOPT_AFTER_US
    assert trader.hold(entry(at_us=later_us), later_us).code is HoldCode.EXIT_FIRST
    assert [one.order.order_id for one in trader.due(later_us)] == [left]
    again = trader.claim(left, later_us + MINUTE_US)
    assert (again.sender, again.attempts) == ("trader", 2)
    # The process that hung wakes up with the answer to its own attempt: it changes nothing.
    stale = monitor.mark(left, OrderState.REJECTED, later_us + MINUTE_US, attempt=1)
    assert (stale.state, stale.attempts) == (OrderState.SENDING, 2)
    assert trader.mark(left, OrderState.ACKED, later_us, attempt=2).state is OrderState.ACKED
    assert trader.hold(entry(at_us=later_us), later_us + 3 * MINUTE_US) is None


def test_an_entry_on_its_way_is_taken_over_by_nobody(journal) -> None:
    sent(Outbox(journal, COMMAND), entry(), START_US)
    assert Outbox(journal).take_over(START_US + HOUR_US) == ()


def test_an_entry_that_a_dead_command_had_not_sent_never_leaves(journal) -> None:
    Outbox(journal, COMMAND).add(entry("SIM_CL"), START_US)
    trader = Outbox(journal)
    own = trader.add(entry(), START_US)
    assert trader.recover(START_US) == ()
    assert trader.get(f"SIM_CL:{START_US}:enter").state is OrderState.WITHDRAWN
    # What this process itself had decided goes on, while it has not expired.
    assert trader.get(own.order.order_id).state is OrderState.INTENT


def test_an_acknowledged_market_exit_covers_those_that_were_wanted_before(journal) -> None:
    trader, monitor = Outbox(journal), Outbox(journal, MONITOR)
    first = leaving(at_us=START_US)
    trader.add(first, START_US)
    second = sent(monitor, leaving(at_us=START_US + 1, origin=Origin.MONITOR), START_US)
    later = leaving(at_us=START_US + 2)
    trader.add(later, START_US)
    monitor.mark(second, OrderState.ACKED, START_US + 1)
    assert trader.get(first.order_id).state is OrderState.WITHDRAWN
    assert trader.get(first.order_id).code == HoldCode.COVERED
    assert trader.get(later.order_id).state is OrderState.INTENT


def test_a_limit_exit_covers_nothing(box: Outbox) -> None:
    market = leaving(at_us=START_US, due_at_us=START_US + HOUR_US)
    box.add(market, START_US)
    limit = sent(box, leaving(at_us=START_US + 1, order_type="limit", limit_price=1.0), START_US)
    box.mark(limit, OrderState.ACKED, START_US)
    assert box.get(market.order_id).state is OrderState.INTENT


def test_an_unknown_entry_whose_exit_waits_already_gets_no_second_one(box: Outbox) -> None:
    bought = sent(box, entry(), START_US)
    box.add(leaving(at_us=START_US + 1), START_US + 1)
    box.mark(bought, OrderState.UNKNOWN, START_US + 2)
    assert len(box.open_orders()) == 1


def test_the_exit_of_an_unknown_entry_hides_behind_no_exit_of_the_same_bar(box: Outbox) -> None:
    """Long to short: the exit of the bar is acknowledged, the entry of the same bar unknown."""
    left = sent(box, leaving(), START_US)
    box.mark(left, OrderState.ACKED, START_US)
    bought = sent(box, entry(side=-1), START_US + MINUTE_US)
    box.mark(bought, OrderState.UNKNOWN, START_US + MINUTE_US)
    (waiting,) = box.open_orders()
    assert waiting.order.order_id == f"SIM_ES:{START_US}:exit:recovery"


def test_the_same_decision_under_another_name_is_not_ordered_again(box: Outbox) -> None:
    first = box.add(entry(), START_US)
    again = box.add(replace(entry(), order_id="another", size=7), START_US + 1)
    assert again == first
    assert len(box.open_orders()) == 1


def test_the_journal_itself_refuses_a_second_entry_of_a_decision(journal, box: Outbox) -> None:
    box.add(entry(), START_US)
    columns = ", ".join(
        one["name"]
        for one in journal.query("PRAGMA table_info(orders)")
        if one["name"] != "order_id"
    )
    with pytest.raises(JournalRefused, match="UNIQUE"), journal.transaction():
        journal.execute(
            f"INSERT INTO orders (order_id, {columns}) SELECT 'x', {columns} FROM orders"
        )


def test_long_to_short_the_entry_waits_for_the_exit_and_a_minute(box: Outbox) -> None:
    left, bought = leaving(), entry(side=-1)
    box.add(left, START_US, send_now=True)
    added = box.add(bought, START_US, send_now=True)
    assert added.state is OrderState.INTENT
    assert box.hold(bought, START_US) == Hold(HoldCode.IN_FLIGHT, START_US + SECOND_US)
    box.mark(left.order_id, OrderState.UNKNOWN, START_US + 1, due_at_us=START_US + 1)
    assert box.hold(bought, START_US + 1) == Hold(HoldCode.EXIT_FIRST, START_US + 1 + SECOND_US)
    box.claim(left.order_id, START_US + 2)
    box.mark(left.order_id, OrderState.ACKED, START_US + 3)
    expected = Hold(HoldCode.SPACING, START_US + 2 + MINUTE_US)
    assert box.hold(bought, START_US + 3) == expected
    assert box.hold(bought, expected.until_us) is None


def test_an_exit_withdraws_an_older_entry_that_did_not_leave(box: Outbox) -> None:
    box.add(entry(), START_US)
    box.add(entry("SIM_CL"), START_US)
    box.add(leaving(at_us=START_US + 1), START_US + 1)
    assert box.get(entry().order_id).state is OrderState.WITHDRAWN
    assert box.get(entry("SIM_CL").order_id).state is OrderState.INTENT


def _use_up(box: Outbox, n: int, at_us: int, kind: str = "exit") -> None:
    """So many requests of as many tickers, at one moment."""
    for number in range(n):
        make = leaving if kind == "exit" else entry
        order_id = sent(box, make(f"SIM_{kind}{at_us}{number}".upper(), START_US), at_us)
        box.mark(order_id, OrderState.ACKED, at_us)


def test_entries_leave_a_part_of_the_minutes_budget_to_exits(journal) -> None:
    budget = Budget(per_minute=5, per_hour=9, entries_per_minute=3, entries_per_hour=6)
    box = Outbox(journal, budget=budget)
    _use_up(box, 3, START_US, "enter")
    now_us = START_US + 1
    assert box.hold(entry(), now_us) == Hold(HoldCode.RATE_LIMIT, START_US + MINUTE_US)
    assert box.hold(leaving(), now_us) is None
    _use_up(box, 2, now_us)
    assert box.hold(leaving(), now_us) == Hold(HoldCode.RATE_LIMIT, START_US + MINUTE_US)


def test_the_budget_of_the_hour_is_shared_by_processes_and_outlives_them(tmp_path) -> None:
    budget = Budget(per_minute=5, per_hour=9, entries_per_minute=3, entries_per_hour=6)
    with opened(tmp_path) as journal:
        _use_up(Outbox(journal, budget=budget), 1, START_US)
        _use_up(Outbox(journal, MONITOR, budget), 5, START_US + 2 * MINUTE_US)
        _use_up(Outbox(journal, budget=budget), 3, START_US + 4 * MINUTE_US)
    with opened(tmp_path) as journal:
        box = Outbox(journal, budget=budget)
        now_us = START_US + 10 * MINUTE_US
        assert box.hold(entry(), now_us) == Hold(
            HoldCode.RATE_LIMIT, START_US + 2 * MINUTE_US + HOUR_US
        )
        assert box.hold(leaving(), now_us) == Hold(HoldCode.RATE_LIMIT, START_US + HOUR_US)
        assert box.hold(leaving(), START_US + HOUR_US) is None


def test_what_surely_did_not_leave_costs_nothing(journal) -> None:
    budget = Budget(per_minute=1, per_hour=1, entries_per_minute=1, entries_per_hour=1)
    box = Outbox(journal, budget=budget)
    bought = sent(box, entry(), START_US)
    assert box.hold(entry("SIM_CL"), START_US) is not None
    box.mark(bought, OrderState.INTENT, START_US, is_unsent=True)
    assert box.hold(entry("SIM_CL"), START_US) is None
    assert box.hold(leaving(at_us=START_US + 1), START_US) is None


def test_the_shipped_budget_is_within_the_venues_limits(journal) -> None:
    shipped = Budget()
    assert shipped.entries_per_minute < shipped.per_minute < 60
    assert shipped.entries_per_hour < shipped.per_hour < 500
    # Twelve exits, each repeated every two minutes as the longest back-off says.
    assert shipped.per_hour > 12 * 30


def test_after_429_nobody_sends_until_the_venue_said(journal) -> None:
    box = Outbox(journal)
    left = sent(box, leaving(), START_US)
    quiet_us = START_US + 30 * SECOND_US
    box.mark(left, OrderState.INTENT, START_US, due_at_us=quiet_us, quiet_until_us=quiet_us)
    monitor = Outbox(journal, MONITOR)
    assert monitor.hold(leaving("SIM_CL"), START_US + 1) == Hold(HoldCode.RATE_LIMIT, quiet_us)
    assert monitor.hold(leaving("SIM_CL"), quiet_us) is None


def test_a_clock_that_steps_back_delays_no_exit(box: Outbox) -> None:
    left = sent(box, leaving(), START_US + 5 * HOUR_US)
    now_us = START_US + 5 * HOUR_US
    box.mark(left, OrderState.UNKNOWN, now_us, due_at_us=now_us + SECOND_US)
    assert [one.order.order_id for one in box.due(START_US)] == [left]
    assert box.hold(leaving(), START_US) is None
    assert box.due(now_us + SECOND_US - MAX_BACK_OFF_US) == ()


def test_an_exit_that_its_process_leaves_alone_is_adopted_an_entry_never(journal) -> None:
    monitor, trader = Outbox(journal, MONITOR), Outbox(journal)
    monitor.add(leaving(), START_US)
    monitor.add(entry("SIM_CL"), START_US)
    assert trader.due(START_US) == ()
    assert [one.order.intent for one in trader.due(START_US + 10 * SECOND_US)] == ["exit"]


def test_whoever_claims_first_sends(journal) -> None:
    monitor, trader = Outbox(journal, MONITOR), Outbox(journal)
    sent(trader, leaving(), START_US)
    found = monitor.claim(leaving().order_id, START_US)
    assert isinstance(found, Hold)
    assert found.code is HoldCode.IN_FLIGHT


def test_what_is_found_as_sending_or_not_committed_is_never_sent(journal) -> None:
    """Somebody who is gone may have sent it."""
    trader = Outbox(journal)
    sent(trader, entry(), START_US)
    assert [one.order.symbol for one in trader.claimed()] == ["SIM_ES"]
    assert Outbox(journal).claimed() == ()
    with journal.transaction():
        trader.add(entry("SIM_CL"), START_US, send_now=True)
        assert trader.claimed() == ()
    assert [one.order.symbol for one in trader.claimed()] == ["SIM_CL", "SIM_ES"]


def test_recovery_takes_only_what_its_own_lock_covers(journal) -> None:
    trader, monitor = Outbox(journal), Outbox(journal, MONITOR)
    sent(trader, entry(), START_US)
    sent(monitor, leaving("SIM_CL"), START_US)
    (left,) = trader.recover(START_US + 1)
    assert (left.order.symbol, left.state, left.code) == ("SIM_ES", OrderState.UNKNOWN, "RECOVERED")
    assert [one.order.symbol for one in monitor.claimed()] == ["SIM_CL"]
    assert trader.recover(START_US + 2) == ()


def _add_and_die(journal: Journal) -> None:
    with journal.transaction():
        Outbox(journal).add(entry(), START_US, send_now=True)
        raise KeyboardInterrupt


def test_orders_and_the_decision_are_durable_together_or_not_at_all(tmp_path) -> None:
    with opened(tmp_path) as journal:
        with pytest.raises(KeyboardInterrupt):
            _add_and_die(journal)
        with journal.transaction():
            stored = Outbox(journal).add(entry("SIM_CL"), START_US, send_now=True)
            assert stored.state is OrderState.SENDING
    with opened(tmp_path) as journal:
        assert [one.order.symbol for one in Outbox(journal).open_orders()] == ["SIM_CL"]


def test_what_the_owner_proves_ends_an_unknown_entry(box: Outbox) -> None:
    bought = sent(box, entry(), START_US)
    box.mark(bought, OrderState.UNKNOWN, START_US)
    assert box.mark(bought, OrderState.REJECTED, START_US + 1, code="PROVED").code == "PROVED"
    assert box.may_be_open() == ()


def test_a_step_that_there_is_not_is_refused_and_changes_nothing(journal, box: Outbox) -> None:
    bought = sent(box, entry(), START_US)
    box.mark(bought, OrderState.ACKED, START_US)
    before = journal.query("SELECT * FROM orders"), journal.query("SELECT * FROM order_events")
    with pytest.raises(
        ImpossibleTransition, match=r"is ACKED and cannot become UNKNOWN; .* nothing"
    ):
        box.mark(bought, OrderState.UNKNOWN, START_US)
    with pytest.raises(UnknownOrder, match="no order nobody"):
        box.mark("nobody", OrderState.ACKED, START_US)
    after = journal.query("SELECT * FROM orders"), journal.query("SELECT * FROM order_events")
    assert after == before


def test_the_table_of_states_says_what_the_facts_say() -> None:
    assert {one for one in OrderState if not ENTRY[one]} == {
        *(OrderState.ACKED, OrderState.REJECTED, OrderState.DENIED),
        *(OrderState.WITHDRAWN, OrderState.PAPER),
    }
    # The only way of an entry back to where it may be sent is an attempt that did not leave.
    assert [one for one in OrderState if OrderState.SENDING in ENTRY[one]] == [OrderState.INTENT]
    assert [one for one in OrderState if OrderState.INTENT in ENTRY[one]] == [OrderState.SENDING]
    assert OrderState.DENIED not in set().union(*EXIT.values())
    check_transition("x", "exit", OrderState.UNKNOWN, OrderState.SENDING)


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        (Origin.DECISION, "ES:7:exit"),
        (Origin.MONITOR, "ES:7:exit"),
        (Origin.RECOVERY, "ES:7:exit:recovery"),
    ],
)
def test_names_of_orders(origin: Origin, expected: str) -> None:
    assert order_id_of("ES", 7, "exit", origin) == expected
    assert order_id_of("ES", 7, "exit", origin, run="r") == f"r:{expected}"
