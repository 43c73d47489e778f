"""Calendar, validation and rolls on real bars, where they are present beside the repository."""

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
import yaml

from rooney_core.errors import BarsRejected
from rooney_core.market.bars import BarArrays, validate_bars
from rooney_core.market.calendar import day_hours, own_days, schedule, session_labels
from rooney_core.market.instruments import Universe
from rooney_core.market.rolls import find_rolls, stitch
from rooney_core.market.sessions import session_bars

ROOT = Path(__file__).parents[3]
DATA = ROOT.parent / "shared" / "data"
UNIVERSE = Universe.parse(yaml.safe_load((ROOT / "universe.yaml").read_text()), "universe")
SYMBOLS = ["YM", "RTY", "SI", "MGC", "ZN", "M6A", "M6E"]

pytestmark = pytest.mark.skipif(
    not (DATA / "futures_1h").is_dir(), reason="no real bars beside the repository"
)


def _raw_bars(symbol: str, shift: timedelta = timedelta(0)) -> pl.DataFrame:
    file = pl.read_parquet(DATA / "futures_1h" / f"{symbol}.parquet")
    starts = file["ts_event"] + shift
    return file.select(
        pl.lit(symbol).alias("symbol"),
        "contract",
        starts.alias("bar_start"),
        (starts + timedelta(hours=1)).alias("bar_end"),
        "open",
        "high",
        "low",
        "close",
        "volume",
        session_labels(starts, UNIVERSE[symbol].product_group),
        pl.lit(0.0).alias("adjustment"),
    ).sort("bar_start", "contract")


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_real_bars_pass_in_their_zone_and_not_in_another(symbol):
    validate_bars(_raw_bars(symbol), UNIVERSE[symbol])
    for hours in (-6, -5, 5, 6):
        with pytest.raises(BarsRejected, match="outside the session hours"):
            validate_bars(_raw_bars(symbol, timedelta(hours=hours)), UNIVERSE[symbol])


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_rolls_are_those_of_the_file(symbol):
    raw = _raw_bars(symbol)
    # The vendor rolls on any evening, that of a bank holiday too: inside a session of ours.
    delivered = UNIVERSE[symbol].model_copy(update={"chain": "delivered"})
    rolls = find_rolls(raw, delivered)
    listed = pl.read_csv(DATA / "meta" / "rolls.csv", try_parse_dates=True).filter(
        pl.col("root") == symbol, pl.col("bar") == "1h"
    )
    assert rolls["roll_from"].to_list() == listed["from_contract"].to_list()
    assert rolls["roll_to"].to_list() == listed["to_contract"].to_list()
    gaps = (listed["first_open_new"] - listed["last_close_old"]).to_numpy()
    assert abs(rolls["gap"].to_numpy() - gaps).max() < 1e-9
    bars = stitch(raw, rolls, delivered)
    assert bars.height == raw.height
    assert not bars["bar_start"].is_duplicated().any()


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_session_bars_and_arrays_of_real_bars(symbol):
    raw = _raw_bars(symbol)
    bars = stitch(raw, find_rolls(raw))
    daily = session_bars(bars, UNIVERSE[symbol])
    assert daily["n_bars"].sum() == bars.height
    assert daily["n_bars"].max() <= 48  # a holiday's hours too, and a stray bar of a weekend
    assert (daily["session_close"] >= daily["bar_end"]).all()
    arrays = BarArrays.from_frame(bars, UNIVERSE[symbol])
    assert len(arrays) == bars.height
    # Flat by the close of the bar's own day: on a bank holiday that is not its session's close.
    group = UNIVERSE[symbol].product_group
    day = day_hours(own_days(bars["bar_start"], group), group)
    closes = day["closes"].dt.timestamp("us").to_numpy()
    assert (arrays.flat_deadline_us <= closes).all()
    assert (closes < arrays.session_close_us).sum() > 100
    assert (closes <= arrays.session_close_us).all()


def test_the_schedule_is_the_days_on_which_the_dow_future_traded():
    traded = set(_raw_bars("YM")["session"].unique())
    planned = set(schedule("equity_index", min(traded), max(traded))["session"])
    assert planned <= traded
    good_friday_mornings = {str(day) for day in traded - planned}
    assert good_friday_mornings == {
        "2010-04-02",
        "2012-04-06",
        "2015-04-03",
        "2021-04-02",
        "2023-04-07",
    }
