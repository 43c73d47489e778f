"""The invariants of a rehearsal, on records small enough to judge by eye."""

from __future__ import annotations

import pytest

from rooney_live.rehearsal.invariants import (
    SHOWN,
    Arrival,
    Sent,
    decisions_equal_backtest,
    flat_by_deadline,
    found,
    held_at_the_end,
    ledger_equals_receiver,
    no_duplicate_entry,
    no_order_while_killed,
    no_secret_in_output,
)

ES, CL = "ESZ2026", "CLF2027"


def buy(order_id, at_us, ticker=ES, quantity=2, is_taken=True):
    return Arrival(order_id, ticker, "buy", at_us, quantity, is_taken)


def leave(order_id, at_us, ticker=ES, is_taken=True):
    return Arrival(order_id, ticker, "exit", at_us, None, is_taken)


def test_a_round_trip_is_no_duplicate():
    held = no_duplicate_entry([buy("a", 10), leave("b", 20), buy("c", 30), leave("d", 40)])
    assert held.holds
    assert held.n_checked == 2


@pytest.mark.parametrize("second_is_taken", [True, False])
def test_the_same_entry_twice_breaks_it_whatever_the_venue_made_of_it(second_is_taken):
    arrivals = [buy("a", 10), leave("b", 20), buy("a", 30, is_taken=second_is_taken)]
    verdict = no_duplicate_entry(arrivals)
    assert not verdict.holds
    assert verdict.broken == ("a: 2 entries arrived",)


def test_exits_may_be_repeated():
    arrivals = [buy("a", 10), leave("b", 20, is_taken=False), leave("b", 21), leave("b", 22)]
    assert no_duplicate_entry(arrivals).holds


def test_an_entry_on_top_of_an_open_position_breaks_it():
    assert no_duplicate_entry([buy("a", 10), buy("b", 20)]).broken == (
        "b: ESZ2026 was held already",
    )
    assert no_duplicate_entry([buy("a", 10), buy("b", 20, ticker=CL)]).holds
    assert no_duplicate_entry([buy("a", 10, is_taken=False), buy("b", 20)]).holds


def test_flat_by_the_deadline_counts_what_was_sent_by_it():
    trip = [buy("a", 10), leave("b", 20)]
    assert flat_by_deadline(trip, {ES: [20]}).holds
    late = flat_by_deadline(trip, {ES: [19]})
    assert late.broken == ("ESZ2026: +2 contracts at the deadline 19",)
    assert late.n_checked == 1


def test_a_short_that_stays_open_breaks_every_deadline_that_it_passes():
    sold = [Arrival("a", ES, "sell", 10, 3)]
    assert flat_by_deadline(sold, {ES: [9, 10, 20], CL: [20]}).n_broken == 2


def test_an_exit_that_was_begun_in_time_and_failed_has_the_grace_and_no_more():
    arrivals = [buy("a", 10), leave("b", 20, is_taken=False), leave("b", 26)]
    tried = [Sent("b", ES, "exit", "ACKED", (20, 26))]
    assert not flat_by_deadline(arrivals, {ES: [22]}, tried).holds
    assert flat_by_deadline(arrivals, {ES: [22]}, tried, grace_us=4).holds
    assert not flat_by_deadline(arrivals, {ES: [22]}, tried, grace_us=3).holds


def test_an_exit_that_was_not_begun_in_time_has_no_grace():
    arrivals = [buy("a", 10), leave("b", 26)]
    tried = [Sent("b", ES, "exit", "ACKED", (26,))]
    assert not flat_by_deadline(arrivals, {ES: [22]}, tried, grace_us=100).holds


def test_an_exit_of_the_trade_before_is_no_excuse():
    arrivals = [buy("a", 1), leave("b", 2), buy("c", 10), leave("d", 26)]
    tried = [Sent("b", ES, "exit", "ACKED", (2,)), Sent("d", ES, "exit", "ACKED", (26,))]
    assert not flat_by_deadline(arrivals, {ES: [22]}, tried, grace_us=100).holds


