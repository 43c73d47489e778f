"""Risk in the whole trader: each limit denies, a person's word counts at once, and the switches.

Belongs here: what the trader makes of limits, proofs and commands, with a real venue. Does not
belong here: the rules themselves (test_live_risk_checks.py).
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from order_desk import entry
from small_trader import PlayedMarket, opened_desk

from rooney_live.admission import Admission
from rooney_live.cli import main
from rooney_live.desk import Desk
from rooney_live.hours import TradingHours
from rooney_live.instance import TRADER_LOCK, is_held
from rooney_live.journal import Journal, Run
from rooney_live.ledger import Ledger
from rooney_live.orders.outbox import Outbox
from rooney_live.paper import Order
from rooney_live.risk.controls_schema import Command
from rooney_live.risk.journal_book import book_from_journal
from rooney_live.risk.kill import FLAG
from rooney_live.risk.limits import set_limits
from rooney_live.risk.record import record
from rooney_live.standing import Standing

N_SESSIONS = 3
HOUR_US = 3_600_000_000


@pytest.fixture
def desk(lake, tmp_path, monkeypatch):
    with opened_desk(lake, tmp_path / "state", monkeypatch, N_SESSIONS) as opened:
        yield opened


def limits(desk, **changes: float):
    """Set limits, as `rooney-live limits set` does, at the time of the bars."""

    def do():
        with Journal.open(desk.settings.journal) as journal:
            released = desk.release.config.live_limits
            set_limits(journal, released, changes, "a test's", None, 1)

    return do


def rl(desk, *arguments: str):
    places = ["--state", str(desk.settings.state), "--lake", str(desk.settings.lake)]
    return CliRunner().invoke(main, [*arguments, *places])


def worth(desk, symbol: str) -> float:
    """USD of a symbol's whole position at its lowest close of these sessions."""
    bundle = desk.release.bundles[symbol]
    closes = [bar.close for one in desk.moments for bar in one.bars if bar.symbol == symbol]
    return min(closes) * bundle.instrument.multiplier * desk.release.sizes[symbol]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"max_price_jump": 0.000001, "max_heat_usd": 1.0}, "RISK_HEAT"),
        ({"max_order_notional_usd": 1.0}, "RISK_NOTIONAL"),
        ({"max_notional_usd": 1.0}, "RISK_TOTAL_NOTIONAL"),
        ({"max_correlated_notional_usd": 1.0}, "RISK_CORRELATED"),
        ({"max_heat_usd": 1.0}, "RISK_HEAT"),
    ],
)
def test_each_limit_denies_every_entry_and_the_paper_account_takes_no_part(desk, changes, code):
    limits(desk, **changes)()
    assert desk.play(desk.moments) == 0
    assert set(desk.denials()) == {code}
    assert desk.sent() == []
    assert desk.rows("SELECT * FROM trades") == []


def test_a_size_above_the_limit_is_denied_and_the_other_symbol_trades(desk):
    """SIM_CL trades one contract, SIM_ES two."""
    limits(desk, max_order_contracts=1)()
    assert desk.play(desk.moments) == 0
    assert set(desk.denials()) == {"RISK_SIZE"}
    assert {one.split(":")[0] for one in desk.entries} == {"SIM_CL"}


def test_a_limit_that_is_set_while_it_trades_counts_from_the_next_entry_on(desk):
    at = len(desk.moments) // 2
    script = [*desk.moments[:at], limits(desk, max_order_notional_usd=1.0), *desk.moments[at:]]
    assert desk.play(script) == 0
    turned_us = desk.moments[at - 1].end_us
    assert desk.entries
    assert all(int(one.split(":")[1]) <= turned_us for one in desk.entries)
    denied = desk.rows("SELECT bar_end_us FROM decisions WHERE code = 'RISK_NOTIONAL'")
    assert denied
    assert all(row["bar_end_us"] > turned_us for row in denied)


def test_correlation_makes_of_two_positions_more_than_of_one(desk):
    """Just enough for the larger one alone: whichever comes second is denied."""
    most = max(worth(desk, symbol) for symbol in desk.release.bundles) * 1.1
    limits(desk, max_correlated_notional_usd=most)()
    assert desk.play(desk.moments) == 0
    assert desk.entries
    rows = desk.rows(
        "SELECT a.opened_by FROM positions a JOIN positions b ON a.symbol < b.symbol "
        "AND a.since_us < b.closed_at_us AND b.since_us < a.closed_at_us"
    )
    assert rows == []
    assert set(desk.denials()) == {"RISK_CORRELATED"}


