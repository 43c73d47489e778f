"""Variants that no one would trade and that use everything a rule may say.

Belongs here: declarations for parity tests, each a function of one bar and of a peer. Does not
belong here: assertions.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from random_markets import HOUR_US

from rooney_core.strategies import Signals, Variant, VariantParams
from rooney_core.strategies.prices import Prices

PEER = "SIM_PEER"


class OddParams(VariantParams):
    """`window`: bars that the rule claims to need."""

    window: int = 30
    max_bars: int = 4

    @property
    def lookback(self) -> int:
        """As claimed."""
        return self.window


def _drawn(prices: Prices, salt: float) -> np.ndarray:
    """A number in [0, 1) per bar, from that bar's time alone."""
    return np.abs(np.sin((prices.bars.bar_start_us // HOUR_US) * salt)) % 1.0


def _rule(order: str, overnight: bool) -> Callable[[Prices, OddParams], Signals]:
    def rule(prices: Prices, params: OddParams) -> Signals:
        bars, close = prices.bars, prices.close
        one, two, three = (_drawn(prices, salt) for salt in (1.7, 2.3, 3.1))
        side = np.where(one < 0.25, 1, np.where(one > 0.8, -1, 0)).astype(np.int8)
        if prices.peers:
            known = prices.peers[PEER].beside(bars.session, bars.bar_end_us)["close"]
            side[np.nan_to_num(known) % 2.0 >= 1.0] *= -1
        return Signals(
            entry=side,
            exit=two < 0.1,
            stop_distance=np.where(three < 0.6, 1.25, np.nan),
            max_bars=params.max_bars,
            target_distance=np.where(two > 0.7, 1.5, np.nan),
            target_level=np.where(three > 0.7, close + side * 2.0, np.nan),
            trail_distance=np.where(two < 0.5, 1.0, np.nan),
            entry_level=np.where(
                three < 0.9, close + side * (1.0 if order == "stop" else -0.5), np.nan
            ),
            order=order,
            decides=one < 0.5 if overnight else None,
            overnight=overnight,
        )

    return rule


ODD = {
    f"odd_{order}_{'night' if overnight else 'day'}": Variant(
        name=f"odd_{order}_{'night' if overnight else 'day'}",
        summary="Anything at all.",
        source="Drawn.",
        params_type=OddParams,
        axes={"max_bars": (4,)},
        rule=_rule(order, overnight),
        overnight=overnight,
        sides=(-1, 1),
        peers="partner",
    )
    for order in ("market", "stop", "limit")
    for overnight in (False, True)
}
