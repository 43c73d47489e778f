"""Which rows are set aside, with which reason, and that every row is found again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from rooney_core.market.calendar import UTC_MICROSECONDS
from rooney_core.market.quarantine import (
    QUARANTINE_SCHEMA,
    REASONS,
    is_in_order,
    no_quarantine,
    set_aside,
)

FIRST = datetime(2024, 3, 4, tzinfo=UTC)
HOUR = timedelta(hours=1)


def _bar(hour: int, contract: str | None = "TSTH24", **cells: Any) -> dict[str, Any]:
    good = {
        "contract": contract,
        "bar_start": FIRST + hour * HOUR,
        "bar_end": FIRST + (hour + 1) * HOUR,
        **{"open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "volume": 5},
    }
    return {**good, **cells}


def _frame(*bars: dict[str, Any]) -> pl.DataFrame:
    types = {"contract": pl.String, "bar_start": UTC_MICROSECONDS, "bar_end": UTC_MICROSECONDS}
    numbers = {**dict.fromkeys(("open", "high", "low", "close"), pl.Float64), "volume": pl.Int64}
    return pl.DataFrame(list(bars), schema={**types, **numbers}).with_columns(
        row=pl.int_range(len(bars), dtype=pl.Int64)
    )


@pytest.mark.parametrize(
    ("cells", "reason", "said"),
    [
        ({"open": None}, "null", "open"),
        ({"volume": None, "close": None}, "null", "close, volume"),
        ({"contract": None}, "null", "contract"),
        ({"bar_start": None}, "null", "bar_start"),
        ({"close": float("nan")}, "not_finite", "NaN"),
        ({"high": float("inf")}, "not_finite", "inf"),
        ({"low": float("-inf")}, "not_finite", "-inf"),
        ({"high": 8.0}, "high_below_low", "high 8.0 low 9.0"),
        ({"open": 12.5}, "outside_range", "open 12.5"),
        ({"close": 8.5}, "outside_range", "close 8.5"),
        ({"volume": -1}, "negative_volume", "-1"),
        ({"bar_end": FIRST + HOUR}, "no_length", "2024-03-04"),
    ],
)
def test_a_row_with_a_fault_is_set_aside_and_the_others_stay(
    cells: dict[str, Any], reason: str, said: str
) -> None:
    bars = _frame(_bar(0), _bar(1, **cells), _bar(2))
    good, aside = set_aside(bars, "TST", "TST.parquet")
    assert good["bar_start"].to_list() == [FIRST, FIRST + 2 * HOUR]
    assert dict(aside.schema) == QUARANTINE_SCHEMA
    (found,) = aside.rows(named=True)
    assert found["reason"] == reason
    assert said in found["detail"]
    assert (found["symbol"], found["origin"], found["row"]) == ("TST", "TST.parquet", 1)
    for name in ("contract", "bar_start", "open", "high", "low", "close", "volume"):
        # NaN is no equal of itself.
        assert str(found[name]) == str(bars[name][1])


def test_one_row_has_one_reason_the_first_of_the_list() -> None:
    several = _bar(0, open=None, high=float("inf"), volume=-1)
    assert set_aside(_frame(several), "TST", "x")[1]["reason"].to_list() == ["null"]


def test_equal_rows_keep_the_first_and_differing_rows_keep_none() -> None:
    bars = _frame(_bar(0), _bar(0), _bar(0), _bar(1), _bar(1, close=10.5), _bar(1), _bar(2))
    good, aside = set_aside(bars, "TST", "x")
    assert good["bar_start"].to_list() == [FIRST, FIRST + 2 * HOUR]
    assert aside.select("row", "reason").rows() == [
        (1, "repeated"),
        (2, "repeated"),
        *((row, "contradicting") for row in (3, 4, 5)),
    ]


def test_a_bar_survives_a_broken_copy_of_itself() -> None:
    good, aside = set_aside(_frame(_bar(0), _bar(0, volume=-1)), "TST", "x")
    assert good["volume"].to_list() == [5]
    assert aside["reason"].to_list() == ["negative_volume"]


def test_two_contracts_at_one_time_are_no_repetition() -> None:
    bars = _frame(_bar(0, "TSTM24"), _bar(0), _bar(1))
    good, aside = set_aside(bars, "TST", "x")
    assert good.equals(bars.drop("row"))
    assert aside.equals(no_quarantine())


def test_repetitions_are_found_far_apart_and_the_order_stays() -> None:
    bars = _frame(_bar(5), _bar(1), _bar(3), _bar(5), _bar(0))
    good, aside = set_aside(bars, "TST", "x")
    assert good["bar_start"].to_list() == [FIRST + hour * HOUR for hour in (5, 1, 3, 0)]
    assert aside["row"].to_list() == [3]


def test_unreadable_cells_and_the_original_row_are_carried() -> None:
    bars = _frame(_bar(0, high=None), _bar(1)).with_columns(
        unreadable=pl.Series(["high 'abc' is not a number", None]),
        original=pl.Series(['{"high": "abc"}', None]),
    )
    good, aside = set_aside(bars, "TST", "x")
    assert good.columns == bars.drop("row", "original", "unreadable").columns
    (found,) = aside.rows(named=True)
    assert found["reason"] == "unreadable"
    assert "'abc'" in found["detail"]
    assert found["original"] == '{"high": "abc"}'


def test_columns_that_are_unknown_stay_and_decide_whether_rows_are_equal() -> None:
    bars = _frame(_bar(0), _bar(0)).with_columns(open_interest=pl.Series([7, 8]))
    good, aside = set_aside(bars, "TST", "x")
    assert good.columns[-1] == "open_interest"
    assert aside["reason"].to_list() == ["contradicting"] * 2


def test_frames_without_bar_end_or_rows_pass() -> None:
    bars = _frame(_bar(0), _bar(1)).drop("bar_end", "row")
    assert set_aside(bars, "TST", "x")[0].equals(bars)
    assert set_aside(bars.clear(), "TST", "x")[1].is_empty()


def test_order_means_that_time_and_contract_rise_strictly() -> None:
    assert is_in_order(_frame(_bar(0), _bar(0, "TSTM24"), _bar(1)))
    assert is_in_order(_frame(_bar(0)))
    assert not is_in_order(_frame(_bar(0), _bar(0)))
    assert not is_in_order(_frame(_bar(0, "TSTM24"), _bar(0)))
    assert not is_in_order(_frame(_bar(1), _bar(0)))


def test_every_reason_but_unreadable_has_been_met_above() -> None:
    met = {"null", "not_finite", "high_below_low", "outside_range", "negative_volume", "no_length"}
    assert met | {"unreadable", "repeated", "contradicting"} == set(REASONS)
