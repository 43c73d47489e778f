"""An approval or an override that has ended: no new entry, exits go on, and everybody is told."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from datetime import date, timedelta

import pytest
from click.testing import CliRunner
from small_release import MARKET, TERMS, write_release

from rooney_core.errors import BarsRejected
from rooney_core.gates.approvals import Override
from rooney_core.release import ProductionConfig, ReleaseTables
from rooney_core.release.standing import TradingState, lapsed, may_enter, trading_state
from rooney_live.cli import main
from rooney_live.journal import Journal, Run
from rooney_live.journal_reading import run_summary
from rooney_live.preflight import preflight
from rooney_live.rehearsal.bars import open_market
from rooney_live.rehearsal.rehearse import rehearse
from rooney_live.release_store import read_release
from rooney_live.settings import Settings
from rooney_live.trader import Trader

N_SESSIONS = 30
MIDDLE = date(2021, 3, 10)
SIZES = {"SIM_CL": 1, "SIM_ES": 2}
OVERRIDE = Override(
    symbol="SIM_CL", gate="stress", reason="the crash of 2020", until=MIDDLE, who="ann"
)


def under(tables: ReleaseTables, **terms: object) -> ReleaseTables:
    """The same release on other terms, under the id that these give it."""
    config = ProductionConfig.from_frame(tables.production_config)
    other = config.model_copy(update=terms).named()
    return ReleaseTables(other.to_frame(), tables.production_model)


def run(lake, tables, path):
    """The report, and decisions and events as the journal has them."""
    write_release(tables, lake)
    with Journal.open(path) as journal:
        report = rehearse(read_release(lake), lake, journal, N_SESSIONS, simulated=None)
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    tables = {
        name: [dict(row) for row in connection.execute(f"SELECT * FROM {name}")]
        for name in ("decisions", "events", "orders", "trades")
    }
    connection.close()
    return report, tables


def test_a_day_after_the_approval_no_symbol_may_enter_and_on_its_last_day_every_one_may():
    terms = TERMS.model_copy(update={"approved_until": MIDDLE, "overrides": (OVERRIDE,)})
    later = terms.model_copy(update={"approved_until": date(2021, 12, 31)})
    after = MIDDLE + timedelta(days=1)
    assert may_enter(terms, "SIM_CL", MIDDLE)
    assert may_enter(terms, "SIM_ES", MIDDLE)
    assert trading_state(terms, "SIM_ES", after) is TradingState.REDUCING
    # An override is one symbol's alone.
    assert trading_state(later, "SIM_CL", after) is TradingState.REDUCING
    assert trading_state(later, "SIM_ES", after) is TradingState.ACTIVE
    assert len(lapsed(terms, SIZES, after)) == 2
    assert lapsed(later, ["SIM_ES"], after) == ()
    assert lapsed(terms, [], after) == ()


@pytest.mark.parametrize("ended", ["approval", "override"])
def test_from_the_day_after_entries_are_denied_and_exits_go_on(parts, lake, tmp_path, ended):
    free, before = run(lake, parts.release(SIZES), tmp_path / "free.sqlite")
    terms = {"approved_until": MIDDLE} if ended == "approval" else {"overrides": (OVERRIDE,)}
    reducing, after = run(lake, under(parts.release(SIZES), **terms), tmp_path / "ended.sqlite")
    stopped = set(SIZES) if ended == "approval" else {"SIM_CL"}
    entered = {(one["symbol"], one["bar_end_us"]) for one in before["decisions"]}
    assert entered == {(one["symbol"], one["bar_end_us"]) for one in after["decisions"]}

    def entries(tables, wanted):
        return {
            (one["symbol"], one["bar_end_us"])
            for one in tables["decisions"]
            if one["action"] == "enter" and (one["session"] <= str(MIDDLE)) == wanted
        }

    assert entries(after, True) == entries(before, True)
    denied = {
        (one["symbol"], one["bar_end_us"])
        for one in after["decisions"]
        if one["code"] == "REDUCING"
    }
    assert {symbol for symbol, _ in denied} == stopped
    assert {symbol for symbol, _ in entries(after, False)} == set(SIZES) - stopped
    assert denied <= entries(before, False) | {
        (one["symbol"], one["bar_end_us"])
        for one in before["decisions"]
        if one["code"] == "MAX_POSITIONS"
    }
    # Whatever was entered in time is left as it would have been.
    in_time = [one for one in before["trades"] if one["entry_order_id"].split(":")[1] in stopped]
    kept = [one for one in after["trades"] if one["symbol"] in stopped]
    assert 0 < len(kept) < len(in_time)
    assert len(kept) == len([one for one in entries(after, True) if one[0] in stopped]) - len(
        [one for one in after["events"] if one["code"] == "ENTRY_LAPSED"]
    )
    assert reducing.open_positions == ()
    assert reducing.parity["n_unexplained"] == free.parity["n_unexplained"] == 0
    (event,) = [one for one in after["events"] if one["code"] == "REDUCING"]
    assert str(MIDDLE) in event["message"]
    assert "exits go on" in event["message"]
    assert reducing.lapsed == (event["message"],)
    assert free.lapsed == ()


def test_a_release_that_lapsed_before_the_first_bar_trades_nothing(parts, lake, tmp_path):
    tables = under(parts.release(SIZES), approved_until=date(2020, 1, 1))
    report, found = run(lake, tables, tmp_path / "journal.sqlite")
    assert report.trades == ()
    assert found["orders"] == []
    assert report.decisions_by_code["REDUCING"] > 5
    assert report.parity["n_unexplained"] == 0


def checks_of(lake, tmp_path, today=None):
    settings = Settings(lake=lake, state=tmp_path / "state")
    return {one.name: one for one in preflight(settings, lake, today)}


def test_preflight_says_that_it_is_reducing(parts, lake, tmp_path):
    until = TERMS.approved_until
    assert checks_of(lake, tmp_path, until)["approval holds"].passed
    late = checks_of(lake, tmp_path, until + timedelta(days=1))["approval holds"]
    assert late.passed is False
    assert f"ended on {until}: REDUCING" in late.detail
    # The simulated market's time stands still at its last session, whatever day it is.
    assert checks_of(lake, tmp_path)["approval holds"].passed
    write_release(under(parts.release(SIZES), approved_until=date(2021, 3, 30)), lake)
    assert checks_of(lake, tmp_path)["approval holds"].passed is False
    assert MARKET.last_session == date(2021, 3, 31)


def test_an_override_is_red_until_it_ends(parts, lake, tmp_path):
    running = OVERRIDE.model_copy(update={"until": date(2021, 12, 31)})
    write_release(under(parts.release(SIZES), overrides=(running,)), lake)
    check = checks_of(lake, tmp_path)["overrides"]
    assert check.passed
    assert check.is_red
    assert "SIM_CL passes its stress gate until 2021-12-31 on the word of ann" in check.detail
    for command in (["preflight"], ["rehearse", "--sessions", "2"]):
        places = ["--lake", str(lake), "--state", str(tmp_path / "state")]
        shown = CliRunner().invoke(main, [*command, *places], color=True)
        assert shown.exit_code == 0, shown.output
        (line,) = [one for one in shown.output.splitlines() if "the crash of 2020" in one]
        assert line.startswith("\x1b[31m")
    status = CliRunner().invoke(main, ["status", *places], color=True)
    assert status.output.startswith("\x1b[31m")
    assert "the crash of 2020" in status.output
    told = CliRunner().invoke(main, ["rehearse", "--sessions", "2", "--json", *places])
    assert "the crash of 2020" in json.loads(told.stdout)["overrides"][0]


class StrayFeed:
    """The rehearsal's own feed, with one price in the middle that is no number."""

    def __init__(self, market, number):
        self._market, self._number = market, number

    def __getattr__(self, name):
        return getattr(self._market, name)

    def live(self, symbol):
        for number, bar in enumerate(self._market.live(symbol)):
            strays = symbol == "SIM_ES" and number == self._number
            yield replace(bar, close=float("nan")) if strays else bar


def test_a_bar_that_cannot_be_stops_the_trader_and_is_on_record(lake, tmp_path):
    release = read_release(lake)
    market = open_market(lake, release, 3, None)
    run = Run("run", release.config.release_id, "2021-04", "code", "bars", (), None, None)
    with Journal.open(tmp_path / "journal.sqlite") as journal:
        journal.begin(run, "2026-01-01T00:00:00")
        with pytest.raises(BarsRejected, match="not a number"):
            Trader(release, journal, run).run(StrayFeed(market, 20))
        (event,) = journal.query("SELECT * FROM events WHERE code = 'EMERGENCY_STOP'")
        assert "not a number" in event["message"]
        assert run_summary(journal, "run").n_emergency_stops == 1
        (last,) = journal.query("SELECT max(bar_end_us) AS at FROM decisions")
        assert last["at"] < event["at_us"]
