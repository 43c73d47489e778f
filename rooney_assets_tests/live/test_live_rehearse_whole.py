"""`rooney-live rehearse`: the whole trader over real sockets, held to the engine alone."""

from __future__ import annotations

import json
import socket
from dataclasses import fields

import polars as pl
import pytest
from click.testing import CliRunner
from small_release import write_release
from whole_trader import asked, broken, whole

from rooney_core.errors import MissingArtifact
from rooney_live.cli import main
from rooney_live.instance import AlreadyRunning, Lock
from rooney_live.journal import Journal
from rooney_live.rehearsal.harness import Rehearsal, rehearse_whole
from rooney_live.rehearsal.invariants import NO_ORDER_WHILE_KILLED
from rooney_live.rehearsal.launch import TraderFailed, forked
from rooney_live.rehearsal.plan import FaultPlan
from rooney_live.rehearsal.rehearse import rehearse
from rooney_live.rehearsal.report import RehearsalReport
from rooney_live.release_store import read_release
from rooney_live.settings import Settings

N_SESSIONS = 5
INVARIANTS = {
    *("no_duplicate_entry", "flat_by_deadline", "ledger_equals_receiver"),
    *("no_order_while_killed", "decisions_equal_backtest", "no_secret_in_output"),
}
# What readers of the report knew before there were invariants in it.
KEYS = {
    *("run_id", "release_id", "rebalance_month", "is_simulated", "sessions", "symbols"),
    *("decisions_by_code", "trades", "net_profit_usd", "open_positions", "n_decisions"),
    *("n_new_decisions", "reasons", "notes", "parity", "n_emergency_stops", "approved_until"),
    *("mandate_version", "overrides", "lapsed", "bars_version", "trader_code_version", "journal"),
}


def replayed(lake, state, n_sessions=N_SESSIONS):
    with Journal.open(state / "replay.sqlite") as journal:
        return rehearse(read_release(lake), lake, journal, n_sessions, simulated=None)


def money(trades):
    names = ("symbol", "side", "size", "entry_time_us", "exit_time_us", "entry_price")
    return [
        (*(one[name] for name in names), one["exit_price"], one["net_profit_usd"]) for one in trades
    ]


@pytest.fixture(scope="module")
def played(released, tmp_path_factory):
    """(state, report) of an undisturbed rehearsal."""
    state = tmp_path_factory.mktemp("state")
    return state, whole(released, state, N_SESSIONS)


def test_without_faults_it_decides_and_trades_what_the_engine_alone_does(
    released, played, tmp_path
):
    _, report = played
    alone = replayed(released, tmp_path)
    assert report.holds
    assert {one["name"] for one in report.invariants} == INVARIANTS
    assert report.n_starts == 1
    assert report.decisions_by_code == alone.decisions_by_code
    assert money(report.trades) == money(alone.trades)
    assert len(report.trades) > 10
    assert report.net_profit_usd == pytest.approx(alone.net_profit_usd)
    assert report.parity == alone.parity
    assert report.parity["n_explained"] == 0
    assert report.open_positions == alone.open_positions == ()
    same = {one.name for one in fields(RehearsalReport)} & KEYS - {"trades", "net_profit_usd"}
    assert {name: getattr(report, name) for name in same} == {
        name: getattr(alone, name) for name in same
    }


def test_every_order_went_to_the_venue_and_filled_where_the_account_expects_it(played):
    state, report = played
    live = state / "rehearsal" / "live"
    requests = [json.loads(line) for line in (live / "receiver.jsonl").read_text().splitlines()]
    assert len(requests) == 2 * len(report.trades)
    assert {one["is_outside_session"] for one in requests} == {False}
    fills = pl.read_csv(live / "fills.csv")
    entries = fills.filter(pl.col("kind") == "entry")
    expected = {(one["entry_time_us"], one["entry_price"]) for one in report.trades}
    found = set(entries.select("at_us", "price").iter_rows())
    # A stop may take effect within the bar; entries are at the next open, at slippage, in both.
    assert {(at, round(price, 9)) for at, price in found} == {
        (at, round(price, 9)) for at, price in expected
    }


def test_the_same_again_is_reported_and_not_played(released, played):
    state, report = played
    before = (state / "rehearsal" / "live" / "receiver.jsonl").stat().st_mtime_ns
    again = whole(released, state, N_SESSIONS)
    assert (again.run_id, again.n_new_decisions) == (report.run_id, 0)
    assert again.trades == report.trades
    assert again.invariants == report.invariants
    assert (state / "rehearsal" / "live" / "receiver.jsonl").stat().st_mtime_ns == before


def test_it_is_the_same_wherever_and_whenever_it_is_played(released, tmp_path):
    first, second = (whole(released, tmp_path / name, 2) for name in "ab")
    assert first == second
    rows = []
    for name in "ab":
        with Journal.open(tmp_path / name / "rehearsal" / "live" / "journal.sqlite") as journal:
            rows.append(
                journal.query("SELECT order_id, state, attempts, code FROM orders ORDER BY 1")
            )
    assert rows[0] == rows[1]


