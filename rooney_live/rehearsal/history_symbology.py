"""Which instrument a symbol names on which day, as the local Databento answers it.

Belongs here: instrument ids, the vendor's spelling of contracts, and its parent and continuous
symbols over a folder of bars. Does not belong here: reading bars, or the shape of an answer.

A symbol is known from the first to the last UTC day on which the folder has a bar of it. Where this
differs from the vendor: the volume rule is Rooney's `find_rolls`, with UTC days as sessions, so a
day's contract follows from the days before and a front contract never comes back; the open interest
rule is the same on open interest, or the volume rule where the folder has none; a contract leads by
calendar until its last bar; instrument ids are made up and never change. Parent symbols name
outright contracts only, no spreads.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Final

import polars as pl

from rooney_core.market.bars import BARS_SCHEMA
from rooney_core.market.contracts import MONTH_CODES
from rooney_core.market.rolls import find_rolls
from rooney_live.rehearsal.history_folder import BAR_NS, EPOCH, HistoryFolder, RootBars

STYPES: Final = ("raw_symbol", "instrument_id", "parent", "continuous")
"""Symbology types that can be asked with."""

ALL_SYMBOLS: Final = "ALL_SYMBOLS"

_SEPARATORS: Final = {"XCBF.PITCH": "/"}  # the vendor writes VX/Z5 there, and ESZ5 elsewhere
_CONTINUOUS: Final = re.compile(r"(?P<root>.+)\.(?P<rule>[cvn])\.(?P<rank>\d+)")
_CENTURY_STARTS: Final = 70
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class Listing:
    """One instrument of a dataset. Days are UTC; `last_day` is inclusive.

    `name` is the folder's, `raw_symbol` the vendor's. `expiry` is (year, month), None for what does
    not expire. `raw_from`: first day on which `raw_symbol` names it, since one digit of the year
    comes back after ten.
    """

    root: str
    name: str
    raw_symbol: str
    instrument_id: int
    expiry: tuple[int, int] | None
    first_day: date
    last_day: date
    raw_from: date


@dataclass(frozen=True)
class Span:
    """`symbol`, as asked or as the vendor keys it, is `listing` from `start` up to `end`."""

    symbol: str
    start: date
    end: date
    listing: Listing
    is_chain: bool = False
    """Of a stored chain, whose contracts change with its bars, and not with the day."""

    def within(self, start: date, end: date) -> Span | None:
        """The part of it in [start, end); None when there is none."""
        first, last = max(self.start, start), min(self.end, end)
        return replace(self, start=first, end=last) if first < last else None

    @property
    def from_ns(self) -> int:
        """The first time of it."""
        return midnight(self.start)

    @property
    def until_ns(self) -> int:
        """The first time after it."""
        return midnight(self.end)


class Symbology:
    """The symbols of one dataset of a folder."""

    def __init__(self, folder: HistoryFolder, dataset: str) -> None:
        self._folder = folder
        self._dataset = dataset
        self._listings: dict[str, tuple[RootBars, list[Listing]]] = {}
        self._fronts: dict[tuple[str, str, int], tuple[RootBars, list[Span]]] = {}

    def spans(self, symbol: str, stype: str) -> list[Span]:
        """All that `symbol` ever names, oldest first; none for what does not exist."""
        if stype == "raw_symbol":
            if symbol == ALL_SYMBOLS:
                return [_whole(one) for one in self._every_listing()]
            return [_named(one) for one in self._like(symbol) if one.raw_symbol == symbol]
        if stype == "instrument_id":
            found = (one for one in self._every_listing() if str(one.instrument_id) == symbol)
            return [Span(symbol, one.first_day, one.last_day + _DAY, one) for one in found]
        if stype == "parent":
            return self._children(symbol)
        return self._continuous(symbol)

    def _children(self, symbol: str) -> list[Span]:
        root, _, kind = symbol.rpartition(".")
        if kind != "FUT" or root not in self._folder.roots(self._dataset):
            return []
        return [_whole(one) for one in self.listings(root) if one.expiry is not None]

    def listings(self, root: str) -> list[Listing]:
        """Instruments of a root, nearest expiry first; none without bars in the dataset."""
        bars = self._roll_bars(root)
        if bars is None:
            return []
        kept = self._listings.get(root)
        if kept is None or kept[0] is not bars:
            kept = (bars, _listed(self._dataset, bars))
            self._listings[root] = kept
        return kept[1]

    def _like(self, raw_symbol: str) -> Iterable[Listing]:
        """What may have this name: of the roots that begin it, or else of all."""
        begun = [root for root in self._folder.roots(self._dataset) if raw_symbol.startswith(root)]
        found = [one for root in begun for one in self.listings(root)]
        is_there = any(one.raw_symbol == raw_symbol for one in found)
        return found if is_there else self._every_listing()

    def _every_listing(self) -> Iterable[Listing]:
        for root in self._folder.roots(self._dataset):
            yield from self.listings(root)

    def _continuous(self, symbol: str) -> list[Span]:
        found = _CONTINUOUS.fullmatch(symbol)
        if found is None or found["root"] not in self._folder.roots(self._dataset):
            return []
        root, rule, rank = found["root"], found["rule"], int(found["rank"])
        bars = self._roll_bars(root)
        if bars is None:
            return []
        kept = self._fronts.get((root, rule, rank))
        if kept is None or kept[0] is not bars:
            kept = (bars, _fronts(symbol, bars, self.listings(root), rule, rank))
            self._fronts[root, rule, rank] = kept
        return kept[1]

    def _roll_bars(self, root: str) -> RootBars | None:
        """Hourly bars where there are any, else daily ones: one mapping for all schemas."""
        hourly = self._folder.bars(self._dataset, root, "ohlcv-1h")
        return hourly or self._folder.bars(self._dataset, root, "ohlcv-1d")


def day_of(nanoseconds: int) -> date:
    """The UTC day of a time."""
    return EPOCH + timedelta(days=nanoseconds // BAR_NS["ohlcv-1d"])


def midnight(day: date) -> int:
    """Nanoseconds at which a UTC day begins."""
    return (day - EPOCH).days * BAR_NS["ohlcv-1d"]


def _whole(one: Listing) -> Span:
    return Span(one.raw_symbol, one.first_day, one.last_day + _DAY, one)


def _named(one: Listing) -> Span:
    return Span(one.raw_symbol, one.raw_from, one.last_day + _DAY, one)


def _listed(dataset: str, bars: RootBars) -> list[Listing]:
    found: list[Listing] = []
    taken: dict[str, date] = {}
    for name, records in bars.records.items():
        first, last = day_of(int(records["ts_event"][0])), day_of(int(records["ts_event"][-1]))
        expiry = _expiry(name, bars.root, first)
        raw = _raw_symbol(name, bars.root, expiry, _SEPARATORS.get(dataset, ""))
        number = instrument_id(dataset, name if expiry is None else f"{bars.root} {expiry}")
        if bars.fronts:
            # A chain's contracts are told by the names that they are stored under.
            raw, number = name, instrument_id(dataset, name)
        found.append(Listing(bars.root, name, raw, number, expiry, first, last, first))
    found.sort(key=lambda one: (one.expiry or (0, 0), one.name))
    for at, one in enumerate(found):
        after = taken.get(one.raw_symbol, one.first_day)
        taken[one.raw_symbol] = one.last_day + _DAY
        if after > one.first_day:
            found[at] = Listing(**(vars(one) | {"raw_from": after}))
    return found


def _expiry(name: str, root: str, first_day: date) -> tuple[int, int] | None:
    dated = re.fullmatch(
        rf"{re.escape(root)}[/_ ]?(?P<month>[{MONTH_CODES}])(?P<year>\d|\d\d|\d{{4}})", name
    )
    if dated is None:
        return None
    year = int(dated["year"])
    if len(dated["year"]) == 1:
        year = first_day.year + (year - first_day.year) % 10
    elif len(dated["year"]) == 2:
        year += 1900 if year >= _CENTURY_STARTS else 2000
    return year, MONTH_CODES.index(dated["month"]) + 1


def _raw_symbol(name: str, root: str, expiry: tuple[int, int] | None, separator: str) -> str:
    if expiry is None:
        return name
    year, month = expiry
    return f"{root}{separator}{MONTH_CODES[month - 1]}{year % 10}"


def instrument_id(dataset: str, identity: str) -> int:
    """A number that only depends on what it names; two of a folder meet once in a million."""
    digest = hashlib.blake2b(f"{dataset} {identity}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") >> 2 | 1


def _fronts(
    symbol: str, bars: RootBars, listings: Sequence[Listing], rule: str, rank: int
) -> list[Span]:
    if bars.fronts:
        return [] if rank else _of_chain(symbol, bars, listings)
    dated = {one.name: one for one in listings if one.expiry is not None}
    if not dated:
        return []
    if rule == "c":
        return _by_calendar(symbol, list(dated.values()), rank)
    sessions = _sessions(bars, rule)
    if rank == 0:
        return _by_size(symbol, sessions, dated)
    return _by_rank(symbol, sessions, dated, rank)


def _of_chain(symbol: str, bars: RootBars, listings: Sequence[Listing]) -> list[Span]:
    """The days on which each contract has bars in front."""
    spans = []
    for one in listings:
        rows = bars.fronts.get(one.name)
        if rows is not None:
            first, last = day_of(int(rows["ts_event"][0])), day_of(int(rows["ts_event"][-1]))
            spans.append(Span(symbol, first, last + _DAY, one, is_chain=True))
    return sorted(spans, key=lambda one: one.start)


def _by_calendar(symbol: str, order: Sequence[Listing], rank: int) -> list[Span]:
    """A contract leads until the last day on which it traded; rank counts on from there."""
    spans: list[Span] = []
    start = order[0].first_day
    for at, front in enumerate(order):
        end = front.last_day + _DAY
        if end <= start or at + rank >= len(order):
            continue
        led = order[at + rank]
        span = Span(symbol, start, end, led).within(led.first_day, led.last_day + _DAY)
        spans += [span] if span else []
        start = end
    return spans


def _sessions(bars: RootBars, rule: str) -> pl.DataFrame:
    """Bars as `find_rolls` wants them, a UTC day being a session."""
    frame = bars.frame
    if rule == "n" and "open_interest" in frame.columns:
        day_ns = BAR_NS["ohlcv-1d"]
        days = (pl.col("ts") // day_ns * day_ns).alias("ts")
        known = frame.filter(pl.col("open_interest").is_not_null())
        prices = [pl.col(name).last() for name in ("open", "high", "low", "close")]
        frame = known.group_by(days, "contract", maintain_order=True).agg(
            *prices, pl.col("open_interest").last().alias("volume")
        )
    start = pl.from_epoch("ts", "ns").dt.cast_time_unit("us").dt.replace_time_zone("UTC")
    return frame.with_columns(
        pl.lit(bars.root).alias("symbol"),
        start.alias("bar_start"),
        start.alias("bar_end"),
        start.dt.date().alias("session"),
        pl.lit(0.0).alias("adjustment"),
        *(pl.col(name) / 1e9 for name in ("open", "high", "low", "close")),
    ).select(list(BARS_SCHEMA))


def _by_size(symbol: str, sessions: pl.DataFrame, dated: dict[str, Listing]) -> list[Span]:
    rolls = find_rolls(sessions)
    first, last = sessions["session"].min(), sessions["session"].max()
    if not isinstance(first, date) or not isinstance(last, date):
        return []
    at_open = set(sessions.filter(pl.col("bar_start") == pl.col("bar_start").min())["contract"])
    fronts = [next(one for one in dated if one in at_open)]
    if rolls.height:
        fronts = [rolls["roll_from"][0], *rolls["roll_to"]]
    bounds = [first, *rolls["roll_session"], last + _DAY]
    return [
        Span(symbol, start, end, dated[front])
        for front, (start, end) in zip(fronts, pairwise(bounds), strict=True)
    ]


def _by_rank(
    symbol: str, sessions: pl.DataFrame, dated: dict[str, Listing], rank: int
) -> list[Span]:
    """Among the contracts that do not lead, the `rank`th by volume of the day before."""
    leading = _by_size(symbol, sessions, dated)
    sums = sessions.group_by("session", "contract").agg(pl.col("volume").sum()).sort("session")
    days = [
        (day[0], dict(zip(part["contract"], part["volume"], strict=True)))
        for day, part in sums.group_by("session", maintain_order=True)
    ]
    spans: list[Span] = []
    for (_, before), (day, _) in pairwise(days):
        front = next((one.listing.name for one in leading if one.start <= day < one.end), None)
        others = sorted((-size, name) for name, size in before.items() if name != front)
        if len(others) < rank:
            continue
        led = dated[others[rank - 1][1]]
        if spans and spans[-1].listing is led:
            spans[-1] = Span(symbol, spans[-1].start, day + _DAY, led)
        else:
            spans += [Span(symbol, day, day + _DAY, led)]
    ends = [one.start for one in spans[1:]] + ([spans[-1].end] if spans else [])
    return [Span(symbol, one.start, end, one.listing) for one, end in zip(spans, ends, strict=True)]
