"""Measurements of bar quality on small frames whose faults are planted by hand."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from rooney_core.market.bars import BARS_SCHEMA
from rooney_core.market.quality import (
    QualityLimits,
    impossible_prices,
    long_runs,
    missing_bars,
    missing_sessions,
    moves,
    prices_off_grid,
    restated_bars,
    second_source,
    spikes,
    staleness,
    unordered_rows,
    volume_by_hour,
    wrong_columns,
)

LIMITS = QualityLimits(missing_bars=0.04, longest_gap_bars=48, flat_bars=4, silent_bars=3)
START = datetime(2024, 1, 8, 0, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def bars(n: int = 40, **columns: object) -> pl.DataFrame:
    """Hourly bars whose close goes up and down by one tick of 0.25."""
    starts = [START + HOUR * row for row in range(n)]
    close = [100.0 + 0.25 * (row % 2) for row in range(n)]
    frame = pl.DataFrame(
        {
            "symbol": ["T"] * n,
            "contract": ["TH24"] * n,
            "bar_start": starts,
            "bar_end": [start + HOUR for start in starts],
            "open": close,
            "high": [one + 0.25 for one in close],
            "low": [one - 0.25 for one in close],
            "close": close,
            "volume": [10] * n,
            "session": [start.date() for start in starts],
            "adjustment": [0.0] * n,
        },
        schema=BARS_SCHEMA,
    )
    return frame.with_columns(**columns)


def at(row: int, column: str, value: object) -> dict[str, pl.Expr]:
    """The column with another value in one row."""
    here = pl.int_range(pl.len()) == row
    return {column: pl.when(here).then(pl.lit(value)).otherwise(pl.col(column))}


def test_good_bars_show_nothing() -> None:
    frame = bars()
    for found in (
        wrong_columns(frame),
        impossible_prices(frame),
        unordered_rows(frame),
        spikes(frame, 0.25, LIMITS),
        long_runs(frame, LIMITS),
        prices_off_grid(frame, 0.25, 0.01),
    ):
        assert found.rows.is_empty()


def test_wrong_columns_are_named_with_what_arrived() -> None:
    frame = (
        bars()
        .drop("volume")
        .with_columns(pl.col("open").cast(pl.Float32), **at(3, "contract", None))
    )
    found = wrong_columns(frame)
    assert found.rows.rows() == [
        ("contract", "String", "String", 1),
        ("open", "Float64", "Float32", 0),
        ("volume", "Int64", "missing", 0),
    ]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (at(5, "high", float("nan")), "not finite"),
        (at(5, "low", float("-inf")), "not finite"),
        (at(5, "high", 90.0), "high below low"),
        (at(5, "close", 101.0), "open or close outside"),
        (at(5, "volume", -1), "negative volume"),
        (at(5, "bar_end", START), "no length"),
    ],
)
def test_an_impossible_bar_is_counted_by_its_fault(change: dict[str, pl.Expr], fault: str) -> None:
    found = impossible_prices(bars(**change))
    assert found.numbers[fault] == 1
    assert found.numbers["impossible bars"] == 1
    assert found.rows["bar_start"].to_list() == [START + 5 * HOUR]


def test_negative_prices_are_possible() -> None:
    down = {one: pl.col(one) - 140.0 for one in ("open", "high", "low", "close")}
    assert impossible_prices(bars(**down)).numbers["impossible bars"] == 0


def test_repeats_and_misplaced_rows_are_told_apart() -> None:
    frame = bars(10)
    twice = pl.concat([frame[:4], frame[3:]])
    assert unordered_rows(twice).numbers == {"bars": 11, "duplicates": 1, "out of order": 0}
    swapped = pl.concat([frame[:4], frame[5:6], frame[4:5], frame[6:]])
    found = unordered_rows(swapped)
    assert found.numbers == {"bars": 10, "duplicates": 0, "out of order": 1}
    assert found.rows["bar_start"].to_list() == [START + 4 * HOUR]
    hidden = pl.concat([frame, frame[:1]])
    assert unordered_rows(hidden).numbers == {"bars": 11, "duplicates": 1, "out of order": 1}


def test_two_contracts_at_one_time_are_in_order() -> None:
    later = bars(10, contract=pl.lit("TM24"))
    both = pl.concat([bars(10), later]).sort("bar_start", "contract")
    assert unordered_rows(both).rows.is_empty()


def test_missing_bars_are_found_as_gaps_longest_first() -> None:
    frame = bars(40)
    expected = frame.select("session", "bar_start")
    holes = [2, 10, 11, 12, 39]
    kept = frame.filter(~pl.int_range(pl.len()).is_in(holes))
    found = missing_bars(kept["bar_start"], expected)
    assert found.numbers == {"expected": 40, "missing": 5, "share": 5 / 40, "longest gap": 3}
    assert found.rows.rows() == [
        (START + 10 * HOUR, START + 12 * HOUR, 3),
        (START + 2 * HOUR, START + 2 * HOUR, 1),
        (START + 39 * HOUR, START + 39 * HOUR, 1),
    ]
    # By another route: the set difference.
    wanted = set(expected["bar_start"]) - set(kept["bar_start"])
    assert len(wanted) == found.numbers["missing"]


def test_bars_outside_the_schedule_hide_no_missing_one() -> None:
    expected = bars(5).select("session", "bar_start")
    strays = expected["bar_start"] + timedelta(minutes=30)
    assert missing_bars(strays, expected).numbers["missing"] == 5
    assert missing_bars(strays.clear(), expected).numbers["missing"] == 5


def test_missing_sessions_and_the_longest_hole() -> None:
    planned = pl.date_range(date(2024, 1, 1), date(2024, 1, 10), eager=True)
    there = planned.filter(~planned.dt.day().is_in([3, 6, 7]))
    found = missing_sessions(there, planned)
    assert found.numbers == {"scheduled": 10, "missing": 3, "share": 0.3, "longest gap": 2}
    assert found.rows["session"].dt.day().to_list() == [3, 6, 7]


def test_staleness_counts_only_sessions_that_have_ended() -> None:
    closes = [datetime(2024, 1, day, 22, tzinfo=UTC) for day in (8, 9, 10, 11)]
    since = pl.DataFrame({"session": [one.date() for one in closes], "session_close": closes})
    found = staleness(closes[0], since, datetime(2024, 1, 10, 23, tzinfo=UTC))
    assert found.numbers["sessions missed"] == 2
    assert found.numbers["age, hours"] == 49.0
    fresh = staleness(closes[2], since, datetime(2024, 1, 11, 12, tzinfo=UTC))
    assert fresh.numbers["sessions missed"] == 0


def test_a_spike_that_reverts_is_told_from_a_move_and_from_a_wick() -> None:
    frame = bars(200, **at(50, "close", 130.0))
    found = spikes(frame, 0.25, LIMITS)
    assert found.rows.select("bar_start", "kind").rows() == [(START + 50 * HOUR, "spike")]
    # By hand: up from 100.25, and every other change is one tick: a scale of 1.4826 * 0.25.
    assert found.rows["z_score"][0] == pytest.approx(29.75 / (1.4826 * 0.25))
    stays = bars(200, close=pl.col("close") + 30.0 * (pl.int_range(pl.len()) >= 50))
    assert spikes(stays, 0.25, LIMITS).rows["kind"].to_list() == ["move"]
    wick = spikes(bars(200, **at(50, "low", 60.0)), 0.25, LIMITS)
    assert wick.rows["kind"].to_list() == ["wick"]
    assert wick.numbers["spikes"] == wick.numbers["moves"] == 0


def test_bars_in_many_parts_give_the_answer_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = bars(3000, **at(800, "close", 130.0)).with_columns(**at(2000, "low", 60.0))
    frame = frame.with_columns(**at(576, "high", 160.0))
    whole = spikes(frame, 0.25, LIMITS)
    assert whole.rows["kind"].to_list() == ["spike", "wick", "wick"]
    # Row 576 is the first of February: a part begins there.
    monkeypatch.setattr(moves, "_AT_ONCE", 1)
    parts = spikes(frame, 0.25, LIMITS)
    assert parts.numbers == whole.numbers
    assert_frame_equal(parts.rows, whole.rows)
    assert_frame_equal(parts.points, whole.points)


def test_a_roll_is_no_move() -> None:
    late = pl.int_range(pl.len()) >= 50
    prices = {one: pl.col(one) + 30.0 * late for one in ("open", "high", "low", "close")}
    rolled = bars(200, **prices, adjustment=pl.when(late).then(0.0).otherwise(30.0))
    assert spikes(rolled, 0.25, LIMITS).rows.is_empty()
    assert not spikes(bars(200, **prices), 0.25, LIMITS).rows.is_empty()


def test_a_weekend_widens_the_scale() -> None:
    frame = bars(200, close=pl.col("close") + 25.0 * (pl.int_range(pl.len()) >= 50))
    after = pl.int_range(pl.len()) >= 50
    later = pl.when(after).then(pl.lit(timedelta(hours=23))).otherwise(pl.lit(timedelta(0)))
    pause = {one: pl.col(one) + later for one in ("bar_start", "bar_end")}
    assert spikes(frame, 0.25, LIMITS).numbers["moves"] == 1
    assert spikes(frame.with_columns(**pause), 0.25, LIMITS).numbers["moves"] == 0


def test_runs_without_movement_or_volume() -> None:
    rows = pl.int_range(pl.len())
    still = rows.is_between(10, 16)
    prices = {
        one: pl.when(still).then(100.0).otherwise(pl.col(one))
        for one in ("open", "high", "low", "close")
    }
    frame = bars(40, **prices, volume=pl.when(rows.is_between(30, 32)).then(0).otherwise(10))
    found = long_runs(frame, LIMITS)
    # The first still bar repeats no close before it: bar 9 closed at 100.25.
    assert found.rows.rows() == [
        (START + 11 * HOUR, START + 16 * HOUR, 6, "flat"),
        (START + 30 * HOUR, START + 32 * HOUR, 3, "zero volume"),
    ]
    index = QualityLimits(missing_bars=1, longest_gap_bars=1, flat_bars=9, silent_bars=None)
    assert long_runs(frame, index).rows.is_empty()


def test_prices_off_the_grid_are_counted_one_by_one() -> None:
    frame = bars(10, **at(3, "high", 100.8), **at(4, "close", 100.1))
    found = prices_off_grid(frame, 0.25, 0.01)
    assert found.numbers["off the grid"] == 2
    assert found.numbers["share on the grid"] == 1 - 2 / 40
    assert found.rows["bar_start"].to_list() == [START + 3 * HOUR, START + 4 * HOUR]
    thirds = bars(10, close=pl.lit(117.015625), open=pl.lit(117.015625))
    assert prices_off_grid(thirds, 0.015625, 0.01).numbers["off the grid"] == 0


def globex(hours: int, year: int = 2023) -> pl.DataFrame:
    """A year of hourly bars as Chicago trades them, moved by some hours; most volume 8 to 15."""
    local = pl.datetime_range(
        datetime(year, 1, 2), datetime(year, 12, 30), "1h", time_zone="America/Chicago", eager=True
    )
    frame = pl.DataFrame({"local": local}).filter(pl.col("local").dt.hour() != 16)
    busy = pl.col("local").dt.hour().is_between(8, 14)
    moved = pl.col("local").dt.convert_time_zone("UTC").dt.cast_time_unit("us")
    return frame.select(
        bar_start=moved + timedelta(hours=hours),
        volume=pl.when(busy).then(1000).otherwise(100 + pl.col("local").dt.hour()),
    )


@pytest.mark.parametrize("hours", [-6, -5, -1, 1, 5, 6])
def test_a_moved_clock_is_found_and_measured(hours: int) -> None:
    right = volume_by_hour(globex(0), "equity_index").numbers
    assert (right["half-years that disagree"], right["shift"]) == (0, 0)
    moved = volume_by_hour(globex(hours), "equity_index")
    assert moved.numbers["half-years that disagree"] == 2
    assert moved.numbers["shift"] == -hours
    assert moved.numbers["share of volume in core hours"] < right["share of volume in core hours"]


def test_a_clock_without_daylight_saving_is_wrong_in_summer_only() -> None:
    """Stamped in winter's offset all the year: an hour off from March to November."""
    frame = globex(0)
    summer = pl.col("bar_start").dt.convert_time_zone("America/Chicago").dt.dst_offset()
    moved = frame.with_columns(bar_start=pl.col("bar_start") + summer)
    found = volume_by_hour(moved, "equity_index")
    assert found.rows.rows() == [(2023, True, 17)]
    assert found.numbers["half-years that disagree"] == 1


