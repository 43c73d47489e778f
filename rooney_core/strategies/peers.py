"""Other symbols' sessions, for rules that compare markets: known only from when they closed.

Belongs here: the sessions of a peer with their time of knowledge, and putting them beside one's
own. Does not belong here: which symbols are peers (the instrument's page, the variant), or a
spread.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from rooney_core.errors import BarsRejected
from rooney_core.indicators.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class PeerSessions:
    """Adjusted session bars of another symbol, oldest first, arrays of one length.

    `known_at_us`: microseconds since 1970 UTC from which the bar may be used, inclusive, rising.
    `session`: days since 1970-01-01. Prices in quote units.
    """

    known_at_us: npt.NDArray[np.int64]
    session: npt.NDArray[np.int32]
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray

    @classmethod
    def from_session_bars(cls, frame: pl.DataFrame) -> PeerSessions:
        """Of a session_bars frame, known from session_close. Raises BarsRejected when unordered."""
        if not frame["session"].is_sorted() or frame["session"].is_duplicated().any():
            raise BarsRejected("Session bars of a peer must rise strictly by session; sort them.")
        adjustment = frame["adjustment"]
        prices = {
            name: np.array(frame[name] + adjustment, dtype=np.float64)
            for name in ("open", "high", "low", "close")
        }
        return cls(
            known_at_us=np.array(frame["session_close"].dt.timestamp("us"), dtype=np.int64),
            session=np.array(frame["session"].to_physical(), dtype=np.int32),
            **prices,
        )

    def beside(
        self, session: npt.NDArray[np.int32], known_by_us: npt.NDArray[np.int64]
    ) -> dict[str, FloatArray]:
        """open, high, low, close of the same sessions, f8[len(session)].

        NaN where the peer has no such session, or it was not known by `known_by_us`.
        """
        at = np.searchsorted(self.session, session)
        inside = np.minimum(at, max(0, len(self.session) - 1))
        has = np.zeros(len(session), np.bool_)
        if len(self.session):
            has = (self.session[inside] == session) & (self.known_at_us[inside] <= known_by_us)
        columns = {}
        for name in ("open", "high", "low", "close"):
            values = np.full(len(session), np.nan)
            values[has] = getattr(self, name)[inside[has]]
            columns[name] = values
        return columns


Peers = Mapping[str, PeerSessions]
NO_PEERS: Final[Peers] = MappingProxyType({})
