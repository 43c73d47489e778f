"""Quality of the development bars beside the checkout: what passes, and what is thin."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
import yaml

from rooney_core.market.bars import BARS_SCHEMA
from rooney_core.market.calendar import expected_bar_starts, schedule, session_labels
from rooney_core.market.instruments import Instrument, Universe
from rooney_core.market.quality import (
    limits_for,
    long_runs,
    missing_bars,
    missing_sessions,
    prices_off_grid,
    spikes,
    volume_by_hour,
)
from rooney_core.market.rolls import find_rolls, stitch

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT.parent / "shared" / "data" / "futures_1h"
SYMBOLS = ("YM", "RTY", "SI", "MGC", "ZN", "M6A", "M6E")
THIN = {"MGC", "M6A"}
"""Known to be sparse in winter 2014 (MGC) and in the first years (M6A)."""

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared/data beside the checkout")


def instrument(symbol: str) -> Instrument:
    """The shipped page."""
    document = yaml.safe_load((ROOT / "universe.yaml").read_text(encoding="utf-8"))
    return Universe.parse(document, "universe.yaml")[symbol]


def raw_bars(one: Instrument, hours: int = 0) -> pl.DataFrame:
    """The file's rows as raw_bars, without the code that is tested elsewhere; moved by hours."""
    file = pl.read_parquet(DATA / f"{one.symbol}.parquet")
    starts = file["ts_event"] + timedelta(hours=hours)
    named = file.with_columns(
        symbol=pl.lit(one.symbol),
        bar_start=starts,
        bar_end=starts + timedelta(hours=1),
        session=session_labels(starts, one.product_group),
        adjustment=pl.lit(0.0),
    )
    return named.select(pl.col(n).cast(t) for n, t in BARS_SCHEMA.items()).sort("bar_start")


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_real_bars_are_within_the_limits_but_for_what_is_known(symbol: str) -> None:
    one = instrument(symbol)
    limits, raw = limits_for(one), raw_bars(one)
    span = (raw["session"].min(), raw["session"].max())
    expected = expected_bar_starts(one.product_group, *span, one.bar_minutes)  # type: ignore[arg-type]
    missing = missing_bars(raw["bar_start"], expected).numbers
    is_whole = (
        missing["share"] <= limits.missing_bars
        and missing["longest gap"] <= limits.longest_gap_bars
    )
    assert is_whole is (symbol not in THIN)
    planned = schedule(one.product_group, *span)["session"]  # type: ignore[arg-type]
    assert missing_sessions(raw["session"], planned).numbers["share"] <= limits.missing_sessions
    grid = prices_off_grid(raw, one.tick_size, limits.grid_tolerance)
    assert grid.numbers["share on the grid"] >= limits.on_grid
    bars = stitch(raw, find_rolls(raw))
    assert spikes(bars, one.tick_size, limits).rows.is_empty()
    assert long_runs(bars, limits).rows.is_empty()


@pytest.mark.parametrize("symbol", SYMBOLS)
@pytest.mark.parametrize("hours", [0, -6, -5, -1, 1, 5, 6])
def test_a_real_file_that_is_hours_off_is_told_by_how_many(symbol: str, hours: int) -> None:
    one = instrument(symbol)
    found = volume_by_hour(raw_bars(one, hours), one.product_group).numbers
    assert found["shift"] == -hours
    if hours == 0:
        assert found["half-years that disagree"] == 0
        assert found["share of volume in core hours"] >= limits_for(one).core_volume
