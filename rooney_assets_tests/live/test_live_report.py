"""The report by hand-worked trades; limits that a person sets; backups that can be trusted."""

from __future__ import annotations

import json
import os
import sqlite3
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from monitor_desk import INSTRUMENTS, RUN, journal_at

from rooney_core.errors import InvalidSetting, MissingArtifact, UnknownName
from rooney_core.release.limits import LiveLimits
from rooney_live.backup import BackupFailed, back_up
from rooney_live.cli import main
from rooney_live.journal import Journal
from rooney_live.report import ALL, AS_EXPECTED, MIN_TRADES, OFF, TOO_FEW, make_report
from rooney_live.risk.limits import limits_in_force, set_limits

HOUR_US = 3_600_000_000
FIRST_US = int(datetime(2026, 3, 2, 15, 0, tzinfo=UTC).timestamp()) * 1_000_000
ES = INSTRUMENTS["SIM_ES"]
FEE = 2.5


@pytest.fixture
def live(tmp_path):
    folder = tmp_path / "state" / "live"
    folder.mkdir(parents=True)
    return folder


def put_trade(
    journal: Journal,
    number: int,
    points: float,
    probability: float = 0.6,
    reported: tuple[float, float] | None = (0.0, 0.0),
    symbol: str = "SIM_ES",
) -> None:
    """One long contract of one session each, from 4,000 to 4,000 + points as expected; `reported`:
    how many ticks worse than expected the broker's entry and exit were."""
    at = FIRST_US + number * 24 * HOUR_US
    session = (date(2026, 3, 2) + timedelta(days=number)).isoformat()
    decision = {
        "run_id": "run",
        "symbol": symbol,
        "contract": f"{symbol}H26",
        "session": session,
        "close": 4000.0,
        "code": "ENTER",
        "action": "enter",
        "side": 1,
        "features": "{}",
        "contributions": "{}",
        "release_id": "release",
    }
    journal.put("decisions", decision | {"bar_end_us": at, "probability": probability})
    journal.put("decisions", decision | {"bar_end_us": at + 3 * HOUR_US})
    prices = {"enter": 4000.0, "exit": 4000.0 + points}
    for intent, price in prices.items():
        order_id = f"{symbol}:{at}:{intent}"
        order = {"order_id": order_id, "run_id": "run", "symbol": symbol, "decided_at_us": at}
        order |= {"intent": intent, "side": 1, "size": 1, "reason": "X", "kind": "market"}
        journal.put("orders", order | {"state": "ACKED", "signal_price": price})
        filled = at + (1 if intent == "enter" else 2) * HOUR_US
        fill = {"order_id": order_id, "run_id": "run", "symbol": symbol, "filled_at_us": filled}
        fill |= {"size": 1, "commission_usd": FEE}
        journal.put("fills", fill | {"source": "expected", "price": price})
        if reported is not None:
            worse = reported[0] if intent == "enter" else -reported[1]
            real = price + worse * ES.tick_size
            journal.put("fills", fill | {"source": "reported", "price": real})
    journal.put("trades", trade_row(symbol, at, points))


def trade_row(symbol: str, at: int, points: float) -> dict[str, object]:
    """The paper account's round trip of it."""
    return {
        "entry_order_id": f"{symbol}:{at}:enter",
        "exit_order_id": f"{symbol}:{at}:exit",
        "run_id": "run",
        "symbol": symbol,
        "side": 1,
        "size": 1,
        "signal_time_us": at,
        "entry_time_us": at + HOUR_US,
        "exit_time_us": at + 2 * HOUR_US,
        "entry_price": 4000.0,
        "exit_price": 4000.0 + points,
        "commission_usd": 2 * FEE,
        "net_profit_usd": points * ES.multiplier - 2 * FEE,
        "exit_reason": "TIME",
        "rolls": 0,
        "roll_gap": 0.0,
    }


def put_trades(live: Path, n_won: int, n_lost: int, **facts: object) -> None:
    with journal_at(live) as journal, journal.transaction():
        for number in range(n_won + n_lost):
            put_trade(journal, number, 4.0 if number < n_won else -2.0, **facts)


def test_a_day_s_result_is_net_of_commissions_and_by_the_broker_s_fills(live):
    with journal_at(live) as journal:
        with journal.transaction():
            put_trade(journal, 0, 4.0, reported=(1.0, 2.0))
            put_trade(journal, 1, -2.0, reported=None)
        report = make_report(journal, INSTRUMENTS)
    first, second = report.days
    # 4 points less 3 ticks, and two commissions; the other one as on paper.
    lost = 3.0 * ES.tick_size * ES.multiplier
    assert first["net_profit_usd"] == pytest.approx(4.0 * ES.multiplier - lost - 2 * FEE)
    assert second["net_profit_usd"] == pytest.approx(-2.0 * ES.multiplier - 2 * FEE)
    assert (first["session"], first["n_reported"]) == ("2026-03-02", 1)
    assert (second["session"], second["n_reported"]) == ("2026-03-03", 0)
    assert first["commission_usd"] == second["commission_usd"] == 2 * FEE


