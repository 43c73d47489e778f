"""From the vendor's history, and what live replay added, to what is known when moments begin.

Belongs here: how far back to ask, stitching, the facts of the past. Does not belong here: asking
(`history.py`), or bars as they come (`assembler.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from rooney_core.decision import Bar, DecisionBundle, bars_of, is_warm_after
from rooney_core.errors import VendorRefused, VendorUnavailable
from rooney_core.features.references import REFERENCE_CLOSES
from rooney_core.market.bars import BarArrays
from rooney_core.market.quarantine import set_aside
from rooney_core.market.rolls import find_rolls, stitch
from rooney_core.market.sessions import session_bars
from rooney_core.release import Release
from rooney_live.feeds.bar_clock import with_clock
from rooney_live.feeds.facts_of_tables import Fact, hour_closes, peer_sessions, session_closes
from rooney_live.feeds.gaps import Rolled
from rooney_live.feeds.history import VENDOR_SCHEMA, HistoryService, Question
from rooney_live.feeds.plan import DAY_MINUTES, Leg, streams_of
from rooney_live.feeds.records import FeedCode, FeedNote
from rooney_live.feeds.series import PRICE_UNITS, Arrival

WARM_UP_SESSIONS: Final = 5
"""Sessions beyond the bars of a full window: warm-up ends with the end of a session."""

_DAY_US: Final = 86_400 * 1_000_000
_FEWEST_HOURS: Final = 16  # of a session: a thin market has hours without a trade
_SPARE_DAYS: Final = 10  # holidays, and a first session that is not whole
_DAYS_PER_SESSION: Final = 7 / 5
_PRICES: Final = ("open", "high", "low", "close")


@dataclass
class Fetched:
    """What history gave. `bars`: VENDOR_SCHEMA by symbol. `ends_us`: where each dataset's ends."""

    bars: dict[str, pl.DataFrame] = field(default_factory=dict)
    ends_us: dict[str, int] = field(default_factory=dict)
    notes: list[FeedNote] = field(default_factory=list)


def warm_up_rows(past: pl.DataFrame, bundle: DecisionBundle) -> int:
    """How many of the last rows of continuous_bars a decision has to begin with."""
    if bundle.variant.overnight:
        return past.height
    days = past["session"].unique().sort().tail(WARM_UP_SESSIONS)
    in_days = past.filter(pl.col("session").is_in(days.implode())).height
    return min(past.height, bundle.warm_up_bars + in_days)


