"""Checks of the bars stage: simulated bars pass all, and each fault fails the check it is for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import dagster as dg
import polars as pl
import pytest
from told_bars import ToldSource, drawn, universe

import rooney_assets.assets  # noqa: F401  (importing it fills the registries)
from rooney_assets.graph.declaration import ASSETS, CHECKS, Here, Made, Outcome, Severity
from rooney_assets.graph.to_dagster import SAMPLE_ROWS, _check_result
from rooney_assets.lake import Lake, ManifestFacts
from rooney_assets.sources import DailyWitness, Witnesses
from rooney_core.market.calendar import session_labels
from rooney_core.market.instruments import Universe
from rooney_core.market.quarantine import QUARANTINE_SCHEMA

SYMBOL = "SIM_ES"
STAGE = ("raw_bars", "roll_calendar", "continuous_bars", "session_bars")
FACTS = ManifestFacts(run_id="r", code_version="c", git_commit="g")
BARS = drawn(SYMBOL)
PRICES = ("open", "high", "low", "close")


def here(lake: Lake, source: ToldSource, asset: str = "raw_bars") -> Here:
    """Where a check of the bars stage looks."""
    nothing: dict[str, Any] = {"params": None, "state_folder": None, "input_versions": {}}
    return Here(
        asset=asset,
        partition=SYMBOL,
        universe=universe(SYMBOL),
        source=source,
        lake=lake,
        run_id="r",
        code_version="c",
        **nothing,
    )


def outcomes(lake: Lake, bars: pl.DataFrame, *, simulated: bool = True) -> dict[str, Outcome]:
    """Every check of the stage on what is made of the bars."""
    source = ToldSource({SYMBOL: bars}, is_simulated=simulated)
    tables: dict[str, pl.DataFrame] = {}
    found = {}
    for name in STAGE:
        place = here(lake, source, name)
        made = ASSETS[name].body(place, **{one: tables[one] for one in ASSETS[name].inputs})
        made = made if isinstance(made, Made) else Made(made)
        tables[name] = made.table
        place = replace(place, beside=made.beside)
        found |= {one.name: one.look(made.table, place) for one in CHECKS[name]}
    return found


def look(name: str, bars: pl.DataFrame, place: Here) -> Outcome:
    """One check of raw_bars or continuous_bars or session_bars on a table."""
    (one,) = (c for asset in STAGE for c in CHECKS[asset] if c.name == name)
    return one.look(bars, place)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def test_simulated_bars_pass_every_check_with_numbers_and_a_plot(lake: Lake) -> None:
    found = outcomes(lake, BARS)
    assert {name for name, one in found.items() if not one.passed} == set()
    assert all(one.facts for one in found.values())
    for name, one in found.items():
        assert one.picture is not None, name
        ElementTree.fromstring(one.picture)
        assert len(one.picture) < 40_000
    # Nobody else says anything of these bars, and the lake has none: they are counted and drawn.
    for name in ("second_source_agrees", "history_is_unchanged"):
        assert (found[name].facts["rows"], found[name].passed) == (BARS.height, True)
        assert "2018" in str(found[name].picture)
    assert found["daily_bars_agree"].facts["rows"] == BARS["session"].n_unique()
    assert "simulated" in found["bars_are_fresh"].facts


def test_every_check_of_bars_states_its_severity() -> None:
    severities = {one.name: one.severity for name in STAGE for one in CHECKS[name]}
    assert severities["columns_are_those_of_bars"] is Severity.ERROR
    assert severities["volume_is_where_the_session_is"] is Severity.ERROR
    assert severities["history_is_unchanged"] is Severity.WARN
    blocking = {one.name for name in STAGE for one in CHECKS[name] if one.blocking}
    assert "volume_is_where_the_session_is" not in blocking
    assert all(severities[name] is Severity.ERROR for name in blocking)


ROW = pl.int_range(pl.len())


def planted(column: str, value: object, row: int = 5000) -> pl.DataFrame:
    """The bars with one other cell."""
    here_ = pl.when(row == ROW).then(pl.lit(value, BARS.schema[column]))
    return BARS.with_columns(here_.otherwise(pl.col(column)).alias(column))


FAULTS = [
    ("columns_are_those_of_bars", BARS.with_columns(pl.col("volume").cast(pl.Int32))),
    ("columns_are_those_of_bars", planted("contract", None)),
    ("columns_are_those_of_bars", BARS.clear()),
    ("prices_are_possible", planted("high", 1.0)),
    ("prices_are_possible", planted("close", float("nan"))),
    ("bars_are_unique_and_in_order", pl.concat([BARS[:9], BARS[8:]])),
    ("bars_are_unique_and_in_order", BARS.reverse()),
    ("bars_are_unique_and_in_order", planted("symbol", "SIM_NQ")),
    ("bars_start_in_session_hours", BARS.with_columns(pl.col("bar_start") + timedelta(hours=1))),
    ("bars_are_complete", BARS.filter(ROW % 20 != 0)),
    ("bars_are_complete", BARS.filter(~ROW.is_between(6000, 6060))),
    ("sessions_are_complete", BARS.filter(pl.col("session").dt.day() != 12)),
    ("prices_are_on_the_tick_grid", BARS.with_columns(pl.col("close") * 1.001)),
    (
        "no_spikes",
        planted("close", 9000.0).with_columns(
            high=pl.max_horizontal("high", "close"), volume=pl.col("volume") + 1
        ),
    ),
    (
        "prices_and_volume_are_alive",
        BARS.with_columns(volume=pl.when(ROW.is_between(7000, 7030)).then(0).otherwise("volume")),
    ),
]


@pytest.mark.parametrize(("name", "bars"), FAULTS, ids=[name for name, _ in FAULTS])
def test_a_fault_fails_the_check_that_is_for_it(lake: Lake, name: str, bars: pl.DataFrame) -> None:
    outcome = look(name, bars, here(lake, ToldSource({SYMBOL: bars})))
    assert not outcome.passed
    ElementTree.fromstring(str(outcome.picture))
    if bars.height:
        assert outcome.sample is not None


def test_still_prices_fail(lake: Lake) -> None:
    still = ROW.is_between(7000, 7040)
    flat = {one: pl.when(still).then(4000.0).otherwise(pl.col(one)) for one in PRICES}
    place = here(lake, ToldSource({SYMBOL: BARS}))
    assert not look("prices_and_volume_are_alive", BARS.with_columns(**flat), place).passed


@pytest.mark.parametrize("hours", [-6, -5, -1, 1, 5, 6])
def test_a_file_that_is_hours_off_is_told_by_how_many(lake: Lake, hours: int) -> None:
    starts = BARS["bar_start"] + timedelta(hours=hours)
    moved = BARS.with_columns(bar_start=starts, session=session_labels(starts, "equity_index"))
    outcome = look("volume_is_where_the_session_is", moved, here(lake, ToldSource({SYMBOL: moved})))
    assert not outcome.passed
    assert outcome.facts["shift"] == -hours


def test_bars_that_end_long_ago_are_stale_unless_they_are_simulated(lake: Lake) -> None:
    found = outcomes(lake, BARS, simulated=False)["bars_are_fresh"]
    assert not found.passed
    # Some 250 sessions a year since mid-2019.
    assert int(found.facts["sessions missed"]) > 250 * (date.today().year - 2020)


def test_quarantined_rows_are_counted_by_reason(lake: Lake) -> None:
    row = {"symbol": SYMBOL, "reason": "null", "detail": "close is empty", "origin": "a.csv"}
    refused = pl.DataFrame([{**row, "row": n} for n in range(2000)], schema=QUARANTINE_SCHEMA)
    place = replace(here(lake, ToldSource({SYMBOL: BARS})), beside={"quarantine": refused})
    outcome = look("quarantine_is_small", BARS, place)
    assert not outcome.passed
    assert (outcome.facts["refused rows"], outcome.facts["null"]) == (2000, 2000)
    assert look("quarantine_is_small", BARS, replace(place, beside={})).passed


def test_a_second_source_that_differs_is_told(lake: Lake) -> None:
    place = here(lake, ToldSource({SYMBOL: BARS}, {SYMBOL: Witnesses(second=BARS)}))
    assert look("second_source_agrees", BARS, place).passed
    other = BARS.with_columns(close=pl.col("close") + 5.0 * (ROW % 50 == 0))
    place = here(lake, ToldSource({SYMBOL: BARS}, {SYMBOL: Witnesses(second=other)}))
    outcome = look("second_source_agrees", BARS, place)
    assert not outcome.passed
    assert outcome.facts["share that agrees"] == pytest.approx(0.98, abs=0.001)


def daily(lake: Lake, off: float) -> Outcome:
    """Sessions against daily bars whose high is off in every tenth session."""
    source = ToldSource({SYMBOL: BARS})
    table = BARS
    tables: dict[str, pl.DataFrame] = {}
    for name in STAGE:
        made = ASSETS[name].body(
            here(lake, source, name), **{one: tables[one] for one in ASSETS[name].inputs}
        )
        tables[name] = made.table if isinstance(made, Made) else made
    lake.write("continuous_bars", ("symbol", SYMBOL), tables["continuous_bars"], FACTS)
    table = tables["session_bars"]
    bars = table.select(
        "contract",
        "open",
        "low",
        "close",
        "volume",
        day="session",
        high=pl.col("high") + off * (ROW % 10 == 0),
    )
    said = Witnesses(daily=DailyWitness(bars, "session", "by hand"))
    return look("daily_bars_agree", table, here(lake, ToldSource({SYMBOL: BARS}, {SYMBOL: said})))


def test_daily_bars_agree_or_the_rest_is_reported(lake: Lake) -> None:
    assert daily(lake, off=0.0).passed
    outcome = daily(lake, off=12.5)
    assert not outcome.passed
    # Every tenth high is off, and no low.
    assert outcome.facts["share of highs that agree"] == pytest.approx(0.9, abs=0.01)
    assert outcome.facts["share of lows that agree"] == 1.0
    assert outcome.facts["share of sessions where both agree"] == pytest.approx(0.9, abs=0.01)
    assert outcome.facts["accepted by bounds only"] == 0
    assert outcome.sample is not None
    assert set(outcome.sample["high_off"]) == {12.5}


def test_sessions_that_agree_by_the_bounds_alone_are_counted(lake: Lake) -> None:
    """The high of the hour from 15:00 Chicago may be of the next trade date, until 2012-11-18."""
    days = (date(2011, 3, 8), date(2011, 3, 9))
    hours = pl.DataFrame(
        [
            {"session": day, "bar_start": datetime(day.year, day.month, day.day, hour, tzinfo=UTC)}
            for day in days
            for hour in range(14, 22)
        ]
    )
    # 21:00 UTC is 15:00 in a winter of Chicago.
    late = pl.col("bar_start") == datetime(2011, 3, 8, 21, tzinfo=UTC)
    bars = hours.with_columns(
        symbol=pl.lit(SYMBOL),
        contract=pl.lit("SIM_ESH11"),
        open=pl.lit(100.0),
        high=pl.when(late).then(120.0).otherwise(101.0),
        low=pl.lit(99.0),
        close=pl.lit(100.0),
        volume=pl.lit(1),
        bar_start=pl.col("bar_start").cast(pl.Datetime("us", "UTC")),
    )
    lake.write("continuous_bars", ("symbol", SYMBOL), bars, FACTS)
    told = pl.DataFrame({"day": days, "contract": ["SIM_ESH11"] * 2, "low": [99.0, 99.0]})
    for highs, by_bounds in (((120.0, 101.0), 0), ((101.0, 120.0), 2), ((101.0, 101.0), 1)):
        witness = told.with_columns(pl.Series("high", highs))
        said = Witnesses(daily=DailyWitness(witness, "session", "by hand"))
        place = here(lake, ToldSource({SYMBOL: BARS}, {SYMBOL: said}))
        outcome = look("daily_bars_agree", bars, place)
        assert outcome.facts["share of sessions where both agree"] == 1.0
        assert outcome.facts["accepted by bounds only"] == by_bounds


def test_one_bar_a_session_is_counted_where_hours_are_asked_for(lake: Lake) -> None:
    place = here(lake, ToldSource({SYMBOL: BARS}))
    daily_bars = place.universe[SYMBOL].model_copy(update={"bar_minutes": 1440})
    place = replace(place, universe=Universe(instruments=(daily_bars,)))
    for name in ("bars_are_complete", "volume_is_where_the_session_is"):
        outcome = look(name, BARS, place)
        assert outcome.facts["rows"] == BARS.height
        ElementTree.fromstring(str(outcome.picture))


def test_a_restated_bar_is_named_and_a_continuation_is_not(lake: Lake) -> None:
    lake.write("raw_bars", ("symbol", SYMBOL), BARS.head(8000), FACTS)
    place = here(lake, ToldSource({SYMBOL: BARS}))
    assert look("history_is_unchanged", BARS, place).passed
    outcome = look("history_is_unchanged", planted("volume", 1), place)
    assert not outcome.passed
    assert outcome.facts["changed"] == 1
    assert outcome.facts["what to do"] == f"rooney data impact {SYMBOL}"
    assert outcome.sample is not None
    assert outcome.sample["bar_start"].to_list() == [BARS["bar_start"][5000]]


def test_dagster_gets_severity_sample_and_plot() -> None:
    (one,) = (c for c in CHECKS["raw_bars"] if c.name == "volume_is_where_the_session_is")
    many = pl.DataFrame({"bar_start": [None] * 50, "why": ["a|b"] * 50})
    result = _check_result(one, Outcome(False, {"n": 1}, many, "<svg/>"), SYMBOL)
    assert result.severity is dg.AssetCheckSeverity.ERROR
    sample = result.metadata["sample"].value
    assert isinstance(sample, str)
    assert sample.count("\n") == SAMPLE_ROWS + 1
    assert "a\\|b" in sample
    plot = result.metadata["plot"].value
    assert str(plot).startswith("![](data:image/svg+xml;base64,")
