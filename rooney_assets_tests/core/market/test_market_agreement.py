"""Agreement of sessions with daily bars: small cases by hand, then real bars where they are."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import yaml

from rooney_core.market.agreement import (
    AGREEMENT_SCHEMA,
    compare_daily,
    trade_date_bars,
    utc_day_bars,
)
from rooney_core.market.calendar import expected_bar_starts, session_labels
from rooney_core.market.instruments import Universe

ROOT = Path(__file__).parents[3]
DATA = ROOT.parent / "shared" / "data"
UNIVERSE = Universe.parse(yaml.safe_load((ROOT / "universe.yaml").read_text()), "universe")
SYMBOLS = ("YM", "RTY", "ZN", "SI")

needs_real_bars = pytest.mark.skipif(
    not (DATA / "futures_1h").is_dir(), reason="no real bars beside the repository"
)


def _sessions(*rows: tuple[date, float, float], contract: str = "YMZ24") -> pl.DataFrame:
    return pl.DataFrame(
        [(day, contract, float(high), float(low)) for day, high, low in rows],
        schema=["session", "contract", "high", "low"],
        orient="row",
    )


def _hour(start: datetime, high: float, low: float, group: str = "equity_index") -> pl.DataFrame:
    frame = pl.DataFrame(
        {
            "contract": ["YMZ11"],
            "bar_start": pl.Series([start], dtype=pl.Datetime("us", "UTC")),
            "open": [low],
            "high": [high],
            "low": [low],
            "close": [high],
            "volume": [1],
        }
    )
    return frame.with_columns(session_labels(frame["bar_start"], group))


def _day(*hours: tuple[int, float, float]) -> pl.DataFrame:
    """Hours of June 2011, when Chicago was five hours behind: (hours after June 7, 00:00 UTC)."""
    midnight = datetime(2011, 6, 7, tzinfo=UTC)
    return pl.concat([_hour(midnight + timedelta(hours=at), high, low) for at, high, low in hours])


def test_equal_sessions_agree_and_others_say_by_how_much():
    ours = _sessions((date(2024, 7, 9), 10, 5), (date(2024, 7, 10), 12, 6))
    daily = _sessions((date(2024, 7, 9), 10, 5), (date(2024, 7, 10), 12.5, 4))
    table = compare_daily(ours, daily)
    assert table.schema == pl.Schema(AGREEMENT_SCHEMA)
    assert table["agrees"].to_list() == [True, False]
    assert table["high_off"].to_list() == [0.0, 0.5]
    assert table["low_off"].to_list() == [0.0, 2.0]
    assert compare_daily(ours, daily, tolerance=2.0)["agrees"].to_list() == [True, True]
    assert compare_daily(ours, daily, tolerance=1.9)["agrees"].to_list() == [True, False]


def test_a_range_that_is_too_wide_disagrees_as_one_too_narrow_does():
    ours = _sessions((date(2024, 7, 9), 10, 5))
    narrow = compare_daily(ours, _sessions((date(2024, 7, 9), 9, 6)))
    assert narrow.select("high_off", "low_off", "agrees").row(0) == (1.0, 1.0, False)


@pytest.mark.parametrize(
    ("daily_high", "daily_low", "agrees"),
    [
        (12, 4, True),  # the vendor joined the holiday to the day after
        (11, 4, True),  # he left it out
        (12, 6, False),  # the high of one booking and the low of the other
        (13, 4, False),
    ],
)
def test_a_holiday_counts_with_the_next_trade_date_or_not_at_all(daily_high, daily_low, agrees):
    holiday, tuesday = date(2024, 9, 2), date(2024, 9, 3)
    ours = _sessions((holiday, 12, 7), (tuesday, 11, 4))
    table = compare_daily(ours, _sessions((tuesday, daily_high, daily_low)))
    assert table["session"].to_list() == [tuesday]
    assert table["n_sessions"].to_list() == [2]
    assert table["agrees"].to_list() == [agrees]


def test_a_vendor_who_keeps_the_holiday_is_compared_with_it():
    ours = _sessions((date(2024, 9, 2), 12, 7), (date(2024, 9, 3), 11, 4))
    table = compare_daily(ours, ours)
    assert table["agrees"].to_list() == [True, True]
    assert table["n_sessions"].to_list() == [1, 1]


def test_a_hole_of_weeks_in_the_daily_bars_is_not_bridged():
    ours = _sessions((date(2024, 9, 2), 12, 7), (date(2024, 9, 20), 11, 4))
    table = compare_daily(ours, _sessions((date(2024, 9, 20), 11, 4)))
    assert table.select("n_sessions", "agrees").rows() == [(1, True)]


def test_only_the_same_contract_is_compared_and_none_where_none_is_named():
    ours = _sessions((date(2024, 7, 9), 10, 5))
    other = _sessions((date(2024, 7, 9), 11, 5), contract="YMH25")
    assert compare_daily(ours, other).is_empty()
    table = compare_daily(ours, other.drop("contract"))
    assert table["contract"].to_list() == [None]
    assert table["high_off"].to_list() == [1.0]


def test_until_2012_the_hours_after_the_close_may_belong_to_either_trade_date():
    # 15:00 and 16:00 Chicago are 20:00 and 21:00 UTC of June 7, 2011, a Tuesday.
    hours = _day((14, 100, 90), (20, 101, 89), (21, 103, 91), (24 + 14, 102, 92))
    bars = trade_date_bars(hours, "equity_index")
    assert bars["session"].to_list() == [date(2011, 6, 7), date(2011, 6, 8)]
    assert bars["high"].to_list() == [103, 103]
    assert bars["least_high"].to_list() == [100, 102]
    assert bars["low"].to_list() == [89, 89]
    assert bars["greatest_low"].to_list() == [90, 92]
    tuesday = date(2011, 6, 7)
    for high, low, agrees in (
        (100, 90, True),
        (101, 89.5, True),
        (104, 90, False),
        (99, 90, False),
    ):
        daily = _sessions((tuesday, high, low), contract="YMZ11")
        assert compare_daily(bars, daily)["agrees"].to_list() == [agrees]


def test_other_groups_and_later_years_have_no_such_hours():
    hours = _day((14, 100, 90), (20, 101, 89), (21, 103, 91), (24 + 14, 102, 92))
    for bars in (
        trade_date_bars(hours, "metals"),
        trade_date_bars(
            hours.with_columns(pl.col("session", "bar_start").dt.offset_by("520w")), "equity_index"
        ),
    ):
        assert bars["high"].to_list() == bars["least_high"].to_list() == [103, 102]
        assert bars["low"].to_list() == bars["greatest_low"].to_list() == [89, 92]


def test_days_of_utc_run_from_midnight_to_midnight():
    hours = _day((20, 101, 89), (23, 103, 91), (24, 102, 92), (25, 99, 95))
    days = utc_day_bars(hours)
    assert days.select("session", "open", "high", "low", "close", "volume", "n_bars").rows() == [
        (date(2011, 6, 7), 89, 103, 89, 103, 2, 2),
        (date(2011, 6, 8), 92, 102, 92, 99, 2, 2),
    ]
    assert days["contract"].to_list() == ["YMZ11", "YMZ11"]


def _front_hours(symbol: str) -> pl.DataFrame:
    """Hours of the vendor's front contract; a session is that of the contract it ended in."""
    file = pl.read_parquet(DATA / "futures_1h" / f"{symbol}.parquet")
    bars = file.rename({"ts_event": "bar_start"}).with_columns(
        session_labels(file["ts_event"], UNIVERSE[symbol].product_group)
    )
    front = bars.group_by("session").agg(pl.col("contract").last())
    return bars.join(front, on=["session", "contract"], maintain_order="left")