def test_slippage_is_the_model_s_and_what_was_worse(live):
    with journal_at(live) as journal:
        with journal.transaction():
            put_trade(journal, 0, 4.0, reported=(1.0, -0.5))
        entry, leaving = make_report(journal, INSTRUMENTS).fills
    # The cost model of the shipped universe takes so many ticks of each fill by itself.
    own = entry["expected_slippage_ticks"]
    assert own == pytest.approx(ES.slippage_ticks)
    assert entry["slippage_ticks"] == pytest.approx(own + 1.0)
    assert leaving["slippage_ticks"] == pytest.approx(own - 0.5)


@pytest.mark.parametrize(
    ("n_won", "n_lost", "probability", "verdict"),
    [
        (12, 8, 0.60, AS_EXPECTED),
        (13, 7, 0.60, AS_EXPECTED),  # 65 of 60 %: five points
        (14, 6, 0.60, OFF),
        (11, 9, 0.60, AS_EXPECTED),
        (10, 10, 0.60, OFF),
        (11, 8, 0.60, TOO_FEW),
    ],
)
def test_the_win_rate_within_five_points_of_what_the_model_said(
    live, n_won, n_lost, probability, verdict
):
    put_trades(live, n_won, n_lost, probability=probability)
    with journal_at(live) as journal:
        found = make_report(journal, INSTRUMENTS).expectations
    assert [one.symbol for one in found] == ["SIM_ES", ALL]
    assert {one.win_rate_verdict for one in found} == {verdict}
    assert found[0].win_rate == pytest.approx(n_won / (n_won + n_lost))
    assert found[0].is_off == (verdict == OFF)


@pytest.mark.parametrize(("within", "verdict"), [(20.0, AS_EXPECTED), (20.5, OFF)])
def test_the_mean_profit_within_twenty_dollars(live, within, verdict):
    """Every trade costs so much more than expected, at its exit."""
    ticks = within / ES.tick_value_usd
    put_trades(live, 12, 8, reported=(0.0, ticks))
    with journal_at(live) as journal:
        (found, _) = make_report(journal, INSTRUMENTS).expectations
    assert found.expected_profit_usd - found.mean_profit_usd == pytest.approx(within)
    assert found.profit_verdict == verdict


@pytest.mark.parametrize(
    ("ticks", "verdict"), [(1.0, AS_EXPECTED), (-1.0, AS_EXPECTED), (1.1, OFF)]
)
def test_slippage_within_a_tick_of_the_model_s(live, ticks, verdict):
    put_trades(live, 12, 8, reported=(ticks, ticks))
    with journal_at(live) as journal:
        (found, _) = make_report(journal, INSTRUMENTS).expectations
    assert found.n_fills == 40
    assert found.slippage_ticks - found.expected_slippage_ticks == pytest.approx(ticks)
    assert found.slippage_verdict == verdict


def test_without_the_broker_s_fills_only_the_win_rate_is_known(live):
    put_trades(live, 12, 8, reported=None)
    with journal_at(live) as journal:
        (found, _) = make_report(journal, INSTRUMENTS).expectations
    assert (found.n_trades, found.n_reported, found.n_fills) == (20, 0, 0)
    assert found.win_rate_verdict == AS_EXPECTED
    assert (found.mean_profit_usd, found.slippage_ticks) == (None, None)
    assert (found.profit_verdict, found.slippage_verdict) == (TOO_FEW, TOO_FEW)


def test_a_report_can_begin_later_and_leaves_replays_out(live, tmp_path):
    put_trades(live, 12, 8)
    with journal_at(live) as journal:
        later = make_report(journal, INSTRUMENTS, date(2026, 3, 12))
        assert len(later.days) == MIN_TRADES - 10
    with Journal.open(tmp_path / "replay.sqlite") as journal:
        journal.begin(replace(RUN, mode="replay"), "2026-01-01")
        with journal.transaction():
            put_trade(journal, 0, 4.0)
        assert make_report(journal, INSTRUMENTS).days == ()


def rl(live: Path, lake: Path, *arguments: str):
    places = ["--state", str(live.parent), "--lake", str(lake)]
    return CliRunner().invoke(main, [*arguments, *places], color=True)


