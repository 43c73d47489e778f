"""The whole trader, killed or told to end at each step of an order, by its own hand.

The same decision is made again by every restart here, and must be ordered once.
"""

from __future__ import annotations

import pytest
from whole_trader import broken, live_of, requests, rows, whole

from rooney_live.crash_points import ORDER_STEPS, Blow, Crash, Step
from rooney_live.rehearsal.plan import FaultPlan

UNSENT = {Step.BEFORE_INTENT}
SURELY_TAKEN = {Step.AFTER_ACK}


def crashed(released, tmp_path, *crashes, n_sessions=2):
    report = whole(released, tmp_path, n_sessions, plan=FaultPlan(crashes=crashes))
    assert not broken(report)
    assert report.holds
    return report


def entries_that_arrived(state):
    return [one["order_id"] for one in requests(state) if one["action"] in ("buy", "sell")]


@pytest.mark.parametrize("step", ORDER_STEPS)
def test_killed_at_each_step_of_an_entry_it_leaves_once_at_most(released, tmp_path, step):
    report = crashed(released, tmp_path, Crash(step, "enter", 2))
    assert report.n_starts == 2
    arrived = entries_that_arrived(tmp_path)
    assert len(arrived) == len(set(arrived))
    second = rows(
        tmp_path, "SELECT * FROM orders WHERE intent = 'enter' ORDER BY decided_at_us, symbol"
    )[1]
    if step in UNSENT | SURELY_TAKEN:
        assert second["state"] == "ACKED"
        assert report.parity["n_explained"] == 0
    if second["state"] != "ACKED":
        assert second["state"] == "UNKNOWN"
        (left,) = rows(
            tmp_path,
            "SELECT * FROM orders WHERE intent = 'exit' AND origin = 'recovery' AND symbol = ?",
            second["symbol"],
        )
        assert left["state"] == "ACKED"
        assert report.parity["n_explained"] == 1


@pytest.mark.parametrize("step", ORDER_STEPS)
def test_killed_at_each_step_of_an_exit_it_arrives_all_the_same(released, tmp_path, step):
    report = crashed(released, tmp_path, Crash(step, "exit", 2))
    assert report.n_starts == 2
    exits = rows(tmp_path, "SELECT state FROM orders WHERE intent = 'exit' AND state <> 'PAPER'")
    assert {one["state"] for one in exits} <= {"ACKED", "WITHDRAWN"}
    # Nothing of the strategy's own trades was lost on the way.
    assert report.parity["n_explained"] == 0
    assert report.parity["n_trades"] == len(report.trades) > 2


@pytest.mark.parametrize("step", [Step.AFTER_WARM_UP, Step.AFTER_MOMENT])
def test_killed_between_moments_it_goes_on_where_it_was(released, tmp_path, step):
    report = crashed(released, tmp_path, Crash(step, "", 1), Crash(Step.AFTER_MOMENT, "", 7))
    assert report.n_starts == 3
    # What was committed as on its way, and had not left, is of unknown outcome all the same.
    unknown = rows(tmp_path, "SELECT 1 FROM orders WHERE intent = 'enter' AND state = 'UNKNOWN'")
    assert report.parity["n_explained"] == len(unknown)


def test_killed_again_and_again(released, tmp_path):
    every = [Crash(step, intent, 1) for step in ORDER_STEPS for intent in ("enter", "exit")]
    report = crashed(released, tmp_path, *every, n_sessions=5)
    assert report.n_starts > 6


@pytest.mark.parametrize("blow", [Blow.TERMINATE, Blow.TERMINATE_TWICE])
@pytest.mark.parametrize("intent", ["enter", "exit"])
def test_told_to_end_during_a_post_it_resolves_it_or_the_next_start_does(
    released, tmp_path, blow, intent
):
    report = crashed(released, tmp_path, Crash(Step.AFTER_POST, intent, 2, blow))
    assert report.n_starts == 2
    states = {one["state"] for one in rows(tmp_path, "SELECT state FROM orders")}
    assert "SENDING" not in states
    if blow is Blow.TERMINATE:
        # Told once, it waits for the answer that is on its way: nobody has to guess.
        assert "UNKNOWN" not in states


@pytest.mark.parametrize("step", [Step.BEFORE_INTENT, Step.AFTER_INTENT, Step.AFTER_SENDING])
def test_the_kill_switch_between_decision_and_post_keeps_the_entry_in(released, tmp_path, step):
    crash = Crash(step, "enter", 2, Blow.KILL_SWITCH)
    report = whole(released, tmp_path, plan=FaultPlan(crashes=(crash,)))
    assert not broken(report)
    assert len(entries_that_arrived(tmp_path)) == 1
    assert (live_of(tmp_path) / "KILL_NOW").exists()
    denied = rows(tmp_path, "SELECT DISTINCT code FROM orders WHERE state = 'DENIED'")
    codes = rows(tmp_path, "SELECT DISTINCT code FROM decisions WHERE action = 'none'")
    assert "KILLED" in {one["code"] for one in (*denied, *codes)}


def test_the_kill_switch_while_a_position_is_open_lets_it_leave(released, tmp_path):
    crash = Crash(Step.AFTER_ACK, "enter", 1, Blow.KILL_SWITCH)
    report = whole(released, tmp_path, plan=FaultPlan(crashes=(crash,)))
    assert not broken(report)
    arrived = requests(tmp_path)
    assert [one["action"] for one in arrived if one["is_taken"]] == ["buy", "exit"]
    assert report.open_positions == ()
    # A restart does not forget it.
    assert (live_of(tmp_path) / "KILL_NOW").exists()
