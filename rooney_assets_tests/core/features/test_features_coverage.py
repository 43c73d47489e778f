"""A feed that starts late is unknown before, and the coverage says since when."""

from datetime import UTC, date, datetime

import numpy as np
import polars as pl

from rooney_core.backtest import CostModel
from rooney_core.features import Feeds, ReferenceCloses, feature_coverage
from rooney_core.labeling import build_training_set
from rooney_core.market.instruments import Instrument
from rooney_core.market.rolls import find_rolls, stitch
from rooney_core.market.sessions import session_bars
from rooney_core.market.simulation import SimulatedMarket, simulate_bars
from rooney_core.market.source_pages import SimulatedFacts, SourceFacts
from rooney_core.validation.windows import Splits

MARKET = SimulatedMarket(first_session=date(2012, 1, 3), last_session=date(2012, 12, 28))
SPLITS = Splits(train_end=date(2012, 8, 31), validation_end=date(2012, 10, 31), embargo_days=3)
STARTS = date(2012, 5, 1)


def _instrument(symbol: str) -> Instrument:
    return Instrument(
        symbol=symbol,
        name="Test",
        role="tradable",
        exchange="SIMULATED",
        product_group="equity_index",
        multiplier=50,
        tick_size=0.25,
        contract_months="HMUZ",
        sources=SourceFacts(simulated=SimulatedFacts(start_price=1200, annual_volatility=0.2)),
    )


def _training_set(reference_from: date) -> pl.DataFrame:
    own, other = _instrument("SIM_T"), _instrument("SIM_R")
    frames = []
    for one in (own, other):
        raw = simulate_bars(one, MARKET)
        frames.append(stitch(raw, find_rolls(raw)))
    sessions = session_bars(frames[1], other).filter(pl.col("session") >= reference_from)
    references = {
        "SIM_R": ReferenceCloses.from_session_bars(sessions),
        "SIM_NEVER": ReferenceCloses(np.empty(0, np.int64), np.empty(0)),
    }
    return build_training_set(
        frames[0], "ibs_baseline", None, CostModel.of(own), own, Feeds(daily=references), SPLITS
    )


def test_a_late_feed_is_null_before_and_the_same_after() -> None:
    late, full = _training_set(STARTS), _training_set(date(2012, 1, 1))
    name = "sim_r_daily_z_score"
    # Twenty closes from May 1 on: the twentieth is that of May 29 (28 is Memorial Day, a session).
    before = pl.col("label_start") < datetime(2012, 5, 28, 12, tzinfo=UTC)
    after = pl.col("label_start") > datetime(2012, 5, 30, tzinfo=UTC)
    assert late.filter(before)[name].null_count() == late.filter(before).height > 50
    assert late.filter(after)[name].equals(full.filter(after)[name])
    assert late.filter(after)[name].null_count() == 0
    assert late["sim_never_daily_z_score"].null_count() == late.height
    assert (late[name] == 0.0).sum() == 0


def test_coverage_counts_per_window_and_dates_the_first_known() -> None:
    table = _training_set(STARTS).sort("entry_time")
    name = "sim_r_daily_z_score"
    coverage = feature_coverage(table, [name, "sim_never_daily_z_score"])
    assert coverage["split"].to_list() == ["train", "validation"] * 2
    rows = [row for row in table.iter_rows(named=True) if row["split"] == "train"]
    known = [row["entry_time"] for row in rows if row[name] is not None]
    train = coverage.row(0, named=True)
    assert (train["rows"], train["known"]) == (len(rows), len(known))
    assert train["coverage"] == len(known) / len(rows) < 0.7
    assert (train["first_known"], train["last_known"]) == (known[0], known[-1])
    validation = coverage.row(1, named=True)
    assert validation["coverage"] == 1.0
    assert coverage.row(2, named=True)["coverage"] == 0.0
    assert coverage.row(2, named=True)["first_known"] is None


def test_an_empty_training_set_has_no_coverage_to_tell() -> None:
    assert feature_coverage(_training_set(STARTS).clear(), ["sim_r_daily_z_score"]).is_empty()
