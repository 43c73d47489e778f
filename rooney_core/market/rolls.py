"""Which contract is in front, and how contracts join into one series.

Belongs here: the roll_calendar with the price of each roll, and the continuous series. Does not
belong here: the rule that chooses the contract (`roll_choice.py`), what adjusted prices are
(`adjustment.py`), what a roll costs (a trade of the backtest), or where single contracts come from.

A roll is decided once a session, before it opens, from finished sessions, and a front contract
never comes back. Only where the vendor delivers a chain of his own (`Instrument.chain`), his choice
is followed bar by bar, at whatever hour he changes the contract.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from rooney_core.errors import BarsRejected
from rooney_core.market.adjustment import DIGITS, backward_products, backward_sums
from rooney_core.market.bars import BARS_SCHEMA
from rooney_core.market.calendar import UTC_MICROSECONDS
from rooney_core.market.instruments import Instrument
from rooney_core.market.roll_choice import Roll, choose_rolls, dated

ROLLS_SCHEMA: Final[dict[str, pl.DataType]] = {
    "symbol": pl.String(),
    "roll_session": pl.Date(),
    "roll_time": UTC_MICROSECONDS,
    "roll_from": pl.String(),
    "roll_to": pl.String(),
    "gap": pl.Float64(),
    "method": pl.String(),
    "ratio": pl.Float64(),
    "old_price": pl.Float64(),
    "new_price": pl.Float64(),
    "gap_basis": pl.String(),
}
"""Columns of roll_calendar. roll_session: first session on `roll_to`; roll_time: its first
bar_start there (UTC), from which on the new contract is in front. gap: new minus old price, in
quote units. ratio: new over old price, null when either is not above 0. gap_basis: where the two
prices come from, a key of `GAP_BASES`. method: what decided, see `roll_choice`; `delivered`: the
vendor."""

GAP_BASES: Final[dict[str, str]] = {
    "common_bar": "closes of both contracts on their last common bar before the roll session",
    "last_closes": "last close of each before the roll session; they have no common bar",
    "first_open": "first open of the new contract over the last close of the old one",
    "adjacent_bars": "the same, where the vendor changed the contract from one bar to the next",
}
"""Every gap_basis, the most trustworthy first."""

CONTINUOUS_SCHEMA: Final[dict[str, pl.DataType]] = {
    **BARS_SCHEMA,
    "adjustment_ratio": pl.Float64(),
}
"""Columns of continuous_bars, in order: prices are raw. price + adjustment is the backward-spread
adjusted price; price x adjustment_ratio the backward-ratio adjusted one, 1.0 on the last contract
and null before a roll where a price at or below zero has no ratio."""

_EPOCH = date(1970, 1, 1)
_GAP_SESSIONS = 5  # looked at first: the common bar of two contracts is nearly always in them


def contract_order(raw_bars: pl.DataFrame, instrument: Instrument | None = None) -> tuple[str, ...]:
    """Contracts of `raw_bars`, nearest first: by the expiry in the name (root, month code, two
    digits of the year; 70-99 is the last century), or by first appearance where a name has none.

    With an instrument, only contracts of its `contract_months`. Raises BarsRejected when that
    leaves none.
    """
    first_seen = raw_bars.group_by("contract").agg(pl.col("bar_start").min())
    names: list[str] = first_seen.sort("bar_start", "contract")["contract"].to_list()
    known = {name: dated(name) for name in names}
    if any(one is None for one in known.values()):
        return tuple(names)
    order = sorted((one.year, one.month, name) for name, one in known.items() if one is not None)
    months = instrument.contract_months if instrument is not None else ""
    kept = tuple(name for *_, name in order if not months or name[-3] in months)
    if names and not kept:
        raise BarsRejected(
            f"{raw_bars['symbol'][0]}: contracts {', '.join(names[:3])} arrived; none is of the "
            f"contract months {months}. Correct `contract_months` in universe.yaml."
        )
    return kept


def find_rolls(raw_bars: pl.DataFrame, instrument: Instrument | None = None) -> pl.DataFrame:
    """The roll_calendar of `raw_bars` (one symbol): one row a roll, oldest first; may be empty.

    By the method, months and expiry on the instrument's page; without one, by volume among all
    contracts. Each row depends only on bars up to the first bar time of its roll session: more bars
    later add rows, they never change one. The gap takes the first of `GAP_BASES` that exists.
    Raises BarsRejected (no contract of the right months; open interest that is not there),
    InvalidSetting (calendar rolls without an expiry rule).
    """
    if raw_bars.is_empty():
        return pl.DataFrame(schema=ROLLS_SCHEMA)
    if not raw_bars["bar_start"].is_sorted():
        raw_bars = raw_bars.sort("bar_start", "contract")
    is_delivered = instrument is not None and instrument.chain == "delivered"
    priced = _delivered(raw_bars) if is_delivered else _chosen(raw_bars, instrument)
    old, new = pl.col("old_price"), pl.col("new_price")
    has_ratio = (old > 0) & (new > 0)
    return priced.with_columns(
        symbol=pl.lit(raw_bars["symbol"][0]),
        gap=new - old,
        ratio=pl.when(has_ratio).then(new / old),
    ).select(list(ROLLS_SCHEMA))


_PRICED = (*Roll._fields, "roll_time", "old_price", "new_price", "gap_basis")


def _chosen(raw_bars: pl.DataFrame, instrument: Instrument | None) -> pl.DataFrame:
    """The rolls of our own rule, with their prices."""
    rolls = choose_rolls(raw_bars, contract_order(raw_bars, instrument), instrument)
    prices = _Prices(raw_bars)
    rows = [(*roll, prices.starts(roll), *prices.at(roll)) for roll in rolls]
    return pl.DataFrame(rows, schema={name: ROLLS_SCHEMA[name] for name in _PRICED}, orient="row")


def _delivered(raw_bars: pl.DataFrame) -> pl.DataFrame:
    """The changes of contract in a chain that the vendor chose; a contract may come back."""
    before = pl.all().shift(1).name.suffix("_before")
    bars = raw_bars.select("bar_start", "session", "contract", "open", "close").sort("bar_start")
    _require_one_at_a_time(raw_bars, bars["bar_start"])
    return (
        bars.with_columns(before)
        .filter(pl.col("contract") != pl.col("contract_before"))
        .select(
            roll_session="session",
            roll_from="contract_before",
            roll_to="contract",
            method=pl.lit("delivered"),
            roll_time="bar_start",
            old_price="close_before",
            new_price="open",
            gap_basis=pl.lit("adjacent_bars"),
        )
    )


def _require_one_at_a_time(raw_bars: pl.DataFrame, starts: pl.Series) -> None:
    if starts.is_duplicated().any():
        raise BarsRejected(
            f"{raw_bars['symbol'][0]}: two contracts share a bar start, but by universe.yaml the "
            "vendor delivers one chain. Correct `series` of its page."
        )


def stitch(
    raw_bars: pl.DataFrame, roll_calendar: pl.DataFrame, instrument: Instrument | None = None
) -> pl.DataFrame:
    """The continuous_bars (CONTINUOUS_SCHEMA): bars of the front contract only, by bar_start.

    Prices stay raw. Bars of contracts that are not in front are left out; `instrument`, as given to
    `find_rolls`, matters only where nothing ever rolled. Raises BarsRejected when a bar time is
    left with two bars.
    """
    if raw_bars.is_empty():
        return pl.DataFrame(schema=CONTINUOUS_SCHEMA)
    tenures = _tenures(raw_bars, roll_calendar, instrument)
    ordered = raw_bars if raw_bars["bar_start"].is_sorted() else raw_bars.sort("bar_start")
    # Who is in front follows from the time alone; millions of minutes are not joined for it.
    changes = tenures["from"].drop_nulls().dt.timestamp("us").to_numpy()
    starts = ordered["bar_start"].dt.timestamp("us").to_numpy()
    tenure = np.searchsorted(changes, starts, side="right").astype(np.int32)
    in_front = _in_front(ordered["contract"], tenures["contract"], tenure)
    if not in_front.all():
        ordered, tenure = ordered.filter(pl.Series(in_front)), tenure[in_front]
        starts = starts[in_front]
    adjustments = [tenures[name].gather(tenure) for name in ("adjustment", "adjustment_ratio")]
    kept = ordered.drop("adjustment", "adjustment_ratio", strict=False)
    bars = kept.hstack(adjustments).select(list(CONTINUOUS_SCHEMA))
    if (np.diff(starts) == 0).any():
        raise BarsRejected(
            f"{bars['symbol'][0]}: two bars of one contract at one time. Run validate_bars on the "
            "raw bars before stitching."
        )
    return bars


def _in_front(
    contract: pl.Series, fronts: pl.Series, tenure: npt.NDArray[np.int32]
) -> npt.NDArray[np.bool_]:
    """For each bar, whether its contract is the one in front at its time."""
    codes = pl.concat([fronts, contract.unique()]).unique(maintain_order=True)
    enum = pl.Enum(codes)
    own = contract.cast(enum).to_physical().to_numpy()
    front: npt.NDArray[np.bool_] = own == fronts.cast(enum).to_physical().to_numpy()[tenure]
    return front


def _tenures(
    raw_bars: pl.DataFrame, roll_calendar: pl.DataFrame, instrument: Instrument | None
) -> pl.DataFrame:
    """One row per time in front: from (null: the start), until (exclusive; null: the end)."""
    calendar = roll_calendar.sort("roll_time")
    later = calendar.select(
        contract="roll_to",
        until=pl.col("roll_time").shift(-1),
        adjustment=backward_sums(pl.col("gap")),
        adjustment_ratio=backward_products(pl.col("ratio")),
        **{"from": pl.col("roll_time")},
    )
    # The last contract is exactly unadjusted; products leave dust in the others only.
    last = pl.int_range(pl.len()) == pl.len() - 1
    later = later.with_columns(
        adjustment=pl.when(last).then(0.0).otherwise("adjustment"),
        adjustment_ratio=pl.when(last).then(1.0).otherwise("adjustment_ratio"),
    )
    ratios = calendar["ratio"]
    first = pl.DataFrame(
        {
            "contract": [_first_front(raw_bars, calendar, instrument)],
            "until": [calendar["roll_time"].first()],
            "adjustment": [round(float(calendar["gap"].sum()), DIGITS)],
            "adjustment_ratio": [None if ratios.has_nulls() else float(ratios.product())],
            "from": [None],
        },
        schema=later.schema,
    )
    return pl.concat([first, later])


def _first_front(
    raw_bars: pl.DataFrame, calendar: pl.DataFrame, instrument: Instrument | None
) -> str:
    if calendar.height:
        return str(calendar["roll_from"][0])
    order = contract_order(raw_bars, instrument)
    listed = raw_bars.filter(pl.col("contract").is_in(order))
    first = listed.filter(pl.col("bar_start") == pl.col("bar_start").min())
    opening: list[str] = first["contract"].to_list()
    return min(opening, key=order.index)


class _Prices:
    """Prices of both contracts around a roll, found without a copy of all bars per contract."""

    def __init__(self, raw_bars: pl.DataFrame) -> None:
        bars = raw_bars.select("session", "bar_start", "contract", "open", "close")
        if not (bars["session"].is_sorted() and bars["bar_start"].is_sorted()):
            bars = bars.sort("session", "bar_start")
        self._bars = bars
        self._days = bars["session"].to_physical().to_numpy()
        self._sessions = np.unique(self._days)

    def starts(self, roll: Roll) -> datetime:
        """The first bar start of the roll session."""
        first: datetime = self._bars["bar_start"][self._row(_day(roll.roll_session))]
        return first

    def at(self, roll: Roll) -> tuple[float, float, str]:
        """(old price, new price, gap_basis) of a roll."""
        bars, end = self._bars, self._row(_day(roll.roll_session))
        position = int(np.searchsorted(self._sessions, _day(roll.roll_session)))
        near = self._row(int(self._sessions[max(0, position - _GAP_SESSIONS)]))
        for start in (near, 0):
            common = _common_closes(bars[start:end], roll)
            if common is not None:
                return *common, "common_bar"
        old, new = (_closes(bars[:end], name) for name in (roll.roll_from, roll.roll_to))
        if len(new):
            return float(old[-1]), float(new[-1]), "last_closes"
        opens = bars[end:].filter(pl.col("contract") == roll.roll_to)["open"]
        return float(old[-1]), float(opens[0]), "first_open"

    def _row(self, day: int) -> int:
        return int(np.searchsorted(self._days, day, side="left"))


def _day(session: date) -> int:
    return (session - _EPOCH).days


def _common_closes(bars: pl.DataFrame, roll: Roll) -> tuple[float, float] | None:
    both = bars.filter(pl.col("contract").is_in([roll.roll_from, roll.roll_to]))
    old = both.filter(pl.col("contract") == roll.roll_from)
    new = both.filter(pl.col("contract") == roll.roll_to)
    common = old.join(new, on="bar_start", suffix="_new", maintain_order="left")
    if common.is_empty():
        return None
    return float(common["close"][-1]), float(common["close_new"][-1])


def _closes(bars: pl.DataFrame, contract: str) -> pl.Series:
    return bars.filter(pl.col("contract") == contract)["close"]