def _daily(symbol: str) -> pl.DataFrame:
    file = pl.read_parquet(DATA / "futures_contracts_1d" / f"{symbol}.parquet")
    named = file.rename({"symbol": "contract"}, strict=False)
    return named.with_columns(session=pl.col("ts_event").dt.date())


@needs_real_bars
@pytest.mark.parametrize("symbol", SYMBOLS)
def test_real_sessions_agree_with_the_vendors_daily_bars(symbol):
    instrument = UNIVERSE[symbol]
    bars = trade_date_bars(_front_hours(symbol), instrument.product_group)
    table = compare_daily(bars, _daily(symbol))
    assert table.height > 0.93 * bars.height  # the rest: holidays, and days that one file lacks
    # Float noise of the file's prices is far below a thousandth of a tick.
    ticks = table.select(pl.col("high_off", "low_off") / instrument.tick_size - 1e-3)
    within = {n: ticks.select(pl.col("high_off", "low_off") <= n) for n in (0, 1, 3)}
    assert within[1]["high_off"].mean() >= 0.99
    assert within[1]["low_off"].mean() >= 0.99
    assert within[3].select(pl.all_horizontal("high_off", "low_off")).to_series().mean() >= 0.99
    exact = {"YM": 0.985, "RTY": 0.965, "ZN": 0.99, "SI": 0.975}[symbol]
    assert table["agrees"].mean() >= exact
    rest = table.filter(~pl.col("agrees"))
    assert rest.select(pl.max_horizontal("high_off", "low_off") > 0).to_series().all()


@needs_real_bars
@pytest.mark.parametrize("symbol", ["YM", "ZN", "SI"])
def test_real_hours_are_those_that_the_schedule_expects(symbol):
    bars = _front_hours(symbol).select("bar_start", "session").unique()
    first, last = bars["session"].min(), bars["session"].max()
    expected = expected_bar_starts(UNIVERSE[symbol].product_group, first, last)
    missing = expected.join(bars, on="bar_start", how="anti")
    assert missing.height / expected.height < 0.003
    surplus = bars.join(expected, on="bar_start", how="anti").filter(
        pl.col("session") >= date(2013, 1, 1)
    )
    # What is left are the mornings of Good Fridays with payrolls, and single strays.
    days = surplus.group_by("session").len().filter(pl.col("len") > 1)["session"].to_list()
    assert set(days) <= {date(2015, 4, 3), date(2021, 4, 2), date(2023, 4, 7)}
    assert surplus.height < 100
