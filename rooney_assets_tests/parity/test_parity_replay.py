"""The portfolio's replay from codes alone against the trader's fills and accounts, and vice versa.

The trader comes to a position by fills; the replay by reading the codes of the batch. Where both
agree on months of decisions under every limit, and disagree as soon as one row is changed, the
count of differences can be believed.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from small_release import make_parts, universe, write_release

from rooney_core.decision.batch import DECISIONS_SCHEMA
from rooney_core.decision.replay import (
    TRADES_SCHEMA,
    decision_differences,
    replay_portfolio,
    trade_differences,
)
from rooney_core.gates.paper import POSITIONS_SCHEMA, marked_days
from rooney_core.release import load_release
from rooney_core.release.replay import ReplayBars, decide_release
from rooney_live.journal import Journal
from rooney_live.rehearsal.bars import open_market
from rooney_live.rehearsal.parity import parity, recorded_decisions, recorded_trades
from rooney_live.rehearsal.rehearse import rehearse
from rooney_live.release_store import read_release

N_SESSIONS = 60
CONTESTED = {"SIM_ES": 2, "SIM_CL": 1}


@pytest.fixture(scope="module")
def parts():
    return make_parts()


@pytest.fixture(scope="module")
def rehearsed(parts, tmp_path_factory):
    """A rehearsal in which two symbols contest one place: (lake, journal, report)."""
    lake = tmp_path_factory.mktemp("lake")
    parts.write_bars(lake)
    write_release(parts.release(CONTESTED, max_positions=1), lake)
    with Journal.open(lake / "journal.sqlite") as journal:
        report = rehearse(read_release(lake), lake, journal, N_SESSIONS, simulated=None)
        yield lake, journal, report


def test_the_trader_under_limits_is_the_replay_of_the_whole_history(parts, rehearsed):
    """The replay here sees every bar there is; the trader saw a warm-up and the live sessions."""
    _, journal, report = rehearsed
    release = load_release(*parts.release(CONTESTED, max_positions=1))
    bars = ReplayBars(parts.continuous, parts.continuous, parts.sessions)
    replay = decide_release(release, bars).replay([date.fromisoformat(d) for d in report.sessions])
    decisions = recorded_decisions(journal, report.run_id)
    trades = recorded_trades(journal, report.run_id)
    assert decisions.sort("bar_end", "symbol").equals(replay.decisions.sort("bar_end", "symbol"))
    assert trade_differences(trades, replay.trades).is_empty()
    assert trades.height > 10
    assert report.decisions_by_code["MAX_POSITIONS"] > 3
    assert report.parity["n_decisions"] == decisions.height > 2000
    assert report.parity["n_unexplained"] == 0


@pytest.mark.parametrize(
    ("sql", "what", "n"),
    [
        ("UPDATE decisions SET code = 'NO_SIGNAL' WHERE rowid = 0", "", 0),
        ("UPDATE decisions SET code = 'NO_SIGNAL', action = 'none'", {"code", "action"}, 2),
        ("UPDATE decisions SET probability = probability + 1e-12", {"probability"}, 1),
        ("DELETE FROM decisions", {"decision"}, 1),
        ("UPDATE trades SET exit_price = exit_price + 0.25", {"exit_price"}, 1),
        ("UPDATE trades SET net_profit_usd = net_profit_usd + 0.01", {"net_profit_usd"}, 1),
        ("DELETE FROM trades", {"trade"}, 1),
    ],
)
def test_one_changed_row_is_found_and_named(rehearsed, tmp_path, sql, what, n):
    lake, journal, report = rehearsed
    release = read_release(lake)
    market = open_market(lake, release, N_SESSIONS, None)
    with Journal.open(tmp_path / "journal.sqlite") as other:
        journal._connection.backup(other._connection)
        (entry,) = other.query("SELECT * FROM decisions WHERE action = 'enter' LIMIT 1")
        if what:
            symbol, moment = entry["symbol"], entry["bar_end_us"]
            column = "bar_end_us" if " decisions " in f"{sql} " else "signal_time_us"
            with other.transaction():
                other._connection.execute(
                    f"{sql} WHERE symbol = '{symbol}' AND {column} = {moment}"
                )
        found = parity(release, market, other, report.run_id).differences
    assert found.height == n
    assert set(found["what"]) == set(what)


def moments(*rows):
    """Hand-made decisions of one symbol, hour by hour: (code, action)."""
    begin = datetime(2025, 3, 3, 15, tzinfo=UTC)
    return pl.DataFrame(
        [
            ("X", begin + timedelta(hours=n), code, action, 1, None, begin.date())
            for n, (code, action) in enumerate(rows)
        ],
        schema={**DECISIONS_SCHEMA, "session": pl.Date()},
        orient="row",
    )


def test_places_are_given_and_freed_as_worked_out_by_hand():
    """One place. A enters first by priority; B is denied, and gets in when A's exit has filled."""
    first = moments(
        ("ENTER", "enter"),
        ("IN_POSITION", "none"),
        ("EXIT_SIGNAL", "exit"),  # still counts: the exit fills in the next bar
        ("NO_SIGNAL", "none"),
        ("ENTER", "enter"),
        ("ENTRY_LAPSED", "exit"),
    )
    second = moments(
        ("ENTER", "enter"),
        ("EXIT_STOP", "exit"),
        ("ENTER", "enter"),
        ("ENTRY_LAPSED", "exit"),
        ("IN_POSITION", "none"),  # held from before, or from a denied entry: virtual
        ("ENTER", "enter"),
    )
    found = replay_portfolio({"A": first, "B": second}, 1, lambda symbol, day: True)
    of = {name: found.filter(pl.col("symbol") == name)["code"].to_list() for name in "AB"}
    assert of["A"] == first["code"].to_list()
    assert of["B"] == [
        "MAX_POSITIONS",
        "VETOED_TRADE_EXIT",
        "MAX_POSITIONS",
        "VETOED_TRADE_EXIT",
        "VETOED_TRADE_OPEN",
        "ENTER",
    ]
    reducing = replay_portfolio({"A": first}, 1, lambda symbol, day: False)
    assert reducing["action"].unique().to_list() == ["none"]
    assert reducing["code"].to_list() == [
        *("REDUCING", "VETOED_TRADE_OPEN", "VETOED_TRADE_EXIT", "NO_SIGNAL"),
        *("REDUCING", "VETOED_TRADE_EXIT"),
    ]


