"""Which contract a DBN record is of: from instrument ids to names, by the file's own mappings.

Belongs here: names and the choice of records. Does not belong here: decoding (`dbn.py`), or the
spelling of contracts (`rooney_core.market.contracts`).

| a symbol in the metadata | for an instrument ES | becomes |
|---|---|---|
| ESZ5, a dated contract of the root | kept | ESZ25, the decade by the day of each bar |
| ES.v.0, the vendor's continuous contract | kept | ES#5482, by id: another id is a roll |
| TLT, the symbol of what never expires | kept | the symbol |
| ESH6-ESM6, UD:1V: a spread; VX01/Z6, a weekly contract | left out, and counted | |
| anything else | refused: it is another instrument | |

The vendor's continuous series says which instrument it is on, but not that one's name; the ids do
not rise with expiry, so contracts of such a series follow each other in the order of appearance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

import polars as pl

from rooney_core.errors import BarsRejected, InputError
from rooney_core.market.contracts import parse_contract
from rooney_core.market.instruments import Instrument

if TYPE_CHECKING:
    from databento import DBNStore

NAMES_SCHEMA: Final[dict[str, pl.DataType]] = {
    "instrument_id": pl.UInt32(),
    "first": pl.Date(),
    "until": pl.Date(),
    "symbol": pl.String(),
}
_SHOWN = 5
_SPREAD_MARKS = "-:"


@dataclass(frozen=True)
class Named:
    """Records with a `contract`, and how many were left out, with their symbols."""

    bars: pl.DataFrame
    n_left_out: int
    left_out: tuple[str, ...]


def contract_names(store: DBNStore) -> pl.DataFrame:
    """Symbols of instrument ids by UTC date, as the metadata maps them: `NAMES_SCHEMA`.

    `first` inclusive, `until` exclusive. `symbol` is the raw symbol (ESZ5), or the continuous one
    (ES.v.0) where that is what was asked for. Empty when the file has no mappings.
    """
    return pl.DataFrame(list(_spans(store)), schema=NAMES_SCHEMA, orient="row")


def name_contracts(bars: pl.DataFrame, store: DBNStore, instrument: Instrument) -> Named:
    """`bars` of `decode_bars` that are of `instrument`, with a column contract (module docstring).

    Keeps the order. Raises BarsRejected for records without a name, for another instrument's, and
    for two continuous series in one file.
    """
    names = contract_names(store)
    days = _days(bars)
    known = days.join(names, on="instrument_id").filter(
        (pl.col("day") >= pl.col("first")) & (pl.col("day") < pl.col("until"))
    )
    known = known.unique(["instrument_id", "day"], keep="first", maintain_order=True)
    _require_named(days, known)
    contracts = known.select("symbol", "day").unique()
    verdicts = [_verdict(*row, instrument) for row in contracts.iter_rows()]
    _require_one_instrument(contracts["symbol"], verdicts, instrument)
    judged = contracts.with_columns(_contract=pl.Series(verdicts, dtype=pl.String))
    found = known.join(judged, on=["symbol", "day"]).with_columns(
        contract=pl.when(pl.col("_contract") == _BY_ID)
        .then(pl.format(f"{instrument.symbol}#{{}}", "instrument_id"))
        .otherwise("_contract")
    )
    return _named(bars, found)


def _days(bars: pl.DataFrame) -> pl.DataFrame:
    """Each instrument_id and UTC day that has a record, once."""
    day, number = pl.col("time").dt.date(), pl.col("instrument_id")
    # Neighbours are mostly of one day: what is left after them is few.
    starts_run = number.ne_missing(number.shift()) | day.ne_missing(day.shift())
    return bars.filter(starts_run).select(number, day.alias("day")).unique()


_BY_ID: Final = "#"
_LEAVE_OUT: Final = ""


def _named(bars: pl.DataFrame, found: pl.DataFrame) -> Named:
    by_id = found.select("instrument_id", "contract").unique()
    if by_id["instrument_id"].is_unique().all():
        # As nearly always; a join of millions of rows takes much more memory.
        named = bars.with_columns(
            contract=pl.col("instrument_id").replace_strict(
                by_id["instrument_id"], by_id["contract"], default=None, return_dtype=pl.String
            )
        )
    else:
        keys = found.select("instrument_id", "contract", _day="day")
        named = (
            bars.with_columns(_day=pl.col("time").dt.date())
            .join(keys, on=["instrument_id", "_day"], how="left", maintain_order="left")
            .drop("_day")
        )
    out = found.filter(pl.col("contract") == _LEAVE_OUT)
    if out.is_empty():
        return Named(named, 0, ())
    # A record without a time has no name, and is set aside later.
    kept = named.filter(pl.col("contract").ne_missing(_LEAVE_OUT))
    return Named(kept, named.height - kept.height, tuple(out["symbol"].unique().sort()))


def _spans(store: DBNStore) -> Iterator[tuple[int, date, date, str]]:
    metadata = store.metadata
    by_id = str(metadata.stype_in) == "instrument_id"
    mappings: Mapping[str, list[dict[str, object]]] = metadata.mappings
    for asked, spans in mappings.items():
        for span in spans:
            number, symbol = (asked, span["symbol"]) if by_id else (span["symbol"], asked)
            # A day without an answer is mapped to nothing.
            if str(number).isdigit():
                yield int(str(number)), span["start_date"], span["end_date"], str(symbol)


def _verdict(symbol: str, day: date, instrument: Instrument) -> str | None:
    """The contract; `_BY_ID`; `_LEAVE_OUT`; or None for another instrument."""
    root = instrument.symbol
    if not instrument.contract_months and symbol == root:
        return root
    if symbol.split(".")[0] == root and symbol.count(".") == 2:
        return _BY_ID
    if any(mark in symbol for mark in _SPREAD_MARKS):
        return _LEAVE_OUT
    try:
        contract = parse_contract(symbol, day)
    except InputError:
        return None
    if contract.root == root:
        return contract.name
    weekly = contract.root.startswith(root) and contract.root[len(root) :].isdigit()
    return _LEAVE_OUT if weekly else None


def _require_named(days: pl.DataFrame, known: pl.DataFrame) -> None:
    unknown = days.filter(pl.col("day").is_not_null()).join(
        known, on=["instrument_id", "day"], how="anti"
    )
    if unknown.is_empty():
        return
    shown = ", ".join(map(str, unknown["instrument_id"].unique().sort().head(_SHOWN)))
    raise BarsRejected(
        f"the metadata gives no symbol for {unknown['instrument_id'].n_unique()} "
        f"instrument id(s) ({shown}) on days that have records. Download the file with its "
        "symbology, by raw symbols, parent or continuous contract."
    )


def _require_one_instrument(
    symbols: pl.Series, verdicts: list[str | None], instrument: Instrument
) -> None:
    foreign = {name for name, verdict in zip(symbols, verdicts, strict=True) if verdict is None}
    if foreign:
        raise BarsRejected(
            "symbols of other instruments arrived "
            f"({', '.join(sorted(foreign)[:_SHOWN])}; {len(foreign)} in all). Keep one instrument "
            f"in a file; its contracts are named {instrument.symbol}, month code and year, such as "
            f"{instrument.symbol}Z5."
        )
    series = {name for name, verdict in zip(symbols, verdicts, strict=True) if verdict == _BY_ID}
    if len(series) > 1:
        raise BarsRejected(
            f"several continuous series arrived ({', '.join(sorted(series))}), "
            "which have bars of the same times. Keep one of them."
        )
