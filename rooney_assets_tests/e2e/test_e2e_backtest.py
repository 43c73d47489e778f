"""`rooney backtest` and `rooney why-not`, by the real command on a lake of simulated bars."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import pytest
from e2e_factory import Factory
from lake_of_bars import fill_with_bars, universe_of

from rooney_assets.backtests.page import MOST_TRADES, page_of
from rooney_assets.backtests.run import Wanted, run
from rooney_assets.cli.main import main
from rooney_assets.graph.declaration import Here
from rooney_assets.lake import Lake
from rooney_assets.ledger import extend_ledger, searches_on_record, trial_statistics
from rooney_core.errors import HoldoutRefused
from rooney_core.gates.settings import EvaluationSettings
from rooney_core.strategies import find_variant

ES = "SIM_ES"
OPTIONS = ("--variant", "ibs_filtered", "--params", '{"entry_below":0.2}')
WINDOW = ("--from", "2017-01-01", "--to", "2018-06-30")


@pytest.fixture(scope="module")
def factory(make_factory: Callable[..., Factory]) -> Factory:
    found = make_factory((ES, "SIM_NQ"))
    fill_with_bars(found)
    return found


@pytest.fixture(scope="module")
def backtested(factory: Factory) -> dict[str, object]:
    """The facts that `rooney backtest --json` printed."""
    out = str(factory.folder / "out")
    done = factory.rooney("backtest", "ES", *OPTIONS, *WINDOW, "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    assert "SIM_ES" in done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def fresh(make_factory: Callable[..., Factory]) -> Factory:
    found = make_factory((ES,))
    fill_with_bars(found)
    return found


class Told(NamedTuple):
    """What the command said, and its exit code."""

    code: int
    out: str
    err: str


@pytest.fixture
def command(
    factory: Factory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Told]:
    """The command's own `main` in this process: the same code without another start."""

    def run_it(*arguments: str) -> Told:
        for name, value in factory.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["rooney", *arguments])
        code = 0
        try:
            main()
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        told = capsys.readouterr()
        return Told(code, told.out, told.err)

    return run_it


def wanted(name: str = "ibs_filtered", **more: object) -> Wanted:
    variant = find_variant(name)
    params = variant.parse_params(more.pop("params", None))
    return Wanted(ES, variant, params, **more)


def in_process(factory: Factory, asked: Wanted):
    return run(asked, universe_of(factory), Lake(factory.lake), EvaluationSettings())


def test_the_summary_is_that_of_the_trades_and_bars(factory, backtested):
    trades = pl.read_parquet(backtested["files"]["trades.parquet"])
    bars = Lake(factory.lake).read("continuous_bars", ("symbol", ES))
    profits = trades["net_profit_usd"]
    assert backtested["n_trades"] == trades.height > 50
    assert backtested["net_profit_usd"] == pytest.approx(profits.sum())
    assert backtested["win_rate"] == pytest.approx((profits > 0).mean())
    gains = profits.filter(profits > 0).sum()
    losses = profits.filter(profits < 0).sum()
    assert backtested["profit_factor"] == pytest.approx(-gains / losses)
    # Daily returns made anew: profit of the session of the exit, over the close before it.
    instrument = universe_of(factory)[ES]
    ends = bars.group_by("session").agg(pl.col("close").last()).sort("session")
    days = ends.with_columns(before=pl.col("close").shift(1)).filter(
        pl.col("session").is_between(date(2017, 1, 1), date(2018, 6, 30))
    )
    starts = bars.select("session", "bar_start", "bar_end")
    booked = trades.sort("exit_time").join_asof(
        starts.with_columns(pl.col("bar_end") - timedelta(microseconds=1)).sort("bar_end"),
        left_on=pl.col("exit_time") - timedelta(microseconds=1),
        right_on="bar_end",
        strategy="forward",
    )
    at_open = booked["exit_reason"].is_in(["SIGNAL", "TIME"])
    assert at_open.any()
    by_start = dict(starts.select("bar_start", "session").iter_rows())
    sessions = [
        by_start.get(time) if fills_at_open else session
        for time, fills_at_open, session in zip(
            booked["exit_time"], at_open, booked["session"], strict=True
        )
    ]
    pnl = dict.fromkeys(days["session"], 0.0)
    for session, profit in zip(sessions, booked["net_profit_usd"], strict=True):
        pnl[session] += profit
    before = days["before"].to_numpy().copy()
    before[0] = bars.filter(pl.col("session") == days["session"][0])["open"][0]
    returns = np.array(list(pnl.values())) / (before * instrument.multiplier)
    sharpe = returns.mean() / returns.std(ddof=1) * np.sqrt(252)
    assert backtested["annual_sharpe"] == pytest.approx(sharpe)
    assert backtested["n_sessions"] == len(returns)