def test_empty_records_have_no_difference():
    nothing = pl.DataFrame(schema=DECISIONS_SCHEMA)
    assert decision_differences(nothing, nothing).is_empty()
    assert trade_differences(*[pl.DataFrame(schema=TRADES_SCHEMA)] * 2).is_empty()


def test_paper_days_add_up_to_the_trades_and_buy_and_hold_to_the_price(parts, rehearsed):
    _, journal, report = rehearsed
    trades = recorded_trades(journal, report.run_id)
    rows = journal.query(
        "SELECT t.symbol, t.side, t.size, t.entry_time_us AS entry_time, t.entry_price, "
        "f.commission_usd AS entry_commission_usd, t.exit_time_us AS exit_time, t.exit_price, "
        "t.exit_reason, t.net_profit_usd FROM trades t JOIN fills f ON "
        "f.order_id = t.entry_order_id"
    )
    times = {"entry_time": pl.Int64, "exit_time": pl.Int64}
    positions = pl.DataFrame(rows, schema=POSITIONS_SCHEMA | times).cast(POSITIONS_SCHEMA)
    sessions = pl.Series(report.sessions).str.to_date()
    known = universe()
    facts = {name: known[name] for name in CONTESTED}
    days = marked_days(positions, parts.continuous, facts, CONTESTED, sessions)
    assert days.height == len(report.sessions) * 2
    assert days["daily_pnl_usd"].sum() == pytest.approx(report.net_profit_usd)
    # Intraday trades: each day has exactly what its exits earned.
    booked = trades.with_columns(session=pl.col("exit_time").dt.date())
    by_day = days.filter(pl.col("symbol") == "SIM_ES").filter(pl.col("daily_pnl_usd") != 0)
    earned = booked.filter(pl.col("symbol") == "SIM_ES")
    assert by_day["daily_pnl_usd"].sum() == pytest.approx(earned["net_profit_usd"].sum())
    frame = parts.continuous["SIM_ES"].with_columns(price=pl.col("close") + pl.col("adjustment"))
    before = frame.filter(pl.col("session") < sessions[0])["price"][-1]
    held = (frame["price"][-1] - before) * known["SIM_ES"].multiplier * 2
    assert days.filter(pl.col("symbol") == "SIM_ES")["buy_hold_pnl_usd"].sum() == pytest.approx(
        held
    )


def test_a_position_over_nights_is_marked_at_every_close_as_worked_out_by_hand():
    """Two contracts at 50 USD a point: 100 in, closes 103, 101 (a roll of +10), out at 115."""
    known = universe()["SIM_ES"]
    begin = datetime(2025, 3, 3, 15, tzinfo=UTC)
    starts = [begin + timedelta(days=day) for day in range(3)]
    bars = pl.DataFrame(
        {
            "bar_start": starts,
            "bar_end": [one + timedelta(hours=1) for one in starts],
            "close": [103.0, 111.0, 115.0],
            "adjustment": [10.0, 0.0, 0.0],
            "session": [one.date() for one in starts],
        },
        schema_overrides=dict.fromkeys(("bar_start", "bar_end"), pl.Datetime("us", "UTC")),
    )
    sides = {"symbol": "SIM_ES", "side": 1, "size": 2}
    entry = {"entry_time": starts[0], "entry_price": 100.0, "entry_commission_usd": 4.0}
    closed = {"exit_time": starts[2], "exit_price": 114.0, "exit_reason": "SIGNAL"}
    # 114 - 100 less the gap of 10, two contracts, and all costs.
    net = 4.0 * 2 * known.multiplier - 20.0
    days = bars["session"]
    for row, expected in (
        (
            sides | entry | closed | {"net_profit_usd": net},
            [3 * 2 * known.multiplier - 4.0, -2 * 2 * known.multiplier, None],
        ),
        (
            sides | entry,
            [3 * 2 * known.multiplier - 4.0, -2 * 2 * known.multiplier, 4 * 2 * known.multiplier],
        ),
    ):
        positions = pl.DataFrame([row], schema=POSITIONS_SCHEMA)
        table = marked_days(positions, {"SIM_ES": bars}, {"SIM_ES": known}, {"SIM_ES": 2}, days)
        earned = table["daily_pnl_usd"].to_list()
        assert earned[:2] == pytest.approx(expected[:2])
        assert sum(earned) == pytest.approx(net if expected[2] is None else sum(expected))
        assert table["buy_hold_pnl_usd"].to_list() == pytest.approx(
            [0.0, -2 * 2 * known.multiplier, 4 * 2 * known.multiplier]
        )
