"""A market whose time runs ahead of the host's: what came too late is a reason, told as one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from small_trader import RUN_ID, opened_desk

from rooney_live.journal import Journal
from rooney_live.rehearsal.evidence import by_limits, by_timing, explained
from rooney_live.rehearsal.parity import parity

N_SESSIONS = 3


@pytest.fixture
def desk(lake, tmp_path, monkeypatch):
    with opened_desk(lake, tmp_path / "state", monkeypatch, N_SESSIONS) as opened:
        yield opened


def test_a_start_that_took_sessions_of_the_market_breaks_no_parity(desk):
    """At speed 1000 a trader that needs five seconds is ready after an hour and a half."""
    half = len(desk.moments) // 2
    late = [replace(one, is_late=True) for one in desk.moments[:half]]
    assert desk.play([*late, *desk.moments[half:]]) == 0
    assert desk.denials()["LATE_BAR"] > 0
    with Journal.open(desk.settings.journal) as journal:
        told = explained(journal, RUN_ID)
        timing = by_timing(told, journal, RUN_ID)
        assert set(timing.denied.values()) == {"LATE_BAR"}
        held = parity(desk.release, desk.whole, journal, RUN_ID, timing)
        assert held.differences.is_empty()
        assert held.n_explained == len(timing.denied)
        # In a market that waits for the trader nothing comes late without a fault.
        strict = parity(desk.release, desk.whole, journal, RUN_ID, by_limits(told))
        assert not strict.differences.is_empty()


def test_an_entry_that_could_not_leave_in_time_is_explained_and_a_refused_one_is_not(desk):
    def fail(code):
        def do():
            with Journal.open(desk.settings.journal) as journal, journal.transaction():
                journal.execute(
                    "UPDATE orders SET state = 'DENIED', code = ? WHERE order_id = "
                    "(SELECT min(order_id) FROM orders WHERE intent = 'enter' AND code = '')",
                    (code,),
                )

        return do

    assert desk.play([*desk.moments, fail("EXPIRED"), fail("KILLED")]) == 0
    with Journal.open(desk.settings.journal) as journal:
        told = explained(journal, RUN_ID)
        rows = journal.query("SELECT symbol, decided_at_us FROM orders WHERE code = 'EXPIRED'")
        late = {(one["symbol"], one["decided_at_us"]) for one in rows}
        assert len(told.lost) == 2
        assert set(by_timing(told, journal, RUN_ID).lost) == late
