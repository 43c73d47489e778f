"""Which contract is in front, and how contracts join into one series.

Belongs here: the roll decision and the backward spread adjustment. Does not belong here: what a
roll costs (a trade of the backtest), or where single contracts come from.

A roll is decided once a session, before it opens, from finished sessions: when a later contract
traded more than the front contract in the session before (method `volume`). Sources that already
deliver one contract at a time change it themselves; the first bar of a session then names the
front (method `front_change`). A front contract never comes back.
"""

from __future__ import annotations

import re
from datetime import date
from itertools import pairwise
from typing import Final, NamedTuple

import polars as pl

from rooney_core.errors import BarsRejected
from rooney_core.market.bars import BARS_SCHEMA

ROLLS_SCHEMA: Final[dict[str, pl.DataType]] = {
    "symbol": pl.String(),
    "roll_session": pl.Date(),
    "roll_from": pl.String(),
    "roll_to": pl.String(),
    "gap": pl.Float64(),
    "method": pl.String(),
}
"""Columns of roll_calendar. roll_session: first session on `roll_to`. gap: new minus old price, in
quote units."""

_MONTH_CODES = "FGHJKMNQUVXZ"
_DATED = re.compile(rf"^.+([{_MONTH_CODES}])(\d{{2}})$")


class _Roll(NamedTuple):
    session: date
    old: str
    new: str
    method: str


class _SessionVolumes(NamedTuple):
    session: date
    volume: dict[str, int]
    first_contracts: set[str]


def contract_order(raw_bars: pl.DataFrame) -> tuple[str, ...]:
    """Contracts of `raw_bars`, nearest first: by the expiry in the name (SYMBOL, month code, two
    digits of the year; 70-99 is the last century), or by first appearance where a name has none.
    """
    seen = raw_bars.sort("bar_start", "contract").unique("contract", maintain_order=True)
    contracts: list[str] = seen["contract"].to_list()
    expiries = {contract: _expiry(contract) for contract in contracts}
    if any(expiry is None for expiry in expiries.values()):
        return tuple(contracts)
    return tuple(sorted(contracts, key=lambda contract: (expiries[contract], contract)))


def find_rolls(raw_bars: pl.DataFrame) -> pl.DataFrame:
    """The roll_calendar of `raw_bars` (one symbol): one row a roll, oldest first; may be empty.

    Each row depends only on bars up to the first bar time of its roll session: more bars later add
    rows, they never change one. `gap` is the close of the new minus the old contract on their last
    common bar before the roll session; where they have none, the last closes before it; where the
    new one had not traded yet, its first open minus the last close of the old.
    """
    if raw_bars.is_empty():
        return pl.DataFrame(schema=ROLLS_SCHEMA)
    symbol = raw_bars["symbol"][0]
    ordered = raw_bars.sort("bar_start", "contract")
    bars = {str(part["contract"][0]): part for part in ordered.partition_by("contract")}
    rows = [
        (symbol, day, old, new, _gap(bars[old], bars[new], day), method)
        for day, old, new, method in _walk(_by_session(ordered), contract_order(ordered))
    ]
    return pl.DataFrame(rows, schema=ROLLS_SCHEMA, orient="row")


def stitch(raw_bars: pl.DataFrame, roll_calendar: pl.DataFrame) -> pl.DataFrame:
    """The continuous_bars: bars of the front contract only, raw prices, sorted by bar_start.

    `adjustment` is the sum of the gaps of all rolls after the bar: price + adjustment is the
    backward spread-adjusted price, and the last contract has 0.0. Bars of contracts that are not in
    front are left out. Raises BarsRejected when a bar time is left with two bars.
    """
    if raw_bars.is_empty():
        return raw_bars.select(list(BARS_SCHEMA))
    calendar = roll_calendar.sort("roll_session").select(
        pl.col("roll_session").alias("session"),
        pl.col("roll_to").alias("front"),
        (pl.col("gap").sum() - pl.col("gap").cum_sum()).alias("later_gaps"),
    )
    first_front = _first_front(raw_bars, roll_calendar)
    all_gaps = float(roll_calendar["gap"].sum())
    front = pl.col("front").fill_null(first_front)
    # The last contract is exactly unadjusted; cumulative sums leave dust in the others only.
    last_front = calendar["front"][-1] if calendar.height else first_front
    bars = (
        raw_bars.sort("bar_start", "contract")
        .join_asof(calendar, on="session", strategy="backward")
        .filter(pl.col("contract") == front)
        .with_columns(
            adjustment=pl.when(pl.col("contract") == last_front)
            .then(0.0)
            .otherwise(pl.col("later_gaps").fill_null(all_gaps))
        )
        .select(list(BARS_SCHEMA))
    )
    if bars["bar_start"].is_duplicated().any():
        raise BarsRejected(
            f"{bars['symbol'][0]}: two bars of one contract at one time. Run validate_bars on the "
            "raw bars before stitching."
        )
    return bars


