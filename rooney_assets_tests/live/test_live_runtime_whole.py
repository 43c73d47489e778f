"""The trader from start to end, with a real venue: what it orders, and what stops it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from small_trader import RUN_ID, Killed, opened_desk

from rooney_live import crash_points
from rooney_live.crash_points import Blow, Crash, Step
from rooney_live.desk import DEADLINE_LEAD_US
from rooney_live.feeds.records import FeedState
from rooney_live.heartbeat import read_heartbeat
from rooney_live.journal import Journal
from rooney_live.rehearsal.evidence import explained
from rooney_live.rehearsal.parity import parity
from rooney_live.rehearsal.receiver_faults import OrderFault
from rooney_live.risk.controls_schema import Command
from rooney_live.risk.kill import raise_flag
from rooney_live.risk.limits import set_limits
from rooney_live.risk.record import record

N_SESSIONS = 3
DAY_US = 86_400_000_000


@pytest.fixture
def desk(lake, tmp_path, monkeypatch):
    with opened_desk(lake, tmp_path / "state", monkeypatch, N_SESSIONS) as opened:
        yield opened
    crash_points.disarm()


@pytest.fixture
def first_entry(desk):
    """(number of the moment, decision's row) of the first entry, by a replay without a venue."""
    from rooney_live.engine import Engine

    engine = Engine(desk.release)
    engine.begin(desk.whole.warm_up())
    for number, moment in enumerate(desk.moments):
        for outcome in engine.take(moment):
            if outcome.action == "enter":
                return number, outcome.decision
    raise AssertionError("these sessions have an entry")


def tell(desk, command, **arguments):
    def do():
        with Journal.open(desk.settings.journal) as journal:
            record(journal, command, "a test's", arguments)

    return do


def flat_at_the_end(desk):
    left = desk.rows("SELECT * FROM positions WHERE state <> 'flat'")
    return left == [] and not any(desk.receiver.positions().values())


def test_an_undisturbed_run_is_the_batch_paths_and_the_venues(desk):
    assert desk.play(desk.moments) == 0
    with Journal.open(desk.settings.journal) as journal:
        found = parity(desk.release, desk.whole, journal, RUN_ID)
    assert found.differences.is_empty()
    assert found.n_decisions == sum(len(one.bars) for one in desk.moments)
    decided = [
        f"{row['symbol']}:{row['bar_end_us']}:enter"
        for row in desk.rows("SELECT * FROM decisions WHERE action = 'enter' ORDER BY bar_end_us")
    ]
    assert sorted(desk.entries) == sorted(decided)
    assert len(decided) > 5
    assert flat_at_the_end(desk)
    assert {
        row["state"] for row in desk.rows("SELECT state FROM orders WHERE intent = 'enter'")
    } == {"ACKED"}
    assert read_heartbeat(desk.settings.live)["state"] == "stopped"
    (run,) = desk.rows("SELECT * FROM runs")
    assert (run["status"], run["mode"]) == ("finished", "rehearsal")


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
def test_started_again_after_a_kill_it_goes_on_where_it_was(desk, first_entry, share):
    def die():
        raise Killed

    number = max(first_entry[0] + 1, int(share * len(desk.moments)))
    with pytest.raises(Killed):
        desk.play([*desk.moments[:number], die])
    held = desk.rows("SELECT symbol FROM positions WHERE state <> 'flat'")
    assert desk.play(desk.moments) == 0
    with Journal.open(desk.settings.journal) as journal:
        assert parity(desk.release, desk.whole, journal, RUN_ID).differences.is_empty()
    assert len(desk.entries) == len(set(desk.entries))
    assert flat_at_the_end(desk)
    # A position that was held goes on: nothing was left because of the restart.
    assert desk.rows("SELECT * FROM orders WHERE origin = 'recovery'") == []
    assert isinstance(held, list)


@pytest.mark.parametrize(
    ("command", "code"),
    [(Command.PAUSE, "PAUSED"), (Command.HALT, "HALTED"), (Command.REDUCE, "REDUCING")],
)
def test_what_was_told_before_the_start_holds(desk, command, code):
    tell(desk, command)()
    assert desk.play(desk.moments) == 0
    assert set(desk.denials()) == {code}
    assert desk.sent() == []
    assert desk.rows("SELECT * FROM orders WHERE state <> 'PAPER'") == []


def test_the_variable_kills_from_the_start_on(desk):
    assert desk.play(desk.moments, killed="POLICY_KILLSWITCH is '1' (at start)") == 0
    assert set(desk.denials()) == {"KILLED"}
    assert desk.sent() == []


def test_killed_between_decision_and_post_no_entry_leaves(desk):
    flag = desk.settings.live / "KILL_NOW"
    crash_points.arm(Crash(Step.AFTER_SENDING, "enter", 1, Blow.KILL_SWITCH), flag)
    assert desk.play(desk.moments) == 0
    assert desk.sent() == []
    (order,) = desk.rows("SELECT * FROM orders WHERE intent = 'enter' AND state <> 'PAPER'")
    assert (order["state"], order["code"]) == ("DENIED", "KILLED")
    assert set(desk.denials()) == {"KILLED"}
    assert flat_at_the_end(desk)
    # The paper account takes no part in a trade that never was.
    assert desk.rows("SELECT * FROM trades") == []


@pytest.mark.parametrize("how", ["flag", "flatten", "kill"])
def test_what_is_held_leaves_at_once_when_told(desk, first_entry, how):
    number, decision = first_entry
    told = {
        "flag": lambda: raise_flag(desk.settings.live, "a test"),
        "flatten": tell(desk, Command.FLATTEN),
        "kill": tell(desk, Command.KILL),
    }[how]
    assert desk.play([*desk.moments[: number + 1], told, *desk.moments[number + 1 :]]) == 0
    entry, leave, *_ = desk.sent()
    assert entry["order_id"] == f"{decision.symbol}:{decision.bar_end_us}:enter"
    assert leave["action"] == "exit"
    assert leave["at_us"] == desk.moments[number + 1].end_us
    assert flat_at_the_end(desk)
    # After FLATTEN the strategy goes on; a kill stands.
    assert (len(desk.entries) > 1) is (how == "flatten")


def test_a_position_is_left_before_its_deadline_when_no_bar_comes(desk, first_entry):
    number, decision = first_entry
    (bar,) = [one for one in desk.moments[number].bars if one.symbol == decision.symbol]
    later = [one for one in desk.moments if one.end_us > bar.flat_deadline_us + DAY_US // 4]
    assert desk.play([*desk.moments[: number + 1], *later]) == 0
    leave = next(one for one in desk.sent("exit") if one["ticker"])
    assert leave["at_us"] == bar.flat_deadline_us - DEADLINE_LEAD_US
    (order,) = desk.rows("SELECT * FROM orders WHERE order_id = ?", leave["order_id"])
    assert (order["origin"], order["state"]) == ("deadline", "ACKED")
    assert flat_at_the_end(desk)


@pytest.mark.parametrize("state", [FeedState.SILENT, FeedState.RECONNECTING])
def test_a_feed_that_is_not_live_denies_what_it_informs(desk, state):
    assert desk.play(desk.moments, SIM_ZN=state) == 0
    assert set(desk.denials()) <= {"STALE_FEED"}
    assert desk.entries == []


def test_late_bars_are_state_and_nothing_is_entered_on_them(desk):
    assert desk.play([replace(one, is_late=True) for one in desk.moments]) == 0
    assert set(desk.denials()) == {"LATE_BAR"}
    assert desk.entries == []


def test_an_entry_nobody_knows_of_counts_and_then_leaves(desk):
    desk.receiver.faults.append(OrderFault("reset_after", action="buy"))
    assert desk.play(desk.moments) == 0
    entry, leave = desk.sent()[:2]
    assert leave["action"] == "exit"
    assert leave["ticker"] == entry["ticker"]
    assert entry["order_id"].split(":")[0] == leave["order_id"].split(":")[0]
    (order,) = desk.rows("SELECT * FROM orders WHERE order_id = ?", entry["order_id"])
    assert order["state"] == "UNKNOWN"
    assert desk.entries.count(entry["order_id"]) == 1
    assert flat_at_the_end(desk)


def test_an_entry_that_is_refused_is_no_position(desk):
    desk.receiver.faults.append(OrderFault("bad_request", times=1000, action="buy"))
    assert desk.play(desk.moments) == 0
    assert {
        row["state"] for row in desk.rows("SELECT state FROM orders WHERE intent = 'enter'")
    } == {"REJECTED"}
    assert desk.rows("SELECT * FROM trades") == []
    assert desk.sent("exit") == []
    assert flat_at_the_end(desk)


def test_told_to_stop_it_ends_and_leaves_what_it_is_told_to_leave(desk, first_entry):
    number, _ = first_entry
    script = [*desk.moments[: number + 1], tell(desk, Command.STOP, positions="flatten")]
    assert desk.play([*script, *desk.moments[number + 1 :]]) == 0
    assert [one["action"] for one in desk.sent()] == ["buy", "exit"]
    assert flat_at_the_end(desk)
    (run,) = desk.rows("SELECT * FROM runs")
    assert run["status"] == "running"
    assert desk.rows("SELECT * FROM events WHERE code = 'STOPPING'")
    # Started again, it trades on from where it was.
    assert desk.play(desk.moments) == 0
    assert len(desk.entries) > 1
    assert flat_at_the_end(desk)


def test_a_loss_beyond_the_limit_halts_by_itself(desk):
    with Journal.open(desk.settings.journal) as journal:
        limits = desk.release.config.live_limits
        set_limits(journal, limits, {"max_daily_loss_usd": 1.0}, "a test's", None, 1)
    assert desk.play(desk.moments) == 0
    (halt,) = desk.rows("SELECT * FROM controls WHERE command = 'HALT'")
    assert halt["who"] == "trader"
    assert "RISK_DAILY_LOSS" in halt["arguments"]
    assert "HALTED" in desk.denials()
    assert flat_at_the_end(desk)


def test_a_contract_that_rolled_away_is_left_by_its_own_name(desk, first_entry):
    number, decision = first_entry

    def rolled(moment):
        bars = [
            replace(bar, contract="SIM_ESZ21" if bar.symbol == "SIM_ES" else "SIM_CLZ21")
            for bar in moment.bars
        ]
        return replace(moment, bars=tuple(bars))

    script = [*desk.moments[: number + 1], *map(rolled, desk.moments[number + 1 :])]
    assert desk.play(script) == 0
    entry, leave, *_ = desk.sent()
    assert leave["ticker"] == entry["ticker"]
    (order,) = desk.rows("SELECT * FROM orders WHERE order_id = ?", leave["order_id"])
    assert order["contract"] == decision.contract
    assert "Z2021" not in leave["ticker"]
    assert flat_at_the_end(desk)


def test_a_bar_that_cannot_be_stops_the_trader_on_record(desk):
    strange = desk.moments[10]
    bars = tuple(replace(bar, close=float("nan")) for bar in strange.bars)
    assert desk.play([*desk.moments[:10], replace(strange, bars=bars)]) == 1
    (event,) = desk.rows("SELECT * FROM events WHERE code = 'EMERGENCY_STOP'")
    assert "not a number" in event["message"]
    assert read_heartbeat(desk.settings.live)["state"] == "broken"


@pytest.mark.parametrize("intent", ["enter", "exit"])
@pytest.mark.parametrize(
    "step", [Step.BEFORE_INTENT, Step.AFTER_INTENT, Step.AFTER_SENDING, Step.AFTER_POST]
)
def test_the_paper_trades_are_whole_wherever_it_was_killed(desk, monkeypatch, step, intent):
    """As a kill there would: nothing after the step happens, and the next start goes on."""

    def die(blow):
        raise Killed

    monkeypatch.setattr(crash_points, "_strike", die)
    crash_points.arm(Crash(step, intent, 2))
    with pytest.raises(Killed):
        desk.play(desk.moments)
    crash_points.disarm()
    assert desk.play(desk.moments) == 0
    assert len(desk.entries) == len(set(desk.entries))
    assert flat_at_the_end(desk)
    with Journal.open(desk.settings.journal) as journal:
        found = parity(desk.release, desk.whole, journal, RUN_ID, explained(journal, RUN_ID))
    assert found.differences.is_empty(), found.differences