def starts_us(release: Release, now_us: int) -> int | None:
    """From when on bars are needed to decide at `now_us`; None: from the first that there are."""
    sessions = REFERENCE_CLOSES
    for bundle in release.bundles.values():
        if bundle.variant.overnight:
            return None
        is_daily = bundle.instrument.bar_minutes == DAY_MINUTES
        bars = bundle.warm_up_bars
        sessions = max(sessions, bars if is_daily else -(-bars // _FEWEST_HOURS))
    days = int((sessions + WARM_UP_SESSIONS) * _DAYS_PER_SESSION) + _SPARE_DAYS
    return (now_us // _DAY_US - days) * _DAY_US


def fetch(
    service: HistoryService, legs: Sequence[Leg], start_us: int | None, now_us: int
) -> Fetched:
    """History of every leg up to `now_us`, or to where it ends. Blocking.

    A dataset that only informs may fail: its features are unknown then. Raises VendorRefused and
    VendorUnavailable for one that is traded.
    """
    found = Fetched()
    for dataset, schemas in streams_of(tuple(legs)).items():
        members = [leg for of_schema in schemas.values() for leg in of_schema]
        try:
            _fetch_dataset(service, dataset, schemas, (start_us, now_us), found)
        except (VendorRefused, VendorUnavailable) as error:
            if any(leg.is_traded for leg in members):
                raise
            message = f"{error} Features made of it are unknown."
            found.notes += [
                FeedNote(FeedCode.HISTORY_EMPTY, dataset, leg.symbol, now_us, message)
                for leg in members
            ]
            found.ends_us[dataset] = now_us
    return found


def _fetch_dataset(
    service: HistoryService,
    dataset: str,
    schemas: Mapping[str, tuple[Leg, ...]],
    bounds: tuple[int | None, int],
    found: Fetched,
) -> None:
    ends = []
    for schema, legs in schemas.items():
        first_us, end_us = service.ends_us(dataset, schema)
        start_us = max(bounds[0] or first_us, first_us)
        end_us = min(end_us, bounds[1])
        ends.append(end_us)
        for stype in sorted({leg.stype for leg in legs}):
            mine = [leg for leg in legs if leg.stype == stype]
            names = tuple(leg.vendor_symbol for leg in mine)
            why = ""
            if start_us < end_us:
                question = Question(dataset, schema, stype, names, start_us, end_us)
                try:
                    given = service.bars(question, mine)
                    found.bars |= _whole(given, mine, end_us)
                except VendorRefused as error:
                    # He refuses a question whole when he knows none of its symbols.
                    if any(leg.is_traded for leg in mine):
                        raise
                    why = f": {error}"
            for leg in mine:
                if leg.symbol not in found.bars:
                    message = f"{leg.vendor_symbol} has no bars in the history of {dataset}{why}"
                    note = FeedNote(FeedCode.HISTORY_EMPTY, dataset, leg.symbol, bounds[1], message)
                    found.notes.append(note)
    found.ends_us[dataset] = min(ends)


def _whole(
    bars: Mapping[str, pl.DataFrame], legs: Sequence[Leg], end_us: int
) -> dict[str, pl.DataFrame]:
    """Bars that were over when history ended: it also gives the one that was still running."""
    over = {
        leg.symbol: split_at(bars[leg.symbol], leg, end_us)[0] for leg in legs if leg.symbol in bars
    }
    return {symbol: frame for symbol, frame in over.items() if frame.height}


def split_at(vendor: pl.DataFrame, leg: Leg, at_us: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """VENDOR_SCHEMA in its order: bars that ended by a time, and those that end after it."""
    ends = with_clock(vendor, leg)["bar_end"].dt.timestamp("us")
    is_over = (ends <= at_us).fill_null(True)  # what has no time is set aside later, with a note
    return vendor.filter(is_over), vendor.filter(~is_over)


def arrivals_frame(arrivals: Iterable[Arrival]) -> pl.DataFrame:
    """Live arrivals with VENDOR_SCHEMA."""
    rows = [
        (
            one.time_us,
            one.contract,
            *(price / PRICE_UNITS for price in one.values[:4]),
            one.values[4],
        )
        for one in arrivals
    ]
    schema = {**VENDOR_SCHEMA, "time": pl.Int64()}
    return pl.DataFrame(rows, schema=schema, orient="row").cast(pl.Schema(VENDOR_SCHEMA))


def arrivals_of(vendor: pl.DataFrame, leg: Leg) -> list[Arrival]:
    """Bars of history as if they had arrived; without those that have no price."""
    times = vendor["time"].dt.timestamp("us")
    fixed = [(pl.col(name) * PRICE_UNITS).round().cast(pl.Int64) for name in _PRICES]
    rows = vendor.select("contract", *fixed, "volume").with_columns(time=times).drop_nulls().rows()
    return [
        Arrival(row[0], leg.minutes, row[6], (row[1], row[2], row[3], row[4], row[5]), 0, 0)
        for row in rows
    ]


def raw_bars(vendor: pl.DataFrame, leg: Leg, notes: list[FeedNote]) -> pl.DataFrame:
    """raw_bars of VENDOR_SCHEMA, without rows that cannot be; these are noted."""
    timed = with_clock(vendor, leg).sort("bar_start", "contract", maintain_order=True)
    good, bad = set_aside(timed, leg.symbol, leg.dataset)
    if bad.height:
        reasons = ", ".join(sorted(set(bad["reason"])))
        times = bad["bar_start"].dt.timestamp("us").drop_nulls()
        at_us = int(times.sort()[-1]) if len(times) else 0
        message = f"{bad.height} bars of the history were left out: {reasons}"
        notes.append(FeedNote(FeedCode.HISTORY_BAD_BARS, leg.dataset, leg.symbol, at_us, message))
    return good


def continuous(
    raw: pl.DataFrame, leg: Leg, gaps_of: Callable[[Leg, Sequence[Rolled]], Sequence[float | None]]
) -> pl.DataFrame:
    """continuous_bars of a delivered chain. `gaps_of`: gaps that are known otherwise than from the
    bars on both sides of each roll, None where they are not."""
    rolls = find_rolls(raw, leg.instrument)
    if rolls.height:
        times = rolls["roll_time"].dt.timestamp("us")
        rolled = [
            Rolled(*one) for one in zip(rolls["roll_from"], rolls["roll_to"], times, strict=True)
        ]
        known = zip(gaps_of(leg, rolled), rolls["gap"], strict=True)
        gaps = [gap if own is None else own for own, gap in known]
        rolls = rolls.with_columns(gap=pl.Series(gaps, dtype=pl.Float64))
    return stitch(raw, rolls, leg.instrument)


def past_facts(frames: Mapping[str, pl.DataFrame], legs: Mapping[str, Leg]) -> list[Fact]:
    """Sessions, hours and peers of whole tables, by the time they became known.

    The first session of a table may have begun before it, so it is left out.
    """
    sessions = {}
    for symbol, frame in frames.items():
        leg = legs[symbol]
        if (leg.daily or leg.peer) and frame.height:
            whole = frame.filter(pl.col("session") > frame["session"][0])
            sessions[symbol] = session_bars(whole, leg.instrument)
    facts: list[Fact] = [
        *session_closes({one: frame for one, frame in sessions.items() if legs[one].daily}),
        *hour_closes(
            {one: frame for one, frame in frames.items() if legs[one].hourly and frame.height}
        ),
        *peer_sessions({one: frame for one, frame in sessions.items() if legs[one].peer}),
    ]
    return sorted(facts, key=lambda one: (one.known_at_us, one.symbol))


def history_of(frame: pl.DataFrame, bundle: DecisionBundle, leg: Leg) -> BarArrays:
    """The rows that a decision begins with."""
    rows = frame.tail(warm_up_rows(frame, bundle)) if frame.height else frame
    return BarArrays.from_frame(rows, leg.instrument)


def is_warm(history: BarArrays, bundle: DecisionBundle) -> bool:
    """Whether the next bar can be decided on."""
    return len(history) > 0 and is_warm_after(history, bundle)


def primers(frame: pl.DataFrame, leg: Leg) -> list[Bar]:
    """The bars of the last two sessions: what live facts go on from."""
    if frame.is_empty():
        return []
    days = frame["session"].unique().sort().tail(2)
    return list(bars_of(frame.filter(pl.col("session").is_in(days.implode())), leg.instrument))