def test_the_window_begins_with_history(factory, backtested):
    # Flat every night: a run over all bars has the same trades from the window's first day on.
    everything = in_process(factory, wanted(last=date(2018, 6, 30))).result.trades
    cut = pl.read_parquet(backtested["files"]["trades.parquet"])
    later = everything.filter(pl.col("entry_time") >= cut["entry_time"][0])
    columns = ["signal_time", "entry_time", "exit_time", "net_profit_usd", "exit_reason"]
    assert cut.select(columns).equals(later.select(columns))
    assert cut["signal_time"][0].date() < date(2017, 1, 20)


class Reader(HTMLParser):
    """Tags in order, what they refer to, and whether each is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.references: list[str] = []
        self.words = ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.references += [value for name, value in attrs if name in ("src", "href", "srcset")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words += data


def test_the_page_needs_nothing_else(factory, backtested):
    text = Path(backtested["files"]["report.html"]).read_text(encoding="utf-8")
    reader = Reader()
    reader.feed(text)
    assert reader.open == reader.references == []
    assert not {"script", "link", "iframe", "img"} & set(reader.tags)
    # The namespace of SVG is a name, and not fetched.
    assert "http" not in text.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert "url(" not in text
    assert "@import" not in text
    assert reader.tags.count("svg") == 2
    version = Lake(factory.lake).version("continuous_bars", ("symbol", ES))
    told = (version, backtested["code_version"], '"entry_below": 0.2', "Monthly returns", "SIM")
    assert all(one in reader.words for one in told)
    assert f"{backtested['n_trades']:,}" in reader.words


def test_the_page_says_how_many_trades_it_leaves_out(factory):
    done = in_process(factory, wanted("ibs_baseline"))
    assert done.summary.n_trades > MOST_TRADES
    page = page_of(done)
    assert f"The first {MOST_TRADES:,} of {done.summary.n_trades:,}" in page
    assert page.count("<tr>") < MOST_TRADES + 60
    assert done.trial is None
    assert page == page_of(in_process(factory, wanted("ibs_baseline")))


def test_the_page_draws_every_stretch_as_it_ended_and_sums_the_months(factory):
    done = in_process(factory, wanted("ibs_baseline"))
    page, equity = page_of(done), done.result.equity
    lines = re.findall(r'<polyline points="([^"]+)"', page)
    drawn = [np.array([one.split(",") for one in line.split()], float)[:, 1] for line in lines]
    step = 2
    assert 600 < equity.height <= step * 600
    values = equity["equity_usd"].to_numpy()[::-1][::step][::-1]
    deepest = [
        one.min()
        for one in np.split(
            equity["drawdown"].to_numpy(),
            np.arange(equity.height % step or step, equity.height, step),
        )
    ]
    for heights, wanted_values in zip(drawn, (values, np.array(deepest)), strict=True):
        # A picture is its values on a straight scale, to a tenth of a pixel.
        scale = np.polyfit(wanted_values, heights, 1)
        assert np.abs(np.polyval(scale, wanted_values) - heights).max() < 0.11
    total = float((1.0 + done.result.daily_returns["daily_return"]).product()) - 1.0
    assert f"over the whole window {100 * total:.1f} %" in page
    assert "-0.0 %" not in page


def test_the_same_run_changes_nothing_and_another_is_refused(factory, backtested, command):
    out = str(factory.folder / "out")
    again = command("backtest", ES, *OPTIONS, *WINDOW, "--out", out)
    assert again.code == 0, again.err
    assert "profit factor" in again.out
    page = Path(backtested["files"]["report.html"])
    before = page.read_bytes()
    other = ("backtest", ES, *OPTIONS, *WINDOW, "--costs-times", "2", "--out", out)
    refused = command(*other)
    assert refused.code == 1
    assert "--overwrite" in refused.err
    assert page.read_bytes() == before
    assert command(*other, "--overwrite").code == 0
    assert page.read_bytes() != before


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("backtest", "EX", "--variant", "ibs_daily"), 2, "Unknown symbol"),
        (("backtest", "ES", "--variant", "ibs_dialy"), 2, "Did you mean 'ibs_daily'"),
        (("backtest", "ES", "--variant", "ibs_daily", "--params", '{"max": 2}'), 2, "max_bars"),
        (("backtest", "ES", "--variant", "ibs_daily", "--to", "2018"), 2, "--to"),
        (("backtest", "ES", "--variant", "ibs_daily", "--from", "2019-01-01"), 2, "--from"),
        (("backtest", "ES", "--variant", "ibs_daily", "--to", "2021-03-01"), 1, "test window"),
        (("backtest", "ES", "--variant", "ibs_daily", "--to", "2012-03-01"), 1, "from 2016-01-04"),
        (("backtest", "ES", "--variant", "ibs_daily", "--costs-times", "nan"), 2, "times nan"),
        (("why-not", "ES", "ibs_daily", "2018-06-02"), 2, "No bar"),
        (("why-not", "ES", "ibs_daily", "0001-01-01T00:00Z"), 2, "No bar ends at 0001-01-01"),
        (("why-not", "ES", "ibs_daily", "9999-12-31T23:59-14:00"), 2, "No bar ends at 9999"),
        (("why-not", "ES", "ibs_daily", "20180314T2"), 2, "no date and no time"),
        (("why-not", "ES", "ibs_daily", "yesterday"), 2, "no date and no time"),
    ],
)
def test_what_is_wrong_is_refused_in_words(factory, command, tmp_path, arguments, code, said):
    out = ("--out", str(tmp_path / "new" / "out")) if arguments[0] == "backtest" else ()
    done = command(*arguments, *out)
    assert (done.code, done.out) == (code, "")
    assert said in done.err
    assert not [*tmp_path.iterdir()]
    assert Lake(factory.lake).looks(ES).height == 0


@pytest.mark.parametrize(
    ("options", "out", "code"),
    [
        (("--from", "2030-01-01", "--to", "2031-01-01"), "out", 1),
        (("--to", "2021-03-01", "--costs-times", "nan"), "out", 2),
        (("--to", "2021-03-01"), "file/out", 2),
        (("--to", "2021-03-01"), "/proc", 2),
    ],
    ids=["a window without bars", "costs that are no number", "below a file", "not writable"],
)
def test_no_look_is_spent_where_nothing_would_be_seen(
    factory, command, tmp_path, options, out, code
):
    (tmp_path / "file").touch()
    asked = ("backtest", "ES", "--variant", "ibs_daily", *options, "--spend-holdout-look")
    done = command(*asked, "--out", str(tmp_path / out))
    assert done.code == code, done.err
    assert Lake(factory.lake).looks(ES).height == 0
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_a_folder_in_the_way_of_a_file_is_told(command, tmp_path):
    (tmp_path / "trades.parquet").mkdir()
    done = command("backtest", "ES", *OPTIONS, *WINDOW, "--out", str(tmp_path))
    assert done.code == 1
    assert f"{tmp_path} cannot be written" in done.err
    assert [one.name for one in tmp_path.iterdir()] == ["trades.parquet"]


def test_a_look_at_the_test_window_is_recorded_and_budgeted(fresh, tmp_path):
    lake = Lake(fresh.lake)
    arguments = ("backtest", "ES", "--variant", "ibs_daily", "--to", "2021-03-31")
    spent = fresh.rooney(*arguments, "--spend-holdout-look", "--out", str(tmp_path), "--json")
    assert spent.returncode == 0, spent.stderr
    assert json.loads(spent.stdout)["last_session"] == "2021-03-31"
    (look,) = lake.looks(ES).to_dicts()
    assert look["who"] == "rooney backtest"
    assert look["model_version"].startswith("ibs_daily {")
    version = lake.version("continuous_bars", ("symbol", ES))
    assert look["training_set_version"] == f"continuous_bars:{version}"
    assert look["last_test_entry"].date() == date(2021, 3, 31)
    assert "test window" in (tmp_path / "report.html").read_text(encoding="utf-8")
    in_test = {"last": date(2021, 3, 31), "may_look": True}
    for max_bars in (2, 3, 7, 10):
        in_process(fresh, wanted("ibs_daily", params={"max_bars": max_bars}, **in_test))
    with pytest.raises(HoldoutRefused, match="budget is 5"):
        in_process(fresh, wanted("ibs_daily", params={"max_bars": 11}, **in_test))
    # What was seen before may be seen again; nothing of the refused one is on the record.
    in_process(fresh, wanted("ibs_daily", params={"max_bars": 2}, **in_test))
    assert lake.looks(ES)["is_repeat"].to_list() == [False] * 5 + [True]
    assert not lake.trials(ES)["params"].str.contains('"max_bars": 11').any()


def test_the_mandate_says_how_often_the_test_window_opens(fresh, tmp_path):
    mandate = tmp_path / "mandate.yaml"
    mandate.write_text("evaluation: {holdout_budget: 1, min_new_sessions: 42}", encoding="utf-8")
    in_process(fresh, wanted("ibs_daily", last=date(2021, 3, 31), may_look=True))
    asked = ("backtest", "ES", "--variant", "ibs_baseline", "--to", "2021-03-31")
    asked += ("--spend-holdout-look", "--out", str(tmp_path / "out"))
    refused = fresh.rooney(*asked, ROONEY_MANDATE=str(mandate))
    assert refused.returncode == 1
    assert "budget is 1" in refused.stderr
    assert "42 make another window" in refused.stderr
    assert fresh.rooney(*asked).returncode == 0


def test_every_run_off_the_search_is_a_trial_once(fresh, tmp_path):
    lake = Lake(fresh.lake)
    odd = {"entry_below": 0.123}
    for _ in range(2):
        in_process(fresh, wanted())
        in_process(fresh, wanted(params=odd))
        in_process(fresh, wanted(first=date(2017, 1, 1)))
        in_process(fresh, wanted(costs_times=2.0))
    trials = lake.trials(ES)
    assert trials.height == 3
    assert searches_on_record(lake, ES) == sorted(trials["trial"])
    nothing = {"universe": None, "source": None, "params": None, "input_versions": {}}
    here = Here(
        asset="trial_ledger",
        partition=ES,
        lake=lake,
        run_id="r",
        code_version="c",
        state_folder=tmp_path,
        **nothing,
    )
    ledger = extend_ledger(here)
    assert set(ledger["search"]) == {"by_hand"}
    assert trial_statistics(ledger).n_trials == 3
    # Only what was scored as the search scores says something on how Sharpes vary.
    known = ledger.filter(pl.col("sharpe_per_day").is_not_null())
    assert known.height == 1
    assert '"entry_below": 0.123' in known["configuration"][0]


def test_why_not_names_the_condition_and_its_numbers(factory, backtested, command):
    trades = pl.read_parquet(backtested["files"]["trades.parquet"])
    traded = trades["signal_time"][3]
    done = factory.rooney("why-not", "ES", "ibs_filtered", traded.isoformat(), "--json")
    (answer,) = json.loads(done.stdout)
    assert answer["cause"] == "TRADED"
    assert all(one["holds"] for one in answer["conditions"])
    bars = Lake(factory.lake).read("continuous_bars", ("symbol", ES))
    strength = (pl.col("close") - pl.col("low")) / (pl.col("high") - pl.col("low"))
    quiet = bars.filter(pl.col("session") == date(2018, 3, 14), strength.is_between(0.4, 0.6))
    bar = quiet.row(0, named=True)
    done = command("why-not", "ES", "ibs_baseline", bar["bar_end"].isoformat())
    assert done.code == 0, done.err
    ibs = (bar["close"] - bar["low"]) / (bar["high"] - bar["low"])
    assert f"IBS {round(ibs, 6):.10g} is not below entry_below 0.2" in done.out
    assert "CONDITION" in done.out


def test_why_not_by_the_session_asks_its_decision_bar(command):
    done = command("why-not", "ES", "ibs_daily", "2018-03-14", "--json")
    (answer,) = json.loads(done.out)
    assert answer["session"] == "2018-03-14"
    assert answer["bar_end"].startswith("2018-03-14T21:00")
    assert [one["side"] for one in answer["conditions"]] == ["long"]
    compact = command("why-not", "ES", "ibs_daily", "20180314", "--json")
    assert compact.out == done.out
    inside = command("why-not", "ES", "ibs_daily", "2018-03-14T12:00")
    assert "NO_DECISION" in inside.out
    assert "2018-03-14 21:00 UTC (16:00 Chicago)" in inside.out


def test_why_not_names_absent_peers(command):
    done = command("why-not", "ES", "spread_commodity_pair", "2018-03-14")
    assert "a pair of metals or energy, not of equity_index" in done.out
