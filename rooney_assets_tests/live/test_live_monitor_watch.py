"""What the monitor sees: flag, heartbeat, losses, and a journal that cannot be read."""

from __future__ import annotations

import os

import pytest
from monitor_desk import (
    INSTRUMENTS,
    SECOND_NS,
    beat,
    decide,
    hold,
    journal_at,
    watched,
)

from rooney_core.release.limits import LiveLimits
from rooney_live.ledger import Ledger
from rooney_live.rehearsal.receiver import Receiver
from rooney_live.risk.codes import RiskCode
from rooney_live.risk.controls_schema import Command
from rooney_live.risk.journal_book import book_from_journal, day_start_us
from rooney_live.risk.kill import raise_flag, remove_flag
from rooney_live.risk.record import now_us, record
from rooney_live.risk.watch import Pulse, Watched, look


@pytest.fixture
def live(tmp_path):
    folder = tmp_path / "state" / "live"
    folder.mkdir(parents=True)
    return folder


def codes(watching: Watched, pulse: Pulse, now_ns: int = 0) -> list[RiskCode]:
    return [code for code, _ in look(watching, pulse, now_us(), now_ns)]


def test_all_is_well_while_the_heartbeat_changes(live):
    pulse = Pulse(0)
    for second in range(0, 300, 50):
        beat(live)
        assert codes(watched(live), pulse, second * SECOND_NS) == []
    assert codes(watched(live), pulse, 310 * SECOND_NS) == []
    assert codes(watched(live), pulse, 311 * SECOND_NS) == [RiskCode.HEARTBEAT]
    beat(live)
    assert codes(watched(live), pulse, 400 * SECOND_NS) == []


def test_a_heartbeat_that_never_came_is_waited_for_from_the_beginning_of_watching(live):
    pulse = Pulse(1_000 * SECOND_NS)
    assert codes(watched(live), pulse, 1_060 * SECOND_NS) == []
    assert codes(watched(live), pulse, 1_061 * SECOND_NS) == [RiskCode.HEARTBEAT]


def test_the_host_s_clock_makes_no_heartbeat_old_and_none_young(live):
    """An hour forward: still fresh. An hour back, and standing still: old all the same."""
    pulse = Pulse(0)
    beat(live)
    assert codes(watched(live), pulse, 1) == []
    os.utime(live / "heartbeat.json", (0, 0))
    assert codes(watched(live), pulse, 2) == []
    os.utime(live / "heartbeat.json", (2**31, 2**31))
    assert codes(watched(live), pulse, 3) == []
    assert codes(watched(live), pulse, 100 * SECOND_NS) == [RiskCode.HEARTBEAT]


def test_a_trader_that_ended_as_it_should_beats_no_more_and_that_is_fine(live):
    pulse = Pulse(0)
    beat(live, "stopped")
    assert codes(watched(live), pulse, 1) == []
    assert codes(watched(live), pulse, 9_999 * SECOND_NS) == []
    (live / "heartbeat.json").write_text('{"state": "stopped"')
    assert codes(watched(live), pulse, 10_000 * SECOND_NS) == []
    assert codes(watched(live), pulse, 10_061 * SECOND_NS) == [RiskCode.HEARTBEAT]


def test_a_position_beyond_its_flat_deadline_is_seen_though_its_trader_ended_in_order(live):
    beat(live, "stopped")
    with Receiver(live / "venue") as venue:
        hold(live, venue)
    pulse, minute_us = Pulse(0), 60_000_000
    assert codes(watched(live), pulse) == []
    for late_us, expected in ((minute_us, []), (3 * minute_us, [RiskCode.DEADLINE])):
        with journal_at(live) as journal, journal.transaction():
            journal.execute("UPDATE positions SET deadline_us = ?", (now_us() - late_us,))
        assert codes(watched(live), pulse) == expected
    with journal_at(live) as journal, journal.transaction():
        journal.execute("UPDATE positions SET state = 'flat'")
    assert codes(watched(live), pulse) == []


def test_limits_that_this_code_cannot_read_are_a_breach_and_no_end_of_watching(live):
    beat(live)
    with journal_at(live) as journal:
        record(journal, Command.LIMITS, "of a later release", {"limits": {"max_moons": 1}})
    assert codes(watched(live), Pulse(0)) == [RiskCode.JOURNAL]


def test_the_flag_and_a_journal_that_cannot_be_read_are_seen(live):
    beat(live)
    raise_flag(live, "ann")
    assert codes(watched(live), Pulse(0)) == [RiskCode.KILLED]
    remove_flag(live)
    (live / "journal.sqlite").write_bytes(b"no database at all, however long it may be " * 30)
    assert codes(watched(live), Pulse(0)) == [RiskCode.JOURNAL]


def test_a_loss_is_counted_from_fills_and_the_last_close(live):
    """Long 2 at 4,000.25, last close 3,950.25: 50 points x multiplier x 2, by hand."""
    beat(live)
    with Receiver(live / "venue") as venue:
        hold(live, venue)
    lost = 50.0 * INSTRUMENTS["SIM_ES"].multiplier * 2
    with journal_at(live) as journal:
        decide(journal, now_us(), 3_950.25)
        book = book_from_journal(journal, INSTRUMENTS, LiveLimits(), now_us())
    assert book.day_profit_usd == pytest.approx(-lost)
    assert book.equity_usd == pytest.approx(250_000.0 - lost)
    assert book.peak_equity_usd == 250_000.0
    assert book.n_orders_last_hour == 1
    at = LiveLimits(max_daily_loss_usd=lost)
    assert codes(watched(live, at), Pulse(0)) == []
    below = LiveLimits(max_daily_loss_usd=lost - 0.01, max_drawdown=0.001)
    assert codes(watched(live, below), Pulse(0)) == [RiskCode.DAILY_LOSS, RiskCode.DRAWDOWN]


def test_what_was_held_overnight_counts_for_the_day_from_the_close_before(live):
    with Receiver(live / "venue") as venue:
        hold(live, venue)
    with journal_at(live) as journal:
        opened = Ledger(journal).open[0].since_us
        tomorrow = day_start_us(opened) + 86_400_000_000 + 3_600_000_000
        began = day_start_us(tomorrow)
        decide(journal, began, 4_010.25)
        decide(journal, tomorrow, 4_005.25)
        book = book_from_journal(journal, INSTRUMENTS, LiveLimits(), tomorrow)
    point = INSTRUMENTS["SIM_ES"].multiplier * 2
    assert book.day_profit_usd == pytest.approx(-5.0 * point)
    assert book.equity_usd == pytest.approx(250_000.0 + 5.0 * point)


@pytest.mark.parametrize(
    ("moment", "began"),
    [
        # 17:00 of Chicago is 23:00 UTC in winter and 22:00 in summer.
        ("2026-01-15T22:59:59", "2026-01-14T23:00:00"),
        ("2026-01-15T23:00:00", "2026-01-15T23:00:00"),
        ("2026-07-15T22:00:00", "2026-07-15T22:00:00"),
        # The day on which the clocks change, 2026-03-08.
        ("2026-03-08T21:59:59", "2026-03-07T23:00:00"),
        ("2026-03-08T22:00:00", "2026-03-08T22:00:00"),
    ],
)
def test_a_trading_day_begins_at_five_in_chicago(moment, began):
    from rooney_live.journal_reading import parse_moment

    assert day_start_us(parse_moment(moment)) == parse_moment(began)
