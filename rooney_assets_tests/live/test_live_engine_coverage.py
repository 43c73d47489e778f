"""Full coverage or no trade, in trader and replay; and what an engine is told of its orders."""

from __future__ import annotations

import json
from datetime import timedelta

import polars as pl
import pytest
from small_release import MARKET

from rooney_core.decision.coverage import n_missing_required, required_features
from rooney_core.decision.replay import PortfolioCode
from rooney_core.features import FeedNames, feature_names
from rooney_live.engine import Engine
from rooney_live.journal import Journal
from rooney_live.rehearsal.bars import open_market
from rooney_live.rehearsal.rehearse import rehearse
from rooney_live.release_store import read_release

N_SESSIONS = 30
DARK_DAYS = 25


@pytest.fixture
def dim_lake(lake):
    """The lake, whose reference SIM_TLT was last heard of weeks before the end."""
    path = lake / "session_bars" / "symbol=SIM_TLT" / "current.parquet"
    known = pl.read_parquet(path, hive_partitioning=False)
    last = MARKET.last_session - timedelta(days=DARK_DAYS)
    known.filter(pl.col("session") <= last).write_parquet(path)
    return lake


def test_required_is_what_bars_make_and_not_what_trades_or_an_absent_partner_do():
    alone, paired = FeedNames(daily=("ZN",)), FeedNames(daily=("ZN",), partner="NQ")
    left_out = set(feature_names(alone)) - set(required_features(alone))
    assert left_out == {
        *("prior_return", "prior_mean_return_5", "prior_win_share_5", "bars_since_exit"),
        *("n_trades_500", "pair_ibs", "pair_ibs_difference", "pair_session_ibs"),
    }
    assert set(required_features(paired)) == set(feature_names(paired)) - {
        one for one in left_out if not one.startswith("pair")
    }


def test_missing_is_counted_in_the_models_columns():
    import numpy as np

    names = FeedNames(daily=("ZN",))
    values = np.zeros((3, len(feature_names(names))))
    values[1, feature_names(names).index("prior_return")] = np.nan
    values[2, feature_names(names).index("ibs")] = np.nan
    values[2, feature_names(names).index("zn_daily_z_score")] = np.inf
    assert n_missing_required(values, names).tolist() == [0, 0, 2]


def test_an_entry_with_an_unknown_feature_is_denied_in_trader_and_replay_alike(dim_lake, tmp_path):
    release = read_release(dim_lake)
    with Journal.open(tmp_path / "journal.sqlite") as journal:
        report = rehearse(release, dim_lake, journal, N_SESSIONS, simulated=None)
        rows = journal.query("SELECT * FROM decisions WHERE probability IS NOT NULL")
    assert report.parity["n_unexplained"] == 0
    approved = [one for one in rows if one["probability"] >= one["threshold"]]
    # By another route: the features as they are on record.
    unknown = {
        (one["symbol"], one["bar_end_us"]): json.loads(one["features"])["sim_tlt_daily_z_score"]
        is None
        for one in approved
        if "sim_tlt_daily_z_score" in json.loads(one["features"])
    }
    assert any(unknown.values())
    assert not all(unknown.values())
    for one in approved:
        is_dark = unknown.get((one["symbol"], one["bar_end_us"]), False)
        assert (one["code"] == PortfolioCode.FEATURES_MISSING) is is_dark
        assert not (is_dark and one["action"] == "enter")


def test_an_order_that_came_to_nothing_is_no_trade_of_the_account(lake):
    """Every entry refused before its fill: the paper account never takes part."""
    release = read_release(lake)
    market = open_market(lake, release, 5, None)
    engine = Engine(release)
    engine.begin(market.warm_up())
    n_refused = 0
    for moment in market.moments():
        for outcome in engine.take(moment):
            assert outcome.fills == outcome.trades == ()
            assert outcome.code not in ("IN_POSITION", "EXIT_SIGNAL", "EXIT_STOP")
            for order in outcome.orders:
                assert engine.refuse(order.order_id, order.symbol)
                assert not engine.refuse(order.order_id, order.symbol)
                n_refused += 1
    assert n_refused > 5
    assert engine.open_positions == ()


def test_what_else_is_held_takes_a_place(lake):
    """As many positions of unknown outcome as there are places: nothing may be entered."""
    release = read_release(lake)
    market = open_market(lake, release, 5, None)
    others = ["X", "Y"][: release.config.max_positions]
    engine = Engine(release, lambda: others)
    engine.begin(market.warm_up())
    outcomes = [one for moment in market.moments() for one in engine.take(moment)]
    assert {one.code for one in outcomes if one.action == "enter"} == set()
    assert PortfolioCode.MAX_POSITIONS in {one.code for one in outcomes}