def test_another_run_takes_the_place_of_the_last(released, tmp_path):
    first, second = whole(released, tmp_path, 1), whole(released, tmp_path, 2)
    assert first.run_id != second.run_id
    with Journal.open(tmp_path / "rehearsal" / "live" / "journal.sqlite") as journal:
        assert [one["run_id"] for one in journal.query("SELECT run_id FROM runs")] == [
            second.run_id
        ]
    assert not (tmp_path / "live").exists()


def test_two_rehearsals_of_one_folder_are_refused(released, tmp_path):
    with Lock.take(tmp_path / "rehearsal.lock"), pytest.raises(AlreadyRunning):
        whole(released, tmp_path, 1)


def test_time_may_pass_and_what_comes_late_is_denied_and_not_lost(released, tmp_path):
    """A session in half a minute: what ended before the trader was ready is history."""
    report = whole(released, tmp_path, 1, speed=3_000.0)
    assert 0 < report.n_decisions <= 46
    assert set(broken(report)) <= {"decisions_equal_backtest"}
    assert report.open_positions == ()


def test_a_trader_that_ends_by_itself_fails_the_rehearsal(released, tmp_path):
    play = asked(released, tmp_path, 1)
    release = play.release
    version = release.config.production_model_version
    lake = tmp_path / "lake"
    lake.mkdir()
    for table in ("continuous_bars", "session_bars", "production_config"):
        (lake / table).symlink_to(released / table)
    (lake / "production_model" / "versions").mkdir(parents=True)
    (lake / "production_model" / "versions" / f"{version}.parquet").write_bytes(b"torn")
    torn = Rehearsal(release, Settings(lake=lake, state=tmp_path), released, 1, launch=forked)
    with pytest.raises(TraderFailed, match="exit code 1"):
        rehearse_whole(torn, simulated=None)


def test_an_empty_portfolio_needs_no_trader(parts, tmp_path):
    write_release(parts.release({}), tmp_path / "lake")
    report = whole(tmp_path / "lake", tmp_path / "state")
    assert (report.n_decisions, report.n_starts, report.invariants) == (0, 0, ())
    assert report.holds


def test_bars_that_are_not_there_are_refused_before_anything_starts(parts, tmp_path):
    write_release(parts.release({"SIM_ES": 1}), tmp_path / "lake")
    with pytest.raises(MissingArtifact, match="continuous_bars"):
        whole(tmp_path / "lake", tmp_path / "state")
    assert not (tmp_path / "state" / "rehearsal").exists()


@pytest.mark.parametrize(
    ("option", "value"),
    [("--speed", "0"), ("--speed", "fast"), ("--faults", "-1"), ("--faults", "x")],
)
def test_what_makes_no_sense_is_a_usage_error(released, tmp_path, option, value):
    shown = CliRunner().invoke(
        main, ["rehearse", option, value, "--lake", str(released), "--state", str(tmp_path)]
    )
    assert shown.exit_code == 2
    assert option in shown.output


def test_the_command_prints_json_with_every_key_it_ever_had(released, tmp_path, monkeypatch):
    # A proxy of the environment must not see an order, or lose one.
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        places = ["--lake", str(released), "--state", str(tmp_path)]
        shown = CliRunner().invoke(main, ["rehearse", "--sessions", "1", "--json", *places])
    assert shown.exit_code == 0, shown.output
    report = json.loads(shown.stdout)
    assert report.keys() >= KEYS
    assert {one["name"] for one in report["invariants"]} == INVARIANTS
    assert all(one["holds"] for one in report["invariants"])
    assert report["journal"] == str(tmp_path / "rehearsal" / "live" / "journal.sqlite")


def test_a_broken_invariant_is_exit_code_one_and_is_told(released, tmp_path):
    places = ["--lake", str(released), "--state", str(tmp_path)]
    assert CliRunner().invoke(main, ["rehearse", "--sessions", "1", *places]).exit_code == 0
    path = tmp_path / "rehearsal" / "live" / "verdict.json"
    verdict = json.loads(path.read_text())
    for one in verdict["invariants"]:
        if one["name"] == NO_ORDER_WHILE_KILLED:
            one |= {"holds": False, "n_broken": 1, "broken": ["x: buy ES arrived while killed"]}
    path.write_text(json.dumps(verdict))
    shown = CliRunner().invoke(main, ["rehearse", "--sessions", "1", *places])
    assert shown.exit_code == 1
    assert "BROKEN" in shown.output
    assert "x: buy ES arrived while killed" in shown.output


def test_a_plan_that_kills_nobody_is_another_run(released, tmp_path):
    plain, planned = (
        asked(released, tmp_path, 1),
        asked(released, tmp_path, 1, plan=FaultPlan(seed=3)),
    )
    first = rehearse_whole(plain, simulated=None)
    second = rehearse_whole(planned, simulated=None)
    assert first.run_id != second.run_id
    assert first.decisions_by_code == second.decisions_by_code
