"""The trader's journal of a rehearsal against the batch backtest: all decisions, all trades.

The rehearsal comes through files, hashes, a merge of feeds, references that arrive in time, the
paper venue and SQLite; the backtest is the compiled loop over the whole history.
"""

from __future__ import annotations

import json
from datetime import date

import numpy as np
import polars as pl
import pytest
from small_release import make_parts, universe, write_release

from rooney_core.decision import batch_decisions, filtered_trades
from rooney_core.market.bars import BarArrays
from rooney_core.release import load_release
from rooney_live.journal import Journal
from rooney_live.rehearsal.rehearse import rehearse
from rooney_live.release_store import read_release

SIZES = {"SIM_CL": 1, "SIM_ES": 2}
N_SESSIONS = 60


@pytest.fixture(scope="module")
def parts():
    return make_parts()


@pytest.fixture(scope="module")
def release(parts):
    return load_release(*parts.release(SIZES))


@pytest.fixture(scope="module")
def rehearsed(parts, tmp_path_factory):
    """(report, decisions, trades) as the journal has them."""
    lake = tmp_path_factory.mktemp("lake")
    parts.write_bars(lake)
    write_release(parts.release(SIZES), lake)
    with Journal.open(lake / "journal.sqlite") as journal:
        report = rehearse(read_release(lake), lake, journal, N_SESSIONS, simulated=None)
        decisions = journal.query("SELECT * FROM decisions ORDER BY symbol, bar_end_us")
        trades = journal.query("SELECT * FROM trades ORDER BY symbol, entry_time_us")
    return report, decisions, trades


def in_batch(parts, release, symbol):
    """The batch's decisions and trades of the rehearsed sessions, from the whole history."""
    frame, bundle = parts.continuous[symbol], release.bundles[symbol]
    bars = BarArrays.from_frame(frame, universe()[symbol])
    first = frame["session"].unique().sort().tail(N_SESSIONS)[0]
    live = frame.filter(pl.col("session") >= first)["bar_end"]
    feeds = parts.feeds(symbol)
    return (
        batch_decisions(bars, bundle, feeds).filter(pl.col("bar_end").is_in(live.implode())),
        filtered_trades(bars, bundle, feeds).filter(pl.col("signal_time").is_in(live.implode())),
    )


@pytest.mark.parametrize("symbol", SIZES)
def test_every_decision_is_the_batch_decision(parts, release, rehearsed, symbol):
    batch, _ = in_batch(parts, release, symbol)
    names = ("bar_end_us", "code", "action", "side", "probability")
    recorded = [
        tuple(row[name] for name in names) for row in rehearsed[1] if row["symbol"] == symbol
    ]
    expected = list(
        batch.select(
            pl.col("bar_end").dt.timestamp("us"), "code", "action", "side", "probability"
        ).iter_rows()
    )
    assert recorded == expected
    assert len(recorded) > 1000
    asked = [row for row in recorded if row[4] is not None]
    assert {row[1] for row in asked} <= {"ENTER", "MODEL_BELOW_THRESHOLD"}


@pytest.mark.parametrize("symbol", SIZES)
def test_every_trade_is_the_batch_trade(parts, release, rehearsed, symbol):
    _, batch = in_batch(parts, release, symbol)
    own = [row for row in rehearsed[2] if row["symbol"] == symbol]
    names = ("signal_time_us", "entry_time_us", "exit_time_us", "side", "entry_price", "exit_price")
    recorded = [(*(row[name] for name in names), row["exit_reason"]) for row in own]
    expected = list(
        batch.select(
            *(pl.col(f"{one}_time").dt.timestamp("us") for one in ("signal", "entry", "exit")),
            pl.col("side").cast(pl.Int64),
            "entry_price",
            "exit_price",
            "exit_reason",
        ).iter_rows()
    )
    assert recorded == expected
    assert len(recorded) > 10
    profits = [row["net_profit_usd"] for row in own]
    assert profits == pytest.approx((batch["net_profit_usd"] * SIZES[symbol]).to_list(), abs=1e-6)


def test_features_and_thresholds_are_recorded_where_the_model_was_asked(release, rehearsed):
    report, decisions, _ = rehearsed
    assert date.fromisoformat(report.sessions[0]) < date.fromisoformat(report.sessions[-1])
    for row in decisions:
        bundle = release.bundles[row["symbol"]]
        assert row["threshold"] == bundle.threshold
        assert (row["features"] != "{}") == (row["probability"] is not None)
        assert (row["contributions"] != "{}") == (row["probability"] is not None)
        if row["probability"] is not None:
            assert (row["probability"] >= bundle.threshold) == (row["code"] == "ENTER")
            contributions = json.loads(row["contributions"])
            assert list(contributions) == [*json.loads(row["features"]), "base"]
            total = sum(contributions.values())
            calibrated = bundle.model.calibration.apply(np.array([total]))[0]
            assert calibrated == pytest.approx(row["probability"], abs=1e-9)
    codes = {row["code"] for row in decisions if row["probability"] is not None}
    assert codes == {"ENTER", "MODEL_BELOW_THRESHOLD"}
