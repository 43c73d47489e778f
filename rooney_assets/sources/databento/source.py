"""Databento as a source of bars: what is missing is fetched within the limit, the rest is at hand.

Belongs here: the BarSource, and the identity of what it would read. Does not belong here: the
vendor's protocol (`client.py`), or what a download costs (`fetch.py`).
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Final

import polars as pl

from rooney_assets.sources import DailyWitness, Reading, Witnesses
from rooney_assets.sources.databento.access import COST_SETTING, VendorAccess
from rooney_assets.sources.databento.archive import Archive, Piece
from rooney_assets.sources.databento.fetch import fetch, plan_purchase, require_affordable
from rooney_assets.sources.databento.patience import SHORT
from rooney_assets.sources.databento.plan import (
    SCHEMAS,
    Days,
    Request,
    chunks,
    series_name,
    vendor_page,
)
from rooney_assets.sources.databento.raw_bars import decoded, require_readable, with_clock
from rooney_core.errors import BarsRejected, VendorUnavailable
from rooney_core.market.bars import validate_bars
from rooney_core.market.instruments import Instrument, Universe
from rooney_core.market.quarantine import is_in_order, set_aside

if TYPE_CHECKING:
    from rooney_assets.sources.databento.client import VendorClient

FRESH_SECONDS: Final = 300.0
"""How long a process believes what the vendor said is available; new days come once a day."""

_DAILY: Final = SCHEMAS[1440]


def connect(access: VendorAccess, what: str) -> VendorClient:
    """A client for the access. Raises InvalidSetting, as `require_key`, when there is no key."""
    key = access.require_key(what)
    # Imported here: the vendor's client takes more than a second, and the archive needs none.
    from rooney_assets.sources.databento.client import VendorClient

    return VendorClient(key, access.gateway)


@dataclass
class _News:
    """What the vendor said last, per dataset and schema: days, or why it said nothing."""

    heard: dict[tuple[str, str], tuple[float, Days | VendorUnavailable]] = field(
        default_factory=dict
    )


@dataclass(frozen=True)
class _Target:
    """What is to be read of a symbol now.

    `silence` says why the vendor was not asked for news. `left_out`: the first kept day, when the
    vendor has bars before it that the page implies too; they are not bought unasked.
    """

    chunks: tuple[Request, ...]
    silence: str | None
    left_out: date | None = None


@dataclass(frozen=True)
class DatabentoSource:
    """Bars of the vendor's historical service, kept below `access.downloads`.

    A symbol's bars begin with its first kept day: who fetched them from 2022 on is not sold the
    years before by reading. Where nothing is kept, they begin where its page says. Without a key,
    and while the vendor cannot be reached, it works from what is kept.
    """

    access: VendorAccess
    connecting: Callable[[VendorAccess, str], VendorClient] = connect
    _news: _News = field(default_factory=_News, compare=False, repr=False)

    @property
    def name(self) -> str:
        """`databento`."""
        return "databento"

    @property
    def is_simulated(self) -> bool:
        """False: these are the vendor's bars."""
        return False

    @property
    def archive(self) -> Archive:
        """The kept downloads."""
        return Archive(self.access.downloads)

    def offers(self, universe: Universe) -> Universe:
        """Instruments with a `databento` page, in its role and bar length; asks nobody."""
        return universe.offered_by(self.name)

    def fingerprint(self, instrument: Instrument) -> str:
        """sha256 over the facts, the ranges up to the last complete day, and restatements.

        The ranges are those that `read` would take, from the first kept day on. The same before and
        after they are fetched; another one when a day was added, at either end, or when the vendor
        changed what is kept. Asks the vendor which days there are, at most every `FRESH_SECONDS`.
        """
        target = self._target(instrument)
        facts = instrument.model_dump(
            mode="json", include={"symbol", "product_group", "bar_minutes"}
        )
        told = {
            "facts": facts,
            "series": vendor_page(instrument).series,
            "chunks": [self._identity(chunk) for chunk in target.chunks],
            "witness": [piece.receipt.content for piece, _ in self._daily_pieces(instrument)],
        }
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    def read(self, instrument: Instrument) -> Reading:
        """Validated raw_bars from the kept downloads, after fetching what is missing in them.

        That is every gap and new day after the first kept day, and everything where nothing is
        kept. Raises InvalidSetting for a page that cannot be read or a missing key, CostRefused
        when what is missing costs more than the limit, VendorRefused and VendorUnavailable, and
        BarsRejected.
        """
        require_readable(instrument)
        target = self._target(instrument)
        self._fetch_missing(instrument, target)
        covered = [(chunk, self.archive.cover(chunk).pieces) for chunk in target.chunks]
        # Chunk by chunk: minutes of fifteen years do not fit twice into a small machine.
        bars = pl.concat(
            with_clock(decoded(pieces, chunk, instrument), instrument) for chunk, pieces in covered
        )
        if not is_in_order(bars):
            bars = bars.sort("bar_start", "contract", maintain_order=True)
        origin = f"databento {vendor_page(instrument).symbol}"
        good, refused = set_aside(bars, instrument.symbol, origin)
        pieces = [piece for _, some in covered for piece in some]
        try:
            validate_bars(good, instrument)
        except BarsRejected as error:
            warnings = _warnings(pieces)
            said = f" The vendor says: {warnings}." if warnings else ""
            raise BarsRejected(f"{error}{said}") from None
        return Reading(good, _notes(instrument.symbol, target, pieces), refused)

    def raw_bars(self, instrument: Instrument) -> pl.DataFrame:
        """The bars of `read` alone."""
        return self.read(instrument).bars

    def witnesses(self, instrument: Instrument) -> Witnesses:
        """The vendor's daily bars, where `rooney data fetch --schema ohlcv-1d` has kept some."""
        found = self._daily_pieces(instrument)
        if not found:
            return Witnesses()
        days = pl.concat(decoded([piece], chunk, instrument) for piece, chunk in found)
        table = days.select(
            pl.col("time").dt.date().alias("day"),
            *("contract", "open", "high", "low", "close", "volume"),
        )
        return Witnesses(DailyWitness(table, "utc", f"databento {_DAILY}"))

    def _identity(self, chunk: Request) -> dict[str, object]:
        restated = [
            (str(piece.receipt.start), str(piece.receipt.end), piece.receipt.generation)
            for piece in self.archive.cover(chunk).pieces
            if piece.receipt.generation
        ]
        return {
            "asked": [chunk.dataset, chunk.schema, chunk.stype_in, *chunk.symbols],
            "days": [str(chunk.days.start), str(chunk.days.end)],
            "restated": restated,
        }

    def _target(self, instrument: Instrument) -> _Target:
        schema = SCHEMAS[instrument.bar_minutes]
        available: dict[str, Days] = {}
        silence: list[str] = []
        for feed in vendor_page(instrument).feeds:
            heard = self._available(feed.dataset, schema)
            if isinstance(heard, str):
                silence.append(heard)
                days = self._kept(instrument, feed.dataset, schema)
            else:
                days = heard
            if days is not None:
                available[feed.dataset] = days
        first = self._first_kept(instrument, schema)
        found = chunks(instrument, schema, available, first)
        if not found:
            self._refuse_nothing(instrument, silence)
        whole = chunks(instrument, schema, available)
        left_out = first if whole[0].days.start < found[0].days.start else None
        return _Target(found, silence[0] if silence else None, left_out)

    def _first_kept(self, instrument: Instrument, schema: str) -> date | None:
        """The first day of which a download is kept, in any dataset of the page."""
        feeds = vendor_page(instrument).feeds
        kept = [self._kept(instrument, feed.dataset, schema) for feed in feeds]
        return min((days.start for days in kept if days is not None), default=None)

    def _refuse_nothing(self, instrument: Instrument, silence: list[str]) -> None:
        if self.access.key is None:
            self.access.require_key(f"Nothing is kept of {instrument.symbol}, so that every bar")
        if silence:
            raise VendorUnavailable(
                f"Nothing is kept of {instrument.symbol}, and the vendor was not reached. "
                f"{silence[0]}"
            )
        datasets = ", ".join(feed.dataset for feed in vendor_page(instrument).feeds)
        raise BarsRejected(
            f"{instrument.symbol}: {datasets} has no day from the page's `since` on. Correct "
            "`feeds` in universe.yaml."
        )

    def _available(self, dataset: str, schema: str) -> Days | str:
        """The whole days that the vendor has, or why it was not asked."""
        if self.access.key is None:
            return "No key is set: only what is kept was read."
        at, heard = self._news.heard.get((dataset, schema), (-math.inf, None))
        if heard is None or time.monotonic() - at > FRESH_SECONDS:
            try:
                client = self.connecting(self.access, f"What {dataset} has")
                heard = client.available(dataset, schema, SHORT)
            except VendorUnavailable as silent:
                heard = silent
            self._news.heard[dataset, schema] = (time.monotonic(), heard)
        return str(heard) if isinstance(heard, VendorUnavailable) else heard

    def _kept(self, instrument: Instrument, dataset: str, schema: str) -> Days | None:
        """The days of the dataset that the archive holds of the instrument."""
        return self.archive.held(dataset, schema, series_name(vendor_page(instrument)))

    def _fetch_missing(self, instrument: Instrument, target: _Target) -> None:
        gaps = [gap for chunk in target.chunks for gap in self.archive.cover(chunk).gaps]
        if not gaps:
            return
        symbol = instrument.symbol
        first, last = gaps[0].days.start, gaps[-1].days.end
        what = f"{symbol}: {len(gaps)} ranges from {first} to {last} are missing. What they hold"
        client = self.connecting(self.access, what)
        purchase = plan_purchase(gaps, client, self.archive)
        enough = math.ceil(purchase.cost_usd * 100) / 100
        since = "" if target.left_out is None else f" --from {target.left_out}"
        advice = (
            f"Run `rooney data fetch --symbols {symbol}{since} --max-cost-usd {enough:.2f}`, raise "
            f"{COST_SETTING}, or move `since` of the symbol's feeds in universe.yaml."
        )
        require_affordable(purchase, self.access.max_cost_usd, symbol, advice)
        fetch(purchase.estimates, client, self.archive)

    def _daily_pieces(self, instrument: Instrument) -> list[tuple[Piece, Request]]:
        """Kept daily downloads of the symbol, which are not its bars themselves."""
        if instrument.bar_minutes == 1440:
            return []
        available = {
            feed.dataset: days
            for feed in vendor_page(instrument).feeds
            if (days := self._kept(instrument, feed.dataset, _DAILY)) is not None
        }
        return [
            (piece, chunk)
            for chunk in chunks(instrument, _DAILY, available)
            for piece in self.archive.cover(chunk).pieces
        ]


def _notes(symbol: str, target: _Target, pieces: list[Piece]) -> dict[str, str | int]:
    last = target.chunks[-1].days
    datasets = dict.fromkeys(chunk.dataset for chunk in target.chunks)
    notes: dict[str, str | int] = {
        "datasets": ", ".join(datasets),
        "days": f"{target.chunks[0].days.start} to {last.end}, the last one excluded (UTC)",
        "downloads": len(pieces),
        "restated downloads": sum(piece.receipt.generation > 0 for piece in pieces),
    }
    if target.left_out is not None:
        notes["left out"] = (
            f"nothing before {target.left_out} was fetched; "
            f"`rooney data fetch --symbols {symbol}` gets it"
        )
    if warnings := _warnings(pieces):
        notes["vendor warnings"] = warnings
    if target.silence is not None:
        notes["not asked for news"] = target.silence
    return notes


def _warnings(pieces: list[Piece]) -> str:
    return "; ".join(
        f"{piece.receipt.start} to {piece.receipt.end}: {said}"
        for piece in pieces
        for said in piece.receipt.warnings
    )