def _by_session(raw_bars: pl.DataFrame) -> list[_SessionVolumes]:
    """Volume of each contract per session, and the contracts on the session's first bar time."""
    firsts = pl.col("bar_start").min().over("session") == pl.col("bar_start")
    table = (
        raw_bars.with_columns(at_open=firsts)
        .group_by("session", "contract")
        .agg(pl.col("volume").sum(), pl.col("at_open").any())
        .sort("session")
    )
    sessions: dict[date, _SessionVolumes] = {}
    for session, contract, volume, at_open in table.iter_rows():
        one = sessions.setdefault(session, _SessionVolumes(session, {}, set()))
        one.volume[contract] = volume
        if at_open:
            one.first_contracts.add(contract)
    return list(sessions.values())


def _walk(sessions: list[_SessionVolumes], order: tuple[str, ...]) -> list[_Roll]:
    rank = {contract: position for position, contract in enumerate(order)}
    front = min(sessions[0].first_contracts, key=rank.__getitem__)
    rolls: list[_Roll] = []
    for before, now in pairwise(sessions):
        later = {one for one in order if rank[one] > rank[front]}
        chosen = _busier(before, front, later) or _newly_named(before, now, front, later)
        if chosen is None:
            continue
        method = "volume" if chosen in before.volume else "front_change"
        rolls.append(_Roll(now.session, front, chosen, method))
        front = chosen
    return rolls


def _busier(before: _SessionVolumes, front: str, later: set[str]) -> str | None:
    """The later contract that out-traded the front one in the session before, if any did."""
    traded = {one: volume for one, volume in before.volume.items() if one in later}
    best = max(sorted(traded), key=traded.__getitem__, default=None)
    ahead = best is not None and traded[best] > before.volume.get(front, -1)
    return best if ahead else None


def _newly_named(
    before: _SessionVolumes, now: _SessionVolumes, front: str, later: set[str]
) -> str | None:
    """The later contract that opens this session without the front one and without a yesterday."""
    if front in now.first_contracts:
        return None
    fresh = sorted(one for one in now.first_contracts & later if one not in before.volume)
    return max(fresh, key=lambda one: now.volume[one], default=None)


def _gap(old: pl.DataFrame, new: pl.DataFrame, roll_session: date) -> float:
    """New minus old price, from the bars of both contracts, sorted by bar_start."""
    old_before = old.filter(pl.col("session") < roll_session)
    new_before = new.filter(pl.col("session") < roll_session)
    common = old_before.join(new_before, on="bar_start", suffix="_new", maintain_order="left")
    if common.height:
        return float(common["close_new"][-1] - common["close"][-1])
    if new_before.height:
        return float(new_before["close"][-1] - old_before["close"][-1])
    return float(new["open"][0] - old_before["close"][-1])


def _first_front(raw_bars: pl.DataFrame, roll_calendar: pl.DataFrame) -> str:
    if roll_calendar.height:
        return str(roll_calendar.sort("roll_session")["roll_from"][0])
    at_open = raw_bars.filter(pl.col("bar_start") == pl.col("bar_start").min())
    order = contract_order(raw_bars)
    opening: list[str] = at_open["contract"].to_list()
    return min(opening, key=order.index)


def _expiry(contract: str) -> tuple[int, int] | None:
    dated = _DATED.match(contract)
    if dated is None:
        return None
    year = int(dated.group(2))
    return year + (1900 if year >= 70 else 2000), _MONTH_CODES.index(dated.group(1))
