"""The simulated market: bars drawn by a random-number generator, with a known truth.

Belongs here: sessions, contracts, rolls and volumes of simulated bars, and what was planted in
them. Does not belong here: anything that research may look at while it searches. Nothing found in
these bars says anything about a real market; they exist to show the machine and to test it.

A symbol's bars are a function of the market's seed and dates and of the symbol's own facts; other
symbols only share a common factor, which is a function of seed and hour. Prices have no drift
besides the planted edge: the return over an hour has mean zero, except that far outside of
[1/e, e] times the start price a slow pull keeps sixteen years sane.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from datetime import date, timedelta
from typing import Annotated, Literal, NamedTuple, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field, model_validator

from rooney_core.errors import InvalidSetting, NotEnoughData
from rooney_core.market.bars import BARS_SCHEMA
from rooney_core.market.calendar import day_hours, schedule
from rooney_core.market.contracts import MONTH_CODES
from rooney_core.market.instruments import Instrument
from rooney_core.market.simulation_kernel import all_on_tick, draw_normals, draw_prices
from rooney_core.market.source_pages import Facts, SimulatedFacts

# Volatility by hour of the Chicago clock, 0 to 23; the square of it is the shape of volume.
_CLOCK_SHAPE = (
    *(0.55, 0.65, 0.85, 0.90, 0.75, 0.70, 0.75, 1.00, 1.70, 1.70, 1.35, 1.10),
    *(1.05, 1.20, 1.50, 0.80, 0.60, 0.50, 0.55, 0.60, 0.55, 0.50, 0.50, 0.50),
)
_TRADED_HOURS = tuple(hour for hour in range(24) if hour != 16)
_MEAN_SQUARE = sum(_CLOCK_SHAPE[hour] ** 2 for hour in _TRADED_HOURS) / len(_TRADED_HOURS)
_BREAK_HOURS_PER_DAY = 0.5  # variance over a break, in average hours, per calendar day of it
_HOURS_PER_YEAR = 252 * (len(_TRADED_HOURS) + 0.7)  # traded ones, and breaks by their variance
_BASE_VOLUME = 4000  # contracts in an average hour
_ROLL_DAY = 15  # of the contract month
_ROLL_SESSIONS_BEFORE = 8
# Around the roll session: (offset, front contract's share of volume, share of the one beside it).
_CROSSOVER = ((-3, 0.7, 0.3), (-2, 0.3, 0.7), (-1, 0.1, 0.9), (0, 0.95, 0.05))
_BASIS_NOISE = 0.3  # of a roll gap, as a fraction of it
_CALENDAR_MARGIN = timedelta(days=150)
_HOUR_US = 3_600_000_000


class SimulatedMarket(Facts):
    """One draw of the whole market. Dates are session labels, both inclusive.

    `path`: a bar's high and low are those of six prices an hour (`steps`), or of a path without
    holes between them (`continuous`). Through holes a price jumps over the level of a stop order,
    which a backtest fills at that level: stops then earn money in a market without any edge, an
    annual Sharpe of about 0.7 for breakouts. Whoever needs a market without an edge for every
    order takes `continuous`.
    """

    seed: Annotated[int, Field(ge=0, lt=2**63)] = 20100104
    first_session: date = date(2010, 1, 4)
    last_session: date = date(2025, 12, 31)
    path: Literal["steps", "continuous"] = "steps"

    @model_validator(mode="after")
    def _dates_in_order(self) -> Self:
        if self.first_session > self.last_session:
            raise ValueError("first_session must not be after last_session")
        return self


class _Roll(NamedTuple):
    """`around`: the sessions of `_CROSSOVER`; `factor`: new contract's price over the old one's."""

    session: date
    around: tuple[date, ...]
    old: str
    new: str
    factor: float


def simulate_bars(instrument: Instrument, market: SimulatedMarket) -> pl.DataFrame:
    """raw_bars of one simulated symbol (`bars.BARS_SCHEMA`), sorted by (bar_start, contract).

    Hourly from session open to close (but for the halt after a bank holiday's hours), or one bar a
    session for `bar_minutes` 1440. Every contract
    month rolls eight sessions before its fifteenth; from three sessions before it on, both
    contracts have bars, and volume crosses over so that `find_rolls` rolls on that very session.
    An instrument without contract months has one contract, named like the symbol.
    Raises InvalidSetting for an instrument without simulated facts, or daily bars with an edge
    (only hourly bars carry one); NotEnoughData when no session lies between the dates.
    """
    facts = _simulated_facts(instrument)
    hours = _hours(instrument, market)
    rolls = _rolls(instrument, market)
    bars = _with_front(_draw(hours, rolls, instrument, facts, market), rolls, instrument)
    if instrument.bar_minutes == 1440:
        bars = _one_a_session(bars)
    return (
        _with_crossover(bars, rolls, instrument.tick_size)
        .with_columns(
            symbol=pl.lit(instrument.symbol),
            volume=pl.max_horizontal((pl.col("volume") * pl.col("share")).round(), 1.0),
            adjustment=pl.lit(0.0),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in BARS_SCHEMA.items())
        .sort("bar_start", "contract")
    )


def simulated_truth(instrument: Instrument, market: SimulatedMarket) -> pl.DataFrame:
    """One row of what was planted: the answer that research is to be compared with.

    Columns: symbol, seed, edge ("mean_reversion" or "none"), reversion_edge, edge_ends (the last
    session that has it, null where all have), annual_volatility (fraction; of the draws alone: a
    planted reversion damps daily returns by up to a fifth), market_beta, first_session,
    last_session, note.
    Raises InvalidSetting for an instrument without simulated facts.
    """
    facts = _simulated_facts(instrument)
    planted = facts.reversion_edge > 0
    ended = f" The last session that has it is {facts.edge_ends}." if facts.edge_ends else ""
    return pl.DataFrame(
        {
            "symbol": [instrument.symbol],
            "seed": [market.seed],
            "edge": ["mean_reversion" if planted else "none"],
            "reversion_edge": [facts.reversion_edge],
            "edge_ends": pl.Series([facts.edge_ends], dtype=pl.Date),
            "annual_volatility": [facts.annual_volatility],
            "market_beta": [facts.market_beta],
            "first_session": [market.first_session],
            "last_session": [market.last_session],
            "note": [_WITH_EDGE + ended if planted else _WITHOUT_EDGE],
        }
    )


_WITH_EDGE = (
    "Simulated. After a close near the low of its bar the next three bars drift up, and down after "
    "a close near the high; stronger when volatility is high, and never over a session break."
)
_WITHOUT_EDGE = "Simulated. Nothing is planted: whatever a search finds here, it found by luck."


def _simulated_facts(instrument: Instrument) -> SimulatedFacts:
    facts = instrument.sources.simulated
    if facts is None:
        raise InvalidSetting(
            f"{instrument.symbol} has no `simulated` page in its sources; only SIM_ symbols of "
            "universe.yaml are in the simulated market. Choose another ROONEY_SOURCE for it."
        )
    if facts.reversion_edge > 0 and instrument.bar_minutes != 60:
        raise InvalidSetting(
            f"{instrument.symbol}: reversion_edge {facts.reversion_edge} with bar_minutes "
            f"{instrument.bar_minutes}; an edge is planted in hourly bars only. Set bar_minutes "
            "to 60 or reversion_edge to 0."
        )
    return facts


def _hours(instrument: Instrument, market: SimulatedMarket) -> pl.DataFrame:
    """One row per simulated hour: its bar's times, session, and whether a bar covers it.

    Daily bars are drawn through the whole Globex day, so that they move with the common factor by
    night too; only the hours of their own session become part of the bar.
    """
    group = instrument.product_group
    sessions = schedule(group, market.first_session, market.last_session)
    if sessions.is_empty():
        raise NotEnoughData(
            f"{instrument.symbol}: no {group} session from {market.first_session} to "
            f"{market.last_session}; at least one is needed. Widen the dates of the market."
        )
    days_before = pl.col("day").diff().dt.total_days().fill_null(1)
    begins = pl.col("session") != pl.col("session").shift()
    return (
        _days_of(sessions, instrument)
        .with_columns(break_hours=_BREAK_HOURS_PER_DAY * days_before)
        .with_columns(
            pl.datetime_ranges("drawn_from", "closes", "1h", closed="left").alias("start")
        )
        .explode("start", empty_as_null=False)
        .with_columns(
            bar_start="start",
            bar_end=pl.min_horizontal(pl.col("start").dt.offset_by("1h"), "closes"),
            in_bar=pl.col("start") >= pl.col("opens"),
            gap_hours=pl.when(pl.col("start") == pl.col("drawn_from"))
            .then("break_hours")
            .otherwise(0.0),
            begins_session=begins.fill_null(True),
        )
    )


def _days_of(sessions: pl.DataFrame, instrument: Instrument) -> pl.DataFrame:
    """The trading days that make up `sessions`, oldest first: a bank holiday is one by itself.

    Columns of `sessions`, and day, opens, closes, and drawn_from, where its prices begin.
    """
    before: date = sessions["session_open"][0].date()
    dates = pl.date_range(before, sessions["session"][-1], "1d", eager=True)
    days = day_hours(dates, instrument.product_group).filter("is_traded")
    drawn_from = days["opens"]
    if instrument.bar_minutes == 1440:
        drawn_from = day_hours(days["day"], "equity_index")["opens"]
    return days.select("day", "opens", "closes", "session", drawn_from=drawn_from).join(
        sessions, on="session", maintain_order="left"
    )


def _draw(
    hours: pl.DataFrame,
    rolls: list[_Roll],
    instrument: Instrument,
    facts: SimulatedFacts,
    market: SimulatedMarket,
) -> pl.DataFrame:
    """`hours` with open, high, low, close of the front contract, and its volume as a float."""
    clock = hours["start"].dt.convert_time_zone("America/Chicago").dt.hour().to_numpy()
    shape = np.array(_CLOCK_SHAPE)[clock] / np.sqrt(_MEAN_SQUARE)
    hour = hours["start"].dt.timestamp("us").to_numpy() // _HOUR_US
    gap_hours = np.array(hours["gap_hours"].to_numpy())
    factors = {roll.session: roll.factor for roll in rolls}
    jump = hours["session"].replace_strict(factors, default=1.0, return_dtype=pl.Float64).to_numpy()
    prices, log_multiplier = draw_prices(
        hour,
        shape,
        gap_hours,
        np.where(hours["begins_session"].to_numpy(), jump, 1.0),
        np.array(
            [
                _key(market, "common factor"),
                _key(market, "common volatility"),
                _key(market, f"symbol {instrument.symbol}"),
            ]
        ),
        facts.start_price,
        facts.annual_volatility / np.sqrt(_HOURS_PER_YEAR),
        facts.market_beta,
        _edge_by_hour(hours["session"], facts),
        instrument.tick_size,
        market.path == "continuous",
    )
    noise = draw_normals(_key(market, f"volume {instrument.symbol}"), hour)
    volume = _BASE_VOLUME * shape**2 * np.exp(log_multiplier + 0.35 * noise)
    columns = dict(zip(("open", "high", "low", "close"), prices.T, strict=True))
    return hours.with_columns(**{k: pl.Series(v) for k, v in columns.items()}, volume=volume)


def _edge_by_hour(sessions: pl.Series, facts: SimulatedFacts) -> NDArray[np.float64]:
    """The planted strength of each hour, by the session it belongs to."""
    edge = np.full(len(sessions), facts.reversion_edge)
    if facts.edge_ends is not None:
        edge[(sessions > facts.edge_ends).to_numpy()] = 0.0
    return edge


def _with_front(bars: pl.DataFrame, rolls: list[_Roll], instrument: Instrument) -> pl.DataFrame:
    """Bars inside their session only, with the name of the front contract."""
    bars = bars.filter("in_bar")
    if not rolls:
        return bars.with_columns(contract=pl.lit(instrument.symbol))
    fronts = pl.DataFrame(
        {"session": [one.session for one in rolls], "contract": [one.new for one in rolls]},
        schema_overrides={"session": pl.Date},
    )
    return bars.join_asof(fronts, on="session", strategy="backward").with_columns(
        pl.col("contract").fill_null(rolls[0].old)
    )


def _one_a_session(bars: pl.DataFrame) -> pl.DataFrame:
    return bars.group_by("session", maintain_order=True).agg(
        pl.col("open", "contract").first(),
        pl.col("high").max(),
        pl.col("low").min(),
        pl.col("close").last(),
        pl.col("volume").sum(),
        pl.col("session_open").first().alias("bar_start"),
        pl.col("session_close").first().alias("bar_end"),
    )


def _with_crossover(bars: pl.DataFrame, rolls: list[_Roll], tick_size: float) -> pl.DataFrame:
    """`bars` with a `share` of volume, then the bars of the contracts beside the front one."""
    rows = [
        (
            session,
            front_share,
            beside_share,
            roll.new if offset < 0 else roll.old,
            roll.factor if offset < 0 else 1.0 / roll.factor,
        )
        for roll in rolls
        for session, (offset, front_share, beside_share) in zip(
            roll.around, _CROSSOVER, strict=True
        )
    ]
    schema = {
        "session": pl.Date,
        "front_share": pl.Float64,
        "beside_share": pl.Float64,
        "beside": pl.String,
        "factor": pl.Float64,
    }
    crossover = pl.DataFrame(rows, schema=schema, orient="row")
    joined = bars.join(crossover, on="session", how="left", maintain_order="left")
    front = joined.with_columns(share=pl.col("front_share").fill_null(1.0))
    beside = joined.filter(pl.col("beside").is_not_null()).with_columns(
        contract="beside", share="beside_share"
    )
    prices = beside.select(pl.col("open", "high", "low", "close") * pl.col("factor")).to_numpy()
    on_grid = all_on_tick(np.ascontiguousarray(prices), tick_size)
    beside = beside.with_columns(
        **{
            name: pl.Series(on_grid[:, i])
            for i, name in enumerate(("open", "high", "low", "close"))
        }
    )
    return pl.concat([front, beside])


def _rolls(instrument: Instrument, market: SimulatedMarket) -> list[_Roll]:
    """Rolls after the first session, oldest first, and some past the last: they are visible early.

    None for an instrument without contract months. The gap of a roll is noise around
    carry_per_roll, a fraction of the price.
    """
    facts = _simulated_facts(instrument)
    months = sorted({MONTH_CODES.index(code) + 1 for code in instrument.contract_months})
    if not months:
        return []
    first, last = market.first_session - _CALENDAR_MARGIN, market.last_session + _CALENDAR_MARGIN
    sessions = schedule(instrument.product_group, first, last)["session"].to_list()
    dated = [(year, month) for year in range(first.year, last.year + 2) for month in months]
    key = _key(market, f"roll {instrument.symbol}")
    noise = draw_normals(key, np.array([year * 12 + month for year, month in dated]))
    rolls = []
    for old, new, wobble in zip(dated, dated[1:], noise, strict=False):
        at = bisect_left(sessions, date(*old, _ROLL_DAY)) - _ROLL_SESSIONS_BEFORE
        if at < len(sessions) and at >= 3 and sessions[at] > market.first_session:
            front, following = (_contract(instrument.symbol, *one) for one in (old, new))
            factor = 1.0 + facts.carry_per_roll * (1.0 + _BASIS_NOISE * float(wobble))
            around = tuple(sessions[at + offset] for offset, *_ in _CROSSOVER)
            rolls.append(_Roll(sessions[at], around, front, following, factor))
    return rolls


def _contract(symbol: str, year: int, month: int) -> str:
    return f"{symbol}{MONTH_CODES[month - 1]}{year % 100:02d}"


def _key(market: SimulatedMarket, stream: str) -> np.uint64:
    digest = hashlib.sha256(f"{market.seed}|{stream}".encode()).digest()
    return np.uint64(int.from_bytes(digest[:8], "little"))
