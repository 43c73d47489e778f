"""The local gateway's records: bars, mappings, heartbeats, and copies that something is wrong with.

Belongs here: what the vendor's records look like. Does not belong here: when they are sent
(`gateway_session.py`).
"""

from __future__ import annotations

from typing import Any, Final

from databento_dbn import OHLCVMsg, SType, SymbolMappingMsg, SystemCode, SystemMsg

from rooney_live.rehearsal.gateway_bars import Chain, StoredBar
from rooney_live.rehearsal.history_symbology import instrument_id

_UNDEFINED: Final = 2**63 - 1
_UNDEFINED_TIME: Final = 2**64 - 1
_STRANGE_ID: Final = 4_000_000_001
_DAY_US: Final = 86_400 * 1_000_000
_OFF_GRID_US: Final = 1_000_000
_RTYPES: Final = {1: 33, 60: 34, 1440: 35}


def bar_record(chain: Chain, bar: StoredBar, number: int | None = None) -> OHLCVMsg:
    """A bar as the vendor sends it; `number` in place of its instrument id."""
    leg = chain.leg
    opened, high, low, close, volume = bar.values
    return OHLCVMsg(
        _RTYPES[leg.minutes],
        1,
        instrument_id(leg.dataset, bar.contract) if number is None else number,
        bar.time_us * 1_000,
        opened,
        high,
        low,
        close,
        volume,
    )


def heartbeat(now_us: int) -> SystemMsg:
    """The word that a session lives."""
    return SystemMsg(now_us * 1_000, "Heartbeat", SystemCode.HEARTBEAT)


def mapping(
    chain: Chain, symbol: str, contract: str, is_by_name: bool, number: int | None, now_us: int
) -> SymbolMappingMsg:
    """A symbol that was asked for, as a contract; `number` in place of its instrument id."""
    return SymbolMappingMsg(
        1,
        instrument_id(chain.leg.dataset, contract) if number is None else number,
        now_us * 1_000,
        SType.RAW_SYMBOL if is_by_name else SType.CONTINUOUS,
        symbol,
        SType.INSTRUMENT_ID,
        contract,
        _UNDEFINED_TIME,
        _UNDEFINED_TIME,
    )


def bad_copy(chain: Chain, bar: StoredBar, kind: str) -> Any:
    """A copy of a bar that something is wrong with, by the kind of `GatewayFault`."""
    opened, high, low, close, volume = bar.values
    wrong = {
        "revised": (opened, high, low, low if close != low else high, volume),
        "inconsistent": (opened, low - 1, high + 1, close, volume),
        "undefined": (opened, high, low, _UNDEFINED, volume),
        "bad_volume": (opened, high, low, close, 2**62),
    }
    changed = bar._replace(values=wrong.get(kind, bar.values))
    if kind == "future":
        changed = changed._replace(time_us=bar.time_us + _DAY_US)
    elif kind == "wrong_interval":
        changed = changed._replace(time_us=bar.time_us + _OFF_GRID_US)
    return bar_record(chain, changed, _STRANGE_ID if kind == "unknown_id" else None)