def test_the_command_shows_what_is_off_in_red_and_fails(live, lake):
    put_trades(live, 18, 2)
    shown = rl(live, lake, "report")
    assert shown.exit_code == 1
    assert any(line.startswith("\x1b[31m") and "OFF" in line for line in shown.output.splitlines())
    told = json.loads(rl(live, lake, "report", "--json").stdout)
    assert told["is_off"]
    assert len(told["days"]) == 20
    with journal_at(live) as journal:
        assert {row["command"] for row in journal.query("SELECT * FROM controls")} == {"REPORT"}


def test_before_anything_was_traded_the_command_says_so(live, lake):
    shown = rl(live, lake, "report")
    assert shown.exit_code == 1
    assert "rooney-live rehearse" in shown.output


# Limits

DAY = 24 * HOUR_US
RELEASED = LiveLimits()


def test_a_tighter_limit_holds_until_another_and_a_looser_one_until_its_end(live):
    with journal_at(live) as journal:
        now = set_limits(journal, RELEASED, {"max_daily_loss_usd": 2500}, "careful", None, 10)
        assert now.limits.max_daily_loss_usd == 2500
        assert (now.loosened, now.changed) == ((), {"max_daily_loss_usd": 5000.0})
        assert limits_in_force(journal, RELEASED, 10**17).limits.max_daily_loss_usd == 2500
        # A release that is tighter than what a person set under the one before stays so.
        tighter = RELEASED.model_copy(update={"max_daily_loss_usd": 1000})
        assert limits_in_force(journal, tighter, 10**17).limits.max_daily_loss_usd == 1000
        looser = set_limits(journal, RELEASED, {"max_order_contracts": 12}, "size", DAY, 20)
        assert looser.loosened == ("max_order_contracts 10 -> 12",)
        # What it does not name stays as careful as it was, during and after it.
        assert looser.limits.max_daily_loss_usd == 2500
        assert limits_in_force(journal, RELEASED, DAY - 1).limits.max_order_contracts == 12
        after = limits_in_force(journal, RELEASED, DAY)
        assert (after.limits.max_order_contracts, after.loosened) == (10, ())
        assert after.changed == {"max_daily_loss_usd": 5000.0}
        assert set_limits(journal, RELEASED, {}, "back", None, 30).limits == RELEASED


TIGHT, WIDE, TIGHTEST = (2_000.0, None), (9_000.0, 3 * HOUR_US), (500.0, HOUR_US)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        # The newest that holds counts; when it ends, the one before counts again.
        ((TIGHT, WIDE), (9_000.0, 9_000.0, 2_000.0)),
        ((WIDE, TIGHT), (2_000.0, 2_000.0, 2_000.0)),
        ((WIDE, TIGHTEST), (500.0, 9_000.0, 5_000.0)),
        ((TIGHTEST, WIDE), (9_000.0, 9_000.0, 5_000.0)),
        ((TIGHT, WIDE, TIGHTEST), (500.0, 9_000.0, 2_000.0)),
    ],
)
def test_of_two_values_of_one_limit_the_newest_that_holds_counts(live, rows, expected):
    with journal_at(live) as journal:
        for at_us, (value, until_us) in enumerate(rows, start=1):
            set_limits(journal, RELEASED, {"max_daily_loss_usd": value}, "because", until_us, at_us)
        found = tuple(
            limits_in_force(journal, RELEASED, hour * HOUR_US).limits.max_daily_loss_usd
            for hour in (0, 1, 3)
        )
    assert found == expected


def test_what_was_no_loosening_when_it_was_set_loosens_no_later_release(live):
    with journal_at(live) as journal:
        set_limits(journal, RELEASED, {"max_daily_loss_usd": 4_000.0}, "a day", DAY, 1)
        tighter = RELEASED.model_copy(update={"max_daily_loss_usd": 1_000.0})
        found = limits_in_force(journal, tighter, 2)
        assert (found.limits.max_daily_loss_usd, found.loosened, found.set_by) == (1_000.0, (), "")


@pytest.mark.parametrize(
    ("changes", "until", "error", "words"),
    [
        ({"max_daily_loss": 1}, None, UnknownName, "max_daily_loss_usd"),
        ({"max_daily_loss_usd": 0}, None, InvalidSetting, "greater than 0"),
        ({"max_daily_loss_usd": float("nan")}, None, InvalidSetting, "finite"),
        ({"max_orders_per_hour": 501}, DAY, InvalidSetting, "500"),
        ({"max_daily_loss_usd": 9000}, None, InvalidSetting, "needs an end"),
        ({"max_daily_loss_usd": 9000}, 5, InvalidSetting, "has passed"),
    ],
)
def test_limits_that_are_not_allowed_change_nothing(live, changes, until, error, words):
    with journal_at(live) as journal:
        with pytest.raises(error, match=words):
            set_limits(journal, RELEASED, changes, "why", until, 10)
        with pytest.raises(InvalidSetting, match="reason"):
            set_limits(journal, RELEASED, {}, "", None, 10)
        assert journal.query("SELECT * FROM controls") == []
        assert limits_in_force(journal, RELEASED, 10).limits == RELEASED


