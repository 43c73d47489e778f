"""Control: no declared feature notices another future, and what does know it is caught."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from causality_sweep import (
    FROM_BAR,
    OWN,
    World,
    differing,
    ends,
    features,
    late,
    names,
    noticing,
    world,
)

from rooney_core.features import feature_names
from rooney_core.features.compute import declared_features

# In the middle of a session, at the last bar of one, and a bar after a weekend.
CUTS = [1203, 1679, 2100]
TIMES = {
    *("bar_start_us", "bar_end_us", "session", "session_open_us", "session_close_us"),
    *("exchange_hour", "last_safe_day", "flat_deadline_us"),
}
"""Inputs that no price, volume or trade changes."""

OTHERS = {"daily", "hourly", "partner"}
"""Inputs that come from other symbols."""


@pytest.fixture(scope="module")
def columns() -> tuple[str, ...]:
    return feature_names(names())


def named(columns: tuple[str, ...], found: set[int]) -> set[str]:
    return {columns[one] for one in found}


def test_no_feature_notices_another_future(columns) -> None:
    of = world()
    assert features(of).shape == (of.bars[OWN].height, len(columns))
    found = noticing(features, of, CUTS)
    assert found == {"changed": set(), "missing": set(), "another draw": set()}


def test_the_sweep_reaches_every_feature(columns) -> None:
    """In another market every column is another, but for those made of times alone: nothing that
    is declared escapes the sweep because it never moves."""
    n_rows = world().bars[OWN].height
    moved = named(columns, differing(features(world()), features(world(seed=7)), n_rows))
    of_times = {one.name for one in declared_features(names()) if set(one.inputs) <= TIMES}
    assert set(columns) - moved == of_times
    # Known in most rows: a column of NaN would be causal too.
    known = np.isfinite(features(world())[FROM_BAR:]).mean(axis=0)
    assert dict(zip(columns, known > 0.5, strict=True)) == dict.fromkeys(columns, True)


@pytest.mark.parametrize("ahead", [1, 24])
def test_an_added_future_column_is_caught(columns, ahead) -> None:
    """The return over the next bar, or day, among the features: it alone is named."""

    def with_future(of: World) -> np.ndarray:
        close = of.bars[OWN]["close"] + of.bars[OWN]["adjustment"]
        to_come = (close.shift(-ahead) / close - 1.0).fill_null(0.0).to_numpy()
        return np.column_stack((features(of), to_come))

    found = noticing(with_future, world(), CUTS[:1])
    assert list(found.values()) == [{len(columns)}] * 3


def test_a_mean_of_the_whole_history_is_caught(columns) -> None:
    """A leak that no single row shows: standardised by moments of all years."""

    def standardised(of: World) -> np.ndarray:
        values = features(of)
        rsi = values[:, columns.index("rsi_14")]
        values[:, columns.index("rsi_14")] = rsi - np.nanmean(rsi)
        return values

    found = noticing(standardised, world(), CUTS[:1])
    assert {frozenset(named(columns, one)) for one in found.values()} == {frozenset({"rsi_14"})}


def shifted(of: World, hours: int, days: int) -> World:
    """Other symbols' rows stamped too early: a bar by its start, a session by the day before."""
    return replace(
        of,
        bars={
            one: table
            if one == OWN
            else table.with_columns(
                pl.col("bar_start", "bar_end").dt.offset_by(f"-{hours}h"),
            )
            for one, table in of.bars.items()
        },
        sessions={
            one: table
            if one == OWN
            else table.with_columns(pl.col("session_close").dt.offset_by(f"-{days}d"))
            for one, table in of.sessions.items()
        },
    )


def test_reference_feeds_stamped_too_early_are_caught(columns) -> None:
    declared = {one.name: set(one.inputs) for one in declared_features(names())}
    of_others = {name for name, inputs in declared.items() if inputs & OTHERS}
    assert len(of_others) >= 6
    found = noticing(lambda of: features(shifted(of, 1, 1)), world(), CUTS)
    assert named(columns, set.union(*found.values())) == of_others
    # And hours alone leave the daily ones alone.
    hours = noticing(lambda of: features(shifted(of, 1, 0)), world(), CUTS)
    daily = {name for name in of_others if declared[name] == {"daily"} or "session" in name}
    assert named(columns, set.union(*hours.values())) == of_others - daily


@pytest.mark.parametrize("delay", [timedelta(hours=3), timedelta(days=4), timedelta(days=20)])
def test_a_late_feed_says_what_it_last_knew_or_nothing(columns, delay) -> None:
    """Behind by `delay`, other symbols' columns are those of before, then an older value or null;
    one's own are the same; nothing is ever 0 for want of data."""
    of, cut = world(), CUTS[1]
    now = ends(of)[cut]
    whole, behind = features(of)[: cut + 1], features(late(of, now, delay))[: cut + 1]
    until = sum(end <= now - delay for end in ends(of)[: cut + 1])
    assert differing(whole, behind, until) == set()
    declared = {one.name: set(one.inputs) for one in declared_features(names())}
    touched = named(columns, differing(whole, behind, cut + 1))
    assert touched <= {name for name, inputs in declared.items() if inputs & OTHERS}
    for name in touched:
        column = behind[:, columns.index(name)]
        if declared[name] <= OTHERS:
            after = column[until:]
            assert set(after[np.isfinite(after)]) <= set(column[:until][-30:])
    if delay > timedelta(days=10):
        unknown = np.isnan(behind[cut])
        assert named(columns, set(np.flatnonzero(unknown))) >= touched


def test_a_missing_symbol_is_a_column_of_nulls(columns) -> None:
    of = world()
    gone = World({OWN: of.bars[OWN]}, {OWN: of.sessions[OWN]})
    whole, alone = features(of), features(gone)
    declared = {one.name: set(one.inputs) for one in declared_features(names())}
    of_others = {name for name, inputs in declared.items() if inputs & OTHERS}
    assert named(columns, differing(whole, alone, len(whole))) == of_others
    unknown = np.isnan(alone[FROM_BAR:]).all(axis=0)
    assert named(columns, set(np.flatnonzero(unknown))) == of_others
