"""What no bar and no person sets off: the timer behind deadlines, and what follows if it fails."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace

import pytest
from small_trader import RUN_ID, Killed, PlayedMarket, opened_desk

from rooney_live.boot import Start, trade
from rooney_live.clock import SystemClock
from rooney_live.journal import Journal, Run
from rooney_live.orders.outbox import MONITOR, Outbox
from rooney_live.orders.records import OrderIntent, Origin

PATIENCE_S = 20.0


class SilentMarket(PlayedMarket):
    """Does what the script says, and then brings nothing for ever."""

    async def events(self):
        for item in self._script:
            item()
        await asyncio.Event().wait()
        nothing = ()
        for one in nothing:
            yield one


@pytest.fixture
def desk(lake, tmp_path, monkeypatch):
    with opened_desk(lake, tmp_path / "state", monkeypatch, 2) as opened:
        yield opened


def run_silently(desk, *script):
    """The trader on the host's clock and a market without bars; its exit code."""
    config = desk.release.config
    run = Run(
        RUN_ID, config.release_id, config.rebalance_month, "code", "bars",
        tuple(desk.release.bundles), None, None, "rehearsal",
    )  # fmt: skip

    async def bounded(start):
        async with asyncio.timeout(PATIENCE_S):
            return await trade(start)

    with Journal.open(desk.settings.journal) as journal:
        journal.begin(run, "2026-01-01T00:00:00")
        market = SilentMarket(desk.whole, script)
        start = Start(desk.settings, desk.release, journal, run, SystemClock(), market)
        return asyncio.run(bounded(start))


def test_a_timer_that_fails_ends_the_trader_and_is_no_secret(desk, capsys):
    def break_what_the_timer_reads():
        with sqlite3.connect(desk.settings.journal) as other:
            other.execute("ALTER TABLE controls RENAME TO gone")

    # Going on would miss every deadline that no bar comes for.
    assert run_silently(desk, break_what_the_timer_reads) == 1
    assert "EMERGENCY_STOP" in capsys.readouterr().out


def test_a_contract_that_nobody_can_order_keeps_no_other_from_being_left(desk):
    """A name that a person mistyped, due by now: it is asked for as it is, and the rest goes on."""
    at = len(desk.moments) // 2

    def mistype():
        with Journal.open(desk.settings.journal) as journal, journal.transaction():
            journal.put(
                "positions",
                {
                    **{"opened_by": "person:1", "run_id": RUN_ID, "symbol": "SIM_ES"},
                    **{"contract": "NONSENSE", "side": 1, "size": 1, "since_us": 1},
                    **{"state": "open", "is_known": 1, "deadline_us": desk.moments[at].end_us},
                    **{"proof": "person", "proof_at_us": desk.moments[0].end_us},
                },
            )

    assert desk.play([desk.moments[0], mistype, *desk.moments[1:]]) == 0
    (asked,) = [one for one in desk.sent("exit") if one["ticker"] == "NONSENSE"]
    assert asked["at_us"] < desk.moments[at].end_us
    assert not any(desk.receiver.positions().values())
    assert desk.rows("SELECT 1 FROM positions WHERE state <> 'flat'") == []


def test_what_is_held_of_a_symbol_that_left_the_release_is_left(desk):
    def die_when_open():
        if desk.rows("SELECT * FROM positions WHERE state = 'open'"):
            raise Killed

    with pytest.raises(Killed):
        desk.play([one for moment in desk.moments for one in (moment, die_when_open)])
    (held,) = desk.rows("SELECT * FROM positions WHERE state = 'open'")
    gone, release = held["symbol"], desk.release
    rows = tuple(row for row in release.config.rows if row.instrument.symbol != gone)
    desk.release = replace(
        release,
        config=release.config.model_copy(update={"rows": rows}),
        bundles={symbol: one for symbol, one in release.bundles.items() if symbol != gone},
    )
    assert gone not in desk.release.config.instruments
    moments = [
        replace(one, bars=tuple(bar for bar in one.bars if bar.symbol != gone))
        for one in desk.moments
    ]
    assert desk.play(moments) == 0
    (left,) = desk.rows("SELECT * FROM orders WHERE intent = 'exit' AND symbol = ?", gone)
    (entered,) = desk.rows("SELECT * FROM orders WHERE order_id = ?", held["opened_by"])
    assert (left["origin"], left["state"]) == ("recovery", "ACKED")
    assert left["ticker"] == entered["ticker"]
    assert not desk.receiver.positions().get(entered["ticker"])


def test_an_exit_that_a_dead_monitor_was_sending_is_sent_by_the_trader(desk):
    """SENDING, and nobody behind it: the position counts as being left, and never would be."""
    at_us = []

    def die_as_the_monitor_while_sending():
        held = desk.rows(
            "SELECT p.*, o.ticker FROM positions p JOIN orders o ON o.order_id = p.opened_by "
            "WHERE p.state = 'open'"
        )
        if at_us or not held:
            return
        (one, *_) = held
        at_us.append(max(moment.end_us for moment in seen))
        intent = OrderIntent(
            order_id=f"{one['symbol']}:{at_us[0]}:exit:dead",
            **{name: one[name] for name in ("symbol", "side", "size", "contract", "ticker")},
            decided_at_us=at_us[0],
            intent="exit",
            reason="RISK_HEARTBEAT",
            run_id=RUN_ID,
            origin=Origin.MONITOR,
        )
        with Journal.open(desk.settings.journal) as journal, journal.transaction():
            later_us = at_us[0] + 120_000_000
            Outbox(journal, MONITOR).add(intent, later_us, send_now=True)

    seen = []
    script = [
        item
        for moment in desk.moments
        for item in (moment, lambda one=moment: seen.append(one), die_as_the_monitor_while_sending)
    ]
    assert desk.play(script) == 0
    (exit_,) = desk.rows("SELECT * FROM orders WHERE order_id LIKE '%:dead'")
    assert (exit_["state"], exit_["sender"], exit_["attempts"]) == ("ACKED", "trader", 2)
    told = desk.rows("SELECT to_state, code FROM order_events WHERE order_id LIKE '%:dead'")
    assert [one["to_state"] for one in told] == ["INTENT", "SENDING", "UNKNOWN", "SENDING", "ACKED"]
    assert told[2]["code"] == "RECOVERED"
    assert not any(desk.receiver.positions().values())
    assert desk.rows("SELECT 1 FROM positions WHERE state <> 'flat'") == []


def test_a_journal_that_is_taken_away_under_the_trader_ends_it_with_nothing_held(desk):
    """Nobody's command would be heard any more, and the monitor would see another file."""
    is_gone = []

    def take_away():
        if not is_gone and desk.rows("SELECT * FROM positions WHERE state = 'open'"):
            desk.settings.journal.rename(desk.settings.journal.with_name("away.sqlite"))
            is_gone.append(True)

    script = [one for moment in desk.moments for one in (moment, take_away)]
    assert desk.play(script) == 0
    assert is_gone
    assert [one["action"] for one in desk.sent()][-1] == "exit"
    assert not any(desk.receiver.positions().values())
    assert len(desk.entries) <= 2