def test_the_command_shows_what_is_looser_in_red(live, lake):
    with journal_at(live):
        pass
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%MZ")
    asked = ("limits", "set", "max_daily_loss_usd=9000", "--reason", "a wide day")
    assert rl(live, lake, *asked).exit_code == 2
    shown = rl(live, lake, *asked, "--until", tomorrow)
    assert shown.exit_code == 0, shown.output
    red = [line for line in shown.output.splitlines() if line.startswith("\x1b[31m")]
    assert len(red) == 2
    told = json.loads(rl(live, lake, "limits", "show", "--json").stdout)
    assert told["limits"]["max_daily_loss_usd"] == 9000.0
    assert told["loosened"] == ["max_daily_loss_usd 5000 -> 9000"]
    with journal_at(live) as journal:
        (row,) = journal.query("SELECT * FROM controls")
    assert (row["command"], row["reason"]) == ("LIMITS", "a wide day")
    # Two hours of something tighter: the day's wider one is back after it.
    again = rl(
        live, lake, "limits", "set", "max_daily_loss_usd=900", "--for", "2h", "--reason", "x"
    )
    assert again.exit_code == 0, again.output
    assert again.output.rstrip().endswith("(max_daily_loss_usd): x")
    both = ("--for", "2h", "--until", tomorrow, "--reason", "x")
    assert rl(live, lake, "limits", "set", "max_daily_loss_usd=900", *both).exit_code == 2
    for wrong in ("max_daily_loss_usd", "max_daily_loss_usd=much", "=3"):
        assert rl(live, lake, "limits", "set", wrong, "--reason", "x").exit_code == 2


# Backups


def test_a_copy_is_of_one_moment_while_others_write_and_old_ones_go(live, tmp_path):
    put_trades(live, 2, 0)
    folder = tmp_path / "copies"
    path = live / "journal.sqlite"
    with journal_at(live) as journal, journal.transaction():
        journal.execute(
            "INSERT INTO controls (at_us, who, command, arguments, reason) "
            "VALUES (1, 'x', 'PAUSE', '{}', 'not committed yet')"
        )
        made = [back_up(path, folder, 2, datetime(2026, 1, day, tzinfo=UTC)) for day in (1, 2, 3)]
    assert [one.name for one in sorted(folder.iterdir())] == [
        "journal-20260102T000000.000000Z.sqlite",
        "journal-20260103T000000.000000Z.sqlite",
    ]
    assert made[2].removed == (made[0].path,)
    assert made[2].path.stat().st_mode & 0o077 == 0
    with sqlite3.connect(made[2].path) as copy:
        assert copy.execute("SELECT count(*) FROM trades").fetchone() == (2,)
        assert copy.execute("SELECT count(*) FROM controls").fetchone() == (0,)
    copy.close()
    # A copy is a journal: it can be put in place.
    with Journal.open(made[2].path) as restored:
        restored.check()
        assert len(make_report(restored, INSTRUMENTS).days) == 2


def test_a_damaged_journal_or_a_folder_that_cannot_be_written_leaves_no_copy(live, tmp_path):
    with pytest.raises(MissingArtifact):
        back_up(live / "journal.sqlite", tmp_path / "copies", 3)
    put_trades(live, 12, 0)
    path = live / "journal.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    a_file = tmp_path / "file"
    a_file.touch()
    with pytest.raises(BackupFailed, match="Nothing was changed"):
        back_up(path, a_file, 3)
    content = bytearray(path.read_bytes())
    content[8192:12288] = os.urandom(4096)
    path.write_bytes(bytes(content))
    with pytest.raises(BackupFailed, match="was not copied"):
        back_up(path, tmp_path / "copies", 3)
    assert list((tmp_path / "copies").iterdir()) == []


def test_the_command_copies_beside_the_state_and_is_recorded(live, lake):
    put_trades(live, 1, 0)
    shown = rl(live, lake, "backup", "--json")
    assert shown.exit_code == 0, shown.output
    told = json.loads(shown.stdout)
    assert Path(told["path"]).parent == live.parent / "backups"
    with journal_at(live) as journal:
        assert [row["command"] for row in journal.query("SELECT * FROM controls")] == ["BACKUP"]
