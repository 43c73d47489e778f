"""One row per trade, with the label, span, window and features of exactly that trade."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from rooney_core.backtest import CostModel, run_backtest
from rooney_core.features import (
    Feeds,
    HourlyCloses,
    PriorTrades,
    ReferenceCloses,
    compute_features,
    feature_names,
)
from rooney_core.labeling import average_uniqueness, build_training_set
from rooney_core.market.bars import BarArrays
from rooney_core.market.instruments import Instrument
from rooney_core.market.rolls import find_rolls, stitch
from rooney_core.market.sessions import session_bars
from rooney_core.market.simulation import SimulatedMarket, simulate_bars
from rooney_core.market.source_pages import SimulatedFacts, SourceFacts
from rooney_core.validation.windows import Splits

INSTRUMENT = Instrument(
    symbol="SIM_T",
    name="Test",
    role="tradable",
    exchange="SIMULATED",
    product_group="equity_index",
    multiplier=50,
    tick_size=0.25,
    commission_per_contract_usd=1.25,
    slippage_ticks=0.5,
    contract_months="HMUZ",
    sources=SourceFacts(simulated=SimulatedFacts(start_price=1200, annual_volatility=0.2)),
)
SPLITS = Splits(train_end=date(2012, 6, 30), validation_end=date(2012, 9, 30), embargo_days=3)
MARKET = SimulatedMarket(first_session=date(2012, 1, 3), last_session=date(2012, 12, 28))
VARIANT = "ibs_baseline"


@pytest.fixture(scope="module")
def bars() -> pl.DataFrame:
    raw = simulate_bars(INSTRUMENT, MARKET)
    return stitch(raw, find_rolls(raw))


@pytest.fixture(scope="module")
def feeds(bars: pl.DataFrame) -> Feeds:
    known = ReferenceCloses.from_session_bars(session_bars(bars, INSTRUMENT))
    return Feeds(daily={"SIM_R": known}, hourly={"SIM_H": HourlyCloses.from_bars(bars)})


@pytest.fixture(scope="module")
def table(bars, feeds) -> pl.DataFrame:
    costs = CostModel.of(INSTRUMENT)
    return build_training_set(bars, VARIANT, None, costs, INSTRUMENT, feeds, SPLITS)


@pytest.fixture(scope="module")
def trades(bars) -> pl.DataFrame:
    return run_backtest(bars, VARIANT, None, CostModel.of(INSTRUMENT), INSTRUMENT).trades


def test_columns_in_the_documented_order(table, feeds) -> None:
    assert table.columns[:2] == ["symbol", "entry_time"]
    assert table.columns[-len(feature_names(feeds.names)) :] == list(feature_names(feeds.names))
    assert table.schema["label_start"] == pl.Datetime("us", "UTC")
    assert table.schema["meta_label"] == pl.Int8
    assert table["symbol"].unique().to_list() == ["SIM_T"]


def test_every_row_is_a_trade_and_its_label_is_the_sign_after_costs(table, trades) -> None:
    joined = table.join(trades, left_on="label_start", right_on="signal_time", how="inner")
    assert joined.height == table.height > 100
    assert (joined["net_profit_usd"] == joined["net_profit_usd_right"]).all()
    assert (table["meta_label"] == (table["net_profit_usd"] > 0)).all()
    assert 0 < table["meta_label"].mean() < 1


def test_windows_hold_whole_spans_and_keep_the_embargo(table, trades) -> None:
    first = {"train": date(2012, 1, 1), "validation": date(2012, 7, 4), "test": date(2012, 10, 4)}
    last = {"train": date(2012, 6, 30), "validation": date(2012, 9, 30), "test": date(2013, 1, 1)}
    for row in table.iter_rows(named=True):
        assert first[row["split"]] <= row["label_start"].date()
        assert row["label_end"].date() <= last[row["split"]]
    assert set(table["split"]) == {"train", "validation", "test"}
    assert table.height < trades.height


def test_features_are_those_of_the_signal_bar(table, bars, trades, feeds) -> None:
    arrays = BarArrays.from_frame(bars, INSTRUMENT)
    first = int(np.argmax(2 * arrays.bar_end_us - arrays.bar_start_us > arrays.flat_deadline_us))
    known_trades = PriorTrades.of(trades, first + 1)
    ends = arrays.bar_end_us.tolist()
    for row in table.sample(20, seed=1).iter_rows(named=True):
        t = ends.index(int(row["label_start"].timestamp()) * 1_000_000)
        expected = compute_features(arrays, [t], replace(feeds, trades=known_trades))[0]
        known = [np.nan if row[name] is None else row[name] for name in feature_names(feeds.names)]
        np.testing.assert_array_equal(known, expected)


def test_unknown_is_null_and_never_zero(table) -> None:
    column = "sim_r_daily_z_score"
    assert table[column].null_count() > 0
    assert not table.select(pl.col(pl.Float64).is_nan().any()).row(0).count(True)
    first_known = table.filter(pl.col(column).is_not_null())["label_start"].min()
    assert first_known - table["label_start"].min() > timedelta(days=20)


def test_results_are_booked_in_the_session_of_the_exit(table, bars) -> None:
    sessions = dict(bars.select("bar_start", "session").iter_rows())
    ends = dict(bars.select("bar_end", "session").iter_rows())
    for row in table.iter_rows(named=True):
        booked = {sessions.get(row["exit_time"]), ends.get(row["exit_time"])}
        assert row["exit_session"] in booked


def test_bars_without_a_trade_give_an_empty_set(bars, feeds) -> None:
    costs = CostModel.of(INSTRUMENT)
    few = bars.head(3)
    table = build_training_set(few, VARIANT, None, costs, INSTRUMENT, feeds, SPLITS)
    assert table.height == 0
    assert "meta_label" in table.columns


def test_uniqueness_of_three_overlapping_spans() -> None:
    # bars      0    1    2    3    4    5
    # span a    |----------|
    # span b              |----|
    # span c                              |
    weights = average_uniqueness([0, 2, 5], [2, 3, 5])
    assert weights.tolist() == pytest.approx([(1 + 1 + 0.5) / 3, (0.5 + 1) / 2, 1.0])
    assert average_uniqueness([], []).tolist() == []
