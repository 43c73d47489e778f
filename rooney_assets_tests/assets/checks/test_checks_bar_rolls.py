"""Checks of the chain: a hole that a back month fills, a roll months too early, another's chain."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from told_bars import ToldSource, drawn, universe

import rooney_assets.assets  # noqa: F401  (importing it fills the registries)
from rooney_assets.graph.declaration import CHECKS, Here, Outcome
from rooney_assets.lake import Lake, ManifestFacts
from rooney_assets.sources import Witnesses
from rooney_core.market.instruments import Instrument
from rooney_core.market.rolls import find_rolls, stitch

SYMBOL = "SIM_ES"
FACTS = ManifestFacts(run_id="r", code_version="c", git_commit="g")
INSTRUMENT = universe(SYMBOL)[SYMBOL].model_copy(update={"expiry": "third_friday"})


def look(lake: Lake, asset: str, name: str, table: pl.DataFrame, said: Witnesses) -> Outcome:
    (one,) = (check for check in CHECKS[asset] if check.name == name)
    known = replace_instrument(universe(SYMBOL), INSTRUMENT)
    nothing: dict[str, Any] = {"params": None, "state_folder": None, "input_versions": {}}
    source = ToldSource({SYMBOL: drawn(SYMBOL)}, {SYMBOL: said})
    place = Here(asset, SYMBOL, known, source, lake, run_id="r", code_version="c", **nothing)
    return one.look(table, place)


def replace_instrument(known: Any, instrument: Instrument) -> Any:
    return known.model_copy(update={"instruments": (instrument,)})


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path)
    lake.write("raw_bars", ("symbol", SYMBOL), drawn(SYMBOL), FACTS)
    return lake


def chain(raw: pl.DataFrame) -> pl.DataFrame:
    return stitch(raw, find_rolls(raw, INSTRUMENT), INSTRUMENT)


def test_a_hole_in_the_front_contract_alone_is_told(lake: Lake) -> None:
    whole = chain(drawn(SYMBOL))
    assert look(lake, "continuous_bars", "front_is_complete", whole, Witnesses()).passed
    # Two weeks with one bar a session, as where the back month's bars filled the rest of raw_bars.
    session = pl.col("session")
    within = session.is_between(date(2018, 4, 16), date(2018, 4, 27))
    first = pl.col("bar_start") == pl.col("bar_start").min().over("session")
    outcome = look(
        lake, "continuous_bars", "front_is_complete", whole.filter(~within | first), Witnesses()
    )
    assert not outcome.passed
    assert outcome.facts["sessions with less than half their bars in a row"] == 10
    assert outcome.picture is not None


def test_a_roll_months_too_early_is_told(lake: Lake) -> None:
    rolls = find_rolls(drawn(SYMBOL), INSTRUMENT)
    assert rolls.height == 6
    assert look(lake, "roll_calendar", "rolls_are_in_time", rolls, Witnesses()).passed
    early = rolls.with_columns(
        roll_session=pl.when(pl.int_range(pl.len()) == 2)
        .then(pl.col("roll_session").dt.offset_by("-56d"))
        .otherwise("roll_session")
    )
    outcome = look(lake, "roll_calendar", "rolls_are_in_time", early, Witnesses())
    assert not outcome.passed
    assert outcome.sample is not None
    assert outcome.sample["roll_from"].to_list() == [rolls["roll_from"][2]]


def test_another_sources_chain_is_compared_and_each_difference_explained(lake: Lake) -> None:
    own = chain(drawn(SYMBOL))
    name = "front_is_the_second_sources"
    assert look(lake, "continuous_bars", name, own, Witnesses(second=own)).passed
    assert "not looked at" in look(lake, "continuous_bars", name, own, Witnesses()).facts
    # Theirs rolls four calendar days before ours, every time.
    rolls = find_rolls(drawn(SYMBOL), INSTRUMENT)
    sooner = rolls.with_columns(pl.col("roll_time").dt.offset_by("-4d"))
    theirs = stitch(drawn(SYMBOL), sooner, INSTRUMENT)
    outcome = look(lake, "continuous_bars", name, own, Witnesses(second=theirs))
    assert not outcome.passed
    assert outcome.sample is not None
    assert outcome.sample["theirs"].to_list() == rolls["roll_to"].to_list()
    assert outcome.sample["ours"].to_list() == rolls["roll_from"].to_list()
    assert set(outcome.sample["reason"]) <= {"rolled_later", "rolled_one_session_later"}
