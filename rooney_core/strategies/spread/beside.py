"""Peers' sessions beside one's own, as they were known when each of one's own was over.

Belongs here: when a peer's value may be used. Does not belong here: what is made of it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rooney_core.indicators.arrays import FloatArray
from rooney_core.strategies.prices import Prices


def peer_prices(prices: Prices, symbol: str) -> dict[str, FloatArray] | None:
    """open, high, low, close of the peer, aligned with `prices.sessions`; None: no such peer.

    NaN where the peer has no such session, or its bar was not known by our decision.
    """
    peer = prices.peers.get(symbol)
    if peer is None:
        return None
    known_by_us = prices.once("spread.known_by", lambda: _known_by(prices))
    return prices.once(
        "spread.peer", lambda: peer.beside(prices.sessions.session, known_by_us), symbol
    )


def _known_by(prices: Prices) -> npt.NDArray[np.int64]:
    """The decision bar's end. A session that never had one is used by later decisions only, and
    what is known by its scheduled close is known by those."""
    bars, view = prices.bars, prices.sessions
    first = np.searchsorted(bars.session, view.session)
    decided = view.decision >= 0
    known_by: npt.NDArray[np.int64] = bars.session_close_us[first]
    known_by[decided] = bars.bar_end_us[view.decision[decided]]
    return known_by
