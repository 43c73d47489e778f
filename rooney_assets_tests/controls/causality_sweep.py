"""One sweep over every declared feature: does any column know something before it happened?

Belongs here: a small simulated world of tables, ways to change what is still to come in it, and the
columns that notice. Does not belong here: assertions, or a list of features: whatever the public
names list has is swept.

A table's row is of the future of a moment while its bar has not ended, or its session not closed.
Columns are compared bit for bit, on tables, so that the building of the feeds is swept too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import yaml

from rooney_core.backtest import CostModel, run_backtest
from rooney_core.features import FeedNames, Feeds, PriorTrades, compute_features
from rooney_core.market.bars import BarArrays
from rooney_core.market.instruments import Universe
from rooney_core.market.rolls import find_rolls, stitch
from rooney_core.market.sessions import session_bars
from rooney_core.market.simulation import SimulatedMarket, simulate_bars

ROOT = Path(__file__).resolve().parents[2]
OWN = "SIM_ES"
# A partner, an hourly reference, and a daily one.
SYMBOLS = (OWN, "SIM_NQ", "SIM_ZN", "SIM_TLT")
MARKET = SimulatedMarket(first_session=date(2012, 1, 3), last_session=date(2012, 5, 31))
PRICES = ("open", "high", "low", "close")
FROM_BAR = 700
"""The first bar that is compared: every look-back is filled."""


@dataclass(frozen=True)
class World:
    """continuous_bars and session_bars by symbol, as the lake has them."""

    bars: dict[str, pl.DataFrame]
    sessions: dict[str, pl.DataFrame]


Compute = Callable[[World], np.ndarray]
"""f8[n_bars of OWN, n_features] of a world."""


@cache
def universe() -> Universe:
    """Four symbols of the shipped simulated market, which expire as real index futures do."""
    document = yaml.safe_load((ROOT / "universe.yaml").read_text(encoding="utf-8"))
    kept = [one for one in document["instruments"] if one["symbol"] in SYMBOLS]
    for one in kept:
        if "contract_months" in one:
            one["expiry"] = "third_friday"
    return Universe.parse({"instruments": kept}, "a test").offered_by("simulated")


@cache
def world(seed: int = 20100104) -> World:
    """Five months of a draw, rolls among them."""
    market = MARKET.model_copy(update={"seed": seed})
    raw = {one: simulate_bars(universe()[one], market) for one in SYMBOLS}
    bars = {
        one: stitch(table, find_rolls(table, universe()[one]), universe()[one])
        for one, table in raw.items()
    }
    return World(bars, {one: session_bars(bars[one], universe()[one]) for one in SYMBOLS})


def names() -> FeedNames:
    """What informs the features of OWN."""
    return FeedNames.of(universe(), OWN)


def features(of: World) -> np.ndarray:
    """Every declared feature at every bar, by the way that a training set is made."""
    instrument = universe()[OWN]
    bars = BarArrays.from_frame(of.bars[OWN], instrument)
    trades = run_backtest(bars, "ibs_baseline", None, CostModel.of(instrument), instrument).trades
    feeds = Feeds.from_tables(names(), of.bars, of.sessions)
    known = Feeds(feeds.daily, feeds.hourly, feeds.partner, PriorTrades.of(trades, 0))
    return compute_features(bars, np.arange(len(bars)), known)


def ends(of: World) -> list[datetime]:
    """The end of every bar of OWN, UTC."""
    return of.bars[OWN]["bar_end"].to_list()


def futures(of: World, now: datetime) -> Iterator[tuple[str, World]]:
    """The same past with another future: dearer and wilder, none at all, and that of another
    draw."""
    other = world(seed=7)
    yield "changed", _after(of, now, _changed)
    yield "missing", _after(of, now, lambda rows: rows.clear())
    redrawn = {one: _joined(of.bars[one], other.bars[one], "bar_end", now) for one in SYMBOLS}
    sessions = {
        one: _joined(of.sessions[one], other.sessions[one], "session_close", now) for one in SYMBOLS
    }
    yield "another draw", World(redrawn, sessions)


def late(of: World, now: datetime, delay: timedelta) -> World:
    """The feeds of all other symbols end `delay` before `now`, those of OWN go on."""
    until = now - delay
    bars = {
        one: table if one == OWN else table.filter(pl.col("bar_end") <= until)
        for one, table in of.bars.items()
    }
    sessions = {
        one: table if one == OWN else table.filter(pl.col("session_close") <= until)
        for one, table in of.sessions.items()
    }
    return World(bars, sessions)


def noticing(compute: Compute, of: World, cuts: list[int]) -> dict[str, set[int]]:
    """Columns that differ, in a bar up to the cut, between two futures; by kind of future."""
    before = compute(of)
    found: dict[str, set[int]] = {}
    for cut in cuts:
        for kind, one in futures(of, ends(of)[cut]):
            found.setdefault(kind, set()).update(differing(before, compute(one), cut + 1))
    return found


def differing(one: np.ndarray, other: np.ndarray, n_rows: int) -> set[int]:
    """Columns whose bits are not the same in the first `n_rows` rows, from FROM_BAR on."""
    rows = slice(FROM_BAR, n_rows)
    same = one[rows].view(np.uint64) == other[rows].view(np.uint64)
    return set(np.flatnonzero(~same.all(axis=0)).tolist())


def _after(of: World, now: datetime, change: Callable[[pl.DataFrame], pl.DataFrame]) -> World:
    return World(
        {one: _changed_after(table, "bar_end", now, change) for one, table in of.bars.items()},
        {
            one: _changed_after(table, "session_close", now, change)
            for one, table in of.sessions.items()
        },
    )


def _changed_after(
    table: pl.DataFrame,
    known_at: str,
    now: datetime,
    change: Callable[[pl.DataFrame], pl.DataFrame],
) -> pl.DataFrame:
    past = pl.col(known_at) <= now
    return pl.concat([table.filter(past), change(table.filter(~past))])


def _changed(rows: pl.DataFrame) -> pl.DataFrame:
    """Dearer by a tenth, with a longer range and more volume."""
    return rows.with_columns(
        *(pl.col(one) * 1.1 for one in ("open", "close")),
        high=pl.col("high") * 1.13,
        low=pl.col("low") * 1.04,
        volume=pl.col("volume") * 3 + 7,
    )


def _joined(table: pl.DataFrame, other: pl.DataFrame, known_at: str, now: datetime) -> pl.DataFrame:
    """The past of one and the future of the other, whose adjustments are those of the first."""
    past, future = table.filter(pl.col(known_at) <= now), other.filter(pl.col(known_at) > now)
    return pl.concat([past, future.select(table.columns)])