def test_two_sources_differ_by_more_than_a_tick_or_in_what_they_have() -> None:
    mine, other = bars(40), bars(40, **at(5, "close", 100.5), **at(7, "high", 101.75))
    found = second_source(mine, other[1:], 0.25)
    assert found.numbers["in both"] == 39
    assert found.numbers["different"] == 1
    assert found.rows.select("bar_start", "distance").rows() == [(START + 7 * HOUR, 5.0)]
    assert (found.numbers["only here"], found.numbers["only there"]) == (0, 0)
    holes = second_source(mine.filter(pl.int_range(pl.len()) != 9), other, 0.25)
    assert (holes.numbers["only here"], holes.numbers["only there"]) == (0, 1)


def test_sources_that_name_contracts_differently_are_joined_on_time() -> None:
    found = second_source(bars(40), bars(40, contract=pl.lit("T")), 0.25)
    assert found.numbers["joined on"] == "bar_start"
    assert found.numbers["share that agrees"] == 1.0


def test_a_plain_continuation_is_no_restatement() -> None:
    found = restated_bars(bars(40), lambda names: bars(30).select(names))
    assert found.rows.is_empty()
    assert (found.numbers["bars before"], found.numbers["new"]) == (30, 10)


def test_restated_bars_are_named_with_what_happened_to_them() -> None:
    before = bars(30, **at(4, "volume", None))
    now = bars(40, **at(3, "close", 100.5)).filter(pl.int_range(pl.len()) != 8)
    before = before.filter(pl.int_range(pl.len()) != 6)
    found = restated_bars(now, lambda names: before.select(names))
    assert found.rows.select("bar_start", "what").rows() == [
        (START + 3 * HOUR, "changed"),
        (START + 4 * HOUR, "changed"),
        (START + 6 * HOUR, "inserted"),
        (START + 8 * HOUR, "removed"),
    ]
    numbers = {one: found.numbers[one] for one in ("changed", "inserted", "removed", "new")}
    assert numbers == {"changed": 2, "inserted": 1, "removed": 1, "new": 10}
    assert found.rows.row(0, named=True)["close_now"] == 100.5


def test_measuring_changes_nothing() -> None:
    frame = bars(40)
    copy = frame.clone()
    spikes(frame, 0.25, LIMITS)
    long_runs(frame, LIMITS)
    prices_off_grid(frame, 0.25, 0.01)
    assert_frame_equal(frame, copy)