def test_a_position_that_nobody_proves_lets_no_other_in_until_somebody_does(desk):
    """A stranger of long ago: REDUCING; reconciled as flat while it trades: it goes on."""
    first_us = desk.moments[0].end_us

    def stranger():
        with Journal.open(desk.settings.journal) as journal, journal.transaction():
            (run,) = journal.query("SELECT run_id FROM runs")
            journal.put(
                "positions",
                {
                    "opened_by": "person:1:ZZ:ZZH21",
                    "run_id": run["run_id"],
                    "symbol": "SIM_NQ",
                    "contract": "SIM_NQH21",
                    "side": 1,
                    "size": 1,
                    "since_us": first_us - 25 * HOUR_US,
                    "state": "open",
                    "is_known": 1,
                    "deadline_us": None,
                    "proof": "none",
                    "proof_at_us": None,
                },
            )

    told: list[int] = []

    def reconciled():
        told.append(
            rl(desk, "reconcile", "SIM_NQ", "SIM_NQH21", "0", "--reason", "looked").exit_code
        )

    at = len(desk.moments) * 2 // 3
    assert desk.play([stranger, *desk.moments[:at], reconciled, *desk.moments[at:]]) == 0
    assert told == [0]
    # Nobody tells the trader of the stranger, and it looks after each bar; nor is a bar called back
    # that was on its way when somebody told.
    seen_us, turned_us = desk.moments[0].end_us, desk.moments[at].end_us
    denied = desk.rows("SELECT bar_end_us FROM decisions WHERE code = 'REDUCING'")
    assert denied
    assert all(row["bar_end_us"] <= turned_us for row in denied)
    times = [int(one.split(":")[1]) for one in desk.entries]
    assert not [one for one in times if seen_us < one < turned_us]
    assert [one for one in times if one > turned_us]


def test_after_a_kill_only_a_person_s_word_lets_entries_in_again(desk):
    """Killed by command, then told to go on without naming it, then by name: all while it runs."""
    third, codes = len(desk.moments) // 4, []

    def kill():
        codes.append(rl(desk, "kill", "--reason", "oil is negative"))

    def resume():
        codes.append(rl(desk, "resume", "--reason", "go on"))

    def resume_after_kill():
        codes.append(rl(desk, "resume", "--after-kill", "--reason", "looked at everything"))

    pieces = [desk.moments[at * third : (at + 1) * third] for at in range(3)]
    rest = desk.moments[3 * third :]
    script = [*pieces[0], kill, *pieces[1], resume, *pieces[2], resume_after_kill, *rest]
    assert desk.play(script) == 0
    killed, refused, allowed = codes
    assert (killed.exit_code, refused.exit_code, allowed.exit_code) == (0, 1, 0)
    assert "never reset by itself" in killed.output
    assert "oil is negative" in refused.output
    off = (pieces[0][-1].end_us, pieces[2][-1].end_us)
    times = [int(one.split(":")[1]) for one in desk.entries]
    assert not [one for one in times if off[0] < one <= off[1]]
    assert [one for one in times if one > off[1]]
    assert not (desk.settings.live / FLAG).exists()
    told = desk.rows("SELECT command, who, reason FROM controls ORDER BY control_id")
    assert [row["command"] for row in told] == ["KILL", "RESUME"]
    assert all(row["who"] for row in told)


def test_kill_works_without_a_journal_and_without_a_trader(tmp_path):
    state = tmp_path / "state"
    shown = CliRunner().invoke(main, ["kill", "--reason", "before anything", "--state", str(state)])
    assert shown.exit_code == 0, shown.output
    assert "before anything" in (state / "live" / FLAG).read_text()
    assert not is_held(state / "live" / TRADER_LOCK)
    # A journal that is none keeps nobody from killing.
    other = tmp_path / "other"
    (other / "live").mkdir(parents=True)
    (other / "live" / "journal.sqlite").write_bytes(b"no database, and long enough for one " * 30)
    shown = CliRunner().invoke(main, ["kill", "--reason", "now", "--state", str(other)])
    assert shown.exit_code == 0, shown.output
    assert (other / "live" / FLAG).exists()
    assert "killed all the same" in shown.output


