"""Kept downloads as raw_bars: times, sessions and dated names of contracts.

Belongs here: what the vendor's records mean in Rooney's columns. Does not belong here: downloading,
or whether a price is possible (`rooney_core.market.quarantine`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import polars as pl

from rooney_assets.sources.databento.archive import Piece
from rooney_assets.sources.databento.download import names_frame
from rooney_assets.sources.databento.plan import Request, vendor_page
from rooney_core.errors import BarsRejected, InputError, InvalidSetting
from rooney_core.market.bars import BARS_SCHEMA
from rooney_core.market.calendar import HOURS, UTC_MICROSECONDS, session_hours, session_labels
from rooney_core.market.contracts import parse_contract
from rooney_core.market.instruments import Instrument

_DAY_MINUTES = 1440


def require_readable(instrument: Instrument) -> None:
    """Refuse lengths of bars that would mix what was traded at different times.

    Raises InvalidSetting: the vendor's days are UTC dates, and a session that opens the evening
    before spans two of them; its hours start on the hour, and run over an open at half past.
    """
    group = instrument.product_group
    opens = HOURS[group].opens
    if instrument.bar_minutes == _DAY_MINUTES and HOURS[group].opens_day_before:
        raise InvalidSetting(
            f"{instrument.symbol}: Databento's daily bars follow the UTC date, and a session of "
            f"{group} opens the evening before. Set `bar_minutes: 60` on its page; session bars "
            "are built from hourly ones."
        )
    if instrument.bar_minutes == 60 and opens.minute:
        raise InvalidSetting(
            f"{instrument.symbol}: Databento's hourly bars start on the hour, and {group} opens at "
            f"{opens:%H:%M}, so that its first hour would mix trades from before the open. Set "
            "`bar_minutes: 1440` on its page."
        )


def decoded(pieces: Iterable[Piece], request: Request, instrument: Instrument) -> pl.DataFrame:
    """Bars of a request's pieces, in order of time: contract, time, open to close, volume.

    `contract` is Rooney's dated name, or the symbol of what does not expire. Only symbols and days
    that the request asks for. Raises LakeError and BarsRejected for a damaged download.
    """
    parts = [_decode_piece(one, request, instrument) for one in pieces if one.receipt.rows]
    return pl.concat(parts) if parts else pl.DataFrame(schema=_DECODED)


_PRICES = ("open", "high", "low", "close")
_DECODED = {
    name: BARS_SCHEMA.get(name, UTC_MICROSECONDS)
    for name in ("contract", "time", *_PRICES, "volume")
}


def with_clock(bars: pl.DataFrame, instrument: Instrument) -> pl.DataFrame:
    """`decoded` bars with the columns of raw_bars, in their order; prices may still be null.

    Hours and minutes: bar_start is the vendor's time. Days: the session of that date, from its
    scheduled open until the UTC day ends, because the vendor counts what trades after the close.
    """
    if instrument.bar_minutes == _DAY_MINUTES:
        hours = session_hours(bars["time"].dt.date(), instrument.product_group)
        timed = bars.with_columns(
            bar_start=hours["session_open"],
            bar_end=bars["time"].dt.truncate("1d") + timedelta(days=1),
            session=hours["session"],
        )
    else:
        timed = bars.with_columns(
            bar_start=pl.col("time"),
            bar_end=pl.col("time") + timedelta(minutes=instrument.bar_minutes),
            session=session_labels(bars["time"], instrument.product_group),
        )
    return timed.with_columns(symbol=pl.lit(instrument.symbol), adjustment=pl.lit(0.0)).select(
        pl.col(name).cast(dtype) for name, dtype in BARS_SCHEMA.items()
    )


def _decode_piece(piece: Piece, request: Request, instrument: Instrument) -> pl.DataFrame:
    from databento import DBNStore

    from rooney_assets.sources.dbn import decode_bars

    day = pl.col("time").dt.date()
    bars = decode_bars(DBNStore.from_bytes(piece.content()))
    if piece.days != piece.receipt.days:
        bars = bars.filter((day >= piece.days.start) & (day < piece.days.end))
    if vendor_page(instrument).series == "raw":
        return bars.with_columns(contract=pl.lit(instrument.symbol)).select(list(_DECODED))
    named = (
        bars.with_row_index("row")
        .join(names_frame(piece.receipt.names), on="instrument_id", maintain_order="left")
        .filter(day.is_between("start", "end", closed="left"))
        .unique("row", keep="first", maintain_order=True)
    )
    if named.height != bars.height:
        raise BarsRejected(
            f"{piece.path}: {bars.height - named.height} bars have no symbol on their day. "
            "Download it again with `rooney data fetch --refresh`."
        )
    if request.stype_in == "raw_symbol":
        named = named.filter(pl.col("raw_symbol").is_in(request.symbols))
    return _dated(named).select(list(_DECODED))


def _dated(named: pl.DataFrame) -> pl.DataFrame:
    """Adds `contract`; the decade of a one-digit year follows from the day of the bar."""
    keyed = named.with_columns(day=pl.col("time").dt.date(), year=pl.col("time").dt.year())
    known = keyed.group_by("raw_symbol", "year").agg(pl.col("day").min())
    try:
        contracts = [
            parse_contract(raw, on=day).name
            for raw, day in known.select("raw_symbol", "day").rows()
        ]
    except InputError as error:
        raise BarsRejected(
            f"The vendor names a contract in a way not known here. {error}"
        ) from None
    spelled = known.select("raw_symbol", "year").with_columns(
        contract=pl.Series(contracts, dtype=pl.String)
    )
    return keyed.join(spelled, on=["raw_symbol", "year"], maintain_order="left")
