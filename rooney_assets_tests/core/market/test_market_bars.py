"""Every refusal of bad bars, one test each, and the arrays that kernels read."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
import yaml

from rooney_core.errors import BarsRejected
from rooney_core.market.bars import BARS_SCHEMA, BarArrays, validate_bars
from rooney_core.market.calendar import session_labels
from rooney_core.market.instruments import Instrument, Universe
from rooney_core.market.rolls import find_rolls, stitch
from rooney_core.market.simulation import SimulatedMarket, simulate_bars

ROOT = Path(__file__).parents[3]
MARKET = SimulatedMarket(first_session=date(2019, 1, 2), last_session=date(2019, 6, 28))


@pytest.fixture(scope="module")
def instrument() -> Instrument:
    return Universe.parse(yaml.safe_load((ROOT / "universe.yaml").read_text()), "universe")[
        "SIM_ES"
    ]


@pytest.fixture(scope="module")
def bars(instrument: Instrument) -> pl.DataFrame:
    return simulate_bars(instrument, MARKET)


def _with_value(bars: pl.DataFrame, row: int, column: str, value: object) -> pl.DataFrame:
    values = bars[column].to_list()
    values[row] = value
    return bars.with_columns(pl.Series(column, values, dtype=bars.schema[column]))


def test_good_bars_pass(bars, instrument):
    validate_bars(bars, instrument)


def test_negative_prices_are_legal(bars, instrument):
    # CL settled at -37.63 on 2020-04-20.
    prices = pl.col("open", "high", "low", "close") - 10_000.0
    validate_bars(bars.with_columns(prices), instrument)


def test_unknown_columns_pass(bars, instrument):
    validate_bars(bars.with_columns(vendor=pl.lit("x")), instrument)


@pytest.mark.parametrize("column", list(BARS_SCHEMA))
def test_a_missing_column(bars, instrument, column):
    with pytest.raises(BarsRejected, match=rf"SIM_ES: column\(s\) {column} missing"):
        validate_bars(bars.drop(column), instrument)


@pytest.mark.parametrize(
    ("column", "dtype"),
    [
        ("bar_start", pl.Datetime("us", "America/Chicago")),
        ("bar_start", pl.Datetime("ns", "UTC")),
        ("close", pl.Float32),
        ("volume", pl.Float64),
    ],
)
def test_a_wrong_type_or_zone_of_a_column(bars, instrument, column, dtype):
    wrong = (
        bars.with_columns(pl.col(column).dt.convert_time_zone("America/Chicago"))
        if dtype == pl.Datetime("us", "America/Chicago")
        else bars.with_columns(pl.col(column).cast(dtype))
    )
    with pytest.raises(BarsRejected, match=f"column {column} has type"):
        validate_bars(wrong, instrument)


def test_times_without_a_zone(bars, instrument):
    naive = bars.with_columns(pl.col("bar_end").dt.replace_time_zone(None))
    with pytest.raises(BarsRejected, match="column bar_end has type"):
        validate_bars(naive, instrument)


def test_no_bars(bars, instrument):
    with pytest.raises(BarsRejected, match="no bars arrived"):
        validate_bars(bars.clear(), instrument)


@pytest.mark.parametrize(
    ("column", "value", "fault"),
    [
        ("close", None, "null in a required column"),
        ("close", float("nan"), "NaN or infinite price"),
        ("high", float("inf"), "NaN or infinite price"),
        ("high", 1.0, "high below low"),
        ("open", 1.0, "open or close outside"),
        ("close", 1e9, "open or close outside"),
        ("volume", -1, "negative volume"),
        ("symbol", "SIM_NQ", "symbol of another instrument"),
        ("bar_end", datetime(2018, 1, 1, tzinfo=UTC), "bar_end not after bar_start"),
    ],
)
def test_one_bad_row_is_named(bars, instrument, column, value, fault):
    with pytest.raises(BarsRejected, match=rf"{fault}.* in 1 row\(s\): row 7: SIM_ES"):
        validate_bars(_with_value(bars, 7, column, value), instrument)


def test_a_duplicate_time_of_one_contract(bars, instrument):
    twice = pl.concat([bars, bars[100:101]]).sort("bar_start", "contract")
    with pytest.raises(BarsRejected, match=r"duplicate \(contract, bar_start\) in 2 row"):
        validate_bars(twice, instrument)


def test_rows_out_of_order(bars, instrument):
    with pytest.raises(BarsRejected, match="rows out of order in 1 row"):
        validate_bars(pl.concat([bars[1:2], bars[0:1], bars[2:]]), instrument)


def test_contracts_out_of_order_at_one_time(bars, instrument):
    both = bars.filter(pl.col("bar_start").is_duplicated())
    assert both.height > 0
    backwards = bars.sort("bar_start", "contract", descending=[False, True])
    with pytest.raises(BarsRejected, match="rows out of order"):
        validate_bars(backwards, instrument)


@pytest.mark.parametrize("hours", [-6, -5, -1, 1, 5, 6, 9, -14])
def test_bars_in_another_zone(bars, instrument, hours):
    moved = bars.with_columns(pl.col("bar_start", "bar_end") + timedelta(hours=hours))
    moved = moved.with_columns(session_labels(moved["bar_start"], "equity_index"))
    with pytest.raises(BarsRejected, match="outside the session hours"):
        validate_bars(moved, instrument)


def _with_strays(bars: pl.DataFrame, count: int) -> pl.DataFrame:
    """The bars with `count` of them put on a Saturday, each on another one."""
    strays = bars.head(count).with_columns(
        bar_start=pl.Series([datetime(2018, 12, 29, 12, tzinfo=UTC)] * count).cast(
            pl.Datetime("us", "UTC")
        )
        - pl.duration(days=7) * pl.int_range(count)
    )
    strays = strays.with_columns(bar_end=pl.col("bar_start") + timedelta(hours=1))
    return pl.concat([strays, bars[count:]]).sort("bar_start", "contract")


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_few_strays_of_a_short_series_are_no_other_zone(bars, instrument, count):
    validate_bars(_with_strays(bars[:120], count), instrument)


@pytest.mark.parametrize(("count", "n_bars"), [(4, 120), (3, 90), (1, 30), (13, 2000)])
def test_more_strays_than_that_are(bars, instrument, count, n_bars):
    with pytest.raises(BarsRejected, match=f"{count} of {n_bars} bars"):
        validate_bars(_with_strays(bars[:n_bars], count), instrument)


@pytest.mark.parametrize("hours", [-6, -5, 5, 6])
def test_a_short_series_in_another_zone_is_refused(bars, instrument, hours):
    for n_bars in (50, 120, 200):
        short = bars[:n_bars]
        moved = short.with_columns(pl.col("bar_start", "bar_end") + timedelta(hours=hours))
        moved = moved.with_columns(session_labels(moved["bar_start"], "equity_index"))
        with pytest.raises(BarsRejected, match="outside the session hours"):
            validate_bars(moved, instrument)


def test_arrays_repeat_the_frame(bars, instrument):
    frame = stitch(bars, find_rolls(bars))
    arrays = BarArrays.from_frame(frame, instrument)
    assert len(arrays) == frame.height
    for row in (0, 1000, frame.height - 1):
        expected = frame.row(row, named=True)
        for name in ("open", "high", "low", "close", "adjustment", "volume"):
            assert getattr(arrays, name)[row] == expected[name]
        start = datetime.fromtimestamp(arrays.bar_start_us[row] / 1e6, tz=UTC)
        assert start == expected["bar_start"]
        assert date(1970, 1, 1) + timedelta(days=int(arrays.session[row])) == expected["session"]
    assert arrays.session.dtype == np.int32
    assert arrays.bar_end_us.dtype == arrays.flat_deadline_us.dtype == np.int64


def test_arrays_know_the_hours_of_their_session(instrument, bars):
    arrays = BarArrays.from_frame(stitch(bars, find_rolls(bars)), instrument)
    day = (date(2019, 5, 28) - date(1970, 1, 1)).days
    row = int(np.flatnonzero(arrays.session == day)[3])

    def utc(micros: np.int64) -> datetime:
        return datetime.fromtimestamp(micros / 1e6, tz=UTC)

    # Memorial Day's hours are this session's: the holiday has a deadline of its own.
    assert utc(arrays.session_open_us[row]) == datetime(2019, 5, 26, 22, tzinfo=UTC)
    deadlines = [utc(one) for one in np.unique(arrays.flat_deadline_us[arrays.session == day])]
    assert deadlines == [
        datetime(2019, 5, 27, 17, tzinfo=UTC),
        datetime(2019, 5, 28, 19, tzinfo=UTC),
    ]
    assert utc(arrays.session_close_us[row]) == datetime(2019, 5, 28, 21, tzinfo=UTC)
    assert utc(arrays.flat_deadline_us[row]) == datetime(2019, 5, 27, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    ("group", "zone"), [("equity_index", "America/Chicago"), ("us_equity", "America/New_York")]
)
def test_arrays_know_the_clock_of_their_exchange(instrument, bars, group, zone):
    frame = stitch(bars, find_rolls(bars))
    arrays = BarArrays.from_frame(frame, instrument.model_copy(update={"product_group": group}))
    # From January to June: summer time begins in between.
    expected = [one.astimezone(ZoneInfo(zone)).hour for one in frame["bar_start"]]
    assert arrays.exchange_hour.tolist() == expected


def test_arrays_know_the_last_safe_day_of_each_contract(instrument, bars):
    frame = stitch(bars, find_rolls(bars))
    endless = instrument.model_copy(update={"expiry": None})
    assert np.isnan(BarArrays.from_frame(frame, endless).last_safe_day).all()
    days = BarArrays.from_frame(frame, instrument).last_safe_day
    assert dict(zip(frame["contract"], days.tolist(), strict=True)) == {
        "SIM_ESH19": (date(2019, 3, 15) - date(1970, 1, 1)).days,
        "SIM_ESM19": (date(2019, 6, 21) - date(1970, 1, 1)).days,
        "SIM_ESU19": (date(2019, 9, 20) - date(1970, 1, 1)).days,
    }


def test_arrays_that_leave_clock_and_contract_out_do_not_know_them(instrument, bars):
    arrays = BarArrays.from_frame(stitch(bars, find_rolls(bars)), instrument)
    stated = {name: getattr(arrays, name) for name in BarArrays.__dataclass_fields__}
    bare = BarArrays(**{name: stated[name] for name in list(stated)[:-2]})
    for window in (bare, bare.window(0, 7), bare.window(3, 3)):
        for unknown in (window.exchange_hour, window.last_safe_day):
            assert unknown.shape == (len(window),)
            assert np.isnan(unknown).all()


def test_a_window_is_a_slice_of_everything(bars, instrument):
    arrays = BarArrays.from_frame(stitch(bars, find_rolls(bars)), instrument)
    window = arrays.window(10, 15)
    assert len(window) == 5
    np.testing.assert_array_equal(window.close, arrays.close[10:15])
    np.testing.assert_array_equal(window.flat_deadline_us, arrays.flat_deadline_us[10:15])


def test_raw_bars_are_not_continuous_bars(bars, instrument):
    with pytest.raises(BarsRejected, match=r"rolls\.stitch"):
        BarArrays.from_frame(bars, instrument)