def test_the_drill_pulls_every_switch_and_touches_nothing_of_the_trader(lake, tmp_path):
    state = tmp_path / "state"
    (state / "live").mkdir(parents=True)
    with Journal.open(state / "live" / "journal.sqlite") as journal:
        record(journal, Command.PAUSE, "before")
    places = ["--state", str(state), "--lake", str(lake)]
    shown = CliRunner().invoke(main, ["drill", "--json", *places])
    assert shown.exit_code == 0, shown.output
    steps = json.loads(shown.stdout)
    assert [one["name"] for one in steps] == [
        "variable",
        "fails closed",
        "flag file",
        "command",
        "never by itself",
        "monitor",
    ]
    assert all(one["passed"] for one in steps)
    with Journal.open(state / "live" / "journal.sqlite") as journal:
        rows = journal.query("SELECT command FROM controls ORDER BY control_id")
        assert [row["command"] for row in rows] == ["PAUSE", "DRILL"]
        assert journal.query("SELECT * FROM orders") == []
    assert {one.name for one in (state / "live").iterdir()} <= {
        "journal.sqlite",
        "journal.sqlite-wal",
        "journal.sqlite-shm",
    }


@contextmanager
def admitting(desk, moment):
    """What lets entries in at a moment, with nothing held, ordered or stopped."""
    config = desk.release.config
    known, limits = config.instruments, config.live_limits
    with Journal.open(desk.settings.journal) as journal:
        ledger, hours = Ledger(journal), TradingHours(known)
        book = book_from_journal(journal, known, limits, moment.end_us)
        standing = Standing(desk.settings.live, limits, known, book, limits=limits)
        standing.learn(desk.whole.warm_up())
        run = Run("r", "r", "m", "c", "", (), None, None, "rehearsal")
        own = Desk(journal, Outbox(journal), ledger, run, known, hours)
        market = PlayedMarket(desk.whole, ())
        health = partial(market.health, moment.end_us)
        yield Admission(desk.release, standing, ledger, own, hours, health)


@pytest.fixture
def with_a_bar(desk):
    """The first moment that has one, and its bar."""
    moment = next(one for one in desk.moments if one.bars)
    return moment, moment.bars[0]


@pytest.mark.parametrize(
    ("share", "code"), [(1.0, None), (1.02, None), (1.5, "RISK_PRICE"), (0.5, "RISK_PRICE")]
)
def test_a_bar_that_no_market_makes_opens_no_position(desk, with_a_bar, share, code):
    """A price that is wrong in its first digit: the decision's own price agrees with it."""
    moment, bar = with_a_bar
    order = Order(f"{bar.symbol}:1:enter", bar.symbol, bar.bar_end_us, "enter", 1, 1, "ENTER")
    decision = SimpleNamespace(symbol=bar.symbol, close=bar.close)
    with admitting(desk, moment) as admission:
        admission.see(replace(moment, bars=(replace(bar, close=bar.close * share),)))
        admission.see(moment)
        assert admission.admit(order, decision, moment, moment.end_us) == code


def test_a_roll_is_no_jump(desk, with_a_bar):
    moment, bar = with_a_bar
    order = Order(f"{bar.symbol}:1:enter", bar.symbol, bar.bar_end_us, "enter", 1, 1, "ENTER")
    decision = SimpleNamespace(symbol=bar.symbol, close=bar.close)
    with admitting(desk, moment) as admission:
        before = replace(bar, close=bar.close * 1.5, contract="another")
        admission.see(replace(moment, bars=(before,)))
        admission.see(moment)
        assert admission.admit(order, decision, moment, moment.end_us) is None


def test_what_waited_while_the_market_went_elsewhere_does_not_leave(desk, with_a_bar):
    moment, bar = with_a_bar
    at_us = moment.end_us - 1
    waiting = entry(bar.symbol, at_us, contract=bar.contract, signal_price=bar.close)
    with admitting(desk, moment) as admission:
        admission.see(moment)
        assert admission.gate(waiting, at_us) is None
        far = replace(waiting, signal_price=bar.close * 1.06)
        assert admission.gate(far, at_us) == "RISK_PRICE"
        # An exit has to go, whatever its price was.
        assert admission.gate(replace(far, intent="exit"), at_us) is None
