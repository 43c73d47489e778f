"""Backward adjustments by hand, over two rolls and through negative prices."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from rooney_core.market.adjustment import Adjustment, adjusted
from rooney_core.market.bars import BARS_SCHEMA
from rooney_core.market.rolls import find_rolls, stitch


def _raw(*bars: tuple[int, str, float, int]) -> pl.DataFrame:
    """(day of April 2020, contract, close, volume); open equals close, the range is 1 around it."""
    rows = [
        {
            "symbol": "X",
            "contract": contract,
            "bar_start": (start := datetime(2020, 4, day, 12, tzinfo=UTC)),
            "bar_end": start + timedelta(hours=1),
            "open": close,
            "high": close + 1,
            "low": close - 1,
            "close": close,
            "volume": volume,
            "session": date(2020, 4, day),
            "adjustment": 0.0,
        }
        for day, contract, close, volume in bars
    ]
    return pl.DataFrame(rows, schema=BARS_SCHEMA).sort("bar_start", "contract")


# May against June: +10 (20 -> 30); June against July: -5 (40 -> 35).
TWO_ROLLS = _raw(
    (6, "XK20", 20.0, 10),
    (6, "XM20", 30.0, 90),
    (7, "XM20", 40.0, 10),
    (7, "XN20", 35.0, 500),
    (8, "XN20", 36.0, 10),
)


def _closes(raw: pl.DataFrame, adjustment: Adjustment) -> list[float | None]:
    return adjusted(stitch(raw, find_rolls(raw)), adjustment)["close"].to_list()


def test_none_leaves_the_raw_prices():
    assert _closes(TWO_ROLLS, Adjustment.NONE) == [20.0, 40.0, 36.0]


def test_a_spread_adds_the_gaps_that_follow():
    # May: +10 - 5; June: -5.
    assert _closes(TWO_ROLLS, Adjustment.SPREAD) == [25.0, 35.0, 36.0]


def test_a_ratio_multiplies_by_the_ratios_that_follow():
    # May: 30/20 x 35/40; June: 35/40.
    assert _closes(TWO_ROLLS, Adjustment.RATIO) == pytest.approx([26.25, 35.0, 36.0])


def test_all_four_prices_move_and_nothing_else():
    bars = stitch(TWO_ROLLS, find_rolls(TWO_ROLLS))
    moved = adjusted(bars, Adjustment.SPREAD)
    assert moved.row(0, named=True) == bars.row(0, named=True) | {
        "open": 25.0,
        "high": 26.0,
        "low": 24.0,
        "close": 25.0,
    }
    assert moved.row(-1) == bars.row(-1)


# The front contract goes negative on the day of its roll, as crude oil did on 20 April 2020.
NEGATIVE = _raw(
    (16, "XJ20", 22.0, 10),
    (16, "XK20", 18.0, 90),
    (20, "XK20", -37.5, 10),
    (20, "XM20", 20.5, 500),
    (21, "XM20", 11.5, 10),
    (21, "XN20", 18.5, 900),
    (22, "XN20", 21.0, 10),
)


def test_a_spread_passes_through_negative_prices():
    # Gaps -4, +58, +7.
    assert find_rolls(NEGATIVE)["gap"].to_list() == [-4.0, 58.0, 7.0]
    assert _closes(NEGATIVE, Adjustment.SPREAD) == [83.0, 27.5, 18.5, 21.0]


def test_no_ratio_through_negative_prices_but_after_them():
    rolls = find_rolls(NEGATIVE)
    assert rolls["ratio"].to_list() == pytest.approx([18 / 22, None, 18.5 / 11.5])
    assert _closes(NEGATIVE, Adjustment.RATIO) == pytest.approx([None, None, 18.5, 21.0])


def test_without_a_roll_everything_is_raw():
    raw = _raw((6, "XK20", 20.0, 10), (7, "XK20", 21.0, 10))
    for one in Adjustment:
        assert _closes(raw, one) == [20.0, 21.0]