def test_a_new_position_after_the_deadline_does_not_hide_the_late_exit():
    arrivals = [buy("a", 10), leave("b", 20, is_taken=False), leave("b", 24), buy("c", 25)]
    tried = [Sent("b", ES, "exit", "ACKED", (20, 24))]
    assert flat_by_deadline(arrivals, {ES: [22]}, tried, grace_us=4).holds


def test_the_ledger_is_held_to_the_receiver_by_ticker():
    assert ledger_equals_receiver({}, {ES: 0}, [], []).holds
    verdict = ledger_equals_receiver({ES: 2}, {ES: -1, CL: 1}, [], [])
    assert verdict.broken == (
        "CLF2027: the ledger says +0, the receiver +1",
        "ESZ2026: the ledger says +2, the receiver -1",
    )


@pytest.mark.parametrize(
    ("state", "is_taken", "holds"),
    [
        ("ACKED", True, True),
        ("ACKED", False, False),
        ("REJECTED", False, True),
        ("REJECTED", True, False),
        ("DENIED", True, False),
        ("WITHDRAWN", True, False),
        ("INTENT", True, False),
        ("UNKNOWN", True, True),
        ("UNKNOWN", False, True),
        ("SENDING", True, False),
    ],
)
def test_what_an_order_is_said_to_be_is_what_the_venue_made_of_it(state, is_taken, holds):
    sent = [Sent("a", ES, "enter", state, (10,))]
    assert ledger_equals_receiver({}, {}, sent, [buy("a", 10, is_taken=is_taken)]).holds is holds


@pytest.mark.parametrize("state", ["REJECTED", "WITHDRAWN", "UNKNOWN", "INTENT"])
def test_an_exit_may_have_been_taken_unheard(state):
    sent = [Sent("a", ES, "exit", state, (10,))]
    assert ledger_equals_receiver({}, {}, sent, [leave("a", 10)]).holds


def test_an_order_of_which_the_journal_knows_nothing_breaks_the_ledger():
    verdict = ledger_equals_receiver({}, {}, [], [leave("x", 10)])
    assert verdict.broken == ("x: arrived, and the journal has no such order",)


def test_while_killed_exits_arrive_and_entries_do_not():
    arrivals = [buy("a", 10), leave("b", 20), buy("c", 30)]
    assert no_order_while_killed(arrivals, [(1, 2)]).holds
    assert no_order_while_killed(arrivals, [(3, 3)]).holds
    assert no_order_while_killed(arrivals, [(1, 3)]).broken == (
        "c: buy ESZ2026 arrived while killed",
    )
    assert no_order_while_killed(arrivals, []).n_checked == 0


def test_only_so_many_breaches_are_told_and_all_are_counted():
    verdict = decisions_equal_backtest(1000, (f"bar {number}" for number in range(100)))
    assert verdict.n_broken == 100
    assert len(verdict.broken) == SHOWN
    assert verdict.as_row()["holds"] is False
    assert found("any", 3, []).holds


def test_a_secret_is_found_wherever_it_is():
    outputs = {"stdout": b"fine", "journal": b"\x00\xffhook-5up3r/\x00"}
    verdict = no_secret_in_output(["hook-5up3r"], outputs)
    assert verdict.broken == ("journal has a secret in it",)
    assert "5up3r" not in str(verdict)
    assert no_secret_in_output(["another"], outputs).holds


def test_what_is_held_at_the_end_follows_the_venue():
    assert held_at_the_end([buy("a", 1), leave("b", 2), buy("c", 3, CL)]) == {CL: 2}
    # Side swapping is off: an opposite signal exits, and opens nothing.
    assert held_at_the_end([buy("a", 1), Arrival("b", ES, "sell", 2, 2)]) == {}
    assert held_at_the_end([buy("a", 1, is_taken=False)]) == {}
    assert held_at_the_end([buy("a", 1), Arrival("b", ES, "cancel", 2)]) == {ES: 2}
